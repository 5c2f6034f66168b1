//! The part of the document that speaks like other services: their addresses, their bodies, their answers.

use serde_json::{Value, json};

use super::{answers, body, codes, example, not_found, redirect, retry_after};

/// Adds the paths and schemas of services.
pub fn add(document: &mut Value) {
    let add = |part: &mut Value, more: Value| {
        if let (Some(part), Value::Object(more)) = (part.as_object_mut(), more) {
            part.extend(more);
        }
    };
    add(&mut document["paths"], paths());
    add(&mut document["components"]["schemas"], schemas());
    add(&mut document["components"]["parameters"], parameters());
}

/// The refusals of a post in the shape of a service.
fn refused(shape: &str) -> Value {
    let mut answers = serde_json::Map::new();
    for (status, codes) in codes() {
        let codes: Vec<&str> = codes.into_iter().collect();
        let schema = json!({ "$ref": format!("#/components/schemas/{shape}") });
        let mut answer = json!({
            "description": codes.join(", "),
            "content": { "application/json": { "schema": schema } },
        });
        if status == 404 {
            let gateway = json!({ "$ref": "#/components/schemas/Message" });
            answer["content"]["application/json"]["schema"] = json!({ "anyOf": [schema, gateway] });
        }
        if status == 429 || status == 503 {
            answer["headers"] = retry_after();
        }
        answers.insert(status.to_string(), answer);
    }
    answers.into()
}

fn json_answer(description: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn with(mut answers: Value, status: &str, answer: Value) -> Value {
    answers[status] = answer;
    answers
}

/// An example of a page's post with more names in it.
fn with_names(more: &[(&str, &str)]) -> Value {
    let mut all = example();
    for (name, value) in more {
        all[*name] = json!(value);
    }
    all
}

fn page(operation: &str, summary: &str, body: &Value) -> Value {
    json!({ "operationId": operation, "summary": summary, "requestBody": body, "responses": answers() })
}

fn hubspot_api(operation: &str) -> Value {
    let taken = json!({ "$ref": "#/components/schemas/HubspotTaken" });
    json!({
        "operationId": operation,
        "summary": "HubSpot's forms API, version 3",
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/HubspotSubmission" },
            "example": {
                "fields": [
                    { "objectTypeId": "0-1", "name": "email", "value": "ada.king@example.com" },
                    { "objectTypeId": "0-1", "name": "firstname", "value": "Ada" },
                    { "objectTypeId": "0-1", "name": "lastname", "value": "King" },
                    { "objectTypeId": "0-1", "name": "company", "value": "Analytical Engines" },
                ],
                "context": { "pageUri": "https://www.aldermoor.example/guide", "pageName": "Guide" },
            },
        } } },
        "responses": with(refused("HubspotError"), "200", json_answer("Taken", &taken)),
    })
}

fn mautic() -> Value {
    let posted = json!({
        "mauticform[email]": "ada.king@example.com", "mauticform[first_name]": "Ada", "mauticform[last_name]": "King",
        "mauticform[company]": "Analytical Engines", "mauticform[formId]": "guide",
    });
    let mut refused = answers();
    // To a page with Mautic's script, and to scripts, in its own words.
    for (_, answer) in refused.as_object_mut().into_iter().flatten() {
        let Some(json) = answer.pointer_mut("/content/application~1json/schema") else {
            continue;
        };
        let ours = json.take();
        *json = json!({ "anyOf": [{ "$ref": "#/components/schemas/MauticAnswer" }, ours] });
    }
    let mut taken = json_answer(
        "Taken, or not: a script is told which",
        &json!({ "$ref": "#/components/schemas/MauticAnswer" }),
    );
    taken["content"]["text/html"] = json!({ "schema": { "type": "string" } });
    let back =
        redirect("Back to the page or to where it asks, with `mauticMessage` or `mauticError`");
    json!({
        "operationId": "submitMautic",
        "summary": "A form made for Mautic",
        "parameters": [{ "name": "formId", "in": "query", "required": false, "schema": { "type": "string" }, "example": "guide" }],
        "requestBody": body(&json!({ "type": "object" }), &posted),
        "responses": with(with(refused, "200", taken), "303", back),
    })
}

fn google() -> Value {
    let posted = json!({
        "lead_id": "TeSter-123-ABCDEFGHIJKLMNOPQRSTUVWXYZ", "google_key": "the key that you gave the lead form", "form_id": 40_000_000_000_i64,
        "user_column_data": [{ "column_id": "EMAIL", "string_value": "ada.king@example.com" }],
    });
    json!({
        "operationId": "submitGoogle",
        "summary": "The webhook of Google Ads lead forms",
        "requestBody": { "required": true, "content": { "application/json": {
            "schema": { "$ref": "#/components/schemas/GoogleLead" }, "example": posted,
        } } },
        "responses": with(refused("Message"), "200", json_answer("Taken", &json!({ "type": "object" }))),
    })
}

fn meta() -> Value {
    let posted = json!({ "object": "page", "entry": [{ "id": "1", "time": 1, "changes": [
        { "field": "leadgen", "value": { "leadgen_id": "444444444444", "page_id": "111", "form_id": "222" } },
    ] }] });
    let query = |name: &str, required: bool, example: &str| json!({ "name": name, "in": "query", "required": required, "schema": { "type": "string" }, "example": example });
    let greeted = json!({
        "description": "The address is ours: what was asked with, back",
        "content": { "text/plain": { "schema": { "type": "string" } } },
    });
    json!({
        "parameters": [{ "$ref": "#/components/parameters/TheirForm" }],
        "get": {
            "operationId": "greetMeta",
            "summary": "Meta asks whether the address of a webhook is ours",
            "parameters": [
                query("hub.mode", true, "subscribe"),
                query("hub.verify_token", true, "the token that you gave Meta"),
                query("hub.challenge", false, "1158201444"),
            ],
            "responses": with(refused("Message"), "200", greeted),
        },
        "post": {
            "operationId": "submitMeta",
            "summary": "The webhook of Meta's lead ads, signed with the app's secret",
            "parameters": [{
                "name": "X-Hub-Signature-256", "in": "header", "required": true,
                "schema": { "type": "string", "pattern": "^sha256=[0-9a-f]{64}$" },
            }],
            "requestBody": { "required": true, "content": { "application/json": {
                "schema": { "$ref": "#/components/schemas/MetaCall" }, "example": posted,
            } } },
            "responses": with(refused("Message"), "200", json_answer("The ids are kept", &json!({ "type": "object" }))),
        },
    })
}

fn paths() -> Value {
    let portal = json!({ "$ref": "#/components/parameters/Portal" });
    let theirs = json!({ "$ref": "#/components/parameters/TheirForm" });
    let post = json!({ "$ref": "#/components/schemas/Post" });
    let plain = body(&post, &example());
    let naming = |field: &str| json!({ "allOf": [post], "required": [field] });
    let netlify = body(&naming("form-name"), &with_names(&[("form-name", "guide")]));
    let web_to_lead = body(&naming("oid"), &with_names(&[("oid", "00D5g000004abcd")]));
    let query = |name: &str, about: &str| json!({ "name": name, "in": "query", "required": false, "description": about, "schema": { "type": "string" } });
    let mut salesforce = page(
        "submitWebToLead",
        "A form made for Salesforce Web-to-Lead",
        &web_to_lead,
    );
    salesforce["parameters"] = json!([
        query("encoding", "The charset, where the type names none"),
        query("form", "Which form is meant, where several have one `oid`"),
    ]);
    json!({
        "/p/{project}/f/{form}": {
            "parameters": [{ "name": "project", "in": "path", "required": true, "schema": { "type": "string" }, "example": "123" }, theirs],
            "get": {
                "operationId": "showFormspree",
                "summary": "The hosted form",
                "responses": with(json!({ "404": not_found() }), "200", json!({
                    "description": "A page", "content": { "text/html": { "schema": { "type": "string" } } },
                })),
            },
            "post": page("submitFormspree", "A form made for a project of Formspree", &plain),
        },
        "/submissions/v3/integration/submit/{portal}/{form}": { "parameters": [portal, theirs], "post": hubspot_api("submitHubspot") },
        "/submissions/v3/integration/secure/submit/{portal}/{form}": { "parameters": [portal, theirs], "post": hubspot_api("submitHubspotSecure") },
        "/uploads/form/v2/{portal}/{form}": {
            "parameters": [portal, theirs],
            "post": page("submitHubspotPage", "A page with an embedded form of HubSpot", &plain),
        },
        "/servlet/servlet.WebToLead": { "post": salesforce },
        "/netlify": { "post": page("submitNetlify", "A form made for Netlify", &netlify) },
        "/form/submit": { "post": mautic() },
        "/google/{form}": { "parameters": [theirs], "post": google() },
        "/meta/{form}": meta(),
    })
}

fn parameters() -> Value {
    json!({
        "Portal": {
            "name": "portal", "in": "path", "required": true, "description": "Of no meaning here",
            "schema": { "type": "string" }, "example": "1234567",
        },
        "TheirForm": {
            "name": "form", "in": "path", "required": true, "description": "The form, by its name there or here",
            "schema": { "type": "string" }, "example": "guide",
        },
    })
}

fn schemas() -> Value {
    let text = json!({ "type": ["string", "null"] });
    let said = json!({
        "type": "object",
        "properties": {
            "value": { "type": "boolean" },
            "subscriptionTypeId": { "description": "A number, or one written as a text" },
            "legalBasis": text,
            "text": text,
        },
    });
    json!({
        "HubspotSubmission": {
            "type": "object",
            "required": ["fields"],
            "properties": {
                "submittedAt": { "description": "Milliseconds since 1970; a month ago at the most" },
                "fields": {
                    "type": "array", "minItems": 1,
                    "items": { "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } },
                },
                "context": { "type": ["object", "null"], "properties": {
                    "hutk": { "type": ["string", "null"], "pattern": "^([0-9a-fA-F]{32})?$" },
                    "pageUri": text, "pageName": text, "sfdcCampaignId": text,
                } },
                "legalConsentOptions": { "type": ["object", "null"], "properties": {
                    "consent": { "type": ["object", "null"], "properties": {
                        "consentToProcess": { "type": "boolean" }, "text": text,
                        "communications": { "type": "array", "items": said },
                    } },
                    "legitimateInterest": { "anyOf": [said, { "type": "null" }] },
                } },
                "skipValidation": { "type": "boolean" },
            },
        },
        "HubspotTaken": {
            "type": "object",
            "properties": { "inlineMessage": { "type": "string" }, "redirectUri": { "type": "string", "format": "uri" } },
            "minProperties": 1,
        },
        "HubspotError": {
            "type": "object",
            "required": ["status", "message", "correlationId", "errors"],
            "properties": {
                "status": { "const": "error" },
                "message": { "type": "string" },
                "correlationId": { "type": "string", "format": "uuid" },
                "errors": { "type": "array", "minItems": 1, "items": {
                    "type": "object",
                    "required": ["message", "errorType"],
                    "properties": { "message": { "type": "string" }, "errorType": { "type": "string" } },
                } },
            },
        },
        "MauticAnswer": {
            "type": "object",
            "required": ["success", "formName"],
            "properties": {
                "success": { "enum": [0, 1] },
                "formName": { "type": "string" },
                "successMessage": { "type": "string" },
                "redirect": { "type": "string", "format": "uri" },
                "validationErrors": { "type": "object", "additionalProperties": { "type": "string" } },
                "errorMessage": { "type": "string" },
            },
        },
        "GoogleLead": {
            "type": "object",
            "required": ["google_key", "user_column_data"],
            "properties": {
                "lead_id": { "type": "string" },
                "google_key": { "type": "string" },
                "is_test": { "type": "boolean" },
                "gcl_id": text,
                "user_column_data": { "type": "array", "items": {
                    "type": "object",
                    "properties": { "column_id": text, "column_name": text, "string_value": { "type": "string" } },
                } },
            },
        },
        "MetaCall": {
            "type": "object",
            "properties": { "entry": { "type": "array", "items": {
                "type": "object",
                "properties": { "changes": { "type": "array", "items": {
                    "type": "object", "properties": { "field": { "type": "string" } },
                } } },
            } } },
        },
    })
}

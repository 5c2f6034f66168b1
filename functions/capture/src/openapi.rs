//! `docs/openapi.json`, made from what the code answers: every status and code of a refusal stands in it, and a test fails when it is
//! behind. `LODESTONE_UPDATE=1 cargo test -p capture openapi` writes it anew.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::store::StoreError;

use crate::answer::Refusal;

mod services;

/// Every refusal there is.
fn refusals() -> Vec<Refusal> {
    use Refusal as R;
    let all = vec![
        R::FormNotFound,
        R::Method("GET, POST"),
        R::Origin,
        R::TooLarge,
        R::HeadersTooLarge,
        R::TooManyFields,
        R::FieldTooLarge,
        R::UnsupportedType,
        R::BadJson,
        R::BadMultipart,
        R::Files,
        R::Empty,
        R::LongKey,
        R::KeyReused,
        R::Unproven,
        R::NoSecret,
        R::TooMany(1),
        R::Store(StoreError::Busy("conflict")),
    ];
    for one in &all {
        // No arm for the rest: a new refusal does not compile until it is listed here and above.
        match one {
            R::FormNotFound | R::Method(_) | R::Origin | R::TooLarge | R::HeadersTooLarge => {}
            R::TooManyFields | R::FieldTooLarge | R::UnsupportedType | R::BadJson => {}
            R::BadMultipart | R::Files | R::Empty | R::LongKey | R::KeyReused => {}
            R::Unproven | R::NoSecret | R::TooMany(_) | R::Store(_) => {}
        }
    }
    all
}

/// A refusal as a page or a script of ours is told, with the codes that it may have.
fn error(codes: &str) -> Value {
    json!({
        "description": codes,
        "content": {
            "application/json": { "schema": { "$ref": "#/components/schemas/Error" } },
            "text/html": { "schema": { "type": "string" } },
        },
    })
}

/// No form of that name; where the address names no form at all, the gateway says so in its own words.
fn not_found() -> Value {
    let mut answer = error("FORM_NOT_FOUND");
    answer["content"]["application/json"]["schema"] = json!({ "anyOf": [
        { "$ref": "#/components/schemas/Error" },
        { "$ref": "#/components/schemas/Message" },
    ] });
    answer
}

/// When to come again.
fn retry_after() -> Value {
    json!({ "Retry-After": { "schema": { "type": "integer" } } })
}

/// The codes of all refusals of a post, by status.
fn codes() -> BTreeMap<u16, BTreeSet<&'static str>> {
    let mut by_status: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    for refusal in refusals() {
        let codes = by_status.entry(refusal.status().as_u16()).or_default();
        codes.insert(refusal.code());
    }
    // Dialects know their form by the address or by what is posted; either is answered to POST.
    by_status.remove(&405);
    by_status
}

/// What a post of a page is answered.
fn answers() -> Value {
    let mut answers = serde_json::Map::new();
    for (status, codes) in codes() {
        let codes: Vec<&str> = codes.into_iter().collect();
        let mut answer = error(&codes.join(", "));
        if status == 429 || status == 503 {
            answer["headers"] = retry_after();
        }
        answers.insert(status.to_string(), answer);
    }
    answers.insert("404".into(), not_found());
    // Wrong answers, all at once.
    answers.insert("422".into(), error("one code for each field"));
    answers.insert("200".into(), json!({
        "description": "Taken, or as good as: the answer never tells whether an address is known, or a post is doubted.",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Success" } } },
    }));
    answers.insert("303".into(), redirect("Taken; a browser goes on to the page that the post or the form names. After a mistake too, where the post names a page for it."));
    answers.into()
}

fn redirect(description: &str) -> Value {
    json!({
        "description": description,
        "headers": { "Location": { "required": true, "schema": { "type": "string", "format": "uri" } } },
    })
}

/// A body in any of the types in which a page can send it.
fn body(schema: &Value, example: &Value) -> Value {
    let kind = json!({ "schema": schema, "example": example });
    json!({
        "required": true,
        "content": {
            "application/json": kind, "application/x-www-form-urlencoded": kind, "multipart/form-data": kind,
        },
    })
}

fn example() -> Value {
    json!({
        "email": "ada.king@example.com", "first_name": "Ada", "last_name": "King", "company": "Analytical Engines",
        "newsletter": "yes",
    })
}

#[expect(clippy::too_many_lines, reason = "one document")]
fn document() -> Value {
    let form = json!([{ "$ref": "#/components/parameters/Form" }]);
    let post_body = body(&json!({ "$ref": "#/components/schemas/Post" }), &example());
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lodestone",
            "version": "1",
            "description": "The public interface: forms in. Field names are those of the form; `GET /f/{form}/schema` has them.",
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": {
            "/f/{form}": {
                "parameters": form,
                "get": {
                    "operationId": "showForm",
                    "summary": "The hosted form, in its own language",
                    "responses": {
                        "200": { "description": "A page", "content": { "text/html": { "schema": { "type": "string" } } } },
                        "404": not_found(),
                    },
                },
                "post": {
                    "operationId": "submitForm",
                    "summary": "Send a form",
                    "description": "JSON for scripts, a redirect for browsers: JSON where X-Requested-With is XMLHttpRequest, where Accept asks for JSON before HTML, or where the body is JSON and Accept does not ask for HTML first.",
                    "parameters": [{
                        "name": "Idempotency-Key", "in": "header", "required": false,
                        "description": "The same key within a day is the same submission.",
                        "schema": { "type": "string", "maxLength": 255 },
                    }],
                    "requestBody": post_body,
                    "responses": answers(),
                },
            },
            "/f/{form}/challenge": {
                "parameters": form,
                "get": {
                    "operationId": "beginForm",
                    "summary": "A ticket, and a proof of work where the form asks for one",
                    "responses": {
                        "200": { "description": "Send `nonce` as `_nonce` with the form; with a challenge, its solution as `altcha`", "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Challenge" } } } },
                        "404": not_found(),
                    },
                },
            },
            "/f/{form}/schema": {
                "parameters": form,
                "get": {
                    "operationId": "describeForm",
                    "summary": "What a post to the form holds, as JSON Schema",
                    "responses": {
                        "200": { "description": "JSON Schema 2020-12", "content": { "application/schema+json": { "schema": { "type": "object" } } } },
                        "404": not_found(),
                    },
                },
            },
            "/lodestone.js": {
                "get": {
                    "operationId": "script",
                    "summary": "The script that a landing page may add",
                    "responses": { "200": { "description": "JavaScript", "content": { "text/javascript": { "schema": { "type": "string" } } } } },
                },
            },
            "/thanks": {
                "get": {
                    "operationId": "thanks",
                    "summary": "Where a browser ends up when nobody names another page",
                    "parameters": [{ "name": "form", "in": "query", "required": false, "schema": { "type": "string" } }],
                    "responses": { "200": { "description": "A page", "content": { "text/html": { "schema": { "type": "string" } } } } },
                },
            },
        },
        "components": {
            "parameters": {
                "Form": {
                    "name": "form", "in": "path", "required": true, "description": "Name of the form",
                    "schema": { "type": "string", "pattern": "^[a-z0-9-]{1,40}$" }, "example": "guide",
                },
            },
            "schemas": {
                "Post": {
                    "type": "object",
                    "description": "Names and values. Reserved names begin with `_`. A value is a text; in JSON also a number or a boolean, and a list is the same name several times. Anything deeper, to four levels, is kept as its JSON text.",
                    "properties": {
                        "email": { "type": "string" },
                        "_next": { "description": "Where to go after success; followed only to places that the form allows." },
                        "_error": { "description": "Where to go after a mistake; the same." },
                        "_nonce": { "description": "A one-time name; that of a ticket proves when the form was begun." },
                        "_gotcha": { "description": "Leave it empty: a post that fills it in is a robot's, and looks as if it were taken." },
                    },
                },
                "Success": {
                    "type": "object",
                    "required": ["ok", "success", "id", "next", "message"],
                    "additionalProperties": true,
                    "properties": {
                        "ok": { "const": true },
                        "success": { "const": true },
                        "id": { "type": "string" },
                        "next": { "type": "string" },
                        "message": { "type": "string" },
                        "error": false,
                        "errors": false,
                    },
                },
                "Error": {
                    "type": "object",
                    "required": ["error", "errors"],
                    "properties": {
                        "error": { "type": "string" },
                        "errors": { "type": "array", "minItems": 1, "items": {
                            "type": "object",
                            "required": ["code", "message"],
                            "properties": {
                                "code": { "type": "string" },
                                "field": { "type": "string" },
                                "message": { "type": "string" },
                            },
                        } },
                    },
                },
                "Message": {
                    "type": "object",
                    "required": ["message"],
                    "properties": { "message": { "type": "string" } },
                },
                "Challenge": {
                    "type": "object",
                    "required": ["nonce"],
                    "properties": {
                        "nonce": { "type": "string" },
                        "parameters": { "type": "object" },
                        "signature": { "type": "string" },
                    },
                },
            },
        },
    });
    services::add(&mut document);
    document
}

#[test]
fn openapi_the_file_says_what_the_code_answers() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let text = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if option_env!("LODESTONE_UPDATE").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert_eq!(
        kept, text,
        "run LODESTONE_UPDATE=1 cargo test -p capture openapi"
    );
}

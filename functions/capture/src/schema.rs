//! `GET /f/{form}/schema`: what a post to a form holds, as JSON Schema, for whoever writes a page or a script against it.
//!
//! It says what is asked for. What is checked beyond it (an address that mail can be sent to, a web address) only the endpoint knows.

use lambda_http::http::StatusCode;
use serde_json::{Map, Value, json};
use shared::domain::form::{Choice, Field, FieldKind, Form, UnknownFields};
use shared::edge::http::{Answer, answer};

/// The form's schema as an answer.
pub fn serve(form: &Form, public_url: &str) -> Answer {
    let body = of(form, public_url).to_string();
    answer(
        StatusCode::OK,
        "application/schema+json; charset=utf-8",
        body,
    )
}

/// The form's schema.
fn of(form: &Form, public_url: &str) -> Value {
    let fields = form
        .fields
        .iter()
        .map(|field| (field.name.clone(), property(field)));
    let consents = form.consents.iter().map(|ask| {
        let asked = json!({ "type": ["boolean", "string"], "title": ask.text });
        (ask.field.clone(), asked)
    });
    let required = form.fields.iter().filter(|f| f.required).map(|f| &f.name);
    let needed = form
        .consents
        .iter()
        .filter(|c| c.required)
        .map(|c| &c.field);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": format!("{public_url}/f/{}/schema", form.id),
        "title": form.title,
        "description": form.intro,
        "type": "object",
        "properties": fields.chain(consents).collect::<Map<_, _>>(),
        "required": required.chain(needed).collect::<Vec<_>>(),
        "additionalProperties": form.unknown_fields != UnknownFields::Reject,
    })
}

fn property(field: &Field) -> Value {
    let mut schema = match &field.kind {
        FieldKind::Email => json!({ "type": "string", "format": "email", "maxLength": 254 }),
        FieldKind::Text { max } | FieldKind::LongText { max } => {
            json!({ "type": "string", "maxLength": max })
        }
        FieldKind::Phone | FieldKind::Url | FieldKind::Hidden => json!({ "type": "string" }),
        FieldKind::Number { min, max } => {
            json!({ "type": ["integer", "string"], "minimum": min, "maximum": max })
        }
        FieldKind::Choice { options } => json!({ "type": "string", "oneOf": choices(options) }),
        FieldKind::Choices { options } => {
            json!({ "type": "array", "items": { "type": "string", "oneOf": choices(options) } })
        }
        FieldKind::Checkbox => json!({ "type": ["boolean", "string"] }),
        FieldKind::Date => json!({ "type": "string", "format": "date" }),
        FieldKind::Country => json!({ "type": "string", "pattern": "^[A-Za-z]{2}$" }),
    };
    schema["title"] = json!(field.label);
    if let Some(help) = &field.help {
        schema["description"] = json!(help);
    }
    if let Some(value) = &field.value {
        schema["default"] = json!(value);
    }
    schema
}

fn choices(options: &[Choice]) -> Vec<Value> {
    let offered = options.iter();
    offered
        .map(|c| json!({ "const": c.value, "title": c.label }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_names_what_a_form_asks_for() {
        let field = |name: &str, kind: Value, required: bool| {
            json!({
                "name": name, "label": name.to_uppercase(), "kind": kind, "required": required,
                "help": null, "message": null, "autocomplete": null, "value": null,
            })
        };
        let option = json!([{ "value": "now", "label": "Now" }]);
        let form: Form = serde_json::from_value(json!({
            "id": "guide", "title": "Get it", "intro": "", "button": "", "language": "en",
            "fields": [
                field("email", json!("Email"), true),
                field("employees", json!({ "Number": { "min": 1, "max": 9 } }), false),
                field("timeline", json!({ "Choice": { "options": option } }), false),
            ],
            "consents": [{ "purpose": "news", "field": "news", "text": "Send me news.", "text_sha256": "", "required": false }],
            "magnet": null, "notify": [], "double_opt_in": true, "success_message": "", "next": null, "allowed_origins": [],
            "strict_origin": false, "honeypots": [], "unknown_fields": "reject", "test_mode": false, "version": ""
        }))
        .unwrap();
        assert_eq!(
            of(&form, "https://leads.example"),
            json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "$id": "https://leads.example/f/guide/schema",
                "title": "Get it",
                "description": "",
                "type": "object",
                "properties": {
                    "email": { "type": "string", "format": "email", "maxLength": 254, "title": "EMAIL" },
                    "employees": { "type": ["integer", "string"], "minimum": 1, "maximum": 9, "title": "EMPLOYEES" },
                    "timeline": { "type": "string", "oneOf": [{ "const": "now", "title": "Now" }], "title": "TIMELINE" },
                    "news": { "type": ["boolean", "string"], "title": "Send me news." },
                },
                "required": ["email"],
                "additionalProperties": false,
            })
        );
    }
}

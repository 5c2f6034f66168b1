//! Made-up leads for a first look: one post for each person and form, over HTTP's own path, so that everything a real one causes follows.
//!
//! Answers are made from the form's definition, so a changed site needs no change here.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use shared::domain::form::{Field, FieldKind, Form};

use crate::app::App;

/// Somebody who does not exist.
struct Person {
    first: &'static str,
    last: &'static str,
    company: &'static str,
    title: &'static str,
    phone: &'static str,
    country: &'static str,
    campaign: &'static str,
    /// Which of a field's choices they take, counted from the first.
    choice: usize,
}

const PEOPLE: [Person; 3] = [
    Person {
        first: "Ines",
        last: "Moreau",
        company: "Laiterie du Vercors",
        title: "Plant manager",
        phone: "+33 4 76 00 00 01",
        country: "FR",
        campaign: "utm_source=google&utm_medium=cpc&utm_campaign=dairy",
        choice: 0,
    },
    Person {
        first: "Tobias",
        last: "Kern",
        company: "Kern Papier GmbH",
        title: "Head of energy",
        phone: "+49 7121 000002",
        country: "DE",
        campaign: "utm_source=linkedin&utm_medium=social&utm_campaign=paper",
        choice: 1,
    },
    Person {
        first: "Sanne",
        last: "de Boer",
        company: "Brouwerij De Kade",
        title: "Technical director",
        phone: "+31 10 000 0003",
        country: "NL",
        campaign: "utm_source=newsletter&utm_medium=email",
        choice: 2,
    },
];

/// Posts every form for some people, where the stack has no facts yet.
pub(super) async fn fill(app: &App) -> anyhow::Result<()> {
    if !app.core().query().leads().await?.is_empty() {
        return Ok(());
    }
    let Some(site) = app
        .runtime()
        .site
        .as_ref()
        .map(shared::site::SiteHandle::get)
    else {
        return Ok(());
    };
    for (number, form) in site.forms.values().enumerate() {
        for (at, person) in PEOPLE.iter().enumerate().skip(number) {
            let body = answers(form, person);
            let request = Request::builder()
                .method(Method::POST)
                .uri(format!("/f/{}?{}", form.id, person.campaign))
                .header(header::HOST, app.addr().to_string())
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(header::ACCEPT, "application/json")
                .header(
                    header::USER_AGENT,
                    "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
                )
                .body(Body::from(body))?;
            // One address each, of the range kept for examples.
            let response = app
                .gateway()
                .answer(&format!("203.0.113.{}", at + 1), request)
                .await;
            if response.status() != StatusCode::OK {
                tracing::warn!(
                    form = form.id,
                    status = response.status().as_u16(),
                    "a made-up lead was refused"
                );
            }
        }
    }
    Ok(())
}

fn answers(form: &Form, person: &Person) -> String {
    let mut body = form_urlencoded::Serializer::new(String::new());
    for field in &form.fields {
        if let Some(answer) = answer(field, person) {
            body.append_pair(&field.name, &answer);
        }
    }
    for consent in &form.consents {
        if consent.required || person.choice == 0 {
            body.append_pair(&consent.field, "yes");
        }
    }
    body.finish()
}

fn answer(field: &Field, person: &Person) -> Option<String> {
    Some(match &field.kind {
        FieldKind::Email => format!(
            "{}.{}@example.com",
            person.first,
            person.last.replace(' ', "")
        )
        .to_lowercase(),
        FieldKind::Text { .. } => match field.autocomplete.as_deref() {
            Some("given-name") => person.first.to_owned(),
            Some("family-name") => person.last.to_owned(),
            Some("name") => format!("{} {}", person.first, person.last),
            Some("organization-title") => person.title.to_owned(),
            _ => person.company.to_owned(),
        },
        FieldKind::LongText { .. } => {
            "We heat with gas and have waste heat from cooling all year.".to_owned()
        }
        FieldKind::Phone => person.phone.to_owned(),
        FieldKind::Number { min, max } => (120 + 90 * i64::try_from(person.choice).unwrap_or(0))
            .clamp(*min, *max)
            .to_string(),
        FieldKind::Choice { options } | FieldKind::Choices { options } => options
            .get(person.choice.min(options.len().saturating_sub(1)))?
            .value
            .clone(),
        FieldKind::Checkbox if field.required => "yes".to_owned(),
        FieldKind::Country => person.country.to_owned(),
        FieldKind::Checkbox | FieldKind::Date | FieldKind::Url | FieldKind::Hidden => return None,
    })
}

//! What a post must look like, and what a visitor is told when it does not.

use super::*;
use crate::domain::form::{Choice, ConsentAsk};

fn field(name: &str, kind: FieldKind, required: bool) -> Field {
    Field {
        name: name.into(),
        label: name.into(),
        kind,
        required,
        help: None,
        message: None,
        required_message: None,
        pattern: None,
        aliases: Vec::new(),
        autocomplete: None,
        value: None,
    }
}

fn form() -> Form {
    let option = |v: &str, l: &str| Choice {
        value: v.into(),
        label: l.into(),
    };
    Form {
        id: "demo".into(),
        title: "Demo".into(),
        intro: String::new(),
        button: "Send".into(),
        language: "en".into(),
        fields: vec![
            field("email", FieldKind::Email, true),
            field("first_name", FieldKind::Text { max: 20 }, true),
            field("company", FieldKind::Text { max: 80 }, false),
            field(
                "employees",
                FieldKind::Number {
                    min: 1,
                    max: 500_000,
                },
                false,
            ),
            field(
                "budget",
                FieldKind::Choice {
                    options: vec![option("low", "Under 10k"), option("high", "Over 10k")],
                },
                false,
            ),
            field(
                "need",
                FieldKind::Choices {
                    options: vec![option("a", "A"), option("b", "B")],
                },
                false,
            ),
            field("message", FieldKind::LongText { max: 100 }, false),
        ],
        consents: vec![ConsentAsk {
            purpose: "news".into(),
            field: "consent_news".into(),
            text: "News?".into(),
            text_sha256: "abc".into(),
            required: false,
        }],
        magnet: None,
        notify: vec![],
        double_opt_in: true,
        remind_after_days: None,
        success_message: "Thanks".into(),
        next: None,
        allowed_origins: vec![],
        strict_origin: false,
        honeypots: vec![],
        unknown_fields: UnknownFields::Keep,
        proof: None,
        retention: crate::domain::form::Retention::USUAL,
        test_mode: false,
        redirects: std::collections::BTreeMap::new(),
        country: None,
        refuse_disposable: false,
        not_disposable: Vec::new(),
        elsewhere: crate::domain::elsewhere::Elsewhere::default(),
        version: "v".into(),
    }
}

fn posted(pairs: &[(&str, &str)]) -> Checked {
    let pairs: Vec<_> = pairs
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    check(&form(), &pairs, None)
}

#[track_caller]
fn fine(pairs: &[(&str, &str)]) -> Submission {
    match posted(pairs) {
        Checked::Fine(submission) => *submission,
        other => panic!("{other:?}"),
    }
}

fn problems(pairs: &[(&str, &str)]) -> Vec<(String, &'static str)> {
    match posted(pairs) {
        Checked::Problems(list) => list
            .into_iter()
            .map(|p| (p.field.unwrap_or_default(), p.code))
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn answer(submission: &Submission, name: &str) -> Option<String> {
    submission
        .answers
        .iter()
        .find(|a| a.name == name)
        .map(|a| a.value.to_text())
}

#[test]
fn a_plain_post_gives_typed_answers_in_form_order() {
    let s = fine(&[
        ("need", "b"),
        ("need", "a"),
        ("employees", " 250 "),
        ("email", "Ada@Example.com"),
        ("first_name", " Ada "),
        ("consent_news", "on"),
    ]);
    assert_eq!(s.email.normalised(), "Ada@example.com");
    let names: Vec<&str> = s.answers.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["first_name", "employees", "need"]);
    assert_eq!(answer(&s, "need").as_deref(), Some("b, a"));
    assert_eq!(s.consents[0].decision, Decision::Granted);
}

#[test]
fn all_problems_are_told_at_once_in_form_order() {
    assert_eq!(
        problems(&[
            ("email", "nope"),
            ("first_name", ""),
            ("employees", "many"),
            ("budget", "huge")
        ]),
        [
            ("email".to_owned(), "TYPE_EMAIL"),
            ("first_name".to_owned(), "REQUIRED_FIELD_EMPTY"),
            ("employees".to_owned(), "TYPE_NUMERIC"),
            ("budget".to_owned(), "TYPE_TEXT"),
        ]
    );
    assert_eq!(
        problems(&[])[1],
        ("first_name".to_owned(), "REQUIRED_FIELD_MISSING")
    );
}

#[test]
fn other_names_of_well_known_fields_are_understood() {
    let s = fine(&[
        ("E-Mail", "ada@example.com"),
        ("FNAME", "Ada"),
        ("Organization", "Acme"),
        ("Your message", "Hi"),
        ("plan", "x"),
    ]);
    assert_eq!(answer(&s, "first_name").as_deref(), Some("Ada"));
    assert_eq!(answer(&s, "company").as_deref(), Some("Acme"));
    assert_eq!(answer(&s, "message").as_deref(), Some("Hi"));
    assert_eq!(answer(&s, "plan").as_deref(), Some("x"));
}

#[test]
fn frm_3_a_filled_trap_is_noticed_before_anything_else() {
    assert_eq!(
        posted(&[("email", "nope"), ("_gotcha", "http://spam")]),
        Checked::Trapped { next: None }
    );
    assert!(matches!(
        posted(&[
            ("email", "a@example.com"),
            ("first_name", "A"),
            ("_gotcha", " ")
        ]),
        Checked::Fine(_)
    ));
}

#[test]
fn reserved_names_and_empty_names_are_never_answers() {
    let s = fine(&[
        ("email", "a@example.com"),
        ("first_name", "A"),
        ("_next", "/thanks"),
        ("_subject", "x"),
        ("", "x"),
        ("utm_source", "ads"),
    ]);
    assert_eq!(s.answers.len(), 1);
    assert_eq!(s.next.as_deref(), Some("/thanks"));
    assert_eq!(s.source.params["utm_source"], "ads");
}

#[test]
fn a_choice_may_be_posted_by_its_label() {
    let s = fine(&[
        ("email", "a@example.com"),
        ("first_name", "A"),
        ("budget", "Over 10k"),
    ]);
    assert_eq!(answer(&s, "budget").as_deref(), Some("high"));
}

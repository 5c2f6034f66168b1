//! The example site in `infra/site/`: it has no finding, its scoring does what its comment says, and its landing page posts what its
//! forms declare.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::super::{Loaded, load};
use crate::domain::form::{FieldKind, Form};
use crate::domain::id::LeadId;
use crate::domain::score::{Known, Score, ScoreInput, evaluate};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind, Trust, Value};
use crate::site::Site;

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/site"))
}

fn example() -> Loaded {
    load(&folder()).unwrap_or_else(|findings| panic!("\n{findings}\n"))
}

#[test]
fn the_example_site_has_no_finding() {
    let loaded = example();
    assert!(loaded.warnings.is_empty(), "\n{}\n", loaded.warnings);
    let names = |magnet: &crate::domain::magnet::Magnet| magnet.file.clone();
    let files: std::collections::BTreeSet<String> =
        loaded.site.magnets.values().map(names).collect();
    assert_eq!(loaded.magnet_files.len(), files.len());
    assert!(loaded.watched.iter().all(|path| path.exists()));
}

#[test]
fn the_checked_file_reads_back_as_it_was_written() {
    let site = example().site;
    assert_eq!(Site::from_bytes(&site.to_bytes()).unwrap(), site);
}

#[test]
fn reading_twice_gives_the_same_hash() {
    assert_eq!(example().site.hash, example().site.hash);
}

/// A person as rules see them.
struct Person {
    domain: &'static str,
    profile: BTreeMap<&'static str, Value>,
}

impl ScoreInput for Person {
    fn field(&self, name: &str) -> Option<Known<'_>> {
        self.profile.get(name).map(|value| Known {
            value,
            trust: Trust::Typed,
            at: Timestamp(0),
            touchpoint: "sub_1",
        })
    }

    fn confirmed(&self) -> bool {
        false
    }

    fn domain(&self) -> Option<&str> {
        Some(self.domain)
    }
}

fn did(kind: TouchpointKind, about: &str, day: i64) -> Touchpoint {
    let at = Timestamp(0).plus_days(day);
    let mut touchpoint = Touchpoint::new(
        LeadId::from_bytes([0; 16]),
        format!("{}_{about}_{day}", kind.prefix()),
        kind,
        at,
    );
    match kind {
        TouchpointKind::FormSubmitted => touchpoint.form = Some(about.to_owned()),
        TouchpointKind::MagnetDownloaded => touchpoint.magnet = Some(about.to_owned()),
        _ => {}
    }
    touchpoint
}

/// Everything that a reader of the guide can do.
fn reader() -> Vec<Touchpoint> {
    let mut facts = vec![
        did(TouchpointKind::FormSubmitted, "guide", 0),
        did(TouchpointKind::MagnetDownloaded, "heat-guide", 0),
        did(TouchpointKind::AddressConfirmed, "guide", 0),
    ];
    facts.extend((0..30).map(|day| did(TouchpointKind::LinkClicked, "news", day)));
    facts
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned().into())
}

fn score(site: &Site, facts: &[Touchpoint], person: &Person) -> Score {
    evaluate(&site.model, facts, person, Timestamp(0).plus_days(1)).score
}

#[test]
fn reading_the_guide_is_not_buying_whatever_else_is_true() {
    let site = example().site;
    let profile = BTreeMap::from([("job_title", text("Head of plant engineering"))]);
    let person = Person {
        domain: "factory.example",
        profile,
    };
    let score = score(&site, &reader(), &person);
    assert_eq!(score.total, 50);
    assert!(!score.reaches(&site.model.thresholds));
}

#[test]
fn a_serious_request_for_a_visit_is_ready_for_sales_even_from_a_private_address() {
    let site = example().site;
    let profile = BTreeMap::from([
        ("budget", text("250k-1m")),
        ("authority", text("decide")),
        (
            "need",
            Value::List(vec![
                "replace-boiler".to_owned().into(),
                "new-line".to_owned().into(),
            ]),
        ),
        ("timeline", text("now")),
    ]);
    let person = Person {
        domain: "gmail.com",
        profile,
    };
    let alone = score(
        &site,
        &[did(TouchpointKind::FormSubmitted, "demo", 1)],
        &person,
    );
    assert_eq!((alone.total, alone.bant), (75, 50));
    assert!(alone.reaches(&site.model.thresholds));
}

#[test]
fn a_request_without_budget_date_or_say_is_not_ready_however_much_they_read() {
    let site = example().site;
    let profile = BTreeMap::from([
        ("budget", text("none-yet")),
        ("authority", text("research")),
        ("timeline", text("no-date")),
        ("job_title", text("Plant engineer")),
    ]);
    let person = Person {
        domain: "factory.example",
        profile,
    };
    let mut facts = reader();
    facts.push(did(TouchpointKind::FormSubmitted, "demo", 31));
    assert!(!score(&site, &facts, &person).reaches(&site.model.thresholds));
}

/// One input, select, textarea or button of the page, as far as these tests look.
#[derive(Debug)]
struct Input {
    name: String,
    required: bool,
    value: Option<String>,
}

/// The forms of the landing page: form id and text of the form element. Loose on purpose: the page is ours.
fn page_forms(page: &str) -> Vec<(String, String)> {
    let starts = page.split("<form ").skip(1);
    starts
        .map(|form| {
            let body = form.split("</form>").next().unwrap_or_default();
            let id = between(body, "action=\"/f/", "\"")
                .unwrap_or_else(|| panic!("a form without an action"));
            (id, body.to_owned())
        })
        .collect()
}

fn inputs(form: &str) -> Vec<Input> {
    let tags = form
        .split('<')
        .skip(1)
        .filter_map(|tag| tag.split('>').next());
    tags.filter_map(|tag| {
        let name = between(tag, " name=\"", "\"")?;
        Some(Input {
            name,
            required: tag.ends_with(" required"),
            value: between(tag, " value=\"", "\""),
        })
    })
    .collect()
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let rest = text.split_once(before)?.1;
    Some(rest.split_once(after)?.0.to_owned())
}

fn offered(form: &Form, name: &str) -> Option<Vec<String>> {
    match &form.field(name)?.kind {
        FieldKind::Choice { options } | FieldKind::Choices { options } => {
            Some(options.iter().map(|o| o.value.clone()).collect())
        }
        _ => None,
    }
}

#[test]
fn the_landing_page_posts_what_its_forms_declare() {
    let site = example().site;
    let page = fs::read_to_string(folder().join("landing/index.html")).unwrap();
    let forms = page_forms(&page);
    assert_eq!(
        forms.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(),
        ["guide", "demo"]
    );
    for (id, body) in forms {
        let form = &site.forms[&id];
        let inputs = inputs(&body);
        for input in &inputs {
            let declared = form.field(&input.name).map(|f| f.required);
            let consent = form
                .consents
                .iter()
                .any(|c| c.field == input.name && !c.required);
            assert!(
                declared.is_some() || consent || input.name == "_gotcha",
                "{id}: {input:?} is not declared"
            );
            assert_eq!(
                input.required,
                declared.unwrap_or(false),
                "{id}: {input:?} is required on one side only"
            );
        }
        for field in &form.fields {
            assert!(
                inputs.iter().any(|i| i.name == field.name),
                "{id}: the page does not ask for `{}`",
                field.name
            );
            assert!(
                body.contains(&field.label),
                "{id}: the page does not show {:?}",
                field.label
            );
            let Some(options) = offered(form, &field.name) else {
                continue;
            };
            let direct: Vec<String> = inputs
                .iter()
                .filter(|i| i.name == field.name)
                .filter_map(|i| i.value.clone())
                .collect();
            let shown = if direct.is_empty() {
                select_options(&body, &field.name)
            } else {
                direct
            };
            assert_eq!(
                shown, options,
                "{id}: the answers to `{}` differ",
                field.name
            );
        }
        for consent in &form.consents {
            assert!(
                body.contains(&consent.text),
                "{id}: the wording of `{}` differs",
                consent.purpose
            );
        }
        assert!(
            body.contains("name=\"_gotcha\" type=\"text\" tabindex=\"-1\" autocomplete=\"off\""),
            "{id} has no trap"
        );
        assert!(
            !body.contains(" checked"),
            "{id} has a box that starts ticked"
        );
    }
}

/// The values of a select, without the empty one.
fn select_options(form: &str, name: &str) -> Vec<String> {
    let select = between(form, &format!("name=\"{name}\""), "</select>").unwrap_or_default();
    select
        .split("<option ")
        .skip(1)
        .filter_map(|o| between(o, "value=\"", "\""))
        .filter(|v| !v.is_empty())
        .collect()
}

#[test]
fn every_input_of_the_landing_page_has_a_label() {
    let page = fs::read_to_string(folder().join("landing/index.html")).unwrap();
    let ids = page.split('<').filter(|tag| {
        ["input ", "select ", "textarea "]
            .iter()
            .any(|t| tag.starts_with(t))
    });
    for tag in ids.filter(|tag| !tag.contains("type=\"radio\"") && !tag.contains("name=\"need\"")) {
        let id = between(tag, " id=\"", "\"").unwrap_or_else(|| panic!("no id: {tag}"));
        assert!(
            page.contains(&format!("<label for=\"{id}\">")),
            "no label for {id}"
        );
    }
}

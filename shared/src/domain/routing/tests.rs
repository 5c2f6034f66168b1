//! Routing: always an owner, fair turns, and a reason that can be read.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::domain::hours::Calendar;

#[cfg(feature = "site-source")]
mod tables;

fn person(id: &str) -> SalesPerson {
    SalesPerson {
        id: id.into(),
        name: id.to_uppercase(),
        email: Pii::new(format!("{id}@example.com")),
    }
}

fn sales(people: &[&str]) -> Sales {
    Sales {
        team: people.iter().map(|id| person(id)).collect(),
        groups: vec![Group {
            id: "all".into(),
            name: "the team".into(),
            members: people.iter().map(|id| (*id).to_owned()).collect(),
        }],
        routes: Vec::new(),
        fallback: Assignee::Group("all".into()),
        actions: Vec::new(),
        escalate_after_minutes: Some(240),
        calendar: None,
        calendars: BTreeMap::new(),
        call_consent: None,
        verdict_secret: None,
    }
}

const PEOPLE: [&str; 6] = ["ada", "bo", "cy", "di", "ed", "fay"];
const MONDAY: Timestamp = Timestamp(1_772_442_000_000);

/// Never at work, and with the day off where `off`.
fn away(off: bool) -> Calendar {
    Calendar {
        zone: "UTC".into(),
        rules: String::new(),
        week: Default::default(),
        days_off: if off {
            vec!["2026-03-02".into()]
        } else {
            Vec::new()
        },
    }
}

proptest! {
    #[test]
    fn sal_1_while_the_same_people_are_there_each_gets_the_same_number_of_leads_one_apart_at_most(
        size in 1..=6_usize,
        gone in prop::collection::vec(prop::option::of(any::<bool>()), 6),
        first in 1..1_000_u64,
        turns in 1..60_u64,
    ) {
        let mut sales = sales(&PEOPLE[..size]);
        for (id, gone) in PEOPLE[..size].iter().zip(gone) {
            if let Some(off) = gone {
                sales.calendars.insert((*id).to_owned(), away(off));
            }
        }
        let mut got: BTreeMap<&str, u64> = BTreeMap::new();
        for n in first..first + turns {
            *got.entry(in_turn(&sales.groups[0], n, &sales, MONDAY)).or_default() += 1;
        }
        let there = |id: &&str| sales.calendar_of(id).is_none();
        let expected: Vec<&str> = if PEOPLE[..size].iter().any(there) {
            PEOPLE[..size].iter().copied().filter(|id| there(id)).collect()
        } else {
            got.keys().copied().collect()
        };
        prop_assert!(got.keys().all(|id| expected.contains(id)), "{got:?} of {expected:?}");
        let share = turns / expected.len() as u64;
        for id in expected {
            let n = got.get(id).copied().unwrap_or_default();
            prop_assert!(n == share || n == share + 1, "{id} got {n} of {turns}");
        }
    }

    #[test]
    fn the_line_names_everybody_else_of_the_team_once(size in 1..=6_usize, owner in 0..6_usize) {
        let sales = sales(&PEOPLE[..size]);
        let owner = PEOPLE[owner % size];
        for to in [Assignee::Group("all".into()), Assignee::Person(owner.into())] {
            let mut line = line(owner, &to, &sales);
            prop_assert!(!line.iter().any(|id| id == owner));
            line.sort();
            line.dedup();
            prop_assert_eq!(line.len(), size - 1);
        }
    }
}

#[test]
fn sal_1_whoever_has_the_day_off_is_passed_over_and_a_weekend_is_no_day_off() {
    let mut sales = sales(&["ada", "bo"]);
    sales.calendars.insert("ada".into(), away(true));
    for n in 1..5 {
        assert_eq!(in_turn(&sales.groups[0], n, &sales, MONDAY), "bo");
    }
    assert!(is_off("ada", &sales, MONDAY));
    assert!(!is_off("ada", &sales, MONDAY.plus_days(1)));
}

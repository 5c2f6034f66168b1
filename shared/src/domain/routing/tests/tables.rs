//! Any tables of routes, teams and days off: there is always somebody who gets a lead, and turns stay fair.

use super::*;
use crate::domain::lead::{Under, fold};
use crate::domain::sales::Route;
use crate::domain::touchpoint::{Answer, Value};

/// The example site, with these people in sales.
fn example(sales: Sales) -> Site {
    static SITE: std::sync::OnceLock<Site> = std::sync::OnceLock::new();
    let site = SITE.get_or_init(|| {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/site");
        crate::site::source::load(&folder).unwrap().site
    });
    Site {
        sales,
        ..site.clone()
    }
}

/// Somebody who asked for a visit, with a plant in this country.
fn asked(country: &str, site: &Site) -> (Lead, Vec<Touchpoint>) {
    let id = crate::domain::id::LeadId::from_bytes([7; 16]);
    let kind = TouchpointKind::FormSubmitted;
    let mut fact = Touchpoint::new(id, "sub_1".into(), kind, MONDAY);
    fact.form = Some("demo".into());
    fact.email = Some(Pii::new("ada@analytical-engines.com".into()));
    fact.answers = vec![Answer {
        name: "country".into(),
        value: Value::Text(Pii::new(country.to_owned())),
    }];
    let under = Under {
        model: &site.model,
        handoffs: &[],
        erased_at: None,
        now: MONDAY,
    };
    let facts = vec![fact];
    (fold(id, &facts, &under).unwrap(), facts)
}

const COUNTRIES: [&str; 4] = ["NL", "DE", "FR", "GB"];

fn from(country: usize) -> Condition {
    Condition::Is {
        field: "country".into(),
        any_of: vec![COUNTRIES[country].into()],
    }
}

/// Some people, teams of them, routes by country to either, any fallback, and who has the day off.
fn tables() -> impl Strategy<Value = Sales> {
    let assignee = || (any::<bool>(), 0..6_usize);
    let members = prop::collection::vec(0..6_usize, 1..5);
    (
        1..=6_usize,
        prop::collection::vec(members, 1..3),
        prop::collection::vec((0..4_usize, assignee()), 0..5),
        assignee(),
        prop::collection::vec(any::<bool>(), 6),
    )
        .prop_map(|(size, groups, routes, fallback, off)| {
            let mut sales = sales(&PEOPLE[..size]);
            sales.groups.clear();
            for (n, members) in groups.into_iter().enumerate() {
                let mut group = Group {
                    id: format!("group-{n}"),
                    name: format!("team {n}"),
                    members: Vec::new(),
                };
                for member in members {
                    let id = PEOPLE[member % size].to_owned();
                    if !group.members.contains(&id) {
                        group.members.push(id);
                    }
                }
                sales.groups.push(group);
            }
            let count = sales.groups.len();
            let to = |(group, n): (bool, usize)| {
                if group {
                    Assignee::Group(format!("group-{}", n % count))
                } else {
                    Assignee::Person(PEOPLE[n % size].to_owned())
                }
            };
            for (country, assignee) in routes {
                sales.routes.push(Route {
                    when: vec![from(country)],
                    to: to(assignee),
                });
            }
            sales.fallback = to(fallback);
            for (id, off) in PEOPLE[..size].iter().zip(off) {
                if off {
                    sales.calendars.insert((*id).to_owned(), away(true));
                }
            }
            sales
        })
}

proptest! {
    #[test]
    fn sal_1_whatever_the_tables_say_a_lead_goes_to_somebody_who_exists_and_to_somebody_there_if_it_may(
        sales in tables(),
        country in 0..4_usize,
        n in 1..100_u64,
    ) {
        let site = example(sales);
        let (lead, facts) = asked(COUNTRIES[country], &site);
        let routing = Routing { lead: &lead, facts: &facts, past: &[], site: &site, now: MONDAY };
        let turn = routing.group().map(|group| Turn { group, n });
        let routed = routing.owner(turn.as_ref());
        let sales = &site.sales;
        prop_assert!(sales.person(&routed.owner.id).is_some(), "{}", routed.owner.id);
        prop_assert!(!routed.because.is_empty());
        // Nobody is asked twice, and everybody who is asked exists.
        prop_assert!(!routed.line.contains(&routed.owner.id));
        let distinct: std::collections::BTreeSet<&String> = routed.line.iter().collect();
        prop_assert_eq!(distinct.len(), routed.line.len());
        prop_assert!(routed.line.iter().all(|id| sales.person(id).is_some()));
        // Whom the tables name, and the fallback: where one of them is there, the owner is.
        let members = |to: &Assignee| match to {
            Assignee::Person(id) => vec![id.clone()],
            Assignee::Group(id) => sales.group(id).unwrap().members.clone(),
        };
        let matching = sales.routes.iter().find(|r| holds(&r.when[0], &lead, &facts));
        let named = members(matching.map_or(&sales.fallback, |route| &route.to));
        let there = |id: &String| !is_off(id, sales, MONDAY);
        if named.iter().any(there) {
            prop_assert!(there(&routed.owner.id) && named.contains(&routed.owner.id));
        } else if members(&sales.fallback).iter().any(there) {
            prop_assert!(there(&routed.owner.id));
        }
    }

    #[test]
    fn sal_1_turns_stay_fair_in_each_team_in_whatever_order_leads_come(
        arrivals in prop::collection::vec(0..3_usize, 0..120),
    ) {
        let mut sales = sales(&PEOPLE);
        for (n, (id, members)) in [("west", &PEOPLE[..2]), ("east", &PEOPLE[1..6])].into_iter().enumerate() {
            sales.groups.push(Group {
                id: id.into(),
                name: id.into(),
                members: members.iter().map(|id| (*id).to_owned()).collect(),
            });
            sales.routes.push(Route { when: vec![from(n)], to: Assignee::Group(id.into()) });
        }
        let site = example(sales);
        let leads: Vec<_> = COUNTRIES.iter().map(|country| asked(country, &site)).collect();
        // One cursor for each team, as `ops` has it; what no route takes is the turn of the whole team.
        let mut cursors: BTreeMap<String, u64> = BTreeMap::new();
        let mut got: BTreeMap<(String, String), u64> = BTreeMap::new();
        for country in arrivals {
            let (lead, facts) = &leads[country];
            let routing = Routing { lead, facts, past: &[], site: &site, now: MONDAY };
            let group = routing.group().unwrap();
            let n = cursors.entry(group.clone()).or_default();
            *n += 1;
            let routed = routing.owner(Some(&Turn { group: group.clone(), n: *n }));
            *got.entry((group, routed.owner.id)).or_default() += 1;
        }
        for group in &site.sales.groups {
            let of = |id: &String| got.get(&(group.id.clone(), id.clone())).copied().unwrap_or_default();
            let counts: Vec<u64> = group.members.iter().map(of).collect();
            let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
            prop_assert!(most - least <= 1, "{}: {counts:?}", group.id);
            prop_assert_eq!(counts.iter().sum::<u64>(), cursors.get(&group.id).copied().unwrap_or_default());
        }
    }
}

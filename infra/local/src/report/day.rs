//! What one day brought: counts over the facts recorded on it, and nothing about a person.
//!
//! Pure. Days add up: a report over a month is the sum of its days, so a closed day is counted once and kept. Times are kept as how
//! often each number of minutes occurred, so that a median over any span is exact to the minute.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use shared::domain::handoff::Handoff;
use shared::domain::lead::Lead;
use shared::domain::source::Source;
use shared::domain::stage::Stage;
use shared::domain::time::{MINUTE_MS, Timestamp};
use shared::domain::touchpoint::Touchpoint;

/// Most sources of one day; what visitors write could be anything, so the rest is one line.
const SOURCES: usize = 150;
/// Longest name of a source in characters.
const NAME: usize = 60;
/// Sources beyond [`SOURCES`].
const OTHER: &str = "other";

/// How often each number of minutes occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Times(BTreeMap<u32, u32>);

impl Times {
    fn add(&mut self, from: Timestamp, to: Timestamp) {
        let minutes = to.since(from).max(0) / MINUTE_MS;
        *self
            .0
            .entry(u32::try_from(minutes).unwrap_or(u32::MAX))
            .or_default() += 1;
    }

    fn merge(&mut self, other: &Self) {
        for (minutes, count) in &other.0 {
            *self.0.entry(*minutes).or_default() += count;
        }
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.values().map(|n| u64::from(*n)).sum()
    }

    /// The middle one in minutes, the lower of two; none where there are none.
    pub fn median(&self) -> Option<u32> {
        let middle = self.count().checked_sub(1)? / 2;
        let mut before = 0;
        self.0.iter().find_map(|(minutes, count)| {
            before += u64::from(*count);
            (before > middle).then_some(*minutes)
        })
    }
}

/// A source: what it brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSums {
    /// People who were new.
    pub leads: u64,
    /// Times somebody became ready for sales.
    pub mql: u64,
    /// Times sales took somebody.
    pub accepted: u64,
    /// Times sales handed somebody back.
    pub rejected: u64,
}

impl SourceSums {
    fn merge(&mut self, other: Self) {
        self.leads += other.leads;
        self.mql += other.mql;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
    }
}

/// A rule, in the handoffs that sales answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSums {
    /// Handoffs that it stood in and that sales took.
    pub accepted: u64,
    /// Points it had given them.
    pub accepted_points: i64,
    /// Handoffs that it stood in and that sales handed back.
    pub rejected: u64,
    /// Points it had given them.
    pub rejected_points: i64,
}

impl RuleSums {
    fn merge(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.accepted_points += other.accepted_points;
        self.rejected += other.rejected;
        self.rejected_points += other.rejected_points;
    }
}

/// Somebody of the sales team.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerSums {
    /// Leads handed to them.
    pub handed: u64,
    /// Leads they took.
    pub accepted: u64,
    /// Leads they handed back.
    pub rejected: u64,
    /// Leads they won.
    pub won: u64,
    /// Leads they lost.
    pub lost: u64,
    /// From the handoff to the first answer.
    pub times: Times,
}

/// A change of stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    /// Stage before; none for the first.
    pub from: Option<Stage>,
    /// Stage after.
    pub to: Stage,
    /// Time in the stage before.
    pub times: Times,
}

/// Everything that reports count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// Facts recorded.
    pub touchpoints: u64,
    /// People who were new.
    pub leads: u64,
    /// Changes of stage.
    pub passages: Vec<Passage>,
    /// By the source that brought somebody first.
    pub first: BTreeMap<String, SourceSums>,
    /// By the source that brought somebody last.
    pub last: BTreeMap<String, SourceSums>,
    /// By rule.
    pub rules: BTreeMap<String, RuleSums>,
    /// By id of the person in sales.
    pub owners: BTreeMap<String, OwnerSums>,
}

/// A lead as a day is counted from it.
pub struct Seen<'a> {
    /// Folded from all its facts.
    pub lead: &'a Lead,
    /// All its facts.
    pub facts: &'a [Touchpoint],
    /// Its handoffs.
    pub handoffs: &'a [Handoff],
    /// Ids of its facts that were recorded on the day.
    pub today: &'a BTreeSet<String>,
}

impl Day {
    /// Counts what the day brought of one lead.
    pub fn count(&mut self, seen: &Seen<'_>) {
        let Seen {
            lead,
            facts,
            handoffs,
            today,
        } = *seen;
        self.touchpoints += u64::try_from(today.len()).unwrap_or(0);
        let mut brought = SourceSums::default();
        let mut since = lead.first_seen;
        for change in &lead.stage_history {
            if today.contains(&change.touchpoint) {
                self.pass(change.from, change.to, since, change.at);
                brought.leads += u64::from(change.from.is_none());
                brought.mql += u64::from(change.to == Stage::Mql);
            }
            since = change.at;
        }
        self.leads += brought.leads;
        let handed = handoffs.iter().filter(|h| today.contains(&h.touchpoint));
        for handoff in handed {
            self.owner(&handoff.owner.id).handed += 1;
        }
        for fact in facts {
            if today.contains(&fact.id) && fact.machine.is_none() {
                self.answer(fact, facts, handoffs, &mut brought);
            }
        }
        if brought != SourceSums::default() {
            let named = |touch: Option<&shared::domain::lead::Touch>| {
                touch.map_or_else(|| String::from("direct"), |t| name(&t.source))
            };
            add(&mut self.first, named(lead.first_touch.as_ref()), brought);
            add(&mut self.last, named(lead.last_touch.as_ref()), brought);
        }
    }

    fn answer(
        &mut self,
        fact: &Touchpoint,
        facts: &[Touchpoint],
        handoffs: &[Handoff],
        brought: &mut SourceSums,
    ) {
        let said = fact.kind.name();
        if !ANSWERS.contains(&said) {
            return;
        }
        let handoff = handoffs.iter().find(|h| Some(h.cycle) == fact.cycle);
        let who = fact
            .author
            .as_deref()
            .or_else(|| handoff.map(|h| h.owner.id.as_str()));
        if let Some(who) = who {
            let owner = self.owner(who);
            match said {
                "accepted" => owner.accepted += 1,
                "rejected" => owner.rejected += 1,
                "won" => owner.won += 1,
                "lost" => owner.lost += 1,
                _ => {}
            }
            // The first answer counts; what is said later is another matter.
            let earlier = |other: &Touchpoint| {
                other.cycle == fact.cycle
                    && other.machine.is_none()
                    && ANSWERS.contains(&other.kind.name())
                    && (other.at, &other.id) < (fact.at, &fact.id)
            };
            if let Some(handoff) = handoff.filter(|_| !facts.iter().any(earlier)) {
                self.owner(who).times.add(handoff.at, fact.at);
            }
        }
        brought.accepted += u64::from(said == "accepted");
        brought.rejected += u64::from(said == "rejected");
        for line in handoff.iter().flat_map(|h| &h.breakdown) {
            let points = i64::from(line.points);
            let rule = self.rules.entry(line.rule.clone()).or_default();
            match said {
                "accepted" => {
                    rule.accepted += 1;
                    rule.accepted_points += points;
                }
                "rejected" => {
                    rule.rejected += 1;
                    rule.rejected_points += points;
                }
                _ => {}
            }
        }
    }

    fn pass(&mut self, from: Option<Stage>, to: Stage, since: Timestamp, at: Timestamp) {
        passage(&mut self.passages, from, to).times.add(since, at);
    }

    fn owner(&mut self, id: &str) -> &mut OwnerSums {
        self.owners.entry(id.to_owned()).or_default()
    }

    /// Adds another day, or the same day of other leads.
    pub fn merge(&mut self, other: &Self) {
        self.touchpoints += other.touchpoints;
        self.leads += other.leads;
        for theirs in &other.passages {
            passage(&mut self.passages, theirs.from, theirs.to)
                .times
                .merge(&theirs.times);
        }
        for (name, sums) in &other.first {
            add(&mut self.first, name.clone(), *sums);
        }
        for (name, sums) in &other.last {
            add(&mut self.last, name.clone(), *sums);
        }
        for (rule, sums) in &other.rules {
            self.rules.entry(rule.clone()).or_default().merge(*sums);
        }
        for (id, sums) in &other.owners {
            let owner = self.owner(id);
            owner.handed += sums.handed;
            owner.accepted += sums.accepted;
            owner.rejected += sums.rejected;
            owner.won += sums.won;
            owner.lost += sums.lost;
            owner.times.merge(&sums.times);
        }
    }
}

/// What sales can say of a lead that was handed over.
const ANSWERS: [&str; 7] = [
    "accepted",
    "rejected",
    "snoozed",
    "rerouted",
    "sales_qualified",
    "won",
    "lost",
];

fn passage(passages: &mut Vec<Passage>, from: Option<Stage>, to: Stage) -> &mut Passage {
    let key = (from, to);
    let at = passages.partition_point(|p| (p.from, p.to) < key);
    if passages.get(at).is_none_or(|p| (p.from, p.to) != key) {
        let times = Times::default();
        passages.insert(at, Passage { from, to, times });
    }
    &mut passages[at]
}

fn add(sources: &mut BTreeMap<String, SourceSums>, name: String, sums: SourceSums) {
    let name = if sources.len() < SOURCES || sources.contains_key(&name) {
        name
    } else {
        OTHER.to_owned()
    };
    sources.entry(name).or_default().merge(sums);
}

/// What a source is called in a report: campaign parameters, an ad's click, the site that led here. Short, and without anything that
/// looks like an address: visitors can write what they like there.
pub fn name(source: &Source) -> String {
    let param = |name: &str| source.params.get(name).filter(|v| !v.trim().is_empty());
    let ad = [
        "gclid",
        "fbclid",
        "msclkid",
        "li_fat_id",
        "ttclid",
        "twclid",
    ];
    let text = match (param("utm_source"), param("utm_medium")) {
        (Some(from), Some(by)) => format!("{from} / {by}"),
        (Some(from), None) => from.clone(),
        (None, _) => {
            if let Some(click) = ad.iter().find(|name| param(name).is_some()) {
                format!("ad click ({click})")
            } else if let Some(referrer) = &source.referrer {
                let host = referrer.split("://").last().unwrap_or(referrer);
                host.to_owned()
            } else {
                String::from("direct")
            }
        }
    };
    if text.contains('@') {
        return OTHER.to_owned();
    }
    text.to_lowercase()
        .chars()
        .filter(|c| !c.is_control())
        .take(NAME)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(minutes: &[i64]) -> Times {
        let mut times = Times::default();
        for minute in minutes {
            times.add(Timestamp(0), Timestamp(minute * MINUTE_MS));
        }
        times
    }

    #[test]
    fn medians_are_exact_over_days_that_were_counted_apart() {
        assert_eq!(Times::default().median(), None);
        assert_eq!(times(&[7]).median(), Some(7));
        assert_eq!(times(&[1, 9, 3]).median(), Some(3));
        let mut both = times(&[1, 100]);
        both.merge(&times(&[2, 3]));
        assert_eq!((both.median(), both.count()), (Some(2), 4));
    }

    #[test]
    fn a_source_has_a_short_name_and_never_an_address() {
        let named = |pairs: &[(&str, &str)]| name(&Source::gather(pairs.iter().copied(), None));
        assert_eq!(
            named(&[("utm_source", "Google"), ("utm_medium", "CPC")]),
            "google / cpc"
        );
        assert_eq!(named(&[("utm_source", "ada@example.com")]), "other");
        assert_eq!(named(&[("gclid", "AbC")]), "ad click (gclid)");
        assert_eq!(
            named(&[("referrer", "https://news.example/x")]),
            "news.example"
        );
        assert_eq!(named(&[]), "direct");
        assert_eq!(named(&[("utm_source", &"x".repeat(500))]).len(), NAME);
    }

    #[test]
    fn what_visitors_make_up_cannot_fill_a_day() {
        let mut sources = BTreeMap::new();
        let one = SourceSums {
            leads: 1,
            ..SourceSums::default()
        };
        for n in 0..10 * SOURCES {
            add(&mut sources, format!("made up {n}"), one);
        }
        assert_eq!(sources.len(), SOURCES + 1);
        assert_eq!(
            sources.values().map(|s| s.leads).sum::<u64>(),
            10 * u64::try_from(SOURCES).unwrap()
        );
    }

    #[test]
    fn days_add_up_in_any_order() {
        let mut one = Day::default();
        one.pass(None, Stage::Subscriber, Timestamp(0), Timestamp(0));
        one.pass(
            Some(Stage::Lead),
            Stage::Mql,
            Timestamp(0),
            Timestamp(120_000),
        );
        one.owner("mira").handed = 2;
        let mut two = Day::default();
        two.pass(
            Some(Stage::Lead),
            Stage::Mql,
            Timestamp(0),
            Timestamp(60_000),
        );
        two.owner("jonas").times = times(&[5]);
        let (mut forward, mut backward) = (one.clone(), two.clone());
        forward.merge(&two);
        backward.merge(&one);
        assert_eq!(forward, backward);
        let text = serde_json::to_string(&forward).unwrap();
        assert_eq!(serde_json::from_str::<Day>(&text).unwrap(), forward);
    }
}

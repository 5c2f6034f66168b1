//! What two models make of all leads, side by side: sums that are added up lead by lead and merged, so that none is kept.
//!
//! Pure. Memory is bounded: counts, one row for each rule, and the first names of each list.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::domain::id::LeadId;
use shared::domain::pii::Pii;
use shared::domain::score::ScoreModel;
use shared::domain::stage::Stage;
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::Touchpoint;

use super::judge::{Judged, Terms, Verdict, is_verdict, judge, verdict};

/// Most leads that a list names; its count goes on.
pub const NAMED: usize = 500;
/// Points of one column of the distribution.
pub const BUCKET: i32 = 10;

/// The two models.
#[derive(Debug)]
pub struct Models {
    /// The model in force.
    pub before: ScoreModel,
    /// The model that is tried.
    pub after: ScoreModel,
}

/// Two counts: under the model in force, and under the one that is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Under the model in force.
    pub before: u64,
    /// Under the model that is tried.
    pub after: u64,
}

/// A lead whose outcome differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Who {
    /// The lead.
    pub lead_id: LeadId,
    /// Address as given.
    pub email: Option<Pii<String>>,
    /// Points under the model in force.
    pub before: i32,
    /// Points under the model that is tried.
    pub after: i32,
}

/// Who changes sides, how many in all, and the first of them by points.
#[derive(Clone, Debug, Default, Serialize)]
pub struct List {
    /// How many in all.
    pub count: u64,
    /// At most [`NAMED`] of them, most points first.
    pub leads: Vec<Who>,
}

/// A model held against the verdicts of sales.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Ready for sales, and taken.
    pub ready_accepted: u64,
    /// Ready for sales, and handed back.
    pub ready_rejected: u64,
    /// Not ready, yet taken.
    pub not_ready_accepted: u64,
    /// Not ready, and handed back.
    pub not_ready_rejected: u64,
}

impl Confusion {
    /// Of those that were ready, how many sales took: in thousandths.
    pub fn precision(&self) -> Option<u64> {
        per_mille(
            self.ready_accepted,
            self.ready_accepted + self.ready_rejected,
        )
    }

    /// Of those that sales took, how many were ready: in thousandths.
    pub fn recall(&self) -> Option<u64> {
        per_mille(
            self.ready_accepted,
            self.ready_accepted + self.not_ready_accepted,
        )
    }

    fn add(&mut self, ready: bool, verdict: Verdict) {
        *match (ready, verdict) {
            (true, Verdict::Accepted) => &mut self.ready_accepted,
            (true, Verdict::Rejected) => &mut self.ready_rejected,
            (false, Verdict::Accepted) => &mut self.not_ready_accepted,
            (false, Verdict::Rejected) => &mut self.not_ready_rejected,
        } += 1;
    }

    fn merge(&mut self, other: Self) {
        self.ready_accepted += other.ready_accepted;
        self.ready_rejected += other.ready_rejected;
        self.not_ready_accepted += other.not_ready_accepted;
        self.not_ready_rejected += other.not_ready_rejected;
    }
}

fn per_mille(part: u64, whole: u64) -> Option<u64> {
    (whole > 0).then(|| (part * 1000 + whole / 2) / whole)
}

/// What a rule gave, and to whom.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleSums {
    /// Leads it gave or took points.
    pub leads: u64,
    /// Points it gave in all.
    pub points: i64,
    /// Leads that sales took, as they stood when it did.
    pub accepted_leads: u64,
    /// Points it had given them.
    pub accepted_points: i64,
    /// Leads that sales handed back, as they stood when it did.
    pub rejected_leads: u64,
    /// Points it had given them.
    pub rejected_points: i64,
}

impl RuleSums {
    fn merge(&mut self, other: Self) {
        self.leads += other.leads;
        self.points += other.points;
        self.accepted_leads += other.accepted_leads;
        self.accepted_points += other.accepted_points;
        self.rejected_leads += other.rejected_leads;
        self.rejected_points += other.rejected_points;
    }
}

/// Sums over all leads.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// Leads folded.
    pub leads: u64,
    /// Facts folded.
    pub touchpoints: u64,
    /// Leads left out, because nothing happened to them in the time asked for.
    pub left_out: u64,
    /// Facts that this release cannot read.
    pub unreadable: u64,
    /// Leads that are or were ready for sales.
    pub ready: Pair,
    /// Ready only under the model that is tried.
    pub gained: List,
    /// Ready only under the model in force.
    pub lost: List,
    /// Leads by points: the number of the bucket is its lowest total divided by [`BUCKET`].
    pub distribution: BTreeMap<i32, Pair>,
    /// Leads by stage, at the end.
    pub stages: BTreeMap<Stage, Pair>,
    /// Leads that sales spoke about, under the model in force.
    pub verdicts_before: Confusion,
    /// The same under the model that is tried.
    pub verdicts_after: Confusion,
    /// Rules of the model in force.
    pub rules_before: BTreeMap<String, RuleSums>,
    /// Rules of the model that is tried.
    pub rules_after: BTreeMap<String, RuleSums>,
}

impl Tally {
    /// Adds a lead. `facts` are all that count.
    pub fn add(&mut self, lead_id: LeadId, facts: &[Touchpoint], models: &Models, terms: Terms) {
        let under = |model| judge(lead_id, facts, model, terms);
        let (Some(before), Some(after)) = (under(&models.before), under(&models.after)) else {
            return;
        };
        self.leads += 1;
        self.touchpoints += u64::try_from(facts.len()).unwrap_or(u64::MAX);
        for (judged, column) in [(&before, Column::Before), (&after, Column::After)] {
            column.count(&mut self.distribution, judged.total.div_euclid(BUCKET));
            column.count(&mut self.stages, judged.stage);
            *column.of(&mut self.ready) += u64::from(judged.qualified);
        }
        match (before.qualified, after.qualified) {
            (false, true) => self.gained.push(who(lead_id, &before, &after)),
            (true, false) => self.lost.push(who(lead_id, &before, &after)),
            (true, true) | (false, false) => {}
        }
        give(&mut self.rules_before, &before);
        give(&mut self.rules_after, &after);
        if let Some((verdict, at)) = verdict(facts) {
            self.add_verdict(lead_id, facts, models, verdict, at, terms);
        }
    }

    /// Judges a lead as it stood when sales spoke, by what it had done until then.
    fn add_verdict(
        &mut self,
        lead_id: LeadId,
        facts: &[Touchpoint],
        models: &Models,
        verdict: Verdict,
        at: Timestamp,
        terms: Terms,
    ) {
        let known: Vec<Touchpoint> = facts
            .iter()
            .filter(|t| t.at <= at && !is_verdict(t))
            .cloned()
            .collect();
        let then = Terms {
            at: Some(at),
            ..terms
        };
        for (model, confusion, rules) in [
            (
                &models.before,
                &mut self.verdicts_before,
                &mut self.rules_before,
            ),
            (
                &models.after,
                &mut self.verdicts_after,
                &mut self.rules_after,
            ),
        ] {
            let judged = judge(lead_id, &known, model, then);
            confusion.add(judged.as_ref().is_some_and(|j| j.qualified), verdict);
            for (rule, points) in judged.into_iter().flat_map(|j| j.lines) {
                let sums = rules.entry(rule).or_default();
                let (leads, sum) = match verdict {
                    Verdict::Accepted => (&mut sums.accepted_leads, &mut sums.accepted_points),
                    Verdict::Rejected => (&mut sums.rejected_leads, &mut sums.rejected_points),
                };
                *leads += 1;
                *sum += i64::from(points);
            }
        }
    }

    /// Adds the sums of other leads.
    pub fn merge(&mut self, other: Self) {
        self.leads += other.leads;
        self.touchpoints += other.touchpoints;
        self.left_out += other.left_out;
        self.unreadable += other.unreadable;
        self.ready.merge(other.ready);
        self.gained.merge(other.gained);
        self.lost.merge(other.lost);
        for (bucket, pair) in other.distribution {
            self.distribution.entry(bucket).or_default().merge(pair);
        }
        for (stage, pair) in other.stages {
            self.stages.entry(stage).or_default().merge(pair);
        }
        self.verdicts_before.merge(other.verdicts_before);
        self.verdicts_after.merge(other.verdicts_after);
        for (mine, theirs) in [
            (&mut self.rules_before, other.rules_before),
            (&mut self.rules_after, other.rules_after),
        ] {
            for (rule, sums) in theirs {
                mine.entry(rule).or_default().merge(sums);
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Column {
    Before,
    After,
}

impl Column {
    fn of(self, pair: &mut Pair) -> &mut u64 {
        match self {
            Self::Before => &mut pair.before,
            Self::After => &mut pair.after,
        }
    }

    fn count<K: Ord>(self, counts: &mut BTreeMap<K, Pair>, key: K) {
        *self.of(counts.entry(key).or_default()) += 1;
    }
}

impl Pair {
    fn merge(&mut self, other: Self) {
        self.before += other.before;
        self.after += other.after;
    }
}

impl List {
    fn push(&mut self, who: Who) {
        self.count += 1;
        self.leads.push(who);
        if self.leads.len() >= 2 * NAMED {
            self.trim();
        }
    }

    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.leads.extend(other.leads);
        self.trim();
    }

    /// The highest first; the id settles ties, so that two runs name the same.
    fn trim(&mut self) {
        self.leads.sort_by(|a, b| {
            let highest = |w: &Who| std::cmp::Reverse(w.before.max(w.after));
            (highest(a), a.lead_id).cmp(&(highest(b), b.lead_id))
        });
        self.leads.truncate(NAMED);
    }
}

fn who(lead_id: LeadId, before: &Judged, after: &Judged) -> Who {
    Who {
        lead_id,
        email: after.email.clone(),
        before: before.total,
        after: after.total,
    }
}

fn give(rules: &mut BTreeMap<String, RuleSums>, judged: &Judged) {
    for (rule, points) in &judged.lines {
        // A name is copied once for each rule and not once for each lead.
        if let Some(sums) = rules.get_mut(rule) {
            sums.leads += 1;
            sums.points += i64::from(*points);
        } else {
            let first = RuleSums {
                leads: 1,
                points: i64::from(*points),
                ..RuleSums::default()
            };
            rules.insert(rule.clone(), first);
        }
    }
}

//! The lead: what its touchpoints add up to.
//!
//! [`fold`] is a pure function of the set of facts, the model, the handoffs made so far and an instant. The stored lead can be thrown away
//! and rebuilt; order of arrival and repeats do not matter. Handoffs are an input because they are promises already kept: a lead that was
//! handed to sales stays handed over, whatever a later model says.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::consent::Decision;
use super::handling::Handling;
use super::id::{LeadId, sha256_hex};
use super::pii::Pii;
use super::score::evaluate::Tally;
use super::score::explain::{Need, RuleLine, needs};
use super::score::{Breakdown, Grade, Known, Score, ScoreInput, ScoreModel};
use super::source::Source;
use super::stage::{Move, Stage, StageChange};
use super::time::Timestamp;
use super::touchpoint::{Touchpoint, TouchpointKind, Trust, Value};
pub use moves::Hold;
use moves::Moves;

/// Shape version written by this release.
pub const LEAD_V: u8 = 1;

/// Everything known about a person, derived from touchpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lead {
    /// The person.
    pub lead_id: LeadId,
    /// Address as last given.
    pub email: Option<Pii<String>>,
    /// Mail domain, lower case.
    pub domain: Option<String>,
    /// Profile by canonical field name.
    pub profile: BTreeMap<String, ProfileValue>,
    /// Whether mail reaches them.
    pub reachability: Reachability,
    /// Points.
    pub score: Score,
    /// Why; sums exactly to `score.total`.
    pub breakdown: Breakdown,
    /// The instant at which the score held. Points that fade are fewer later; [`fold`] tells how many at any instant.
    pub scored_at: Timestamp,
    /// Hash of the model applied.
    pub model_hash: String,
    /// Stage.
    pub stage: Stage,
    /// Since when.
    pub stage_since: Timestamp,
    /// Every change of stage, oldest first.
    pub stage_history: Vec<StageChange>,
    /// How often the lead became marketing-qualified.
    pub cycle: u32,
    /// What sales made of it in this cycle.
    #[serde(default)]
    pub handling: Handling,
    /// First known source.
    pub first_touch: Option<Touch>,
    /// Latest known source.
    pub last_touch: Option<Touch>,
    /// State of each consent by purpose.
    pub consents: BTreeMap<String, ConsentState>,
    /// When they last wrote back to a mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replied_at: Option<Timestamp>,
    /// Number of facts folded.
    pub touchpoints: u32,
    /// When the first fact happened.
    pub first_seen: Timestamp,
    /// When the latest fact happened.
    pub last_seen: Timestamp,
    /// When what is kept about the lead ends, by the forms it came by: from then on nothing shows it, and the daily clean-up deletes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keep_until: Option<Timestamp>,
    /// Digest of the facts, the model and the handoffs folded: where it is unchanged there is nothing to write.
    pub fingerprint: String,
    /// Counts writes of this record.
    pub version: u64,
    /// Id of the ideal customer it is nearest to, where the model has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fit_profile: Option<String>,
    /// Its grade, where the model grades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<Grade>,
    /// The rule that rules it out, where one matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruled_out_by: Option<String>,
    /// When a human click in a mail first proved the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// Where the thresholds are reached: when they no longer are, if nothing happens until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready_until: Option<Timestamp>,
    /// When time alone may change its stage: an override ends, or a rest after a handback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_at: Option<Timestamp>,
    /// What somebody decided by hand, while it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Hold>,
    /// Shape version.
    pub v: u8,
}

/// A profile value with where it came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileValue {
    /// The value.
    pub value: Value,
    /// How far it can be believed.
    pub trust: Trust,
    /// The touchpoint that gave it.
    pub touchpoint: String,
    /// When it was given.
    pub at: Timestamp,
}

/// Whether mail reaches a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reachability {
    /// Nobody clicked in a mail yet.
    Unconfirmed,
    /// A human click in a mail proved the address.
    Confirmed,
    /// The address does not exist.
    Bounced,
    /// They asked to get no more mail.
    Unsubscribed,
    /// They reported a mail as spam.
    Complained,
}

impl Reachability {
    /// Whether mail reaches them, in the words of alerts and pages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Unconfirmed => "not confirmed yet",
            Self::Confirmed => "confirmed by a click",
            Self::Bounced => "mail bounces",
            Self::Unsubscribed => "wants no mail",
            Self::Complained => "reported mail as spam",
        }
    }
}

/// A source and when it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// Where they came from.
    pub source: Source,
    /// When.
    pub at: Timestamp,
}

/// State of one consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentState {
    /// What was said last.
    pub decision: Decision,
    /// When.
    pub at: Timestamp,
}

impl ScoreInput for Lead {
    fn field(&self, name: &str) -> Option<Known<'_>> {
        self.profile.get(name).map(|p| Known {
            value: &p.value,
            trust: p.trust,
            at: p.at,
            touchpoint: &p.touchpoint,
        })
    }

    fn domain(&self) -> Option<&str> {
        self.domain.as_deref()
    }

    fn confirmed(&self) -> bool {
        self.confirmed_at.is_some() || self.reachability == Reachability::Confirmed
    }
}

impl Lead {
    /// Whether the time it may be kept is over.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.keep_until.is_some_and(|end| end <= now)
    }
}

/// A handoff already made: cycle, and the fact at which the lead qualified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastHandoff {
    /// Cycle.
    pub cycle: u32,
    /// When the lead qualified.
    pub at: Timestamp,
    /// The touchpoint by which it did.
    pub touchpoint: String,
}

/// What a fold is made under.
#[derive(Clone, Copy, Debug)]
pub struct Under<'a> {
    /// The model.
    pub model: &'a ScoreModel,
    /// Handoffs made so far.
    pub handoffs: &'a [PastHandoff],
    /// Facts dated at or before this do not count.
    pub erased_at: Option<Timestamp>,
    /// The instant the score is for. Where it is before the latest fact, the instant of that fact.
    pub now: Timestamp,
}

/// Folds facts into the lead, or none where there are no facts.
pub fn fold(lead_id: LeadId, facts: &[Touchpoint], under: &Under<'_>) -> Option<Lead> {
    folded(lead_id, facts, under).map(|(lead, _)| lead)
}

/// A lead as of an instant, and every rule of the model with what it made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explained {
    /// The lead as it was, or is, at that instant.
    pub lead: Lead,
    /// Every rule; their points sum exactly to the score.
    pub rules: Vec<RuleLine>,
    /// Every threshold, and where the lead stands.
    pub needs: Vec<Need>,
}

/// Explains the score as of `under.now`: facts after that instant do not count. None where there were no facts yet.
pub fn explain(lead_id: LeadId, facts: &[Touchpoint], under: &Under<'_>) -> Option<Explained> {
    let known: Vec<Touchpoint> = facts
        .iter()
        .filter(|t| t.at <= under.now)
        .cloned()
        .collect();
    let (lead, mut tally) = folded(lead_id, &known, under)?;
    let rules = tally.explained(&lead, lead.scored_at);
    let needs = needs(&lead.score, &under.model.thresholds);
    Some(Explained { lead, rules, needs })
}

/// The fold and what each rule matched in it.
fn folded<'a>(
    lead_id: LeadId,
    facts: &'a [Touchpoint],
    under: &Under<'a>,
) -> Option<(Lead, Tally<'a>)> {
    let mut ordered: Vec<&Touchpoint> = facts
        .iter()
        .filter(|t| under.erased_at.is_none_or(|e| t.at > e))
        .collect();
    ordered.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    ordered.dedup_by(|a, b| a.id == b.id);
    let (first, last) = (ordered.first()?, ordered.last()?);
    let now = under.now.max(last.at);

    let mut folding = Folding {
        lead: empty(lead_id, first, under.model),
        tally: Tally::new(under.model),
        model: under.model,
        handoffs: under.handoffs,
        moves: Moves::default(),
    };
    for touchpoint in &ordered {
        folding.pass_until(touchpoint.at, false);
        folding.step(touchpoint);
    }
    folding.pass_until(now, true);
    Some(folding.finish(&ordered, now))
}

/// Digest of what a fold depends on. Time comes in only by what it set off.
fn fingerprint(
    ordered: &[&Touchpoint],
    model: &ScoreModel,
    handoffs: &[PastHandoff],
    set_off: &[Timestamp],
) -> String {
    let ids: BTreeSet<&str> = ordered.iter().map(|t| t.id.as_str()).collect();
    let told = handoffs.iter().map(|h| format!("handoff {}", h.cycle));
    let passed = set_off.iter().map(|at| format!("passed {}", at.0));
    let head = [format!("v{LEAD_V}"), model.hash.clone()];
    let lines: Vec<String> = head
        .into_iter()
        .chain(ids.into_iter().map(str::to_owned))
        .chain(told)
        .chain(passed)
        .collect();
    let text = lines.join("\n");
    sha256_hex(text.as_bytes())
}

fn empty(lead_id: LeadId, first: &Touchpoint, model: &ScoreModel) -> Lead {
    Lead {
        lead_id,
        email: None,
        domain: None,
        profile: BTreeMap::new(),
        reachability: Reachability::Unconfirmed,
        score: Score::default(),
        breakdown: Vec::new(),
        scored_at: first.at,
        model_hash: model.hash.clone(),
        stage: Stage::Subscriber,
        stage_since: first.at,
        stage_history: vec![StageChange {
            from: None,
            to: Stage::Subscriber,
            at: first.at,
            touchpoint: first.id.clone(),
            cause: None,
        }],
        cycle: 0,
        handling: Handling::default(),
        first_touch: None,
        last_touch: None,
        consents: BTreeMap::new(),
        replied_at: None,
        touchpoints: 0,
        first_seen: first.at,
        last_seen: first.at,
        keep_until: None,
        fingerprint: String::new(),
        version: 0,
        fit_profile: None,
        grade: None,
        ruled_out_by: None,
        confirmed_at: None,
        ready_until: None,
        review_at: None,
        held: None,
        v: LEAD_V,
    }
}

struct Folding<'a> {
    lead: Lead,
    tally: Tally<'a>,
    model: &'a ScoreModel,
    handoffs: &'a [PastHandoff],
    moves: Moves,
}

impl<'a> Folding<'a> {
    fn step(&mut self, touchpoint: &'a Touchpoint) {
        self.lead.touchpoints += 1;
        self.lead.last_seen = touchpoint.at;
        self.tally.push(touchpoint);
        self.take_profile(touchpoint);
        self.take_source(touchpoint);
        self.take_consents(touchpoint);
        self.take_reachability(touchpoint);
        if touchpoint.kind == TouchpointKind::Replied {
            self.lead.replied_at = Some(touchpoint.at);
        }
        self.take_verdict(touchpoint);
        self.take_override(touchpoint);
        self.judge(touchpoint);
    }

    fn take_profile(&mut self, touchpoint: &Touchpoint) {
        let tells = matches!(
            touchpoint.kind,
            TouchpointKind::FormSubmitted | TouchpointKind::Imported
        ) || touchpoint.kind.is_verdict();
        if !tells || touchpoint.machine.is_some() {
            return;
        }
        self.tally.profile_changed();
        if let Some(email) = &touchpoint.email {
            self.lead.domain = email
                .expose()
                .rsplit_once('@')
                .map(|(_, domain)| domain.to_lowercase());
            self.lead.email = Some(email.clone());
        }
        for answer in &touchpoint.answers {
            // An unverified later value never overwrites a verified one.
            let keeps = self
                .lead
                .profile
                .get(&answer.name)
                .is_some_and(|have| have.trust > touchpoint.trust);
            if !keeps {
                let value = ProfileValue {
                    value: answer.value.clone(),
                    trust: touchpoint.trust,
                    touchpoint: touchpoint.id.clone(),
                    at: touchpoint.at,
                };
                self.lead.profile.insert(answer.name.clone(), value);
            }
        }
        if !touchpoint.answers.is_empty() {
            self.go(Move::Profiled, touchpoint.at, &touchpoint.id, None);
        }
    }

    fn take_source(&mut self, touchpoint: &Touchpoint) {
        if let Some(source) = touchpoint.source.as_ref().filter(|s| !s.is_empty()) {
            let at = touchpoint.at;
            self.lead.first_touch.get_or_insert_with(|| Touch {
                source: source.first(),
                at,
            });
            self.lead.last_touch = Some(Touch {
                source: source.last(),
                at,
            });
        }
    }

    fn take_consents(&mut self, touchpoint: &Touchpoint) {
        if touchpoint.machine.is_some() {
            return;
        }
        for said in &touchpoint.consents {
            // Leaving a box empty on a later form takes nothing back that was given before.
            let silent = said.decision == Decision::Declined
                && self.lead.consents.contains_key(&said.purpose);
            let confirmed = self
                .lead
                .consents
                .get(&said.purpose)
                .is_some_and(|c| c.decision == Decision::Confirmed);
            let weaker = said.decision == Decision::Granted && confirmed;
            if !silent && !weaker {
                self.lead.consents.insert(
                    said.purpose.clone(),
                    ConsentState {
                        decision: said.decision,
                        at: touchpoint.at,
                    },
                );
            }
        }
        if touchpoint.kind == TouchpointKind::Unsubscribed {
            for state in self.lead.consents.values_mut() {
                *state = ConsentState {
                    decision: Decision::Withdrawn,
                    at: touchpoint.at,
                };
            }
        }
    }

    fn take_reachability(&mut self, touchpoint: &Touchpoint) {
        use Reachability::{Bounced, Complained, Confirmed, Unconfirmed, Unsubscribed};
        if touchpoint.machine.is_some() {
            return;
        }
        let have = self.lead.reachability;
        let opted_in = touchpoint.reason.as_deref() == Some(CAME_BACK)
            || touchpoint
                .consents
                .iter()
                .any(|c| c.decision == Decision::Confirmed);
        let next = match (touchpoint.kind, have) {
            (TouchpointKind::Complained, _) => Complained,
            (TouchpointKind::Bounced, Unconfirmed | Confirmed | Unsubscribed)
                if is_hard(touchpoint) =>
            {
                Bounced
            }
            (TouchpointKind::Unsubscribed, Unconfirmed | Confirmed) => Unsubscribed,
            // Mail may go out again; whether it arrives is to be proved anew.
            (TouchpointKind::SuppressionLifted, Bounced | Complained | Unsubscribed) => Unconfirmed,
            // A file proves no address.
            _ if touchpoint.trust == Trust::Imported => have,
            (TouchpointKind::AddressConfirmed | TouchpointKind::MagnetDownloaded, Unconfirmed) => {
                Confirmed
            }
            // Only a confirmed opt-in lifts an earlier unsubscribe.
            (
                TouchpointKind::AddressConfirmed
                | TouchpointKind::MagnetDownloaded
                | TouchpointKind::PreferencesChanged,
                Unsubscribed,
            ) if opted_in => Confirmed,
            _ => have,
        };
        if next == Confirmed && have != Confirmed {
            self.lead.confirmed_at.get_or_insert(touchpoint.at);
            self.tally.profile_changed();
            for value in self
                .lead
                .profile
                .values_mut()
                .filter(|v| v.trust == Trust::Typed)
            {
                value.trust = Trust::Confirmed;
            }
        }
        self.lead.reachability = next;
    }

    fn take_verdict(&mut self, touchpoint: &Touchpoint) {
        // An answer to an alert of another cycle is history.
        if touchpoint
            .cycle
            .is_some_and(|cycle| cycle != self.lead.cycle)
        {
            return;
        }
        if touchpoint.cycle.is_some() {
            self.lead.handling.take(touchpoint);
        }
        match touchpoint.kind {
            TouchpointKind::Accepted => {
                self.go(Move::Accepted, touchpoint.at, &touchpoint.id, None);
            }
            TouchpointKind::SalesQualified | TouchpointKind::Won => {
                self.go(Move::SalesQualified, touchpoint.at, &touchpoint.id, None);
            }
            TouchpointKind::Rejected | TouchpointKind::Lost => {
                let for_good = matches!(
                    touchpoint.reason.as_deref(),
                    Some("not_a_fit" | "competitor" | "spam")
                );
                let by = if for_good {
                    Move::Disqualified
                } else {
                    Move::Recycled
                };
                self.go(by, touchpoint.at, &touchpoint.id, None);
                self.handed_back(touchpoint);
            }
            _ => {}
        }
    }
}

/// Reason on the fact of somebody who had left, asked again, and pressed the button that takes the leaving back.
pub const CAME_BACK: &str = "came_back";

/// A bounce that will not heal; `reason` is the mail service's bounce type.
pub fn is_hard(touchpoint: &Touchpoint) -> bool {
    touchpoint
        .reason
        .as_deref()
        .is_some_and(|r| r.starts_with("permanent"))
}

#[cfg(test)]
mod move_tests;
mod moves;
#[cfg(test)]
mod tests;

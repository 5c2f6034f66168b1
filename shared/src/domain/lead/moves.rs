//! How a fold moves a lead from stage to stage: by its score, by rules that rule it out, by what sales or an operator said, and by time.
//!
//! Time moves a lead only where something said so before: an override ends, or the rest after a handback. These instants are known from
//! the facts, so a fold passes them in their order between the facts, and tells the next one ([`Lead::review_at`]) for somebody to wake
//! it. Points that fade never move a lead: falling under a threshold undoes nothing.

use serde::{Deserialize, Serialize};

use super::{Folding, Lead, fingerprint};
use crate::domain::handling::Handling;
use crate::domain::score::evaluate::Tally;
use crate::domain::stage::{Move, Stage, StageCause, StageChange};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};

/// Farthest day looked at for a score that does not only fall.
const LONGEST_LOOK_DAYS: i64 = 730;

/// What somebody decided by hand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The stage it holds.
    pub stage: Stage,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// The touchpoint that says who decided it, and why.
    pub touchpoint: String,
    /// The stage to go back to.
    pub before: Stage,
}

/// What a fold remembers about moves, besides the lead.
#[derive(Debug, Default)]
pub(super) struct Moves {
    /// The person did something themselves, since they were handed back if they were.
    acted: bool,
    /// Handed back by sales: the touchpoint, the points then, and until when it rests.
    handed_back: Option<HandedBack>,
    /// The stage before a rule ruled the lead out.
    before_ruled_out: Option<Stage>,
    /// Instants at which time set something off.
    set_off: Vec<Timestamp>,
}

#[derive(Debug)]
struct HandedBack {
    touchpoint: String,
    total: i32,
    rests_until: Timestamp,
    /// The end of the rest was passed, or there was none.
    rested: bool,
}

impl<'a> Folding<'a> {
    /// What a fact comes to: ruled out, qualified, or nothing.
    pub(super) fn judge(&mut self, touchpoint: &Touchpoint) {
        let acted = touchpoint.counts() && touchpoint.trust != Trust::Imported;
        self.moves.acted |= acted;
        // Imports alone never qualify: somebody must have done something.
        self.qualify(touchpoint.at, &touchpoint.id, acted, None);
    }

    fn qualify(&mut self, at: Timestamp, id: &str, may: bool, cause: Option<StageCause>) {
        let next = self.lead.cycle + 1;
        let already = self
            .handoffs
            .iter()
            .any(|h| h.cycle == next && (h.at, h.touchpoint.as_str()) <= (at, id));
        if already && self.lead.stage.may_qualify() {
            // A promise that was kept: whatever the model says now, sales has this lead.
            self.lead.held = None;
            self.lead.cycle = next;
            self.go(Move::Qualified, at, id, None);
            return;
        }
        self.rule_out(at, id);
        let asks =
            may && self.lead.stage.may_qualify() && self.lead.held.is_none() && self.is_rested(at);
        if !asks {
            return;
        }
        let standing = self.tally.standing(&self.lead, at);
        let gained = self.moves.handed_back.as_ref().is_none_or(|back| {
            let must_gain = self.model.recycle.must_gain;
            must_gain <= 0 || standing.score.total >= back.total.saturating_add(must_gain)
        });
        if gained
            && standing.ruled_out_by.is_none()
            && standing.score.reaches(&self.model.thresholds)
        {
            self.lead.cycle = next;
            self.go(Move::Qualified, at, id, cause);
        }
    }

    /// Moves the lead out while a rule rules it out, and back when none does any more. What sales holds already is for sales to judge.
    fn rule_out(&mut self, at: Timestamp, id: &str) {
        if !self.model.rules.iter().any(|r| r.disqualify) || self.lead.held.is_some() {
            return;
        }
        let rule = self.tally.standing(&self.lead, at).ruled_out_by;
        match (rule, self.moves.before_ruled_out) {
            (Some(rule), None) if self.lead.stage.may_qualify() => {
                self.moves.before_ruled_out = Some(self.lead.stage);
                let rule = self.model.rules[rule].id.clone();
                self.put(
                    Stage::Disqualified,
                    at,
                    id,
                    Some(StageCause::RuledOut(rule)),
                );
            }
            (None, Some(before)) => {
                self.moves.before_ruled_out = None;
                if self.lead.stage == Stage::Disqualified {
                    self.put(before, at, id, Some(StageCause::NoLongerRuledOut));
                }
            }
            (Some(_) | None, Some(_) | None) => {}
        }
    }

    fn is_rested(&self, at: Timestamp) -> bool {
        let back = self.moves.handed_back.as_ref();
        back.is_none_or(|back| at >= back.rests_until)
    }

    /// Sales handed the lead back: it qualifies again only by something it does from now on, and after its rest.
    pub(super) fn handed_back(&mut self, touchpoint: &Touchpoint) {
        let days = self.model.recycle.cool_down_days;
        self.moves.acted = false;
        self.moves.handed_back = Some(HandedBack {
            touchpoint: touchpoint.id.clone(),
            total: self.tally.standing(&self.lead, touchpoint.at).score.total,
            rests_until: touchpoint.at.plus_days(days.into()),
            rested: days == 0,
        });
    }

    /// Somebody decided by hand.
    pub(super) fn take_override(&mut self, touchpoint: &Touchpoint) {
        if touchpoint.kind != TouchpointKind::Overridden {
            return;
        }
        let (at, id) = (touchpoint.at, touchpoint.id.as_str());
        let because = Some(StageCause::Override);
        let Some(stage) = touchpoint.stage else {
            self.end_hold(at, id);
            return;
        };
        let before = self.lead.held.take().map_or(self.lead.stage, |h| h.before);
        match stage {
            // To sales at once, whatever the points; a lead that sales has already is not handed over twice.
            Stage::Mql => {
                if !matches!(self.lead.stage, Stage::Mql | Stage::Sal | Stage::Sql) {
                    self.lead.cycle += 1;
                    self.put(stage, at, id, because);
                }
            }
            Stage::Sal | Stage::Sql => self.put(stage, at, id, because),
            Stage::Subscriber | Stage::Lead | Stage::Disqualified | Stage::Recycled => {
                self.put(stage, at, id, because);
                self.lead.held = Some(Hold {
                    stage,
                    until: touchpoint.until,
                    touchpoint: id.to_owned(),
                    before,
                });
            }
        }
    }

    fn end_hold(&mut self, at: Timestamp, id: &str) {
        if let Some(hold) = self.lead.held.take() {
            self.put(hold.before, at, id, Some(StageCause::OverrideEnded));
            let acted = self.moves.acted;
            self.qualify(at, id, acted, Some(StageCause::OverrideEnded));
        }
    }

    /// Passes the instants up to `to` at which time sets something off; `whole` says that nothing more comes at `to` itself.
    pub(super) fn pass_until(&mut self, to: Timestamp, whole: bool) {
        while let Some((at, what)) = self.next_instant().filter(|(at, what)| match what {
            Instant::HoldEnds | Instant::RestEnds => *at <= to,
            // Made at a fact, as most are, it is found again at that fact.
            Instant::HandoffMade(_) => *at < to || (whole && *at == to),
        }) {
            match what {
                Instant::HoldEnds => {
                    self.moves.set_off.push(at);
                    let id = self.lead.held.as_ref().map(|h| h.touchpoint.clone());
                    self.end_hold(at, &id.unwrap_or_default());
                }
                Instant::RestEnds => {
                    let Some(back) = self.moves.handed_back.as_mut() else {
                        return;
                    };
                    back.rested = true;
                    let id = back.touchpoint.clone();
                    self.moves.set_off.push(at);
                    let acted = self.moves.acted;
                    self.qualify(at, &id, acted, Some(StageCause::CoolDownEnded));
                }
                Instant::HandoffMade(touchpoint) => {
                    self.qualify(at, &touchpoint, false, None);
                    if self.lead.stage.may_qualify() {
                        return;
                    }
                }
            }
        }
    }

    fn next_instant(&self) -> Option<(Timestamp, Instant)> {
        let hold = self.lead.held.as_ref().and_then(|h| h.until);
        let back = self.moves.handed_back.as_ref().filter(|b| {
            // Without anything done since, the end of a rest changes nothing.
            !b.rested && self.moves.acted && self.lead.stage == Stage::Recycled
        });
        let made = self
            .handoffs
            .iter()
            .filter(|h| h.cycle == self.lead.cycle + 1 && self.lead.stage.may_qualify());
        hold.map(|at| (at, Instant::HoldEnds))
            .into_iter()
            .chain(back.map(|b| (b.rests_until, Instant::RestEnds)))
            .chain(made.map(|h| (h.at, Instant::HandoffMade(h.touchpoint.clone()))))
            .min_by_key(|(at, _)| *at)
    }

    /// Moves by the table of moves; what is not in it does not happen.
    pub(super) fn go(&mut self, by: Move, at: Timestamp, id: &str, cause: Option<StageCause>) {
        if by == Move::Profiled
            && let Some(hold) = &mut self.lead.held
        {
            hold.before = hold.before.after(by).unwrap_or(hold.before);
            return;
        }
        if let Some(to) = self.lead.stage.after(by) {
            // What sales says outranks what was decided by hand before.
            self.lead.held = None;
            self.moves.before_ruled_out = None;
            self.put(to, at, id, cause);
        }
    }

    fn put(&mut self, to: Stage, at: Timestamp, id: &str, cause: Option<StageCause>) {
        if to == self.lead.stage {
            return;
        }
        self.lead.stage_history.push(StageChange {
            from: Some(self.lead.stage),
            to,
            at,
            touchpoint: id.to_owned(),
            cause,
        });
        if to == Stage::Mql {
            self.lead.handling = Handling::default();
        }
        self.lead.stage = to;
        self.lead.stage_since = at;
    }

    pub(super) fn finish(mut self, ordered: &[&Touchpoint], now: Timestamp) -> (Lead, Tally<'a>) {
        self.lead.ready_until = self.ready_until(now);
        let evaluated = self.tally.evaluated(&self.lead, now);
        let matrix = self.model.thresholds.matrix.as_ref();
        self.lead.grade = matrix.map(|m| m.grade(&evaluated.score));
        self.lead.score = evaluated.score;
        self.lead.breakdown = evaluated.breakdown;
        self.lead.fit_profile = evaluated.profile;
        self.lead.ruled_out_by = evaluated.ruled_out_by;
        self.lead.scored_at = now;
        self.lead.review_at = self.next_instant().and_then(|(at, what)| match what {
            Instant::HoldEnds | Instant::RestEnds => Some(at),
            Instant::HandoffMade(_) => None,
        });
        self.lead.fingerprint =
            fingerprint(ordered, self.model, self.handoffs, &self.moves.set_off);
        (self.lead, self.tally)
    }

    /// When the thresholds that are reached now no longer are, if nothing happens: the beginning of a UTC day.
    fn ready_until(&mut self, now: Timestamp) -> Option<Timestamp> {
        let model = self.model;
        let fading = model.rules.iter().filter_map(|r| model.decay_of(r));
        let horizon = fading.map(super::super::score::Decay::gone_after).max()?;
        let mut reaches = |day: i64| {
            let at = now.day().start().plus_days(day);
            let standing = self.tally.standing(&self.lead, at);
            standing.score.reaches(&model.thresholds)
        };
        if !reaches(0) {
            return None;
        }
        let first = if model.only_falls() {
            // All is gone at the horizon: between, the answer changes once.
            let (mut yes, mut no) = (0, horizon + 1);
            if reaches(no) {
                return None;
            }
            while no - yes > 1 {
                let middle = yes + (no - yes) / 2;
                if reaches(middle) {
                    yes = middle;
                } else {
                    no = middle;
                }
            }
            no
        } else {
            (1..=horizon.min(LONGEST_LOOK_DAYS)).find(|day| !reaches(*day))?
        };
        Some(now.day().start().plus_days(first))
    }
}

/// What time sets off.
enum Instant {
    HoldEnds,
    RestEnds,
    HandoffMade(String),
}

//! What a model makes of a lead's facts: the one file here that knows how facts are folded and scored.
//!
//! A trial never looks at handoffs made: it asks what would have happened, had the model been in force from the first day. Must not know
//! where facts come from or what becomes of the answer.

use shared::domain::id::LeadId;
use shared::domain::lead::{Under, fold};
use shared::domain::pii::Pii;
use shared::domain::score::ScoreModel;
use shared::domain::stage::Stage;
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};

/// What a model makes of a lead.
#[derive(Clone, Debug)]
pub struct Judged {
    /// Points in all.
    pub total: i32,
    /// Rules that gave points, and how many.
    pub lines: Vec<(String, i32)>,
    /// Where the lead stands at the end.
    pub stage: Stage,
    /// Whether it was ever ready for sales.
    pub qualified: bool,
    /// Address as given.
    pub email: Option<Pii<String>>,
}

/// What sales said of a lead, in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Taken, whether or not it was won in the end.
    Accepted,
    /// Handed back or ruled out.
    Rejected,
}

/// What a lead is judged by besides its facts and the model.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    /// The instant at which points have faded so far; none = that of the latest fact.
    pub at: Option<Timestamp>,
    /// Facts from before do not count.
    pub erased_at: Option<Timestamp>,
}

/// Folds `facts` under `model`; none where there is nothing to fold.
pub fn judge(
    lead_id: LeadId,
    facts: &[Touchpoint],
    model: &ScoreModel,
    terms: Terms,
) -> Option<Judged> {
    let under = Under {
        model,
        handoffs: &[],
        erased_at: terms.erased_at,
        // The fold never goes back behind the latest fact.
        now: terms.at.unwrap_or_default(),
    };
    let lead = fold(lead_id, facts, &under)?;
    Some(Judged {
        total: lead.score.total,
        qualified: lead.cycle > 0,
        stage: lead.stage,
        lines: lead
            .breakdown
            .into_iter()
            .map(|line| (line.rule, line.points))
            .collect(),
        email: lead.email,
    })
}

/// The latest verdict of sales, and when it was given.
pub fn verdict(facts: &[Touchpoint]) -> Option<(Verdict, Timestamp)> {
    let said = |t: &Touchpoint| match t.kind.name() {
        "accepted" | "sales_qualified" | "won" | "lost" => Some(Verdict::Accepted),
        "rejected" => Some(Verdict::Rejected),
        _ => None,
    };
    facts
        .iter()
        .filter(|t| t.machine.is_none())
        .filter_map(|t| Some((t.at, &t.id, said(t)?)))
        .max_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)))
        .map(|(at, _, verdict)| (verdict, at))
}

/// Whether a fact is a verdict: what was known when it was given leaves it out.
pub fn is_verdict(fact: &Touchpoint) -> bool {
    matches!(
        fact.kind,
        TouchpointKind::Accepted
            | TouchpointKind::Rejected
            | TouchpointKind::SalesQualified
            | TouchpointKind::Won
            | TouchpointKind::Lost
    )
}

/// Takes what people did before they came here as if they had done it here. An import alone qualifies nobody; a trial on an imported
/// history asks what it would have done.
pub fn count_imported(facts: &mut [Touchpoint]) {
    for fact in facts {
        if fact.trust == Trust::Imported && fact.kind.is_inbound() {
            fact.trust = Trust::Typed;
        }
    }
}

//! Deciding what an answer of sales comes to: a fact, and the work it causes.
//!
//! | answer | fact | stands |
//! | --- | --- | --- |
//! | take it, hand it back | `ver_<cycle>` | the first one |
//! | qualified | `sql_<cycle>` | the first one |
//! | won, lost | `out_<cycle>` | the first one |
//! | later | `snz_…`, and the alert once more when the time has come | each, until it is answered |
//! | pass it on | `rrt_…`, and an alert to the colleague | each, until it is answered |
//!
//! Ids are made of what was answered, so a second press is the same answer, and of two people who answer at once one is first. The
//! answer comes from a link in an alert, from a command, or from a CRM; what it comes to is the same.

use crate::domain::handling::Handling;
use crate::domain::handoff::Handoff;
use crate::domain::id::{LeadId, derived};
use crate::domain::outbox::{Order, OutboxItem};
use crate::domain::pii::Pii;
use crate::domain::text::{clean_lines, people_time, shortened};
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};
use crate::flow::Write;
use crate::flow::alerts::{alert_item, order_for};
use crate::site::Site;

/// Longest comment in characters.
pub(crate) const MAX_COMMENT: usize = 1_000;

/// Reasons for handing a lead back, with what people read. The first three rule the lead out for good.
pub const REJECT_REASONS: [(&str, &str); 6] = [
    ("not_a_fit", "Not a fit for us"),
    ("competitor", "A competitor"),
    ("spam", "Not a real request"),
    ("timing", "Not now; let marketing stay in touch"),
    ("no_answer", "Could not be reached"),
    ("other", "Another reason"),
];

/// Reasons for which a lead that was taken is lost. The first rules it out for good.
pub const LOST_REASONS: [(&str, &str); 6] = [
    ("not_a_fit", "Not a fit for us"),
    ("price", "Too expensive"),
    ("chose_other", "Bought elsewhere"),
    ("no_decision", "No decision; let marketing stay in touch"),
    ("no_answer", "Could not be reached any more"),
    ("other", "Another reason"),
];

/// How long an answer can be put off: what is posted, what people read, and how many days.
pub const SNOOZES: [(&str, &str, i64); 3] = [
    ("tomorrow", "Tomorrow morning", 1),
    ("days", "In three days", 3),
    ("week", "In a week", 7),
];

/// What sales says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// They take the lead.
    Accept,
    /// They hand it back, with a reason of [`REJECT_REASONS`].
    Reject(String),
    /// They will answer later: one of [`SNOOZES`].
    Snooze(String),
    /// It is a colleague's, by id.
    Pass(String),
    /// There is something to sell.
    Qualified,
    /// They bought.
    Won,
    /// They did not buy, with a reason of [`LOST_REASONS`].
    Lost(String),
}

impl Answer {
    /// Reads an answer from what a page or a CRM posts; none where something is missing or not known.
    pub fn read(answer: &str, reason: Option<&str>, to: Option<&str>, site: &Site) -> Option<Self> {
        let among = |reasons: &[(&str, &str)]| {
            let known = |r: &&str| reasons.iter().any(|(id, _)| id == r);
            reason.filter(known).map(str::to_owned)
        };
        Some(match answer {
            "accept" => Self::Accept,
            "reject" => Self::Reject(among(&REJECT_REASONS)?),
            "snooze" => {
                let known = |until: &&str| SNOOZES.iter().any(|(id, ..)| id == until);
                Self::Snooze(to.filter(known)?.to_owned())
            }
            "pass" => Self::Pass(to.and_then(|id| site.sales.person(id))?.id.clone()),
            "qualified" => Self::Qualified,
            "won" => Self::Won,
            "lost" => Self::Lost(among(&LOST_REASONS)?),
            _ => return None,
        })
    }

    /// The kind of fact that it is.
    pub const fn kind(&self) -> TouchpointKind {
        match self {
            Self::Accept => TouchpointKind::Accepted,
            Self::Reject(_) => TouchpointKind::Rejected,
            Self::Snooze(_) => TouchpointKind::Snoozed,
            Self::Pass(_) => TouchpointKind::Rerouted,
            Self::Qualified => TouchpointKind::SalesQualified,
            Self::Won => TouchpointKind::Won,
            Self::Lost(_) => TouchpointKind::Lost,
        }
    }

    /// Whether the answer can still be given. The first one stands; after a handback nothing more is said in this cycle.
    pub fn fits(&self, so_far: &Handling) -> bool {
        let handed_back = so_far
            .answer
            .as_ref()
            .is_some_and(|a| a.kind == TouchpointKind::Rejected);
        match self {
            Self::Accept | Self::Reject(_) | Self::Snooze(_) => so_far.waits(),
            Self::Pass(_) => so_far.waits() || (!handed_back && so_far.outcome.is_none()),
            Self::Qualified => {
                !handed_back && so_far.qualified.is_none() && so_far.outcome.is_none()
            }
            Self::Won | Self::Lost(_) => !handed_back && so_far.outcome.is_none(),
        }
    }
}

/// Who answers, and when.
#[derive(Clone, Copy, Debug)]
pub struct By<'a> {
    /// Id of the sales person; none = an operator, or nobody can tell.
    pub author: Option<&'a str>,
    /// What makes a repeat of this answer the same one: of a link, its token's nonce.
    pub token: &'a [u8],
    /// In their words.
    pub comment: Option<&'a str>,
    /// When.
    pub now: Timestamp,
}

/// The writes of an answer. The fact comes first.
pub fn answered(handoff: &Handoff, answer: &Answer, by: By<'_>, site: &Site) -> Vec<Write> {
    let fact = fact(handoff, answer, by, site);
    let mut writes = Vec::new();
    match answer {
        Answer::Snooze(_) => {
            let person = by.author.unwrap_or(&handoff.owner.id);
            let because = String::from("you asked to be reminded");
            let at = fact.until.unwrap_or(by.now);
            let id = format!("rem_{}", fact.id);
            writes.push(again(handoff, id, person, because, site, (at, by.now)));
        }
        Answer::Pass(to) => {
            let who = name_of(by.author, site);
            let because = match &fact.comment {
                Some(words) => format!("{who} passed it on to you: {}", words.expose()),
                None => format!("{who} passed it on to you"),
            };
            let id = format!("alr_{}", fact.id);
            writes.push(again(handoff, id, to, because, site, (by.now, by.now)));
        }
        Answer::Accept | Answer::Reject(_) | Answer::Qualified | Answer::Won | Answer::Lost(_) => {}
    }
    writes.insert(0, Write::Touchpoint(fact));
    writes
}

/// The alert of a handoff once more, to whoever has the lead now, marked as a repeat; each asking makes one of its own.
pub fn resend(
    handoff: &Handoff,
    person: &str,
    id: &str,
    site: &Site,
    now: Timestamp,
) -> OutboxItem {
    let id = format!("alr_{}_{id}", handoff.cycle);
    let order = Order {
        again: true,
        ..order_for(handoff, person)
    };
    alert_item(handoff, id, order, site, now, now)
}

fn again(
    handoff: &Handoff,
    id: String,
    person: &str,
    because: String,
    site: &Site,
    (at, now): (Timestamp, Timestamp),
) -> Write {
    let mut order = order_for(handoff, person);
    order.because = Some(because);
    Write::Outbox(alert_item(handoff, id, order, site, at, now))
}

fn fact(handoff: &Handoff, answer: &Answer, by: By<'_>, site: &Site) -> Touchpoint {
    let (kind, cycle) = (answer.kind(), handoff.cycle);
    let day = by.now.day().0.to_be_bytes();
    let repeatable = |what: &str| {
        let parts: [&[u8]; 4] = [&cycle.to_be_bytes(), by.token, what.as_bytes(), &day];
        derived(kind.prefix(), &parts)
    };
    let id = match answer {
        Answer::Accept | Answer::Reject(_) => format!("ver_{cycle}"),
        Answer::Qualified => format!("sql_{cycle}"),
        Answer::Won | Answer::Lost(_) => format!("out_{cycle}"),
        Answer::Snooze(until) => repeatable(until),
        Answer::Pass(to) => repeatable(to),
    };
    let lead: LeadId = handoff.lead_id;
    let mut fact = Touchpoint::new(lead, id, kind, by.now);
    // Its own for each press: meeting somebody's earlier answer must not look like having given this one.
    fact.last_write_id = derived(
        "wrt",
        &[
            fact.id.as_bytes(),
            by.token,
            kind.name().as_bytes(),
            &by.now.0.to_be_bytes(),
        ],
    );
    fact.cycle = Some(cycle);
    fact.trust = Trust::Sales;
    fact.author = by.author.map(str::to_owned);
    fact.site_hash = Some(site.hash.clone());
    let comment = by
        .comment
        .map(|c| shortened(&clean_lines(c), MAX_COMMENT))
        .filter(|c| !c.is_empty());
    fact.comment = comment.map(Pii::new);
    match answer {
        Answer::Reject(reason) | Answer::Lost(reason) => fact.reason = Some(reason.clone()),
        Answer::Snooze(until) => {
            let days = SNOOZES
                .iter()
                .find(|(id, ..)| id == until)
                .map_or(1, |s| s.2);
            let person = by.author.unwrap_or(&handoff.owner.id);
            let calendar = site.sales.calendar_of(person);
            fact.until =
                Some(calendar.map_or(by.now.plus_days(days), |c| c.morning_after(by.now, days)));
        }
        Answer::Pass(to) => fact.person = Some(to.clone()),
        Answer::Accept | Answer::Qualified | Answer::Won => {}
    }
    fact
}

fn name_of<'s>(id: Option<&'s str>, site: &'s Site) -> &'s str {
    id.map_or("An operator", |id| {
        site.sales.person(id).map_or(id, |p| p.name.as_str())
    })
}

/// An instant as this reader's clock shows it.
pub fn clock_of(reader: &str, at: Timestamp, site: &Site) -> String {
    site.sales
        .calendar_of(reader)
        .map_or_else(|| people_time(at), |c| c.people_time(at))
}

/// What sales said so far, a sentence each, oldest first, on the clock of `reader`.
pub fn told(facts: &[Touchpoint], cycle: u32, reader: &str, site: &Site) -> Vec<String> {
    let mut said: Vec<&Touchpoint> = facts
        .iter()
        .filter(|t| t.cycle == Some(cycle) && t.machine.is_none())
        .collect();
    said.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    said.into_iter()
        .filter_map(|fact| sentence(fact, reader, site))
        .collect()
}

/// Who said what, and when; none for a fact that is no answer.
pub fn sentence(fact: &Touchpoint, reader: &str, site: &Site) -> Option<String> {
    let who = fact.author.as_deref().map_or("Sales", |id| {
        site.sales.person(id).map_or(id, |p| p.name.as_str())
    });
    let when = clock_of(reader, fact.at, site);
    let because = |reasons: &[(&str, &str)]| {
        let id = fact.reason.as_deref().unwrap_or("other");
        let words = reasons.iter().find(|(known, _)| *known == id);
        words.map_or_else(|| id.to_owned(), |(_, words)| (*words).to_owned())
    };
    let mut text = match fact.kind {
        TouchpointKind::Accepted => format!("{who} took this lead on {when}."),
        TouchpointKind::Rejected => {
            format!(
                "{who} handed this lead back on {when}: {}.",
                because(&REJECT_REASONS)
            )
        }
        TouchpointKind::Snoozed => {
            let until = fact
                .until
                .map(|at| clock_of(reader, at, site))
                .unwrap_or_default();
            format!("{who} put the answer off on {when}, until {until}.")
        }
        TouchpointKind::Rerouted => {
            let to = name_of(fact.person.as_deref(), site);
            format!("{who} passed this lead on to {to} on {when}.")
        }
        TouchpointKind::SalesQualified => format!("{who} qualified this lead on {when}."),
        TouchpointKind::Won => format!("{who} won this lead on {when}."),
        TouchpointKind::Lost => {
            format!(
                "{who} lost this lead on {when}: {}.",
                because(&LOST_REASONS)
            )
        }
        TouchpointKind::FormSubmitted
        | TouchpointKind::AddressConfirmed
        | TouchpointKind::MagnetDownloaded
        | TouchpointKind::LinkClicked
        | TouchpointKind::LinkRenewed
        | TouchpointKind::Delivered
        | TouchpointKind::Delayed
        | TouchpointKind::NotSent
        | TouchpointKind::Bounced
        | TouchpointKind::Complained
        | TouchpointKind::Unsubscribed
        | TouchpointKind::PreferencesChanged
        | TouchpointKind::Replied
        | TouchpointKind::SuppressionLifted
        | TouchpointKind::Imported
        | TouchpointKind::Overridden => return None,
    };
    if let Some(comment) = &fact.comment {
        text = format!("{text} “{}”", comment.expose());
    }
    Some(text)
}

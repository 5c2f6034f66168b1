//! Links in alerts: sales takes a lead, or hands it back. GET shows, POST acts, no login; the first answer stands.

use lambda_http::http::StatusCode;
use shared::domain::handoff::Handoff;
use shared::domain::pii::Pii;
use shared::domain::stage::Stage;
use shared::domain::text::{clean_lines, people_time, shortened};
use shared::domain::token::{Claims, Purpose};
use shared::domain::touchpoint::{Touchpoint, TouchpointKind};
use shared::edge::http::{Answer, page};
use shared::edge::pages::HandoffPage;
use shared::flow::Write;
use shared::flow::links::{REJECT_REASONS, Verdict, answered, machine_reason};
use shared::site::Site;
use shared::store::{Committed, StoreError};

use crate::{Call, message};

/// Longest comment in characters.
const MAX_COMMENT: usize = 1_000;

/// The answer link of an alert.
pub(crate) async fn answer(call: &Call<'_>, token: &str) -> Result<Answer, StoreError> {
    let Ok(claims) = call.verify(Purpose::Handoff, token) else {
        return Ok(call.not_ours());
    };
    let Some(handoff) = call
        .deps
        .store
        .handoff(claims.subject, claims.scope)
        .await?
    else {
        return Ok(call.not_ours());
    };
    let lead = call.deps.store.lead(claims.subject).await?;
    let moved_on = lead.filter(|l| l.cycle != handoff.cycle || l.stage != Stage::Mql);
    let state = moved_on.map(|l| {
        format!(
            "This lead has been answered; it now stands at “{}”.",
            l.stage.name()
        )
    });
    if call.reads {
        return Ok(show(call, &claims, &handoff, state));
    }
    let verdict = match (call.field("answer"), call.field("reason")) {
        (Some("accept"), _) => Verdict::Accept,
        (Some("reject"), Some(reason)) if REJECT_REASONS.iter().any(|(id, _)| *id == reason) => {
            Verdict::Reject(reason.to_owned())
        }
        _ => return Ok(show(call, &claims, &handoff, state)),
    };
    let visit = call.visit(&claims);
    // Scanners of sales mail press buttons too; a person is shown the page again and presses once more.
    if machine_reason(&visit).is_some() {
        return Ok(show(call, &claims, &handoff, state));
    }
    let mut fact = answered(&claims, &verdict, &handoff.owner.id, &visit);
    let comment = call
        .field("comment")
        .map(|c| shortened(&clean_lines(c), MAX_COMMENT));
    fact.comment = comment.filter(|c| !c.is_empty()).map(Pii::new);
    let stands = match call
        .deps
        .store
        .commit(&[Write::Touchpoint(fact.clone())])
        .await?
    {
        Committed::Written => fact,
        Committed::Lost(old) => match old.into_iter().next().flatten() {
            Some(item) => item.touchpoint()?,
            None => return Err(StoreError::Busy("verdict")),
        },
    };
    Ok(message(
        call.site,
        StatusCode::OK,
        "Thank you",
        &sentence(&stands, call.site),
    ))
}

fn show(call: &Call<'_>, claims: &Claims, handoff: &Handoff, state: Option<String>) -> Answer {
    let shown = HandoffPage {
        look: call.look(None),
        handoff,
        answered: state,
        answer: call
            .asked("answer")
            .filter(|a| matches!(*a, "accept" | "reject")),
        reasons: &REJECT_REASONS,
        stamp: call.stamp(claims),
    };
    page(StatusCode::OK, &shown, &[])
}

/// Who answered what, and when.
fn sentence(verdict: &Touchpoint, site: &Site) -> String {
    let who = verdict.author.as_deref().map_or("Sales", |id| {
        site.sales.person(id).map_or(id, |p| p.name.as_str())
    });
    let when = people_time(verdict.at);
    if verdict.kind == TouchpointKind::Accepted {
        format!("{who} took this lead on {when}.")
    } else {
        let reason = verdict.reason.as_deref().unwrap_or("other");
        let words = REJECT_REASONS
            .iter()
            .find(|(id, _)| *id == reason)
            .map_or(reason, |(_, words)| words);
        format!("{who} handed this lead back on {when}: {words}.")
    }
}

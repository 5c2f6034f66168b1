//! Links in alerts: sales takes a lead, hands it back, puts it off, passes it on, and later says what became of it. GET shows, POST
//! acts, no login; the first answer stands, and everybody who comes after it reads who gave it.

use lambda_http::http::StatusCode;
use shared::domain::handling::Handling;
use shared::domain::handoff::Handoff;
use shared::domain::token::{Claims, Purpose, is_for};
use shared::domain::touchpoint::{Touchpoint, TouchpointKind};
use shared::edge::http::{Answer, page};
use shared::edge::pages::{Asks, Choices, HandoffPage};
use shared::flow::links::machine_reason;
use shared::flow::sales::{
    Answer as Said, By, LOST_REASONS, REJECT_REASONS, SNOOZES, answered, clock_of, told,
};
use shared::store::StoreError;

use crate::Call;

/// What a press came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pressed {
    /// Nothing was pressed, or nothing that can be answered (any more).
    Nothing,
    /// Sooner than a person can have read the page.
    TooSoon,
    /// It is written.
    Done,
}

/// The answer link of an alert.
pub(crate) async fn answer(call: &Call<'_>, token: &str) -> Result<Answer, StoreError> {
    let Ok(claims) = call.verify(Purpose::Handoff, token) else {
        return Ok(call.not_ours());
    };
    let store = &call.deps.store;
    let Some(handoff) = store.handoff(claims.subject, claims.scope).await? else {
        return Ok(call.not_ours());
    };
    let facts = store.facts(claims.subject).await?;
    if call.reads {
        return Ok(show(call, &claims, &handoff, &facts, Pressed::Nothing));
    }
    let reader = reader(call, &claims, &handoff);
    let asked = call.field("answer").unwrap_or_default();
    let said = Said::read(asked, call.field("reason"), call.field("to"), call.site);
    let so_far = Handling::of(&facts, handoff.cycle);
    let Some(said) = said.filter(|s| s.fits(&so_far)) else {
        return Ok(show(call, &claims, &handoff, &facts, Pressed::Nothing));
    };
    // Scanners of sales mail press buttons too; a person is shown the page again and presses once more.
    if machine_reason(&call.visit(&claims)).is_some() {
        return Ok(show(call, &claims, &handoff, &facts, Pressed::TooSoon));
    }
    let by = By {
        author: Some(&reader),
        token: &claims.nonce,
        comment: call.field("comment"),
        now: call.now,
    };
    // Where somebody else was first, their answer is what the page then shows.
    let written = store
        .commit(&answered(&handoff, &said, by, call.site))
        .await?;
    let pressed = match written {
        shared::store::Committed::Written => Pressed::Done,
        shared::store::Committed::Lost(_) => Pressed::Nothing,
    };
    let facts = store.facts(claims.subject).await?;
    Ok(show(call, &claims, &handoff, &facts, pressed))
}

/// Whose link it is. One from an alert of an earlier release does not say; it is the owner's.
fn reader(call: &Call<'_>, claims: &Claims, handoff: &Handoff) -> String {
    let team = &call.site.sales.team;
    let person = team.iter().find(|p| is_for(claims, &p.id));
    person.map_or_else(|| handoff.owner.id.clone(), |p| p.id.clone())
}

fn show(
    call: &Call<'_>,
    claims: &Claims,
    handoff: &Handoff,
    facts: &[Touchpoint],
    pressed: Pressed,
) -> Answer {
    let reader = reader(call, claims, handoff);
    let so_far = Handling::of(facts, handoff.cycle);
    let sales = &call.site.sales;
    let asks = if so_far.waits() {
        Asks::First
    } else if Said::Won.fits(&so_far) {
        Asks::Later
    } else {
        Asks::Nothing
    };
    // A later handoff has its own alert.
    let superseded = facts.iter().any(|t| {
        t.cycle.is_some_and(|cycle| cycle > handoff.cycle) && t.kind != TouchpointKind::Overridden
    });
    // The time that was agreed first is over once the lead was put off or passed on; what was said then tells the rest.
    let first = so_far.waits() && so_far.counts_from().is_none();
    let deadline = handoff.answer_by.filter(|_| first);
    let holder = so_far.holder.as_deref().unwrap_or(&handoff.owner.id);
    let shown = HandoffPage {
        look: call.look(None),
        handoff,
        told: told(facts, handoff.cycle, &reader, call.site),
        done: pressed == Pressed::Done,
        pressed_too_soon: pressed == Pressed::TooSoon,
        asks: if superseded { Asks::Nothing } else { asks },
        qualified: so_far.qualified.is_some(),
        // What was answered just now is not asked once more.
        answer: call
            .asked("answer")
            .filter(|_| pressed != Pressed::Done)
            .filter(|a| matches!(*a, "accept" | "reject" | "snooze" | "pass")),
        choices: Choices {
            reject: &REJECT_REASONS,
            lost: &LOST_REASONS,
            snooze: &SNOOZES,
            colleagues: sales
                .team
                .iter()
                .filter(|p| p.id != holder)
                .map(|p| (p.id.as_str(), p.name.as_str()))
                .collect(),
        },
        answer_by: deadline.map_or_else(String::new, |at| clock_of(&reader, at, call.site)),
        stamp: call.stamp(claims),
    };
    page(StatusCode::OK, &shown, &[])
}

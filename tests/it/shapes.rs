//! Stored shapes are a promise: what an earlier release wrote is read by this one. To change a shape, add a folder and keep the old one.

use serde::de::DeserializeOwned;
use shared::domain::consent::{ConsentRecord, LedgerHead, Wording};
use shared::domain::erasure::Erasure;
use shared::domain::guard::Guard;
use shared::domain::handoff::Handoff;
use shared::domain::held::Held;
use shared::domain::lapse::Lapse;
use shared::domain::lead::Lead;
use shared::domain::outbox::OutboxItem;
use shared::domain::sending::Sending;
use shared::domain::touchpoint::Touchpoint;
use tests::project;

fn read<T: DeserializeOwned>(version: &str, name: &str) -> Vec<T> {
    let path = project(&format!("tests/shapes/{version}/{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text)
        .unwrap_or_else(|e| panic!("{} can not be read any more: {e}", path.display()))
}

#[test]
fn what_version_1_stored_can_be_read() {
    let facts: Vec<Touchpoint> = read("v1", "touchpoints");
    assert!(facts.len() >= 4 && facts.iter().all(|t| t.v == 1));
    let items: Vec<OutboxItem> = read("v1", "outbox");
    assert!(items.len() >= 3 && items.iter().all(|o| o.v == 1));
    let leads: Vec<Lead> = read("v1", "lead");
    assert_eq!(
        leads[0].breakdown.iter().map(|l| l.points).sum::<i32>(),
        leads[0].score.total
    );
    let handoffs: Vec<Handoff> = read("v1", "handoffs");
    assert_eq!(handoffs[0].cycle, 1);
    let consents: Vec<ConsentRecord> = read("v1", "consents");
    assert_eq!(
        consents.iter().map(|c| c.n).collect::<Vec<_>>(),
        [1, 2, 3, 4]
    );
    assert!(consents[3].language.is_some() && consents[3].text.is_none());
    let guards: Vec<Guard> = read("v1", "guard");
    assert!(guards[0].confirmed_at.is_some());
    let held: Vec<Held> = read("v1", "held");
    assert!(!held[0].stored && held[1].stored);
    assert!(guards[1].has_erased(guards[1].erased_at.unwrap()) && !guards[1].erasing);
    let heads: Vec<LedgerHead> = read("v1", "ledger");
    assert_eq!(heads[0].n, 3);
    let wordings: Vec<Wording> = read("v1", "wordings");
    assert!(wordings[0].holds());
    let lapses: Vec<Lapse> = read("v1", "lapses");
    assert!(lapses[0].until.0 > 0);
    let sending: Vec<Sending> = read("v1", "sending");
    assert!(sending[0].pause.is_none() && sending[1].pause.is_some());
    let erasures: Vec<Erasure> = read("v1", "erasures");
    assert!(erasures[0].finished_at.is_none() && erasures[1].finished_at.is_some());
}

//! A lead that a service tells of by its ids alone: kept as a fact, so that nothing is lost until its answers are fetched.
//!
//! It belongs to a partition of its own, made of the service and its id: whose it is, nobody knows yet. It is marked as no person's
//! doing, so it earns nothing and reaches nobody.

use crate::domain::elsewhere::Service;
use crate::domain::form::Form;
use crate::domain::id::{IdentityKey, derived};
use crate::domain::pii::Pii;
use crate::domain::time::Timestamp;
use crate::domain::touchpoint::{Answer, Touchpoint, TouchpointKind, Value};

/// Why such a fact earns nothing.
const UNFETCHED: &str = "its answers were not fetched yet";

/// A lead at a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The service.
    pub service: Service,
    /// The lead's id there.
    pub id: String,
    /// All ids that came with it, by name.
    pub ids: Vec<(String, String)>,
}

/// The fact. The same lead told of again is the same fact.
pub fn decide(
    reference: &Reference,
    form: &Form,
    site_hash: &str,
    identity: &IdentityKey,
    now: Timestamp,
    write_id: &str,
) -> Touchpoint {
    let lead_id = identity.lead_elsewhere(reference.service.name(), &reference.id);
    let name = [reference.service.name().as_bytes(), reference.id.as_bytes()];
    let kind = TouchpointKind::FormSubmitted;
    let mut fact = Touchpoint::new(lead_id, derived(kind.prefix(), &name), kind, now);
    fact.form = Some(form.id.clone());
    fact.form_version = Some(form.version.clone());
    fact.site_hash = Some(site_hash.to_owned());
    fact.machine = Some(UNFETCHED.to_owned());
    write_id.clone_into(&mut fact.last_write_id);
    fact.answers = reference
        .ids
        .iter()
        .map(|(name, value)| Answer {
            name: name.clone(),
            value: Value::Text(Pii::new(value.clone())),
        })
        .collect();
    fact
}

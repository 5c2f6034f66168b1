//! Somebody wrote back to a mail. Their answer lies in a mailbox that Lodestone does not read, so whoever reads it says so: a CRM or a
//! helpdesk by a signed message, a person by a command. Mails that are still to follow end with it (`flow/deliver.rs`).

use crate::domain::id::{LeadId, derived};
use crate::domain::pii::Pii;
use crate::domain::text::{clean_lines, shortened};
use crate::domain::touchpoint::{Touchpoint, TouchpointKind, Trust};
use crate::flow::Write;
use crate::flow::sales::{By, MAX_COMMENT};

/// The fact that somebody wrote back. Of `by`, the token makes the same message the same fact, however often it comes.
pub fn wrote_back(lead_id: LeadId, by: By<'_>, site_hash: &str) -> Write {
    let kind = TouchpointKind::Replied;
    let id = derived(kind.prefix(), &[by.token]);
    let mut fact = Touchpoint::new(lead_id, id, kind, by.now);
    fact.trust = Trust::Sales;
    fact.author = by.author.map(str::to_owned);
    let comment = by.comment.map(|c| shortened(&clean_lines(c), MAX_COMMENT));
    fact.comment = comment.filter(|c| !c.is_empty()).map(Pii::new);
    fact.site_hash = Some(site_hash.to_owned());
    Write::Touchpoint(fact)
}

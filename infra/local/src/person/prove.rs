//! Proving consents: the ledger of a person in plain words, and whether it is whole.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::domain::consent::{ConsentKey, ConsentRecord, Decision, LedgerFault, Wording};
use shared::domain::guard::Guard;
use shared::domain::touchpoint::Touchpoint;
use shared::flow::score::said_by;
use shared::site::Site;

use super::{Person, Records};

/// A ledger, checked.
#[derive(Debug, Clone, Serialize)]
pub struct Proof {
    /// The address.
    pub address: String,
    /// The lead.
    pub reference: String,
    /// The entries.
    pub entries: Vec<Entry>,
    /// What is wrong; nothing where the ledger is whole.
    pub faults: Vec<LedgerFault>,
    /// Why no mail goes out, whatever the ledger says.
    pub barred: Option<String>,
}

/// An entry with the words that were shown.
#[derive(Debug, Clone, Serialize)]
pub struct Entry {
    /// The entry as it is kept.
    pub record: ConsentRecord,
    /// The exact words.
    pub text: Option<String>,
    /// What it comes to, in words.
    pub words: String,
}

/// Reads and checks the ledger of the person with this address; none where nothing is kept of them.
pub async fn prove(
    records: &Records<'_>,
    key: &ConsentKey,
    site: &Site,
    email: &str,
) -> anyhow::Result<Option<Proof>> {
    let person = Person::of(email, records.identity)?;
    let stored = records.store.lead_records(person.lead_id).await?;
    let facts = records.store.facts(person.lead_id).await?;
    if facts.is_empty() && stored.lead.is_none() && stored.consents.is_empty() {
        return Ok(None);
    }
    let erased = stored.guard.erased_at.is_some();
    let mut faults = key.check(
        &person.lead_id,
        &stored.consents,
        stored.ledger.as_ref(),
        erased,
    );
    faults.extend(not_recorded(&facts, &stored.consents, &stored.guard));
    let mut wordings: BTreeMap<String, Option<Wording>> = BTreeMap::new();
    let mut entries = Vec::new();
    for record in stored.consents {
        let hash = record.text_sha256.clone();
        if !hash.is_empty() && !wordings.contains_key(&hash) {
            let wording = records.store.wording(&hash).await?;
            wordings.insert(hash.clone(), wording.filter(Wording::holds));
        }
        let kept = wordings.get(&hash).and_then(Option::as_ref);
        let text = record.text.clone().or_else(|| kept.map(|w| w.text.clone()));
        // What takes something back has no words of its own.
        if text.is_none() && !hash.is_empty() {
            faults.push(LedgerFault::WordingLost(record.n));
        }
        entries.push(Entry {
            words: words(&record, text.as_deref(), site),
            text,
            record,
        });
    }
    Ok(Some(Proof {
        address: person.address.given().to_owned(),
        reference: person.lead_id.to_string(),
        entries,
        faults,
        barred: stored.guard.bars_marketing().map(str::to_owned),
    }))
}

/// What facts say and the ledger does not have.
fn not_recorded(facts: &[Touchpoint], chain: &[ConsentRecord], guard: &Guard) -> Vec<LedgerFault> {
    let mut missing = Vec::new();
    for fact in facts {
        if fact.machine.is_some() || guard.has_erased(fact.at) {
            continue;
        }
        for said in said_by(fact) {
            let same = |r: &&ConsentRecord| r.touchpoint == fact.id && r.purpose == said.purpose;
            if chain.iter().find(same).is_none() {
                missing.push(LedgerFault::NotRecorded {
                    touchpoint: fact.id.clone(),
                    purpose: said.purpose,
                });
            }
        }
    }
    missing
}

/// The time as people write it, in UTC.
fn when(at: shared::domain::time::Timestamp) -> String {
    let text = at.to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{day} {} UTC", time.get(..8).unwrap_or(time))
}

/// An entry in plain words.
fn words(record: &ConsentRecord, text: Option<&str>, site: &Site) -> String {
    let purpose = match record.purpose.as_str() {
        "all" => "everything".to_owned(),
        purpose => format!("“{purpose}”"),
    };
    let did = match (record.decision, record.method.as_str()) {
        (Decision::Granted, "import") => format!("came in a file as having agreed to {purpose}"),
        (Decision::Granted, "checkbox") => format!("ticked the box for {purpose}"),
        (Decision::Granted, _) => format!("agreed to {purpose}"),
        (Decision::Declined, _) => format!("left the box for {purpose} empty"),
        (Decision::Confirmed, _) => {
            format!(
                "pressed the button that confirms {purpose}, on the page behind a link in our mail"
            )
        }
        (Decision::Withdrawn, _) => format!("took back {purpose}"),
    };
    let mut lines = vec![format!("{}  {did}", when(record.at))];
    if let Some(text) = text {
        let language = record
            .language
            .as_deref()
            .map_or_else(String::new, |l| format!(" ({l})"));
        lines.push(format!("words shown{language}: “{text}”"));
    } else if !record.text_sha256.is_empty() {
        lines.push(format!(
            "the words shown are not kept; their hash is {}",
            record.text_sha256
        ));
    }
    if let Some(form) = &record.form {
        let title = site.forms.get(form).map(|f| f.title.as_str());
        let title = title.map_or_else(String::new, |t| format!(" “{t}”"));
        let version = record.form_version.as_deref().unwrap_or("unknown");
        let page = record
            .page
            .as_deref()
            .map_or_else(String::new, |p| format!(", on {p}"));
        lines.push(format!("form {form}{title}, version {version}{page}"));
    }
    let mut from = Vec::new();
    if let Some(agent) = &record.agent_class {
        from.push(format!("by a {agent}"));
    }
    if let Some(network) = &record.ip_hash {
        from.push(format!("from the network {network} (a keyed hash)"));
    }
    if !from.is_empty() {
        lines.push(from.join(", "));
    }
    if let (Some(mail), Some(at)) = (&record.mail, record.mail_delivered_at) {
        lines.push(format!(
            "our mail {mail} was delivered to the address at {}",
            when(at)
        ));
    }
    lines.push(format!("kept as fact {}", record.touchpoint));
    lines.join("\n    ")
}

/// A fault in plain words.
fn fault_words(fault: &LedgerFault) -> String {
    match fault {
        LedgerFault::Changed(n) => format!("entry {n} is not as it was written"),
        LedgerFault::Missing(n) => {
            format!(
                "entry {n} is missing, or entries stand in another order than they were written in"
            )
        }
        LedgerFault::Shortened(n) => format!("there were {n} entries; the last ones are missing"),
        LedgerFault::NoHead => {
            "the closing mark is missing, so entries at the end may be missing too".to_owned()
        }
        LedgerFault::HeadChanged => {
            "the closing mark is not as it was written, or belongs to somebody else".to_owned()
        }
        LedgerFault::NotRecorded {
            touchpoint,
            purpose,
        } => format!("what fact {touchpoint} says about “{purpose}” has no entry"),
        LedgerFault::WordingLost(n) => {
            format!("the words shown for entry {n} are not kept as they were")
        }
    }
}

impl Proof {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.faults.is_empty()
    }

    /// What is wrong, in plain words.
    pub fn faults_in_words(&self) -> Vec<String> {
        self.faults.iter().map(fault_words).collect()
    }

    /// The ledger as people read it.
    pub fn to_text(&self) -> String {
        let mut lines = vec![format!(
            "Consents of {} (reference {})",
            self.address, self.reference
        )];
        for entry in &self.entries {
            lines.push(String::new());
            lines.push(format!("{:>2}  {}", entry.record.n, entry.words));
        }
        lines.push(String::new());
        if self.entries.is_empty() {
            lines.push("No box was shown to this person, so nothing was said.".to_owned());
        } else if self.is_whole() {
            lines.push(format!(
                "The chain is whole: {} entries, each sealed with the one before it; none was changed, left out or moved.",
                self.entries.len()
            ));
        }
        for fault in self.faults_in_words() {
            lines.push(format!("NOT WHOLE: {fault}."));
        }
        if let Some(reason) = &self.barred {
            lines.push(format!(
                "No marketing mail goes out all the same: {}.",
                reason.replace('_', " ")
            ));
        }
        lines.join("\n")
    }
}

//! Everything that is kept about a person, as one JSON: for somebody who asks what is known of them (access), or wants to take it along.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Person, Records};

/// Everything about the person with this address; none where nothing is kept. The lead comes with its score and the reasons, each
/// consent with the words that were shown.
pub async fn export(records: &Records<'_>, email: &str) -> anyhow::Result<Option<Value>> {
    let person = Person::of(email, records.identity)?;
    let reference = person.lead_id.to_string();
    let stored = records.query.by_id(&reference).await?;
    let spellings = person.spellings(stored.as_ref());
    let needles = person.needles(&spellings);
    let counters = records.store.ops_about(&needles).await?;
    let mails = mails(records, &needles)?;
    let erasure = records.store.erasure(person.lead_id).await?;
    let audit = records.store.audits_of(&reference).await?;
    let kept = stored.is_some() || !counters.is_empty() || !mails.is_empty();
    if !kept && erasure.is_none() {
        return Ok(None);
    }
    let wordings = wordings(records, stored.as_ref()).await?;
    let mut everything = Map::new();
    everything.insert("about".into(), json!(person.address.given()));
    everything.insert("reference".into(), json!(reference));
    everything.insert("made_at".into(), json!(records.now.to_string()));
    let parts = [
        "lead",
        "touchpoints",
        "consents",
        "guard",
        "handoffs",
        "outbox",
    ];
    for part in parts {
        let value = stored.as_ref().map_or(Value::Null, |s| s[part].clone());
        everything.insert(part.into(), value);
    }
    // What was said of the mailbox under any spelling of the address.
    let mailbox = records.store.guard(person.mailbox()?).await?;
    everything.insert("mailbox_guard".into(), json!(mailbox));
    everything.insert("wordings".into(), json!(wordings));
    everything.insert("mails".into(), json!(mails));
    everything.insert("counters".into(), json!(counters));
    everything.insert("erasure".into(), json!(erasure));
    everything.insert("audit".into(), json!(audit));
    everything.insert(
        "times".into(),
        json!("whole numbers of 13 digits are milliseconds since 1970-01-01 UTC"),
    );
    Ok(Some(Value::Object(everything)))
}

/// Mails to and about the person, where they are kept: on one machine.
fn mails(records: &Records<'_>, needles: &[String]) -> anyhow::Result<Vec<Value>> {
    let Some(local) = records.local else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    for mail in local.ses.mails()? {
        let mail = serde_json::to_value(mail)?;
        let text = mail.to_string().to_lowercase();
        if needles.iter().any(|needle| text.contains(needle)) {
            found.push(mail);
        }
    }
    Ok(found)
}

/// The words that the consents name, by hash.
async fn wordings(
    records: &Records<'_>,
    stored: Option<&Value>,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let consents = stored.and_then(|s| s["consents"].as_array());
    let mut wordings = BTreeMap::new();
    for consent in consents.into_iter().flatten() {
        let hash = consent["text_sha256"].as_str().unwrap_or_default();
        if hash.is_empty() || wordings.contains_key(hash) {
            continue;
        }
        if let Some(wording) = records.store.wording(hash).await? {
            wordings.insert(hash.to_owned(), serde_json::to_value(wording)?);
        }
    }
    Ok(wordings)
}

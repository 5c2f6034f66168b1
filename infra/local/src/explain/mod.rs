//! Why a lead has its points: every rule of the model, matched or not, for the command line and for the lead page.
//!
//! Works on the document that [`crate::query::Query`] reads, so it explains a lead of this machine and of a deployed stack alike, as of
//! any instant. Must not write anything.

#[cfg(test)]
mod tests;
pub mod text;

use anyhow::Context as _;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared::domain::form::FieldKind;
use shared::domain::handoff::Handoff;
use shared::domain::lead::{Explained, PastHandoff, Under, explain};
use shared::domain::time::Timestamp;
use shared::domain::touchpoint::Touchpoint;
use shared::site::Site;

/// A lead explained, with the facts that were known then.
#[derive(Debug)]
pub struct Explanation {
    /// The lead and its rules.
    pub explained: Explained,
    /// The facts known then, oldest first.
    pub facts: Vec<Touchpoint>,
    /// The score on record, and since when it holds; none where nothing is on record.
    pub stored: Option<(i64, Timestamp)>,
}

/// Explains the lead of this document under the model of `site` as of `at`; none where nothing had happened yet.
pub fn of(doc: &Value, site: &Site, at: Timestamp) -> anyhow::Result<Option<Explanation>> {
    let mut facts: Vec<Touchpoint> = read(&doc["touchpoints"])?;
    facts.retain(|t| t.at <= at);
    facts.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    let handoffs: Vec<Handoff> = read(&doc["handoffs"])?;
    let handoffs: Vec<PastHandoff> = handoffs
        .into_iter()
        .filter(|h| h.at <= at)
        .map(|h| PastHandoff {
            cycle: h.cycle,
            at: h.at,
            touchpoint: h.touchpoint,
        })
        .collect();
    let Some(lead_id) = facts.first().map(|t| t.lead_id) else {
        return Ok(None);
    };
    let under = Under {
        model: &site.model,
        handoffs: &handoffs,
        erased_at: doc["guard"]["erased_at"].as_i64().map(Timestamp),
        now: at,
    };
    let lead = &doc["lead"];
    let stored = lead["score"]["total"]
        .as_i64()
        .zip(lead["scored_at"].as_i64().map(Timestamp));
    Ok(
        explain(lead_id, &facts, &under).map(|explained| Explanation {
            explained,
            facts,
            stored,
        }),
    )
}

fn read<T: DeserializeOwned>(items: &Value) -> anyhow::Result<Vec<T>> {
    if items.is_null() {
        return Ok(Vec::new());
    }
    serde_json::from_value(items.clone()).context("an item that this release cannot read")
}

/// The words that people know things by, for a page: labels of fields and of their options, titles of forms and
/// magnets, names of the sales team.
pub fn words(site: &Site) -> Value {
    let mut fields = serde_json::Map::new();
    let mut options = serde_json::Map::new();
    for field in site.forms.values().flat_map(|f| &f.fields) {
        fields
            .entry(field.name.clone())
            .or_insert_with(|| json!(field.label));
        if let FieldKind::Choice { options: of } | FieldKind::Choices { options: of } = &field.kind
        {
            let known = options
                .entry(field.name.clone())
                .or_insert_with(|| json!({}));
            for option in of {
                known[&option.value] = json!(option.label);
            }
        }
    }
    let forms = site
        .forms
        .iter()
        .map(|(id, f)| (id.clone(), json!(f.title)));
    let magnets = site
        .magnets
        .iter()
        .map(|(id, m)| (id.clone(), json!(m.title)));
    let team = site.sales.team.iter();
    let people = team.map(|p| (p.id.clone(), json!(p.name)));
    json!({
        "fields": fields,
        "options": options,
        "forms": forms.collect::<serde_json::Map<_, _>>(),
        "magnets": magnets.collect::<serde_json::Map<_, _>>(),
        "people": people.collect::<serde_json::Map<_, _>>(),
    })
}

impl Explanation {
    /// For scripts.
    pub fn to_json(&self) -> Value {
        let lead = &self.explained.lead;
        json!({
            "lead_id": lead.lead_id,
            "at": lead.scored_at.to_string(),
            "score": lead.score,
            "grade": lead.grade,
            "profile": lead.fit_profile,
            "stage": lead.stage,
            "stage_since": lead.stage_since.to_string(),
            "cycle": lead.cycle,
            "ruled_out_by": lead.ruled_out_by,
            "held": lead.held,
            "ready_until": lead.ready_until.map(|at| at.to_string()),
            "review_at": lead.review_at.map(|at| at.to_string()),
            "model_hash": lead.model_hash,
            "needs": self.explained.needs,
            "rules": self.explained.rules,
            "on_record": self.stored.map(|(total, at)| json!({ "total": total, "at": at.to_string() })),
        })
    }
}

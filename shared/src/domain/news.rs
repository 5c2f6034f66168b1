//! What a channel is told: the body of a webhook, from which the other channels take what they show.
//!
//! It is written when the thing happens, into the outbox item, and never again: so each attempt sends the same bytes, whatever release
//! makes it. Fields are only ever added. Names in `profile` and `fields` are those of the forms.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::channel::EventType;
use super::form::Form;
use super::handoff::{Handoff, Labelled, in_words};
use super::lead::Lead;
use super::pii::Pii;
use super::score::Score;
use super::text::shortened;
use super::time::Timestamp;
use super::touchpoint::Touchpoint;
use crate::site::Site;

/// Longest value told; the rest is for the lead's page.
const MAX_VALUE: usize = 2_000;
/// Most fields told.
const MAX_FIELDS: usize = 40;
/// Largest body, in bytes: receivers may refuse more than 20 kB.
const MAX_BODY: usize = 20_000;

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// What happened.
    #[serde(rename = "type")]
    pub event: EventType,
    /// When: RFC 3339, UTC.
    pub timestamp: String,
    /// The details.
    pub data: Data,
}

/// Details, as far as the event has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The lead's reference; stable, and says nothing about who it is.
    pub lead_id: String,
    /// The submission, of `submission.created`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub submission: Option<SubmissionNews>,
    /// Stage of the lead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// Stage before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous_stage: Option<String>,
    /// Which qualification of this lead, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cycle: Option<u32>,
    /// Address as given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Pii<String>>,
    /// Name, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Pii<String>>,
    /// Everything typed, by field name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub profile: BTreeMap<String, Pii<String>>,
    /// Points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score: Option<Score>,
    /// Why; the points sum to the total.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// Budget, authority, need and timeline, as people read them; an empty value is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bant: Vec<Labelled>,
    /// Where they came from first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_source: Option<String>,
    /// Where they came from last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_source: Option<String>,
    /// Whose lead it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerNews>,
    /// What to do next, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionNews>,
}

/// One line of the score.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Id of the rule.
    pub rule: String,
    /// Its sentence.
    pub reason: String,
    /// Its points.
    pub points: i64,
}

/// Whose lead it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerNews {
    /// Id in the site files.
    pub id: String,
    /// Name.
    pub name: String,
    /// Address.
    pub email: Pii<String>,
    /// Why them.
    pub because: String,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionNews {
    /// What to do.
    pub text: String,
    /// Why.
    pub reason: String,
}

/// A submission.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmissionNews {
    /// Its id.
    pub id: String,
    /// Id of the form.
    pub form: String,
    /// Title of the form.
    pub form_title: String,
    /// Page it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<String>,
    /// Answers by field name.
    pub fields: BTreeMap<String, Pii<String>>,
    /// The same in the form's own words and order, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Labelled>,
    /// Purposes agreed to.
    pub consents: Vec<String>,
}

impl News {
    fn new(event: EventType, at: Timestamp, data: Data) -> Self {
        Self {
            event,
            timestamp: at.to_string(),
            data,
        }
    }

    /// A form was submitted.
    pub fn submission(form: &Form, touchpoint: &Touchpoint, site: &Site) -> Self {
        use super::consent::Decision;
        let fields = touchpoint.answers.iter();
        let granted = |c: &&super::consent::ConsentGiven| match c.decision {
            Decision::Granted | Decision::Confirmed => true,
            Decision::Declined | Decision::Withdrawn => false,
        };
        let submission = SubmissionNews {
            id: touchpoint.id.clone(),
            form: form.id.clone(),
            form_title: form.title.clone(),
            page: touchpoint.source.as_ref().and_then(|s| s.page.clone()),
            answers: in_words(&touchpoint.answers, form, site)
                .into_iter()
                .filter(|a| !a.value.expose().is_empty())
                .take(MAX_FIELDS)
                .map(|a| Labelled {
                    value: Pii::new(shortened(a.value.expose(), MAX_VALUE)),
                    ..a
                })
                .collect(),
            fields: told(fields.map(|a| (a.name.as_str(), a.value.to_text()))),
            consents: touchpoint
                .consents
                .iter()
                .filter(granted)
                .map(|c| c.purpose.clone())
                .collect(),
        };
        let data = Data {
            lead_id: touchpoint.lead_id.to_string(),
            email: touchpoint.email.clone(),
            submission: Some(submission),
            ..Data::default()
        };
        Self::new(EventType::SubmissionCreated, touchpoint.at, data)
    }

    /// A lead qualified.
    pub fn qualified(lead: &Lead, handoff: &Handoff) -> Self {
        let mut data = about(lead);
        data.stage = Some(super::stage::Stage::Mql.name().to_owned());
        data.cycle = Some(handoff.cycle);
        data.name = Some(handoff.name.clone()).filter(|n| !n.expose().is_empty());
        data.email.clone_from(&handoff.email);
        data.score = Some(handoff.score);
        data.reasons = handoff
            .breakdown
            .iter()
            .map(|l| Reason {
                rule: l.rule.clone(),
                reason: l.reason.clone(),
                points: l.points.into(),
            })
            .collect();
        data.bant.clone_from(&handoff.bant);
        data.first_source = Some(handoff.first_source.clone());
        data.last_source = Some(handoff.last_source.clone());
        data.owner = Some(OwnerNews {
            id: handoff.owner.id.clone(),
            name: handoff.owner.name.clone(),
            email: handoff.owner.email.clone(),
            because: handoff.routed_because.clone(),
        });
        data.action = Some(ActionNews {
            text: handoff.action.text.clone(),
            reason: handoff.action.reason.clone(),
        });
        Self::new(EventType::LeadMql, handoff.at, data)
    }

    /// A lead moved to another stage by a word of sales; none for the other moves.
    pub fn moved(before: &Lead, lead: &Lead) -> Option<Self> {
        use super::stage::Stage;
        if before.stage == lead.stage {
            return None;
        }
        let event = match lead.stage {
            Stage::Sal => EventType::LeadAccepted,
            Stage::Recycled | Stage::Disqualified => EventType::LeadRejected,
            Stage::Sql => EventType::LeadSql,
            Stage::Subscriber | Stage::Lead | Stage::Mql => return None,
        };
        let entered = lead.stage_history.iter().rev().find(|c| c.to == lead.stage);
        let mut data = about(lead);
        data.stage = Some(lead.stage.name().to_owned());
        data.previous_stage = Some(before.stage.name().to_owned());
        data.cycle = Some(lead.cycle).filter(|c| *c > 0);
        data.score = Some(lead.score);
        Some(Self::new(
            event,
            entered.map_or(lead.scored_at, |c| c.at),
            data,
        ))
    }

    /// A trial.
    pub fn trial(at: Timestamp) -> Self {
        let data = Data {
            lead_id: String::from("none"),
            name: Some(Pii::new(String::from("A trial from Lodestone"))),
            ..Data::default()
        };
        Self::new(EventType::Test, at, data)
    }

    /// The bytes that are sent. Where they are too many, long answers go first, then the reasons: who it is and what to do stay.
    pub fn body(&self) -> String {
        // A tree of strings and numbers: serialising it cannot fail.
        let text = |news: &Self| serde_json::to_string(news).unwrap_or_default();
        let whole = text(self);
        if whole.len() <= MAX_BODY {
            return whole;
        }
        let mut news = self.clone();
        for longest in [200, 40] {
            let cut =
                |value: &mut Pii<String>| *value = Pii::new(shortened(value.expose(), longest));
            news.data.profile.values_mut().for_each(cut);
            if let Some(submission) = &mut news.data.submission {
                submission.fields.values_mut().for_each(cut);
                submission
                    .answers
                    .iter_mut()
                    .map(|a| &mut a.value)
                    .for_each(cut);
            }
            news.data.reasons.truncate(longest / 4);
            let body = text(&news);
            if body.len() <= MAX_BODY {
                return body;
            }
        }
        news.data.profile.clear();
        news.data.submission = None;
        text(&news)
    }

    /// Reads a body that was written by this or an earlier release.
    pub fn read(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }
}

fn about(lead: &Lead) -> Data {
    let name = super::handoff::name(lead);
    Data {
        lead_id: lead.lead_id.to_string(),
        email: lead.email.clone(),
        name: Some(Pii::new(name)).filter(|n| !n.expose().is_empty()),
        profile: told(
            lead.profile
                .iter()
                .map(|(field, known)| (field.as_str(), known.value.to_text())),
        ),
        ..Data::default()
    }
}

fn told<'a>(fields: impl Iterator<Item = (&'a str, String)>) -> BTreeMap<String, Pii<String>> {
    fields
        .filter(|(_, value)| !value.is_empty())
        .take(MAX_FIELDS)
        .map(|(name, value)| (name.to_owned(), Pii::new(shortened(&value, MAX_VALUE))))
        .collect()
}

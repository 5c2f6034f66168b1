//! Submissions that were set aside, the tickets that were spent, and how often each step of the ladder was taken; all in `ops`.
//!
//! A held submission is two items: the submission under its lead, which holds the personal data, and an entry under its day, by which
//! lists find it, which holds none. Both go by themselves after [`KEEP_DAYS`].

use std::collections::BTreeMap;

use super::item::{decode, encode, number, text};
use super::{Attributes, CAPACITY, Store, StoreError, n, s, sort_error};
use crate::domain::held::{Held, KEEP_DAYS};
use crate::domain::id::LeadId;
use crate::domain::time::{Day, Timestamp};

/// What names an entry of a held submission among those of records that could not be worked on.
const ENTRY: &str = "capture#";

/// A line of the list of everything that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Function that set it aside.
    pub function: String,
    /// What it is: `lead/submission` for a submission, otherwise a record's own reference.
    pub subject: String,
    /// Why: the code of a doubt, or an error class.
    pub class: String,
    /// When.
    pub at: Timestamp,
    /// The submission it stands for, if it is one.
    pub held: Option<(LeadId, String)>,
}

pub(super) fn held_key(lead_id: LeadId, id: &str) -> Attributes {
    Attributes::from([
        ("pk".into(), s(format!("held#{lead_id}"))),
        ("sk".into(), s(id)),
    ])
}

fn entry_key(held: &Held) -> Attributes {
    Attributes::from([
        ("pk".into(), s(format!("quarantine#{}", held.at.day()))),
        (
            "sk".into(),
            s(format!("{ENTRY}{}/{}", held.lead_id, held.id)),
        ),
    ])
}

fn ends(at: Timestamp) -> i64 {
    at.plus_days(KEEP_DAYS).seconds()
}

/// The submission, under its lead.
pub(super) fn held_item(held: &Held) -> Result<Attributes, StoreError> {
    let mut item = encode("ops", held)?;
    item.extend(held_key(held.lead_id, &held.id));
    item.insert("ttl".into(), n(ends(held.at)));
    Ok(item)
}

/// Its entry, under its day.
pub(super) fn entry_item(held: &Held) -> Attributes {
    let mut item = entry_key(held);
    item.extend([
        ("class".into(), s(held.doubt.code())),
        ("at".into(), n(held.at.0)),
        ("ttl".into(), n(ends(held.at))),
        ("last_write_id".into(), s(&held.last_write_id)),
        ("v".into(), n(1)),
    ]);
    item
}

/// A ticket that was spent on a submission.
pub(super) fn spent_item(
    ticket: &str,
    submission: &str,
    write_id: &str,
    at: Timestamp,
) -> Attributes {
    Attributes::from([
        ("pk".into(), s(format!("ticket#{ticket}"))),
        ("sk".into(), s("spent")),
        ("submission".into(), s(submission)),
        ("last_write_id".into(), s(write_id)),
        // A ticket is good for a day; a day more for the deletion to be of no account.
        ("ttl".into(), n(at.plus_days(2).seconds())),
        ("v".into(), n(1)),
    ])
}

impl Store {
    /// What was set aside on a day, oldest first: submissions and records.
    pub async fn set_aside_on(&self, day: Day) -> Result<Vec<SetAside>, StoreError> {
        let mut found = Vec::new();
        let mut start = None;
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.tables.ops)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", s(format!("quarantine#{day}")))
                .set_exclusive_start_key(start)
                .return_consumed_capacity(CAPACITY);
            let output = call.send().await.map_err(|e| sort_error(&e))?;
            self.meter.reads(output.consumed_capacity.as_ref());
            found.extend(
                output
                    .items
                    .unwrap_or_default()
                    .iter()
                    .filter_map(set_aside),
            );
            start = output.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        found.sort_by_key(|e| e.at);
        Ok(found)
    }

    /// A held submission, consistent.
    pub async fn held(&self, lead_id: LeadId, id: &str) -> Result<Option<Held>, StoreError> {
        let found = self.get(&self.tables.ops, held_key(lead_id, id)).await?;
        found.map(|item| decode("ops", item)).transpose()
    }

    /// Every submission held under a lead: what an erasure must not overlook.
    pub async fn held_of(&self, lead_id: LeadId) -> Result<Vec<Held>, StoreError> {
        let call = self
            .client
            .query()
            .table_name(&self.tables.ops)
            .consistent_read(true)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(format!("held#{lead_id}")))
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.reads(output.consumed_capacity.as_ref());
        let items = output.items.unwrap_or_default().into_iter();
        items.map(|item| decode("ops", item)).collect()
    }

    /// Forgets a held submission: it was taken up, dropped, or its lead is erased. Again is the same.
    pub async fn forget_held(&self, held: &Held) -> Result<(), StoreError> {
        // The entry goes last: what a list does not show, nobody can take up or drop.
        self.delete(&self.tables.ops, held_key(held.lead_id, &held.id))
            .await?;
        self.delete(&self.tables.ops, entry_key(held)).await
    }

    /// Forgets an entry whose submission is gone already.
    pub async fn forget_entry(&self, entry: &SetAside) -> Result<(), StoreError> {
        let key = Attributes::from([
            ("pk".into(), s(format!("quarantine#{}", entry.at.day()))),
            (
                "sk".into(),
                s(format!("{}#{}", entry.function, entry.subject)),
            ),
        ]);
        self.delete(&self.tables.ops, key).await
    }

    /// Counts a step of the ladder for a form. One write; over-counting is safe here.
    pub async fn count_step(
        &self,
        form: &str,
        step: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.ops)
            .key("pk", s(format!("steps#{}", now.day())))
            .key("sk", s(form))
            .update_expression("ADD #step :one SET #ttl = :ttl")
            .expression_attribute_names("#step", step)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":ttl", n(now.plus_days(KEEP_DAYS + 1).seconds()))
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.writes(output.consumed_capacity.as_ref());
        Ok(())
    }

    /// How often each step of the ladder was taken on a day: by form, by step.
    pub async fn steps_on(
        &self,
        day: Day,
    ) -> Result<BTreeMap<String, BTreeMap<String, i64>>, StoreError> {
        let call = self
            .client
            .query()
            .table_name(&self.tables.ops)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(format!("steps#{day}")))
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.reads(output.consumed_capacity.as_ref());
        let forms = output
            .items
            .unwrap_or_default()
            .into_iter()
            .filter_map(|item| {
                let steps = item.keys().filter(|name| *name != "ttl");
                let counted = steps.filter_map(|name| Some((name.clone(), number(&item, name)?)));
                Some((text(&item, "sk")?, counted.collect()))
            });
        Ok(forms.collect())
    }
}

fn set_aside(item: &Attributes) -> Option<SetAside> {
    let sk = text(item, "sk")?;
    let (function, subject) = sk.split_once('#')?;
    let held = sk.strip_prefix(ENTRY).and_then(|subject| {
        let (lead, id) = subject.split_once('/')?;
        Some((lead.parse().ok()?, id.to_owned()))
    });
    Some(SetAside {
        function: function.to_owned(),
        subject: subject.to_owned(),
        class: text(item, "class")?,
        at: Timestamp(number(item, "at")?),
        held,
    })
}

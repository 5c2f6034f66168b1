//! Reading everything, page by page: for replay, rescoring and reports. No function does this; the command line does.
//!
//! A page is bounded by a number of items, so that memory does not grow with the table. A scan gives the facts of a lead one after the
//! other, which is what lets a replay fold a lead and forget it. Not relied on: that a lead's facts lie in one segment (the first and
//! the last lead of a segment are for the reader to look up again).

use aws_sdk_dynamodb::types::AttributeValue;

use super::item::{self, LEAD, instant, text};
use super::{Attributes, CAPACITY, Item, Store, StoreError, s, sort_error};
use crate::domain::id::LeadId;
use crate::domain::time::Timestamp;

/// A part of a table, for readers side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Which, from 0.
    pub number: u16,
    /// Of how many.
    pub of: u16,
}

impl Segment {
    /// The whole table.
    pub const ALL: Self = Self { number: 0, of: 1 };
}

/// Where a scan goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    lead_id: String,
    sort: String,
}

impl Cursor {
    /// The cursor as one line of text, to be kept.
    pub fn to_text(&self) -> String {
        format!("{} {}", self.lead_id, self.sort)
    }

    /// The cursor that printed this.
    pub fn parse(text: &str) -> Option<Self> {
        let (lead_id, sort) = text.split_once(' ')?;
        lead_id.parse::<LeadId>().ok()?;
        Some(Self {
            lead_id: lead_id.to_owned(),
            sort: sort.to_owned(),
        })
    }

    fn read(key: &Attributes, sort: &str) -> Option<Self> {
        Some(Self {
            lead_id: text(key, "lead_id")?,
            sort: text(key, sort)?,
        })
    }

    fn key(&self, sort: &str) -> Attributes {
        Attributes::from([
            ("lead_id".into(), s(&*self.lead_id)),
            (sort.into(), s(&*self.sort)),
        ])
    }
}

/// One page of a scan.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Where to go on; none at the end.
    pub next: Option<Cursor>,
}

struct Scan<'a> {
    table: &'a str,
    sort: &'static str,
    segment: Segment,
    after: Option<&'a Cursor>,
    limit: u16,
    filter: Option<(&'static str, Vec<(&'static str, AttributeValue)>)>,
    projection: Option<&'static str>,
}

impl Store {
    /// Facts in the order of the table, undecoded; the facts of a lead follow each other.
    pub async fn scan_facts(
        &self,
        segment: Segment,
        after: Option<&Cursor>,
        limit: u16,
    ) -> Result<Page<Item>, StoreError> {
        let page = self
            .scan(Scan {
                table: &self.tables.touchpoints,
                sort: "id",
                segment,
                after,
                limit,
                filter: None,
                projection: None,
            })
            .await?;
        Ok(Page {
            items: page.items.into_iter().map(Item).collect(),
            next: page.next,
        })
    }

    /// Ids of leads that have state. `limit` counts the records looked at, so a page may hold fewer.
    pub async fn scan_leads(
        &self,
        after: Option<&Cursor>,
        limit: u16,
    ) -> Result<Page<LeadId>, StoreError> {
        let page = self
            .scan(Scan {
                table: &self.tables.leads,
                sort: "sk",
                segment: Segment::ALL,
                after,
                limit,
                filter: Some(("sk = :lead", vec![(":lead", s(LEAD))])),
                projection: Some("lead_id"),
            })
            .await?;
        Ok(Page {
            items: page
                .items
                .iter()
                .filter_map(|i| text(i, "lead_id")?.parse().ok())
                .collect(),
            next: page.next,
        })
    }

    /// Leads that were erased, and when: facts from before do not count.
    pub async fn scan_erased(
        &self,
        after: Option<&Cursor>,
        limit: u16,
    ) -> Result<Page<(LeadId, Timestamp)>, StoreError> {
        let page = self
            .scan(Scan {
                table: &self.tables.leads,
                sort: "sk",
                segment: Segment::ALL,
                after,
                limit,
                filter: Some((
                    "sk = :guard AND attribute_exists(erased_at)",
                    vec![(":guard", s(item::GUARD))],
                )),
                projection: Some("lead_id, erased_at"),
            })
            .await?;
        let erased =
            |i: &Attributes| Some((text(i, "lead_id")?.parse().ok()?, instant(i, "erased_at")?));
        Ok(Page {
            items: page.items.iter().filter_map(erased).collect(),
            next: page.next,
        })
    }

    /// About how many facts there are: a deployed table counts itself some times a day.
    pub async fn facts_about(&self) -> Result<u64, StoreError> {
        let call = self
            .client
            .describe_table()
            .table_name(&self.tables.touchpoints);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        let count = output.table.and_then(|t| t.item_count).unwrap_or(0);
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Whether anything is known of a lead; reads one key.
    pub async fn has_facts(&self, lead_id: LeadId) -> Result<bool, StoreError> {
        let call = self
            .client
            .query()
            .table_name(&self.tables.touchpoints)
            .key_condition_expression("lead_id = :lead")
            .expression_attribute_values(":lead", s(lead_id.to_string()))
            .projection_expression("lead_id")
            .limit(1)
            .consistent_read(true)
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.reads(output.consumed_capacity.as_ref());
        Ok(output.items.is_some_and(|items| !items.is_empty()))
    }

    /// How often a lead's state was written; reads nothing else of it.
    pub async fn lead_version(&self, lead_id: LeadId) -> Result<Option<i64>, StoreError> {
        let call = self
            .client
            .get_item()
            .table_name(&self.tables.leads)
            .set_key(Some(item::key(lead_id, "sk", LEAD)))
            .projection_expression("version")
            .consistent_read(true)
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.reads(output.consumed_capacity.as_ref());
        Ok(output.item.and_then(|i| item::number(&i, "version")))
    }

    /// Whether a fact is there.
    pub async fn has_fact(&self, lead_id: LeadId, id: &str) -> Result<bool, StoreError> {
        let key = item::key(lead_id, "id", id);
        Ok(self.get(&self.tables.touchpoints, key).await?.is_some())
    }

    /// A note of a command in `ops`: a roll-up, a cursor. Text that its writer understands.
    pub async fn note(&self, pk: &str, sk: &str) -> Result<Option<String>, StoreError> {
        let found = self.get(&self.tables.ops, note_key(pk, sk)).await?;
        Ok(found.and_then(|item| text(&item, "note")))
    }

    /// Writes a note, in place of one that is there. Only for what can be worked out again.
    pub async fn put_note(&self, pk: &str, sk: &str, note: &str) -> Result<(), StoreError> {
        let mut entry = note_key(pk, sk);
        entry.insert("note".into(), s(note));
        entry.insert("v".into(), super::n(1));
        self.put_in_ops(entry).await
    }

    async fn scan(&self, scan: Scan<'_>) -> Result<Page<Attributes>, StoreError> {
        let mut call = self
            .client
            .scan()
            .table_name(scan.table)
            .limit(i32::from(scan.limit.max(1)))
            .consistent_read(true)
            .set_projection_expression(scan.projection.map(str::to_owned))
            .set_exclusive_start_key(scan.after.map(|c| c.key(scan.sort)))
            .return_consumed_capacity(CAPACITY);
        if scan.segment.of > 1 {
            call = call
                .segment(i32::from(scan.segment.number))
                .total_segments(i32::from(scan.segment.of));
        }
        if let Some((filter, values)) = scan.filter {
            call = call.filter_expression(filter);
            for (name, value) in values {
                call = call.expression_attribute_values(name, value);
            }
        }
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.reads(output.consumed_capacity.as_ref());
        Ok(Page {
            next: output
                .last_evaluated_key
                .as_ref()
                .and_then(|key| Cursor::read(key, scan.sort)),
            items: output.items.unwrap_or_default(),
        })
    }
}

fn note_key(pk: &str, sk: &str) -> Attributes {
    Attributes::from([("pk".into(), s(pk)), ("sk".into(), s(sk))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_printing_and_parsing() {
        let cursor = Cursor {
            lead_id: LeadId::from_bytes([9; 16]).to_string(),
            sort: "CONSENT#000001".into(),
        };
        assert_eq!(Cursor::parse(&cursor.to_text()), Some(cursor));
        assert_eq!(Cursor::parse("nobody LEAD"), None);
    }
}

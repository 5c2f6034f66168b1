//! Counters kept in `ops`: posts from one network, mails to one mailbox and to one domain, turns of a group.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemOutput};
use aws_sdk_dynamodb::types::ReturnValue;

use super::item::decode;
use super::{Attributes, CAPACITY, Store, StoreError, n, s, sort_error};
use crate::domain::send_limit::{KEEP_DAYS, SendLimit};
use crate::domain::time::{HOUR_MS, MINUTE_MS, Timestamp};

/// Posts allowed from one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// In one minute.
    pub per_minute: u32,
    /// In one UTC day.
    pub per_day: u32,
}

/// The item of a mailbox's send times.
pub(super) fn send_limit_item(limit: &SendLimit) -> Attributes {
    let last = limit.sends.last().map_or(Timestamp(0), |s| s.at);
    // A struct of strings and numbers: encoding it cannot fail.
    let mut item: Attributes = serde_dynamo::to_item(limit).unwrap_or_default();
    item.insert("pk".into(), s(format!("mailbox#{}", limit.key)));
    item.insert("sk".into(), s("sends"));
    item.insert("ttl".into(), n(last.plus_days(KEEP_DAYS + 1).seconds()));
    item
}

impl Store {
    /// Draws the next turn of a group, from 1. One write of its own: a number that is then not used leaves a gap and nothing worse.
    pub async fn draw_turn(&self, group: &str) -> Result<u64, StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.ops)
            .key("pk", s(format!("turn#{group}")))
            .key("sk", s("cursor"))
            .update_expression("ADD #n :one")
            .expression_attribute_names("#n", "n")
            .expression_attribute_values(":one", n(1))
            .return_values(ReturnValue::UpdatedNew)
            .return_consumed_capacity(CAPACITY);
        let output = call.send().await.map_err(|e| sort_error(&e))?;
        self.meter.writes(output.consumed_capacity.as_ref());
        output
            .attributes
            .and_then(|a| a.get("n").and_then(|v| v.as_n().ok()?.parse().ok()))
            .ok_or_else(|| StoreError::Refused("a cursor without a number".into()))
    }

    /// The send times of a mailbox, consistent.
    pub async fn send_limit(&self, key: &str) -> Result<SendLimit, StoreError> {
        let id = Attributes::from([
            ("pk".into(), s(format!("mailbox#{key}"))),
            ("sk".into(), s("sends")),
        ]);
        let found = self.get(&self.tables.ops, id).await?;
        let mut limit: SendLimit =
            found.map_or_else(|| Ok(SendLimit::default()), |i| decode("ops", i))?;
        key.clone_into(&mut limit.key);
        Ok(limit)
    }

    /// Counts one mail to a domain in the current hour and tells whether it is among the first `most`. One write; over-counting is safe
    /// here.
    pub async fn count_mail(
        &self,
        domain: &str,
        most: u32,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.ops)
            .key("pk", s(format!("domain#{domain}")))
            .key("sk", s(format!("hour#{}", now.0.div_euclid(HOUR_MS))))
            .update_expression("ADD #n :one SET #ttl = :ttl")
            .condition_expression("attribute_not_exists(#n) OR #n < :most")
            .expression_attribute_names("#n", "n")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":most", n(most.into()))
            .expression_attribute_values(":ttl", n(now.plus_days(1).seconds()))
            .return_consumed_capacity(CAPACITY);
        let answer = call.send().await;
        self.within(answer)
    }

    /// Counts one post from a network and tells whether it is still within its limits. One write; over-counting is safe here.
    pub async fn count_post(
        &self,
        network: &str,
        limits: RateLimits,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let minute = format!("m{}", now.0.div_euclid(MINUTE_MS) % (24 * 60));
        let call = self
            .client
            .update_item()
            .table_name(&self.tables.ops)
            .key("pk", s(format!("posts#{network}")))
            .key("sk", s(now.day().to_string()))
            .update_expression("ADD #day :one, #minute :one SET #ttl = :ttl")
            .condition_expression(
                "(attribute_not_exists(#day) OR #day < :per_day) AND (attribute_not_exists(#minute) OR #minute < :per_minute)",
            )
            .expression_attribute_names("#day", "d")
            .expression_attribute_names("#minute", minute)
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":per_day", n(limits.per_day.into()))
            .expression_attribute_values(":per_minute", n(limits.per_minute.into()))
            .expression_attribute_values(":ttl", n(now.plus_days(2).seconds()))
            .return_consumed_capacity(CAPACITY);
        let answer = call.send().await;
        self.within(answer)
    }

    /// Whether a conditional count was taken.
    fn within(
        &self,
        answer: Result<UpdateItemOutput, SdkError<UpdateItemError>>,
    ) -> Result<bool, StoreError> {
        match answer {
            Ok(output) => {
                self.meter.writes(output.consumed_capacity.as_ref());
                Ok(true)
            }
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(false)
            }
            Err(error) => Err(sort_error(&error)),
        }
    }
}

//! Faults to order: the next sends fail in a way that the real service can fail.
//!
//! Kept in memory only: a restart clears them, so no forgotten fault outlives the experiment. Must not know how a fault is carried out.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::refusal::{Refusal, RefusalKind};

/// The ways in which a send can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429: over the rate. Not accepted.
    Throttle,
    /// A modelled error (400 `MessageRejected` unless `error` names another). Not accepted.
    Refuse,
    /// No answer, and not accepted.
    Timeout,
    /// Accepted, with its events, but the answer never arrives.
    LoseReply,
    /// Accepted and answered, but no event follows.
    Silent,
    /// 500. Not accepted.
    Error500,
    /// Takes back every fault that is still waiting.
    Clear,
}

/// An order for faults, the body of `POST /local/ses/fault`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    pub kind: FaultKind,
    /// To how many sends.
    #[serde(default = "one")]
    pub count: u32,
    /// For `refuse` and `throttle`: which of SES's modelled errors.
    pub error: Option<RefusalKind>,
    /// For `refuse` and `throttle`: the sentence with it.
    pub message: Option<String>,
    /// For `timeout` and `lose_reply`: how long the connection stays open without an answer, in milliseconds of real time. By default it is
    /// closed at once, which is as ambiguous to the sender and costs no waiting. For `silent`: how long the answer takes.
    #[serde(default)]
    pub hold_ms: u64,
}

fn one() -> u32 {
    1
}

impl Fault {
    /// The answer of a fault that answers without accepting; `None` for those that do not answer, or accept.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let (kind, message) = match self.kind {
            FaultKind::Throttle => (
                RefusalKind::TooManyRequestsException,
                "Maximum sending rate exceeded.",
            ),
            FaultKind::Refuse => (
                RefusalKind::MessageRejected,
                "The message was rejected on order.",
            ),
            FaultKind::Error500 => (RefusalKind::InternalFailure, "The service failed on order."),
            FaultKind::Timeout | FaultKind::LoseReply | FaultKind::Silent | FaultKind::Clear => {
                return None;
            }
        };
        Some(Refusal::new(
            self.error.unwrap_or(kind),
            self.message.clone().unwrap_or_else(|| message.to_owned()),
        ))
    }
}

/// The faults still waiting, first ordered first.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<VecDeque<Fault>>);

impl Faults {
    /// Puts an order at the end of the queue.
    pub(super) fn order(&self, fault: Fault) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if fault.kind == FaultKind::Clear {
            queue.clear();
        } else if fault.count > 0 {
            queue.push_back(fault);
        }
    }

    /// The fault of the next send, used up by asking.
    pub(super) fn next(&self) -> Option<Fault> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = queue.front_mut()?;
        first.count -= 1;
        if first.count > 0 {
            Some(first.clone())
        } else {
            queue.pop_front()
        }
    }

    /// What still waits, as `(kind, count)`.
    pub(super) fn waiting(&self) -> Vec<(FaultKind, u32)> {
        let queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queue
            .iter()
            .map(|fault| (fault.kind, fault.count))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(faults: &Faults, body: serde_json::Value) {
        faults.order(serde_json::from_value(body).unwrap());
    }

    #[test]
    fn orders_are_used_up_one_send_at_a_time_in_their_order() {
        let faults = Faults::default();
        order(&faults, serde_json::json!({"kind": "throttle", "count": 2}));
        order(&faults, serde_json::json!({"kind": "lose_reply"}));
        let kinds: Vec<_> = std::iter::from_fn(|| faults.next())
            .map(|fault| fault.kind)
            .collect();
        assert_eq!(
            kinds,
            [
                FaultKind::Throttle,
                FaultKind::Throttle,
                FaultKind::LoseReply
            ]
        );
    }

    #[test]
    fn clear_takes_back_what_waits_and_a_count_of_zero_orders_nothing() {
        let faults = Faults::default();
        order(&faults, serde_json::json!({"kind": "silent", "count": 9}));
        order(&faults, serde_json::json!({"kind": "clear"}));
        order(&faults, serde_json::json!({"kind": "refuse", "count": 0}));
        assert!(faults.next().is_none());
    }

    #[test]
    fn a_refusal_can_be_any_of_the_modelled_errors() {
        let fault: Fault = serde_json::from_value(
            serde_json::json!({"kind": "refuse", "error": "SendingPausedException"}),
        )
        .unwrap();
        assert_eq!(
            fault.refusal().unwrap().kind,
            RefusalKind::SendingPausedException
        );
    }
}

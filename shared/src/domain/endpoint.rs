//! How a channel's receiver has been doing: failing since when, switched off or not.
//!
//! One small record for each channel, written only when something changes: at the first failure, at the first success after it, and when
//! the receiver is switched off. Must not know how anything is sent.

use serde::{Deserialize, Serialize};

use super::time::Timestamp;
use super::webhook::OFF_AFTER_MS;

/// What is known of one receiver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Id of the channel.
    #[serde(default)]
    pub channel: String,
    /// Hash of what the site says about it: another address is another receiver, with a clean record.
    #[serde(default)]
    pub of: String,
    /// Since when every attempt failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// When it was switched off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_since: Option<Timestamp>,
    /// Why the last change was made; never an answer's text.
    #[serde(default)]
    pub reason: String,
    /// Counts writes; 0 = not there yet.
    #[serde(default)]
    pub version: u64,
    /// Identity of the last write.
    #[serde(default, rename = "last_write_id")]
    pub write_id: String,
}

impl Endpoint {
    /// Whether messages may be sent to it.
    pub const fn is_on(&self) -> bool {
        self.off_since.is_none()
    }

    /// The record where the site still says `of`, else a clean one in its place.
    #[must_use]
    pub fn for_site(self, channel: &str, of: &str) -> Self {
        if self.of == of {
            return self;
        }
        Self {
            channel: channel.to_owned(),
            of: of.to_owned(),
            version: self.version,
            ..Self::default()
        }
    }

    /// The record after a success, where that changes anything.
    pub fn after_success(&self, write_id: &str) -> Option<Self> {
        self.failing_since?;
        Some(self.written(None, None, "", write_id))
    }

    /// The record after a failure, where that changes anything: the first failure is noted, and five days of them switch it off.
    pub fn after_failure(&self, reason: &str, now: Timestamp, write_id: &str) -> Option<Self> {
        match self.failing_since {
            None => Some(self.written(Some(now), None, reason, write_id)),
            Some(since) if self.is_on() && now.since(since) >= OFF_AFTER_MS => {
                Some(self.written(Some(since), Some(now), reason, write_id))
            }
            Some(_) => None,
        }
    }

    /// The record of a receiver that said it is gone.
    #[must_use]
    pub fn gone(&self, now: Timestamp, write_id: &str) -> Self {
        let since = self.failing_since.or(Some(now));
        self.written(since, Some(now), "it answered 410: gone", write_id)
    }

    /// The record of a receiver that somebody switched on again.
    #[must_use]
    pub fn switched_on(&self, write_id: &str) -> Self {
        self.written(None, None, "switched on by hand", write_id)
    }

    fn written(
        &self,
        failing_since: Option<Timestamp>,
        off_since: Option<Timestamp>,
        reason: &str,
        write_id: &str,
    ) -> Self {
        Self {
            failing_since,
            off_since,
            reason: reason.to_owned(),
            version: self.version + 1,
            write_id: write_id.to_owned(),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::DAY_MS;

    const START: Timestamp = Timestamp(1_772_442_000_000);

    #[test]
    fn evt_14_five_days_of_failure_switch_a_receiver_off_and_one_success_clears_them() {
        let fresh = Endpoint::default().for_site("crm", "a");
        assert_eq!(fresh.after_success("w"), None);
        let failing = fresh.after_failure("status 500", START, "w1").unwrap();
        assert!(failing.is_on());
        let nearly = START.plus_ms(5 * DAY_MS - 1);
        assert_eq!(failing.after_failure("status 500", nearly, "w2"), None);
        let cleared = failing.after_success("w2").unwrap();
        assert_eq!((cleared.failing_since, cleared.version), (None, 2));
        let off = failing
            .after_failure("status 500", START.plus_days(5), "w2")
            .unwrap();
        assert!(!off.is_on());
        assert_eq!(
            off.after_failure("status 500", START.plus_days(6), "w3"),
            None
        );
        assert!(off.switched_on("w3").is_on());
    }

    #[test]
    fn another_address_is_another_receiver() {
        let off = Endpoint::default().for_site("crm", "a").gone(START, "w1");
        assert!(!off.clone().for_site("crm", "a").is_on());
        let other = off.for_site("crm", "b");
        assert!(other.is_on());
        assert_eq!(other.version, 1, "its write still follows the one before");
    }
}

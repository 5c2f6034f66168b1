//! How many mails one mailbox may get, so that a form cannot be used to flood somebody.

use serde::{Deserialize, Serialize};

use super::time::{MINUTE_MS, Timestamp};

/// Send times of one mailbox: answers every window of the limit on mails to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendLimit {
    /// Keyed hash of the folded address.
    #[serde(default)]
    pub key: String,
    /// Counts writes; 0 = not there yet.
    #[serde(default)]
    pub version: u64,
    /// Mails claimed in the last 30 days, oldest first.
    #[serde(default)]
    pub sends: Vec<Sent>,
    /// Identity of the last write.
    #[serde(default, rename = "last_write_id")]
    pub write_id: String,
}

/// One mail to a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// When it was claimed.
    pub at: Timestamp,
    /// For which form.
    pub form: String,
    /// For which outbox item: a resend is not a further mail.
    pub outbox_id: String,
}

/// How long send times are kept.
pub const KEEP_DAYS: i64 = 30;

impl SendLimit {
    /// The limit item after one more mail.
    #[must_use]
    pub fn with(&self, sent: Sent, write_id: String) -> Self {
        let from = sent.at.plus_days(-KEEP_DAYS);
        let mut sends: Vec<Sent> = self.sends.iter().filter(|s| s.at > from).cloned().collect();
        sends.push(sent);
        Self {
            key: self.key.clone(),
            version: self.version + 1,
            sends,
            write_id,
        }
    }

    /// Whether this outbox item was counted before.
    pub fn has(&self, outbox_id: &str) -> bool {
        self.sends.iter().any(|s| s.outbox_id == outbox_id)
    }

    /// Why a further mail for `form` must not go out now, or none. A mailbox that nobody confirmed gets one mail per form in 15 minutes,
    /// three in 24 hours and five in 30 days over all forms; a confirmed one gets one per form in 15 minutes and twenty in 24 hours. An
    /// item that was counted before (a resend) is not a further mail.
    pub fn refuses(
        &self,
        form: &str,
        outbox_id: &str,
        confirmed: bool,
        now: Timestamp,
    ) -> Option<&'static str> {
        if self.has(outbox_id) {
            return None;
        }
        let since = |ms: i64| self.sends.iter().filter(move |s| now.since(s.at) < ms);
        if since(15 * MINUTE_MS).any(|s| s.form == form) {
            return Some("limited: one mail per form in 15 minutes");
        }
        let day = since(24 * 60 * MINUTE_MS).count();
        match confirmed {
            true if day >= 20 => Some("limited: 20 mails in 24 hours"),
            false if day >= 3 => Some("limited: 3 mails in 24 hours to an unconfirmed address"),
            false if since(KEEP_DAYS * 24 * 60 * MINUTE_MS).count() >= 5 => {
                Some("limited: 5 mails in 30 days to an unconfirmed address")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Timestamp = Timestamp(1_772_357_400_000);

    fn sent(times: &[(i64, &str)]) -> SendLimit {
        times
            .iter()
            .fold(SendLimit::default(), |limit, (minutes, form)| {
                let id = format!("mal_{minutes}");
                limit.with(
                    Sent {
                        at: T0.plus_minutes(*minutes),
                        form: (*form).into(),
                        outbox_id: id,
                    },
                    "w".into(),
                )
            })
    }

    #[test]
    fn frm_4_an_unconfirmed_mailbox_gets_three_mails_a_day_and_five_in_thirty_days() {
        let at = |limit: &SendLimit, minutes| {
            limit
                .refuses("f", "mal_new", false, T0.plus_minutes(minutes))
                .is_some()
        };
        assert!(at(&sent(&[(0, "f")]), 14));
        assert!(!at(&sent(&[(0, "f")]), 15));
        assert!(!at(&sent(&[(0, "other")]), 1));
        let day = sent(&[(0, "a"), (1, "b"), (2, "c")]);
        assert!(at(&day, 1439) && !at(&day, 1440));
        let month = sent(&[(0, "a"), (1500, "b"), (3000, "c"), (4500, "d"), (6000, "e")]);
        assert!(at(&month, 9000) && !at(&month, 30 * 1440));
    }

    #[test]
    fn frm_4_a_confirmed_mailbox_gets_more_and_a_resend_is_no_further_mail() {
        let limit = sent(&[(0, "f"), (20, "g"), (40, "h"), (60, "i"), (80, "j")]);
        assert_eq!(
            limit.refuses("f", "mal_new", true, T0.plus_minutes(100)),
            None
        );
        assert_eq!(
            limit.refuses("j", "mal_80", false, T0.plus_minutes(81)),
            None
        );
    }
}

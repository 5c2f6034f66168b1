//! The small coloured labels: a stored word, the word for people, and a tone. The word always says it too, so colour is never needed to
//! understand one.

use super::read::words;

/// A label with a tone; the tone is a class of the stylesheet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chip {
    pub(super) label: String,
    pub(super) tone: &'static str,
}

impl Chip {
    fn new(label: impl Into<String>, tone: &'static str) -> Self {
        Self {
            label: label.into(),
            tone,
        }
    }
}

/// Where a lead stands.
pub(super) fn stage(name: &str) -> Chip {
    match name {
        "" => Chip::new("No stage", ""),
        "subscriber" => Chip::new("Subscriber", ""),
        "lead" => Chip::new("Lead", "blue"),
        "mql" => Chip::new("MQL", "warn"),
        "sal" => Chip::new("SAL", "accent"),
        "sql" => Chip::new("SQL", "good"),
        "disqualified" => Chip::new("Disqualified", "bad"),
        "recycled" => Chip::new("Recycled", "violet"),
        other => Chip::new(words(other), ""),
    }
}

/// Whether mail reaches the person.
pub(super) fn reachability(name: &str) -> Chip {
    match name {
        "" => Chip::default(),
        "confirmed" => Chip::new("Address confirmed", "good"),
        "unconfirmed" => Chip::new("Not confirmed yet", ""),
        "bounced" => Chip::new("Bounced", "bad"),
        "unsubscribed" => Chip::new("Unsubscribed", "bad"),
        "complained" => Chip::new("Complained", "bad"),
        other => Chip::new(words(other), ""),
    }
}

/// How far an outbox item has got.
pub(super) fn outbox_state(name: &str) -> Chip {
    match name {
        "PENDING" => Chip::new("Waiting", "blue"),
        "SENDING" => Chip::new("Being sent", "blue"),
        "SENT" => Chip::new("Sent", "good"),
        "SKIPPED" => Chip::new("Skipped", ""),
        "UNKNOWN" => Chip::new("Outcome unknown", "warn"),
        "DEAD" => Chip::new("Given up", "bad"),
        other => Chip::new(words(&other.to_lowercase()), ""),
    }
}

/// What a person said to a wording.
pub(super) fn decision(name: &str) -> Chip {
    match name {
        "granted" => Chip::new("Given, not confirmed", "warn"),
        "confirmed" => Chip::new("Given and confirmed", "good"),
        "declined" => Chip::new("Not given", ""),
        "withdrawn" => Chip::new("Withdrawn", "bad"),
        other => Chip::new(words(other), ""),
    }
}

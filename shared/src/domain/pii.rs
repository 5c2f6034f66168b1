//! The only carrier of personal values: it prints as `[pii]`, so a log line or an error chain cannot leak one by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A personal value (an address, a name, a phone number, an answer). `Debug` and `Display` print `[pii]`; reading it takes an explicit
/// [`Pii::expose`]. It serialises as the bare value, because stored items and mails need it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Pii<T>(T);

impl<T> Pii<T> {
    /// Wraps a personal value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every call site is a place where personal data goes somewhere: a mail, a page, a stored item.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Pii<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[pii]")
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[pii]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_personal_value_prints_as_a_placeholder() {
        let name = Pii::new(String::from("Ada"));
        assert_eq!(format!("{name} {name:?}"), "[pii] [pii]");
        assert_eq!(name.expose(), "Ada");
    }
}

//! Proofs of being human that a form may ask for, and what the services say that check them.
//!
//! Altcha is our own (see [`super::altcha`]); the three services differ in names only. To add one: a variant, its field, its address.

use serde::{Deserialize, Serialize};

/// Longest token that is sent on, in bytes.
pub const MAX_TOKEN: usize = 2_048;

/// Who checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProofKind {
    /// We do: a proof of work, with no third party.
    Altcha,
    /// Cloudflare.
    Turnstile,
    /// hCaptcha.
    Hcaptcha,
    /// Google.
    Recaptcha,
}

impl ProofKind {
    /// Name in site files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Altcha => "altcha",
            Self::Turnstile => "turnstile",
            Self::Hcaptcha => "hcaptcha",
            Self::Recaptcha => "recaptcha",
        }
    }

    /// The kind of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        [
            Self::Altcha,
            Self::Turnstile,
            Self::Hcaptcha,
            Self::Recaptcha,
        ]
        .into_iter()
        .find(|kind| kind.name() == name)
    }

    /// Names under which its token is posted.
    pub const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Altcha => &["altcha"],
            Self::Turnstile => &["cf-turnstile-response"],
            Self::Hcaptcha => &["h-captcha-response"],
            Self::Recaptcha => &["g-recaptcha-response", "recaptcha_response"],
        }
    }

    /// Where its tokens are checked; none for our own.
    pub const fn verifies_at(self) -> Option<&'static str> {
        match self {
            Self::Altcha => None,
            Self::Turnstile => Some("https://challenges.cloudflare.com/turnstile/v0/siteverify"),
            Self::Hcaptcha => Some("https://api.hcaptcha.com/siteverify"),
            Self::Recaptcha => Some("https://www.google.com/recaptcha/api/siteverify"),
        }
    }
}

/// What a form asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofAsk {
    /// Who checks.
    pub kind: ProofKind,
    /// What the page's widget is set up with, where a service checks.
    pub site_key: Option<String>,
    /// Name of the secret that the service knows us by.
    pub secret: Option<String>,
    /// Hosts on which a token may have been made; empty: any.
    pub hosts: Vec<String>,
    /// The action that the page names; none: any.
    pub action: Option<String>,
    /// Least score in hundredths, where the service gives one.
    pub min_score: u8,
}

/// What a service said of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It is good.
    Good,
    /// It is not: made up, used before, made elsewhere, or of low score.
    Bad,
    /// The service refuses us: our secret is wrong, or it has a failure of its own.
    NoAnswer,
}

#[derive(Deserialize)]
struct Said {
    success: bool,
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    action: Option<String>,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default, rename = "error-codes")]
    error_codes: Vec<String>,
}

/// Codes that speak of us or of the service, not of the visitor.
const OURS: [&str; 8] = [
    "missing-input-secret",
    "invalid-input-secret",
    "bad-request",
    "internal-error",
    "missing-remoteip",
    "not-using-dummy-passcode",
    "sitekey-secret-mismatch",
    "invalid-keys",
];

/// Reads a service's answer. Where it says for which host and action the token was made, these must be the form's.
pub fn read_answer(ask: &ProofAsk, status: u16, body: &[u8]) -> Checked {
    let said: Said = match serde_json::from_slice(body) {
        Ok(said) if status < 500 => said,
        _ => return Checked::NoAnswer,
    };
    if !said.success {
        let ours = said
            .error_codes
            .iter()
            .any(|code| OURS.contains(&code.as_str()));
        return if ours {
            Checked::NoAnswer
        } else {
            Checked::Bad
        };
    }
    let host = said
        .hostname
        .is_none_or(|host| ask.hosts.is_empty() || ask.hosts.contains(&host));
    let action = match (&ask.action, said.action) {
        (Some(wanted), Some(action)) => *wanted == action,
        // An action that the service does not name cannot be checked; one that the form does not want is not.
        (Some(_), None) => ask.kind == ProofKind::Hcaptcha,
        (None, _) => true,
    };
    // A service's score is a fraction; it is compared once and never added up.
    let score = said
        .score
        .is_none_or(|score| score * 100.0 >= f64::from(ask.min_score));
    if host && action && score {
        Checked::Good
    } else {
        Checked::Bad
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask() -> ProofAsk {
        ProofAsk {
            kind: ProofKind::Turnstile,
            site_key: Some("k".into()),
            secret: Some("turnstile".into()),
            hosts: vec!["www.example.com".into()],
            action: Some("lead".into()),
            min_score: 50,
        }
    }

    fn said(status: u16, body: &str) -> Checked {
        read_answer(&ask(), status, body.as_bytes())
    }

    #[test]
    fn frm_3_host_and_action_of_a_token_are_checked() {
        let good =
            r#"{"success":true,"hostname":"www.example.com","action":"lead","error-codes":[]}"#;
        assert_eq!(said(200, good), Checked::Good);
        for bad in [
            r#"{"success":true,"hostname":"evil.example","action":"lead"}"#,
            r#"{"success":true,"hostname":"www.example.com","action":"login"}"#,
            r#"{"success":true,"hostname":"www.example.com"}"#,
            r#"{"success":true,"hostname":"www.example.com","action":"lead","score":0.3}"#,
            r#"{"success":false,"error-codes":["timeout-or-duplicate"]}"#,
            r#"{"success":false}"#,
        ] {
            assert_eq!(said(200, bad), Checked::Bad, "{bad}");
        }
    }

    #[test]
    fn what_is_our_fault_or_the_services_is_no_verdict_on_the_visitor() {
        for (status, body) in [
            (
                200,
                r#"{"success":false,"error-codes":["invalid-input-secret"]}"#,
            ),
            (200, r#"{"success":false,"error-codes":["internal-error"]}"#),
            (503, r#"{"success":true}"#),
            (200, "<html>"),
            (302, ""),
        ] {
            assert_eq!(said(status, body), Checked::NoAnswer, "{status} {body}");
        }
    }

    #[test]
    fn every_kind_has_a_name_and_a_field_that_is_reserved() {
        use crate::domain::reserved::is_reserved;
        for kind in [
            ProofKind::Altcha,
            ProofKind::Turnstile,
            ProofKind::Hcaptcha,
            ProofKind::Recaptcha,
        ] {
            assert_eq!(ProofKind::by_name(kind.name()), Some(kind));
            assert!(kind.fields().iter().all(|name| is_reserved(name)));
        }
    }
}

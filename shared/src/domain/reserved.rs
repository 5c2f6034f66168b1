//! Field names with a meaning of their own, and the other names that well-known fields go by.

use super::form::Form;

/// What a posted name means to us rather than to the business.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// A trap: people leave it empty.
    Honeypot,
    /// Where to go after success.
    Next,
    /// Where to go after an error.
    ErrorNext,
    /// The URL of the page the form stands on.
    PageUrl,
    /// A key that makes a repeat recognisable.
    Nonce,
    /// Known and dropped: subject lines, copies, captcha tokens, form selectors of other services.
    Ignored,
}

/// Names by meaning. Compared as posted, in lower case.
const NAMES: [(Reserved, &[&str]); 6] = [
    (
        Reserved::Honeypot,
        &["_gotcha", "_honey", "botcheck", "bot-field", "hp"],
    ),
    (
        Reserved::Next,
        &[
            "_next",
            "_redirect",
            "redirect",
            "redirect_to",
            "next",
            "returl",
            "success_location",
        ],
    ),
    (Reserved::ErrorNext, &["_error", "error_location"]),
    (Reserved::PageUrl, &["page_url", "pageuri", "_page"]),
    (Reserved::Nonce, &["_nonce"]),
    (
        Reserved::Ignored,
        &[
            "_subject",
            "_replyto",
            "_reply_to",
            "replyto",
            "_cc",
            "ccemail",
            "_bcc",
            "_format",
            "_language",
            "_charset_",
            "_host_nonce",
            "form-name",
            "access_key",
            "apikey",
            "g-recaptcha-response",
            "recaptcha_response",
            "h-captcha-response",
            "cf-turnstile-response",
            "altcha",
            "captcha_settings",
            "is_test",
            "submit",
        ],
    ),
];

/// What a posted name means, where it is reserved. A field the form declares is never reserved.
pub fn reserved(form: &Form, name: &str) -> Option<Reserved> {
    if form.field(name).is_some() || form.consents.iter().any(|c| c.field == name) {
        return None;
    }
    if form.honeypots.iter().any(|h| h == name) {
        return Some(Reserved::Honeypot);
    }
    let lower = name.to_ascii_lowercase();
    NAMES
        .iter()
        .find(|(_, names)| names.contains(&lower.as_str()))
        .map(|(meaning, _)| *meaning)
}

/// Canonical names, each with the other names it goes by, written without `-`, `_`, blanks and case.
const ALIASES: [(&str, &[&str]); 19] = [
    (
        "email",
        &[
            "email",
            "mail",
            "youremail",
            "workemail",
            "emailaddress",
            "businessemail",
        ],
    ),
    ("first_name", &["firstname", "fname", "givenname"]),
    ("last_name", &["lastname", "lname", "familyname", "surname"]),
    ("full_name", &["fullname", "name", "yourname"]),
    (
        "company",
        &["company", "companyname", "organization", "organisation"],
    ),
    ("job_title", &["jobtitle", "title", "position", "role"]),
    (
        "phone",
        &["phone", "phonenumber", "tel", "telephone", "workphone"],
    ),
    ("mobile", &["mobile", "mobilephone", "cell"]),
    ("website", &["website", "url", "homepage"]),
    (
        "street",
        &["street", "address", "address1", "streetaddress"],
    ),
    ("city", &["city", "town"]),
    ("state", &["state", "region"]),
    ("zip", &["zip", "zipcode", "postalcode", "postcode"]),
    ("country", &["country"]),
    ("industry", &["industry", "companyindustry"]),
    (
        "employees",
        &[
            "employees",
            "numemployees",
            "companysize",
            "companynumberofemployees",
        ],
    ),
    (
        "revenue",
        &["revenue", "annualrevenue", "companyannualrevenue"],
    ),
    (
        "message",
        &[
            "message",
            "description",
            "comments",
            "comment",
            "enquiry",
            "inquiry",
            "yourmessage",
        ],
    ),
    ("lead_source", &["leadsource"]),
];

/// The name an answer is stored under: the form's own where it declares the name, else the declared field that goes by the same
/// canonical name, else the canonical name, else the name as posted.
pub fn stored_name(form: &Form, posted: &str) -> String {
    if form.field(posted).is_some() {
        return posted.to_owned();
    }
    let key = folded(posted);
    if let Some(field) = form.fields.iter().find(|f| folded(&f.name) == key) {
        return field.name.clone();
    }
    canonical(&key).map_or_else(
        || posted.to_owned(),
        |canonical| {
            let declared = form
                .fields
                .iter()
                .find(|f| self::canonical(&folded(&f.name)) == Some(canonical));
            declared.map_or_else(|| canonical.to_owned(), |f| f.name.clone())
        },
    )
}

/// Whether the name has a meaning of its own on a form that does not declare it.
pub fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    NAMES
        .iter()
        .any(|(_, names)| names.contains(&lower.as_str()))
}

/// The canonical name that a name goes by.
pub fn canonical_name(name: &str) -> Option<&'static str> {
    canonical(&folded(name))
}

/// The names that rules and forms may use without declaring them.
pub fn canonical_names() -> impl Iterator<Item = &'static str> {
    ALIASES.iter().map(|(canonical, _)| *canonical)
}

/// Whether rules and forms may use the name without declaring it.
pub fn is_canonical(name: &str) -> bool {
    ALIASES.iter().any(|(canonical, _)| *canonical == name)
}

fn canonical(key: &str) -> Option<&'static str> {
    ALIASES
        .iter()
        .find(|(_, aliases)| aliases.contains(&key))
        .map(|(canonical, _)| *canonical)
}

fn folded(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}

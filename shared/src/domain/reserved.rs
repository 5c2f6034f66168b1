//! Field names with a meaning of their own, and the other names that well-known fields go by.

use super::form::Form;
use super::source::Source;

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
    /// Where replies go: the visitor's address, on pages that have it under no other name.
    ReplyTo,
    /// Known and dropped: subject lines, copies, captcha tokens, form selectors of other services.
    Ignored,
}

/// Names by meaning. Compared as posted, in lower case, without the `[]` of lists.
const NAMES: [(Reserved, &[&str]); 7] = [
    (
        Reserved::Honeypot,
        &[
            "_gotcha",
            "_honey",
            "_honeypot",
            "botcheck",
            "bot-field",
            "hp",
            "nonce",
        ],
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
    (Reserved::PageUrl, &["page_url", "pageuri", "_page", "_url"]),
    (Reserved::Nonce, &["_nonce"]),
    (Reserved::ReplyTo, &["_replyto", "_reply_to", "replyto"]),
    (
        Reserved::Ignored,
        &[
            // Mail settings of form services. Copies would make us an open relay.
            "_subject",
            "from_name",
            "_cc",
            "ccemail",
            "_bcc",
            "_format",
            "_language",
            "_template",
            "_autoresponse",
            "_blacklist",
            "_captcha",
            "_webhook",
            // Which form it is, and which page made it.
            "form-name",
            "access_key",
            "apikey",
            "formid",
            "oid",
            "debug",
            "debugemail",
            "_charset_",
            "_host_nonce",
            "submit",
            // Proofs of other systems: worth nothing here, and nothing to keep.
            "g-recaptcha-response",
            "recaptcha_response",
            "h-captcha-response",
            "cf-turnstile-response",
            "altcha",
            "captcha_settings",
            "is_test",
            "csrf_token",
            "csrfmiddlewaretoken",
            "authenticity_token",
            "_csrf",
            "_token",
            "_wpnonce",
            "_wp_http_referer",
            "__requestverificationtoken",
            "utf8",
        ],
    ),
];

/// Settings of the plugin that most blogs have their forms by: all its hidden names begin so.
const PLUGIN: &str = "_wpcf7";

/// What a posted name means, where it is reserved. A field the form declares is never reserved.
pub fn reserved(form: &Form, name: &str) -> Option<Reserved> {
    let plain = without_brackets(name);
    if form.field_posted_as(plain).is_some()
        || form.field_posted_as(name).is_some()
        || form.consents.iter().any(|c| c.field == plain)
    {
        return None;
    }
    if form.honeypots.iter().any(|h| h == name) {
        return Some(Reserved::Honeypot);
    }
    meaning(plain)
}

fn meaning(name: &str) -> Option<Reserved> {
    let lower = name.trim().to_ascii_lowercase();
    if lower.starts_with(PLUGIN) || Source::identifies(&lower) {
        return Some(Reserved::Ignored);
    }
    NAMES
        .iter()
        .find(|(_, names)| names.contains(&lower.as_str()))
        .map(|(meaning, _)| *meaning)
}

/// `interests[]` is how some servers want a list named.
fn without_brackets(name: &str) -> &str {
    name.trim().strip_suffix("[]").unwrap_or(name.trim())
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
            "emailid",
            "contactemail",
            "personalemail",
            "useremail",
        ],
    ),
    (
        "first_name",
        &[
            "firstname",
            "fname",
            "givenname",
            "yourfirstname",
            "forename",
        ],
    ),
    (
        "last_name",
        &[
            "lastname",
            "lname",
            "familyname",
            "surname",
            "yourlastname",
            "secondname",
        ],
    ),
    (
        "full_name",
        &["fullname", "name", "yourname", "contactname", "fullnames"],
    ),
    (
        "company",
        &[
            "company",
            "companyname",
            "organization",
            "organisation",
            "yourcompany",
            "organizationname",
            "business",
            "businessname",
        ],
    ),
    (
        "job_title",
        &[
            "jobtitle", "title", "position", "role", "jobrole", "yourrole",
        ],
    ),
    (
        "phone",
        &[
            "phone",
            "phonenumber",
            "tel",
            "telephone",
            "workphone",
            "yourphone",
            "phoneno",
            "telephonenumber",
            "contactnumber",
        ],
    ),
    (
        "mobile",
        &[
            "mobile",
            "mobilephone",
            "cell",
            "mobilenumber",
            "cellphone",
            "mobilephonenumber",
        ],
    ),
    (
        "website",
        &[
            "website",
            "url",
            "homepage",
            "websiteurl",
            "companywebsite",
            "web",
        ],
    ),
    (
        "street",
        &["street", "address", "address1", "streetaddress"],
    ),
    ("city", &["city", "town"]),
    (
        "state",
        &[
            "state",
            "region",
            "stateregion",
            "province",
            "stateprovince",
        ],
    ),
    (
        "zip",
        &["zip", "zipcode", "postalcode", "postcode", "postal"],
    ),
    ("country", &["country", "countryregion"]),
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
            "yourenquiry",
            "note",
            "notes",
            "howcanwehelp",
            "howcanwehelpyou",
        ],
    ),
    ("lead_source", &["leadsource", "source"]),
];

/// The name an answer is stored under: the form's own where it declares the name or lists it as an alias, else the declared field that
/// goes by the same canonical name, else the canonical name, else the name as posted.
pub fn stored_name(form: &Form, posted: &str) -> String {
    let plain = without_brackets(posted);
    if let Some(field) = form
        .field_posted_as(posted)
        .or_else(|| form.field_posted_as(plain))
    {
        return field.name.clone();
    }
    let key = folded(inner(form, plain).unwrap_or(plain));
    if let Some(field) = form.fields.iter().find(|f| folded(&f.name) == key) {
        return field.name.clone();
    }
    if let Some(ask) = form.consents.iter().find(|c| folded(&c.field) == key) {
        return ask.field.clone();
    }
    canonical(&key).map_or_else(
        || plain.to_owned(),
        |canonical| {
            let declared = form
                .fields
                .iter()
                .find(|f| self::canonical(&folded(&f.name)) == Some(canonical));
            declared.map_or_else(|| canonical.to_owned(), |f| f.name.clone())
        },
    )
}

/// What stands in `lead[email]`, `form_fields[email]`: form builders and frameworks wrap their names so. Only where it is a name that
/// means something here.
fn inner<'n>(form: &Form, name: &'n str) -> Option<&'n str> {
    let (_, rest) = name.split_once('[')?;
    let inner = rest.strip_suffix(']').filter(|i| !i.contains('['))?;
    let key = folded(inner);
    let known = canonical(&key).is_some() || form.fields.iter().any(|f| folded(&f.name) == key);
    known.then_some(inner)
}

/// Whether the name has a meaning of its own on a form that does not declare it.
pub fn is_reserved(name: &str) -> bool {
    meaning(name).is_some()
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

//! CORS: which scripts on which pages may read our answers. Exact origins from the form, nothing else; never credentials.

use lambda_http::http::StatusCode;
use lambda_http::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, VARY,
};
use shared::domain::form::Form;
use shared::edge::http::{Answer, answer, set};

/// What scripts of form services send; without the last two their official clients fail here.
const HEADERS: &str = "Accept, Content-Type, X-Requested-With, Authorization, Idempotency-Key, Formspree-Client, Formspree-Session-Data";

/// The answer to a preflight; [`allow`] adds the origin.
pub fn preflight(form: &Form, origin: &str) -> Answer {
    preflight_any(std::iter::once(form), origin)
}

/// The same where the form is named in the body, which a preflight does not have: what any of these forms allows.
pub fn preflight_any<'f>(mut forms: impl Iterator<Item = &'f Form>, origin: &str) -> Answer {
    let mut response = answer(StatusCode::NO_CONTENT, "text/plain", "");
    set(&mut response, VARY, "Origin");
    if forms.any(|form| is_allowed(form, origin)) {
        set(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        set(&mut response, ACCESS_CONTROL_ALLOW_METHODS, "POST");
        set(&mut response, ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        set(&mut response, ACCESS_CONTROL_MAX_AGE, "600");
    }
    response
}

/// Lets the origin read the answer, if the form allows it.
pub fn allow(response: &mut Answer, form: &Form, origin: &str) {
    set(response, VARY, "Origin");
    if is_allowed(form, origin) {
        set(response, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

fn is_allowed(form: &Form, origin: &str) -> bool {
    form.allowed_origins.iter().any(|allowed| allowed == origin)
}

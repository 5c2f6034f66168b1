//! Answers: JSON for scripts, pages and redirects for people. The one place that maps what happened to what is said.
//!
//! The shapes are those that clients of form services expect: a success never has an `error` or `errors` key, an error always has both.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use lambda_http::http::header::{ALLOW, RETRY_AFTER};
use serde_json::json;
use shared::domain::form::Form;
use shared::domain::reserved::{Reserved, reserved};
use shared::domain::submission::{Checked, Problem, check};
use shared::edge::http::{
    Answer, header_text, json as json_answer, page as page_answer, see_other, set, store_failure,
};
use shared::edge::pages::{FormPage, Look, MessagePage, ThanksPage};
use shared::site::Site;
use shared::store::StoreError;

use crate::redirect::PageOrigin;
use crate::submit::did_you_mean;

/// Why a post is refused as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No form of that name.
    FormNotFound,
    /// A method that the address does not take; those that it does.
    Method(&'static str),
    /// The form is strict, and the page is not one of its own.
    Origin,
    /// Body over its limit.
    TooLarge,
    /// Headers over their limit.
    HeadersTooLarge,
    /// Too many fields.
    TooManyFields,
    /// A name or a value over its limit.
    FieldTooLarge,
    /// A type, an encoding or a charset that is not read.
    UnsupportedType,
    /// Not a JSON object of plain values.
    BadJson,
    /// Not multipart.
    BadMultipart,
    /// A file.
    Files,
    /// Nothing was filled in.
    Empty,
    /// An idempotency key over its limit.
    LongKey,
    /// An idempotency key that was used for another content.
    KeyReused,
    /// The network is over its limit; seconds to wait.
    TooMany(u64),
    /// A service that could not prove itself.
    Unproven,
    /// The secret by which it would prove itself cannot be read.
    NoSecret,
    /// The store failed.
    Store(StoreError),
}

impl Refusal {
    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::FormNotFound => StatusCode::NOT_FOUND,
            Self::Method(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Origin | Self::Unproven => StatusCode::FORBIDDEN,
            Self::NoSecret => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooLarge | Self::HeadersTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooManyFields
            | Self::FieldTooLarge
            | Self::BadJson
            | Self::BadMultipart
            | Self::Files
            | Self::Empty
            | Self::LongKey => StatusCode::BAD_REQUEST,
            Self::KeyReused => StatusCode::CONFLICT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(error) => store_failure(error).0,
        }
    }

    /// Its code, as clients of form services know them.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::FormNotFound => "FORM_NOT_FOUND",
            Self::Empty => "EMPTY",
            Self::Files => "NO_FILE_UPLOADS",
            Self::Origin | Self::Unproven | Self::TooMany(_) => "BLOCKED",
            Self::Method(_) => "METHOD_NOT_ALLOWED",
            Self::TooLarge | Self::HeadersTooLarge | Self::FieldTooLarge => "TOO_LARGE",
            Self::TooManyFields => "TOO_MANY_FIELDS",
            Self::UnsupportedType => "UNSUPPORTED_TYPE",
            Self::BadJson | Self::BadMultipart => "UNREADABLE",
            Self::LongKey | Self::KeyReused => "IDEMPOTENCY_KEY",
            Self::NoSecret | Self::Store(_) => "TRY_AGAIN",
        }
    }

    /// What to do, for people.
    pub const fn message(&self) -> &'static str {
        match self {
            Self::FormNotFound => {
                "There is no form at this address. Check the last part of the form's URL."
            }
            Self::Method(_) => "This address takes a form that is sent with POST.",
            Self::Origin => {
                "This form takes posts from its own pages only. Add this page's origin to allowed_origins."
            }
            Self::TooLarge => "The form is too large: send at most 64 KiB.",
            Self::HeadersTooLarge => "The request's headers are too large: send at most 8 KiB.",
            Self::TooManyFields => "The form has too many fields: send at most 50.",
            Self::FieldTooLarge => {
                "A field is too long: names have at most 64 bytes, values at most 8 KiB."
            }
            Self::UnsupportedType => {
                "Send the form as application/x-www-form-urlencoded, multipart/form-data or application/json, in UTF-8 and not compressed."
            }
            Self::BadJson => {
                "The body is not a JSON object of texts, numbers, booleans and lists of them."
            }
            Self::BadMultipart => {
                "The body is not multipart/form-data with the boundary its Content-Type names."
            }
            Self::Files => "This form takes no files. Remove the file field.",
            Self::Empty => "The form is empty. Fill in at least one field.",
            Self::LongKey => "The Idempotency-Key is too long: at most 255 bytes.",
            Self::KeyReused => {
                "This Idempotency-Key was used for another submission. Use a fresh key for each."
            }
            Self::TooMany(_) => {
                "Too many submissions from your network. Wait a moment and send the form again."
            }
            Self::Unproven => "The key or signature is not the one this form knows.",
            Self::NoSecret => {
                "The secret that this form checks with cannot be read just now. Send it again later."
            }
            Self::Store(_) => {
                "We could not take the form just now. Nothing is lost: send it again in a few seconds."
            }
        }
    }
}

/// Who asks: a script that reads JSON, or a person with a browser.
#[derive(Clone, Debug)]
pub struct Asker {
    wants_json: bool,
    back: Option<String>,
}

impl Asker {
    /// Reads it from the request's headers.
    pub fn of(request: &Request) -> Self {
        let header = |name| header_text(request.headers(), name);
        Self {
            wants_json: wants_json(
                header("x-requested-with"),
                header("accept"),
                header("content-type"),
            ) || is_bare_script(header("sec-fetch-dest"), header("accept")),
            back: Some(header("referer").to_owned()).filter(|r| r.starts_with("http")),
        }
    }

    /// Whether the answer is JSON.
    pub const fn wants_json(&self) -> bool {
        self.wants_json
    }

    /// The submission is taken. `hint` is the address that was most likely meant: advice, and nothing was changed.
    pub fn accept(&self, form: &Form, id: &str, next: &str, hint: Option<&str>) -> Answer {
        if self.wants_json {
            let mut body = json!({ "ok": true, "success": true, "id": id, "next": next, "message": form.success_message });
            if let Some(hint) = hint {
                body["did_you_mean"] = hint.into();
            }
            json_answer(StatusCode::OK, &body)
        } else {
            see_other(next)
        }
    }

    /// The post is refused as a whole.
    pub fn refuse(&self, site: &Site, form: Option<&Form>, refusal: &Refusal) -> Answer {
        let mut response = if self.wants_json {
            let errors = json!([{ "code": refusal.code(), "message": refusal.message() }]);
            json_answer(
                refusal.status(),
                &json!({ "error": refusal.message(), "errors": errors }),
            )
        } else {
            let message = MessagePage {
                look: look(site, form),
                title: String::from("That did not work"),
                text: refusal.message().to_owned(),
                back: self.back.clone(),
            };
            page_answer(refusal.status(), &message, &[])
        };
        retry_after(&mut response, refusal);
        response
    }

    /// A post that was read is refused as a whole. A person gets the form back with what they typed, so that sending it again is one
    /// press.
    pub fn refuse_post(
        &self,
        site: &Site,
        form: &Form,
        refusal: &Refusal,
        posted: &[(String, String)],
        page: &PageOrigin,
    ) -> Answer {
        let whole = Problem {
            field: None,
            code: refusal.code(),
            message: refusal.message().to_owned(),
        };
        if self.wants_json {
            return self.refuse(site, Some(form), refusal);
        }
        let problems = match refusal {
            // What is missing is said beside the fields; that nothing is there, everybody sees.
            Refusal::Empty => match check(form, posted, None) {
                Checked::Problems(problems) => problems,
                Checked::Fine(_) | Checked::Trapped { .. } => vec![whole],
            },
            _ => vec![whole],
        };
        let mut response = back(site, form, refusal.status(), &problems, posted, page);
        retry_after(&mut response, refusal);
        response
    }

    /// Fields are wrong: all of them are named. A person gets the form back with what they typed.
    pub fn refuse_fields(
        &self,
        site: &Site,
        form: &Form,
        problems: &[Problem],
        posted: &[(String, String)],
        page: &PageOrigin,
    ) -> Answer {
        if !self.wants_json {
            return back(
                site,
                form,
                StatusCode::UNPROCESSABLE_ENTITY,
                problems,
                posted,
                page,
            );
        }
        let errors: Vec<_> = problems
            .iter()
            .map(|p| match &p.field {
                Some(field) => json!({ "code": p.code, "field": field, "message": p.message }),
                None => json!({ "code": p.code, "message": p.message }),
            })
            .collect();
        let mut body = json!({ "error": in_one_line(form, problems), "errors": errors });
        if let Some(hint) = did_you_mean(form, posted) {
            body["did_you_mean"] = hint.into();
        }
        json_answer(StatusCode::UNPROCESSABLE_ENTITY, &body)
    }
}

/// All problems as one line of text.
pub fn in_one_line(form: &Form, problems: &[Problem]) -> String {
    let line = |problem: &Problem| {
        let label = problem.field.as_deref().map_or("", |name| {
            form.field(name).map_or(name, |field| field.label.as_str())
        });
        format!("{label} {}", problem.message).trim().to_owned()
    };
    problems.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// Back to a person who posted from a page: to the page for errors that they named, if it may be followed; else the form with what they
/// typed and what is wrong with it.
fn back(
    site: &Site,
    form: &Form,
    status: StatusCode,
    problems: &[Problem],
    posted: &[(String, String)],
    page: &PageOrigin,
) -> Answer {
    let asked = posted
        .iter()
        .filter(|(name, _)| reserved(form, name) == Some(Reserved::ErrorNext))
        .find_map(|(_, to)| page.allowed(form, to));
    if let Some(mut to) = asked {
        // Codes and names of fields only: what was typed stays out of addresses.
        let mut query = to.query_pairs_mut();
        if let Some(first) = problems.first() {
            query.append_pair("error", first.code);
        }
        let fields: Vec<&str> = problems.iter().filter_map(|p| p.field.as_deref()).collect();
        if !fields.is_empty() {
            query.append_pair("fields", &fields.join(","));
        }
        drop(query);
        return see_other(to.as_str());
    }
    let page_ = FormPage {
        look: look(site, Some(form)),
        form,
        action: format!("/f/{}", form.id),
        problems,
        posted,
        hidden: &[],
    };
    page_answer(status, &page_, &[])
}

/// The headers that a refusal comes with.
pub fn retry_after(response: &mut Answer, refusal: &Refusal) {
    match refusal {
        Refusal::TooMany(seconds) => set(response, RETRY_AFTER, &seconds.to_string()),
        Refusal::Store(error) => {
            if let (_, Some(seconds)) = store_failure(error) {
                set(response, RETRY_AFTER, &seconds.to_string());
            }
        }
        Refusal::Method(allowed) => set(response, ALLOW, allowed),
        _ => {}
    }
}

/// The rule of form services: a script says so by `X-Requested-With`, by asking for JSON before HTML, or by sending JSON without asking
/// for HTML first.
fn wants_json(requested_with: &str, accept: &str, content_type: &str) -> bool {
    if requested_with.eq_ignore_ascii_case("XMLHttpRequest") {
        return true;
    }
    let accept = accept.to_ascii_lowercase();
    match (accept.find("json"), accept.find("html")) {
        (Some(json), Some(html)) => json < html,
        (Some(_), None) => true,
        (None, Some(_)) => false,
        (None, None) => content_type.to_ascii_lowercase().contains("json"),
    }
}

/// A script that did not say what it wants to read: its browser says that no page waits for the answer. A redirect would lead it to a
/// page that it may not read.
fn is_bare_script(destination: &str, accept: &str) -> bool {
    destination == "empty" && !accept.contains("html")
}

/// The hosted form, with what it sends along unseen.
pub fn hosted_form(site: &Site, form: &Form, hidden: &[(String, String)]) -> Answer {
    let page_ = FormPage {
        look: look(site, Some(form)),
        form,
        action: format!("/f/{}", form.id),
        problems: &[],
        posted: &[],
        hidden,
    };
    page_answer(StatusCode::OK, &page_, &[])
}

/// The thank-you page.
pub fn thanks(site: &Site, form: Option<&str>) -> Answer {
    let form = form.and_then(|id| site.forms.get(id));
    let look = look(site, form);
    let words = look.words();
    let text = form.map_or(words.thanks, |f| f.success_message.as_str());
    let page_ = ThanksPage {
        look,
        title: words.thanks_title.to_owned(),
        text: text.to_owned(),
    };
    page_answer(StatusCode::OK, &page_, &[])
}

fn look<'s>(site: &'s Site, form: Option<&'s Form>) -> Look<'s> {
    Look {
        business: &site.business,
        language: form.map_or(site.business.language.as_str(), |f| f.language.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_or_redirect_rule_holds_in_all_its_rows_and_always_for_xhr() {
        const HTML: &str =
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
        for (content_type, accept, json) in [
            ("", "", false),
            ("application/json", "text/json", true),
            ("application/json", "application/json", true),
            ("", "application/json", true),
            ("", "application/json, text/javascript, */*; q=0.01", true),
            ("application/json", "", true),
            (
                "application/json",
                "application/json, text/plain, */*",
                true,
            ),
            (
                "application/x-www-form-urlencoded",
                "application/json",
                true,
            ),
            (
                "application/x-www-form-urlencoded",
                "application/json, text/plain, */*",
                true,
            ),
            ("application/x-www-form-urlencoded", "", false),
            ("", "text/html", false),
            ("application/json", "text/html", false),
            ("application/json", HTML, false),
            (
                "application/x-www-form-urlencoded",
                "text/html, */*; q=0.01",
                false,
            ),
            ("", HTML, false),
        ] {
            assert_eq!(
                wants_json("", accept, content_type),
                json,
                "{content_type} {accept}"
            );
            assert!(
                wants_json("xmlhttprequest", accept, content_type),
                "{content_type} {accept}"
            );
        }
    }
}

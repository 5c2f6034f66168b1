//! The pages that a person sees on this machine: leads, one lead, the inbox, one mail.
//!
//! Documents go in as JSON in the shapes that `/local/` answers, and come out as whole pages; a field that is missing is left out of the
//! page. Everything is on the page itself: no script, no font, no picture from anywhere, and the security headers say so. Must not know a
//! store, a clock, or a route's handler.

mod chip;
mod inbox;
mod lead;
mod leads;
mod quarantine;
mod read;
mod respond;

#[cfg(test)]
mod tests;

pub use inbox::{inbox, mail};
pub use lead::lead;
pub use leads::leads;
pub use quarantine::quarantine;
pub use respond::{respond, respond_with_mail_html, wants_html};

/// The one stylesheet, put into every page so that nothing has to be fetched.
const STYLE: &str = include_str!("../../templates/style.css");

/// The page, or where a template fails (which the compiler all but rules out) a sentence that says so.
fn rendered(page: &impl askama::Template) -> String {
    page.render()
        .unwrap_or_else(|error| format!("The page could not be made: {error}"))
}

/// The stylesheet of a page that stands alone: a report to be mailed or printed.
pub fn paper_style() -> String {
    format!("{STYLE}\n{}", include_str!("../../templates/paper.css"))
}

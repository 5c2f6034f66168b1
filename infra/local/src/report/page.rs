//! A report as a page: one file that needs nothing else.

use askama::Template;
use shared::domain::text::people_date;
use shared::domain::time::{Day, Timestamp};

use super::view::Section;
use crate::pages::paper_style;

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    style: String,
    made: String,
    business: &'a str,
    from: String,
    to: String,
    sections: &'a [Section],
}

/// The page.
pub fn page(business: &str, from: Day, to: Day, sections: &[Section], made: Timestamp) -> String {
    let page = Page {
        style: paper_style(),
        made: people_date(made),
        business,
        from: people_date(from.start()),
        to: people_date(to.start()),
        sections,
    };
    page.render()
        .unwrap_or_else(|error| format!("The page could not be made: {error}"))
}

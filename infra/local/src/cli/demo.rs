//! Made-up leads for a first look: what some people did in the last weeks, over HTTP's own path, so that all of it follows that a real
//! visit causes: mails, scores, an alert.
//!
//! Answers are made from the form's definition, so a changed site needs no change here.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{Method, header};
use shared::domain::form::{Field, FieldKind, Form};
use shared::domain::time::Timestamp;
use shared::runtime::Clock;
use shared::site::{Site, SiteHandle};

use crate::app::{App, Options};
use crate::pump::context::Drive;

/// Somebody who does not exist.
struct Person {
    first: &'static str,
    last: &'static str,
    company: &'static str,
    title: &'static str,
    phone: &'static str,
    country: &'static str,
    campaign: &'static str,
    /// One address each, of the range kept for examples.
    network: &'static str,
    /// Which of a field's choices they take, counted from the first.
    choice: usize,
}

impl Person {
    fn email(&self) -> String {
        format!("{}.{}@example.com", self.first, self.last.replace(' ', "")).to_lowercase()
    }
}

static PEOPLE: [Person; 3] = [
    Person {
        first: "Ines",
        last: "Moreau",
        company: "Laiterie du Vercors",
        title: "Plant manager",
        phone: "+33 4 76 00 00 01",
        country: "FR",
        campaign: "utm_source=google&utm_medium=cpc&utm_campaign=dairy",
        network: "203.0.113.1",
        choice: 0,
    },
    Person {
        first: "Tobias",
        last: "Kern",
        company: "Kern Papier GmbH",
        title: "Head of energy",
        phone: "+49 7121 000002",
        country: "DE",
        campaign: "utm_source=linkedin&utm_medium=social&utm_campaign=paper",
        network: "203.0.113.2",
        choice: 1,
    },
    Person {
        first: "Sanne",
        last: "de Boer",
        company: "Brouwerij De Kade",
        title: "Technical director",
        phone: "+31 10 000 0003",
        country: "NL",
        campaign: "utm_source=newsletter&utm_medium=email",
        network: "203.0.113.3",
        choice: 2,
    },
];

/// How long before now the first of them came, and how long after one another the others.
const FIRST: i64 = 19 * DAY;
const APART: i64 = 6 * DAY;
/// When somebody presses the link of their mail, and when those come back who come back, after their first form.
const DOWNLOAD: i64 = 25 * MINUTE;
/// The last visit is so recent that what it asks of sales is not late.
const LAST: i64 = 35 * MINUTE;
const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// Fills the data folder of `options` with what some people did in the last weeks, where it has no leads yet. Answers the address that the
/// mailed links point at, where there are any.
///
/// The functions do all of it, under a clock that begins in the past; the time of day stays that of the machine.
pub(super) async fn fill(
    mut options: Options,
    now: Timestamp,
) -> anyhow::Result<Option<SocketAddr>> {
    let time = Arc::new(AtomicI64::new(now.0 - FIRST));
    let reading = Arc::clone(&time);
    options.clock = Clock::from_fn(move || Timestamp(reading.load(Ordering::Relaxed)));
    options.drive = Drive::Step;
    let app = App::start(options).await?;
    let is_empty = app.core().query().leads().await?.is_empty();
    let site = app.runtime().site.as_ref().map(SiteHandle::get);
    let filled = match site {
        Some(site) if is_empty => {
            let past = Past {
                app: &app,
                time: &time,
            };
            past.play(&site, now).await?;
            Some(app.addr())
        }
        _ => None,
    };
    app.stop().await;
    Ok(filled)
}

/// What happens at one time.
enum Step<'s> {
    Submits(&'s Form, &'static Person),
    Downloads(&'static Person),
}

struct Past<'a> {
    app: &'a App,
    time: &'a AtomicI64,
}

impl Past<'_> {
    async fn play(&self, site: &Site, now: Timestamp) -> anyhow::Result<()> {
        let mut steps = Vec::new();
        // People begin with something to read.
        let (magnets, others): (Vec<&Form>, Vec<&Form>) =
            site.forms.values().partition(|form| form.magnet.is_some());
        let begin = if magnets.is_empty() {
            &others
        } else {
            &magnets
        };
        for ((at, person), first) in (0_i64..).zip(&PEOPLE).zip(begin.iter().cycle()) {
            let came = now.0 - FIRST + at * APART;
            steps.push((came, Step::Submits(first, person)));
            // The last one has the mail and has not read it.
            if at < 2 {
                steps.push((came + DOWNLOAD, Step::Downloads(person)));
            }
        }
        // One of them comes back.
        for (at, form) in (0_i64..).zip(&others) {
            steps.push((now.0 - LAST + at * MINUTE, Step::Submits(form, &PEOPLE[1])));
        }
        steps.sort_by_key(|(at, _)| *at);
        for (at, step) in steps {
            self.time.store(at, Ordering::Relaxed);
            match step {
                Step::Submits(form, person) => self.submit(form, person).await?,
                Step::Downloads(person) => self.download(person).await?,
            }
            self.app.settle().await?;
        }
        Ok(())
    }

    async fn submit(&self, form: &Form, person: &Person) -> anyhow::Result<()> {
        let mut post = self.post(&format!("/f/{}", form.id), answers(form, person))?;
        // The page they filled it in on tells where they came from.
        let page = format!("{}/?{}", self.app.url(), person.campaign);
        post.headers_mut().insert(header::REFERER, page.parse()?);
        let status = self.answer(person, post).await.status();
        if !status.is_success() {
            tracing::warn!(
                form = form.id,
                status = status.as_u16(),
                "a made-up lead was refused"
            );
        }
        Ok(())
    }

    /// Opens the link of the latest mail that has a page with a button, reads, and presses.
    async fn download(&self, person: &Person) -> anyhow::Result<()> {
        let mails = self.app.ses().mails()?;
        let to = person.email();
        let links = mails.iter().rev().filter(|mail| mail.to.contains(&to));
        let Some(link) = links
            .flat_map(|mail| &mail.links)
            .find(|link| link.contains("/d/"))
        else {
            return Ok(());
        };
        let path = link.trim_start_matches(self.app.url()).to_owned();
        let page = self.request(Method::GET, &path).body(Body::empty())?;
        let page = self.answer(person, page).await.into_body();
        let page = axum::body::to_bytes(page, usize::MAX).await?;
        self.time.fetch_add(8_000, Ordering::Relaxed);
        let pressed = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(hidden_fields(&String::from_utf8_lossy(&page)))
            .finish();
        let post = self.post(&path, pressed)?;
        let _ = self.answer(person, post).await;
        Ok(())
    }

    fn request(&self, method: Method, target: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, self.app.addr().to_string())
            .header(header::ACCEPT_LANGUAGE, "en")
            .header(
                header::USER_AGENT,
                "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
            )
    }

    fn post(&self, target: &str, body: String) -> anyhow::Result<Request> {
        let post = self
            .request(Method::POST, target)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json");
        Ok(post.body(Body::from(body))?)
    }

    async fn answer(&self, person: &Person, request: Request) -> axum::response::Response {
        self.app.gateway().answer(person.network, request).await
    }
}

/// Hidden fields of one of our own pages, as a browser would post them.
fn hidden_fields(page: &str) -> Vec<(&str, &str)> {
    let attribute = |tag: &'_ str, name: &str| -> Option<(usize, usize)> {
        let from = tag.find(&format!(" {name}=\""))? + name.len() + 3;
        Some((from, from + tag[from..].find('"')?))
    };
    let tags = page.split("<input").skip(1);
    tags.filter_map(|rest| {
        let (tag, _) = rest.split_once('>')?;
        let value = |name: &str| attribute(tag, name).map(|(from, to)| &tag[from..to]);
        (value("type") == Some("hidden")).then(|| Some((value("name")?, value("value")?)))?
    })
    .collect()
}

fn answers(form: &Form, person: &Person) -> String {
    let mut body = form_urlencoded::Serializer::new(String::new());
    for field in &form.fields {
        if let Some(answer) = answer(field, person) {
            body.append_pair(&field.name, &answer);
        }
    }
    for consent in &form.consents {
        if consent.required || person.choice == 0 {
            body.append_pair(&consent.field, "yes");
        }
    }
    body.finish()
}

fn answer(field: &Field, person: &Person) -> Option<String> {
    Some(match &field.kind {
        FieldKind::Email => person.email(),
        FieldKind::Text { .. } => match field.autocomplete.as_deref() {
            Some("given-name") => person.first.to_owned(),
            Some("family-name") => person.last.to_owned(),
            Some("name") => format!("{} {}", person.first, person.last),
            Some("organization-title") => person.title.to_owned(),
            _ => person.company.to_owned(),
        },
        FieldKind::LongText { .. } => {
            "We heat with gas and have waste heat from cooling all year.".to_owned()
        }
        FieldKind::Phone => person.phone.to_owned(),
        FieldKind::Number { min, max } => (120 + 90 * i64::try_from(person.choice).unwrap_or(0))
            .clamp(*min, *max)
            .to_string(),
        FieldKind::Choice { options } | FieldKind::Choices { options } => options
            .get(person.choice.min(options.len().saturating_sub(1)))?
            .value
            .clone(),
        FieldKind::Checkbox if field.required => "yes".to_owned(),
        FieldKind::Country => person.country.to_owned(),
        FieldKind::Checkbox | FieldKind::Date | FieldKind::Url | FieldKind::Hidden => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn made_up_leads_came_over_weeks_and_one_is_with_sales_now() {
        let folder = tempfile::tempdir().unwrap();
        let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let options = || {
            Options::live(
                ([127, 0, 0, 1], 0).into(),
                folder.path().to_owned(),
                project.join("site"),
                project.join("template.yaml"),
            )
        };
        let now = Timestamp(1_772_442_000_000);
        assert!(fill(options(), now).await.unwrap().is_some());
        let mut again = options();
        again.clock = Clock::from_fn(move || now);
        again.drive = Drive::Step;
        let app = App::start(again).await.unwrap();
        let leads = app.core().query().leads().await.unwrap();
        let mut days = Vec::new();
        for lead in &leads {
            let known = app.core().query();
            let known = known
                .by_id(lead["lead_id"].as_str().unwrap())
                .await
                .unwrap();
            let facts = &known.unwrap()["touchpoints"];
            days.push((now.0 - facts[0]["at"].as_i64().unwrap()) / DAY);
        }
        days.sort_unstable();
        assert_eq!(days, [7, 13, 19]);
        let mqls = leads.iter().filter(|lead| lead["stage"] == "mql").count();
        assert_eq!(mqls, 1);
        let sources = serde_json::to_string(&leads).unwrap();
        for source in ["google", "linkedin", "newsletter"] {
            assert!(sources.contains(source), "{sources}");
        }
        assert!(app.ses().mails().unwrap().len() >= 4);
        app.stop().await;
        assert!(fill(options(), now).await.unwrap().is_none(), "once only");
    }
}

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
    /// What they read.
    language: &'static str,
    /// How many days ago they came first.
    days_ago: i64,
    /// Whether they read what they asked for.
    reads: bool,
    /// How long after that they come back and ask for more; none where they do not.
    returns: Option<i64>,
    /// What sales says then: how long after, the answer, and its reason.
    sales: &'static [(i64, &'static str, &'static str)],
}

impl Person {
    fn email(&self) -> String {
        format!("{}.{}@example.com", self.first, self.last.replace(' ', "")).to_lowercase()
    }
}

static PEOPLE: [Person; 10] = [
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
        language: "en",
        days_ago: 26,
        reads: true,
        returns: Some(4 * DAY),
        sales: &[
            (3 * HOUR, "accept", ""),
            (4 * DAY, "qualified", ""),
            (15 * DAY, "won", ""),
        ],
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
        language: "de",
        days_ago: 13,
        reads: true,
        returns: Some(13 * DAY - 35 * MINUTE),
        sales: &[],
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
        language: "en",
        // Not longer: who has not confirmed anything within a week is forgotten.
        days_ago: 4,
        reads: false,
        returns: None,
        sales: &[],
    },
    Person {
        first: "Marta",
        last: "Lindqvist",
        company: "Norrland Sawmills",
        title: "Maintenance lead",
        phone: "+46 90 000 04",
        country: "SE",
        campaign: "utm_source=google&utm_medium=cpc&utm_campaign=dairy",
        network: "203.0.113.4",
        choice: 2,
        language: "en",
        days_ago: 24,
        reads: true,
        returns: Some(3 * DAY),
        sales: &[(5 * HOUR, "reject", "timing")],
    },
    Person {
        first: "Paul",
        last: "Adeyemi",
        company: "Harbour Cold Stores",
        title: "Operations manager",
        phone: "+44 20 7946 0005",
        country: "GB",
        campaign: "utm_source=linkedin&utm_medium=social&utm_campaign=cold",
        network: "203.0.113.5",
        choice: 1,
        language: "en",
        days_ago: 18,
        reads: true,
        returns: Some(DAY),
        sales: &[(40 * MINUTE, "accept", ""), (8 * DAY, "lost", "price")],
    },
    Person {
        first: "Lena",
        last: "Vogt",
        company: "Vogt Textil",
        title: "Energy engineer",
        phone: "+43 5572 00006",
        country: "AT",
        campaign: "utm_source=google&utm_medium=cpc&utm_campaign=textile",
        network: "203.0.113.6",
        choice: 1,
        language: "de",
        days_ago: 15,
        reads: true,
        returns: Some(3 * DAY),
        sales: &[(2 * HOUR, "accept", ""), (4 * DAY, "qualified", "")],
    },
    Person {
        first: "Hugo",
        last: "Lambert",
        company: "Sucrerie Lambert",
        title: "Plant engineer",
        phone: "+32 81 00 00 07",
        country: "BE",
        campaign: "utm_source=newsletter&utm_medium=email",
        network: "203.0.113.7",
        choice: 0,
        language: "en",
        days_ago: 11,
        reads: true,
        returns: Some(DAY),
        sales: &[(26 * HOUR, "accept", "")],
    },
    Person {
        first: "Oona",
        last: "Virtanen",
        company: "Kuopio Dairy",
        title: "Sustainability lead",
        phone: "+358 17 000008",
        country: "FI",
        campaign: "utm_source=linkedin&utm_medium=social&utm_campaign=paper",
        network: "203.0.113.8",
        choice: 1,
        language: "en",
        days_ago: 9,
        reads: true,
        returns: None,
        sales: &[],
    },
    Person {
        first: "Diego",
        last: "Ruiz",
        company: "Conservas Ruiz",
        title: "Facility manager",
        phone: "+34 968 00 00 09",
        country: "ES",
        campaign: "utm_source=google&utm_medium=cpc&utm_campaign=textile",
        network: "203.0.113.9",
        choice: 2,
        language: "en",
        days_ago: 5,
        reads: true,
        returns: Some(DAY),
        sales: &[(HOUR, "reject", "not_a_fit")],
    },
    Person {
        first: "Noor",
        last: "Haddad",
        company: "Haddad Laundries",
        title: "Owner",
        phone: "+31 20 000 0010",
        country: "NL",
        campaign: "",
        network: "203.0.113.10",
        choice: 0,
        language: "en",
        days_ago: 2,
        reads: false,
        returns: None,
        sales: &[],
    },
];

/// When somebody presses the link of their mail, after they asked for it.
const DOWNLOAD: i64 = 25 * MINUTE;
/// Where sales answers from.
const OFFICE: &str = "203.0.113.200";
const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Fills the data folder of `options` with what some people did in the last weeks, where it has no leads yet. Answers the address that the
/// mailed links point at, where there are any.
///
/// The functions do all of it, under a clock that begins in the past; the time of day stays that of the machine.
pub(super) async fn fill(
    mut options: Options,
    now: Timestamp,
) -> anyhow::Result<Option<SocketAddr>> {
    let longest = PEOPLE.iter().map(|person| person.days_ago).max();
    let time = Arc::new(AtomicI64::new(now.0 - longest.unwrap_or(0) * DAY));
    let reading = Arc::clone(&time);
    options.clock = Clock::from_fn(move || Timestamp(reading.load(Ordering::Relaxed)));
    options.drive = Drive::Step;
    let app = App::start(options).await?;
    let is_empty = app.core().query().page(None, 1).await?.leads.is_empty();
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
    Answers(&'static Person, &'static str, &'static str),
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
        for (at, person) in PEOPLE.iter().enumerate() {
            let came = now.0 - person.days_ago * DAY;
            if let Some(form) = begins_with(begin, person, at) {
                steps.push((came, Step::Submits(form, person)));
            }
            if person.reads {
                steps.push((came + DOWNLOAD, Step::Downloads(person)));
            }
            let Some(returns) = person.returns else {
                continue;
            };
            for (at, form) in (0_i64..).zip(&others) {
                let back = came + returns + at * MINUTE;
                steps.push((back, Step::Submits(form, person)));
            }
            for (after, answer, reason) in person.sales {
                let said = Step::Answers(person, answer, reason);
                steps.push((came + returns + after, said));
            }
        }
        steps.sort_by_key(|(at, _)| *at);
        for (at, step) in steps {
            self.time.store(at, Ordering::Relaxed);
            match step {
                Step::Submits(form, person) => self.submit(form, person).await?,
                Step::Downloads(person) => self.download(person).await?,
                Step::Answers(person, answer, reason) => self.say(person, answer, reason).await?,
            }
            self.app.settle().await?;
        }
        Ok(())
    }

    async fn submit(&self, form: &Form, person: &Person) -> anyhow::Result<()> {
        let mut post = self.post(&format!("/f/{}", form.id), answers(form, person))?;
        // The page they filled it in on tells where they came from.
        let page = format!("{}/?{}", self.app.url(), person.campaign);
        let page = page.trim_end_matches('?').to_owned();
        post.headers_mut().insert(header::REFERER, page.parse()?);
        let status = self.answer(person.network, post).await.status();
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
        self.press(person.network, link, &[]).await
    }

    /// Sales answers from the latest alert about somebody, where there was one.
    async fn say(&self, person: &Person, answer: &str, reason: &str) -> anyhow::Result<()> {
        let mails = self.app.ses().mails()?;
        let about = person.email();
        let alerts = mails.iter().rev().filter(|mail| mail.text.contains(&about));
        let mut links = alerts.flat_map(|mail| &mail.links);
        let Some(link) = links.find(|link| link.contains("/h/")) else {
            return Ok(());
        };
        let page = link.split('?').next().unwrap_or_default();
        self.press(OFFICE, page, &[("answer", answer), ("reason", reason)])
            .await
    }

    /// Opens a page of ours, reads it, and presses its button.
    async fn press(&self, network: &str, link: &str, said: &[(&str, &str)]) -> anyhow::Result<()> {
        let path = link.trim_start_matches(self.app.url()).to_owned();
        let page = self.request(Method::GET, &path).body(Body::empty())?;
        let page = self.answer(network, page).await.into_body();
        let page = axum::body::to_bytes(page, usize::MAX).await?;
        self.time.fetch_add(8_000, Ordering::Relaxed);
        let pressed = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(hidden_fields(&String::from_utf8_lossy(&page)))
            .extend_pairs(said)
            .finish();
        let post = self.post(&path, pressed)?;
        let _ = self.answer(network, post).await;
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

    async fn answer(&self, network: &str, request: Request) -> axum::response::Response {
        self.app.gateway().answer(network, request).await
    }
}

/// The form that somebody begins with: one in their language, where there is one.
fn begins_with<'s>(forms: &[&'s Form], person: &Person, at: usize) -> Option<&'s Form> {
    let theirs = |form: &&&Form| form.language.starts_with(person.language);
    let mut spoken: Vec<&Form> = forms.iter().filter(theirs).copied().collect();
    if spoken.is_empty() {
        spoken = forms.to_vec();
    }
    spoken.get(at % spoken.len().max(1)).copied()
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
    async fn made_up_leads_came_over_weeks_sales_answered_and_one_waits_now() {
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
        assert_eq!(days, [2, 4, 5, 9, 11, 13, 15, 18, 24, 26]);
        let stages = ["mql", "sal", "sql", "recycled", "disqualified"].map(|stage| {
            let at = leads.iter().filter(|lead| lead["stage"] == stage);
            at.count()
        });
        assert_eq!(stages, [1, 1, 2, 2, 1], "one waits for an answer now");
        let sources = serde_json::to_string(&leads).unwrap();
        for source in ["google", "linkedin", "newsletter"] {
            assert!(sources.contains(source), "{sources}");
        }
        assert!(app.ses().mails().unwrap().len() >= 4);
        app.stop().await;
        assert!(fill(options(), now).await.unwrap().is_none(), "once only");
    }
}

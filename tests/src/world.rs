//! A system started for one test: the very functions that are deployed, over the embedded engine in memory, driven step by step by a
//! seed. Nothing moves until a test says so, and no test waits for time to pass.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep, TokioSleep};
use lodestone::app::{App, Options};
use lodestone::pump::chaos::Chaos;
use lodestone::ses::Mail;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::Value;
use shared::domain::time::Timestamp;
use shared::runtime::Clock;
use shared::store::{Store, Tables};

use crate::fault::Injector;
use crate::project;

/// When every test begins: 2026-03-02T09:00:00Z, a Monday.
pub const START: Timestamp = Timestamp(1_772_442_000_000);
/// What a person's browser says it is.
pub const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

/// Waits between attempts are over at once. The time-out of an attempt is real: it ends a call that hangs, and nothing waits for it.
#[derive(Debug)]
struct NoWait;

/// Longer than any wait between attempts, shorter than any time-out.
const LONGEST_BACKOFF: Duration = Duration::from_secs(4);

/// How often the SDK looks whether an upload has stalled, while it waits for the answer. Over at once, that would be a busy loop.
const STALL_CHECK: Duration = Duration::from_millis(100);

impl AsyncSleep for NoWait {
    fn sleep(&self, duration: Duration) -> Sleep {
        if duration > LONGEST_BACKOFF || duration == STALL_CHECK {
            TokioSleep::new().sleep(duration)
        } else {
            Sleep::new(async {})
        }
    }
}

/// A running system and a visitor to it.
pub struct World {
    /// The system.
    pub app: App,
    /// Faults, off at first.
    pub faults: Injector,
    client: Client,
    visitors: AtomicU32,
}

/// A field of a form.
pub type Pair<'a> = (&'a str, &'a str);

impl World {
    /// A system where every delivery is in order and once.
    pub async fn calm(seed: u64) -> anyhow::Result<Self> {
        Self::start(Options::step(
            seed,
            Clock::from_fn(|| START),
            project("infra/site"),
            project("infra/template.yaml"),
        ))
        .await
    }

    /// A system whose streams and queues repeat and reorder by the seed.
    pub async fn unruly(seed: u64) -> anyhow::Result<Self> {
        let clock = Clock::from_fn(|| START);
        let mut options = Options::step(
            seed,
            clock,
            project("infra/site"),
            project("infra/template.yaml"),
        );
        options.chaos = Chaos::with_seed(seed);
        Self::start(options).await
    }

    /// A system by these options; the fault injector is put before whatever they put there, and waits are over at once unless they say
    /// otherwise.
    pub async fn start(mut options: Options) -> anyhow::Result<Self> {
        let faults = Injector::default();
        let injector = faults.clone();
        let further = options.wrap_connector.take();
        options.wrap_connector = Some(Box::new(move |function, connector| {
            let connector = match &further {
                Some(wrap) => wrap(function, connector),
                None => connector,
            };
            injector.before(function, connector)
        }));
        let adjust = options.adjust_aws.take();
        options.adjust_aws = Some(Box::new(move |aws| {
            let aws = aws.with_sleep(SharedAsyncSleep::new(NoWait));
            match adjust {
                Some(adjust) => adjust(aws),
                None => aws,
            }
        }));
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(BROWSER)
            .build()?;
        Ok(Self {
            app: App::start(options).await?,
            faults,
            client,
            visitors: AtomicU32::new(0),
        })
    }

    /// A URL of the system.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.app.url())
    }

    /// A POST from a network of its own, so that no limit is met by accident.
    pub fn post(&self, path: &str) -> RequestBuilder {
        let n = self.visitors.fetch_add(1, Ordering::Relaxed);
        let ip = format!("10.{}.{}.{}", n >> 16 & 255, n >> 8 & 255, n & 255);
        self.post_from(&ip, path)
    }

    /// A POST from this network.
    pub fn post_from(&self, ip: &str, path: &str) -> RequestBuilder {
        self.client
            .post(self.url(path))
            .header("X-Local-Client-Ip", ip)
    }

    /// A GET.
    pub fn get(&self, url: &str) -> RequestBuilder {
        self.client.get(if url.starts_with('/') {
            self.url(url)
        } else {
            url.to_owned()
        })
    }

    /// A POST to a URL of a mail.
    pub fn press(&self, url: &str) -> RequestBuilder {
        self.client.post(url)
    }

    /// Any other request.
    pub fn request(&self, method: reqwest::Method, url: &str) -> RequestBuilder {
        self.client.request(
            method,
            if url.starts_with('/') {
                self.url(url)
            } else {
                url.to_owned()
            },
        )
    }

    /// Posts a form as a script does and answers the JSON.
    pub async fn submit(
        &self,
        form: &str,
        pairs: &[Pair<'_>],
    ) -> anyhow::Result<(StatusCode, Value)> {
        let response = self
            .post(&format!("/f/{form}"))
            .header("Accept", "application/json")
            .form(pairs)
            .send()
            .await?;
        Ok((response.status(), response.json().await?))
    }

    /// Posts a form until it is taken, as a patient client does: the same post again is safe.
    pub async fn submit_until_taken(
        &self,
        form: &str,
        pairs: &[Pair<'_>],
    ) -> anyhow::Result<String> {
        for _ in 0..20 {
            let (status, body) = self.submit(form, pairs).await?;
            if status == StatusCode::OK {
                return Ok(body["id"].as_str().context("an id")?.to_owned());
            }
            ensure!(
                status == StatusCode::SERVICE_UNAVAILABLE,
                "refused: {status} {body}"
            );
        }
        Err(anyhow!("not taken after 20 tries"))
    }

    /// Lets streams, queues and due work run until all is at rest.
    pub async fn settle(&self) -> anyhow::Result<()> {
        self.app.settle().await.map(drop)
    }

    /// Moves the clock forward; ticks on the way run.
    pub async fn advance(&self, seconds: u32) -> anyhow::Result<()> {
        self.app.advance(seconds).await.map(drop)
    }

    /// Mails to an address, oldest first.
    pub fn mails_to(&self, address: &str) -> anyhow::Result<Vec<Mail>> {
        Ok(self
            .app
            .ses()
            .mails()?
            .into_iter()
            .filter(|m| m.to.iter().any(|to| to.contains(address)))
            .collect())
    }

    /// Everything stored about an address, as the local interface tells it; none where it is unknown.
    pub async fn lead(&self, email: &str) -> anyhow::Result<Option<Value>> {
        let response = self
            .get("/local/leads")
            .query(&[("email", email)])
            .send()
            .await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        Ok(Some(response.error_for_status()?.json().await?))
    }

    /// As [`Self::lead`], for a lead that must be there.
    pub async fn known(&self, email: &str) -> anyhow::Result<Value> {
        self.lead(email)
            .await?
            .with_context(|| format!("{email} is unknown"))
    }

    /// The store, as a function has it.
    pub fn store(&self) -> anyhow::Result<Store> {
        let stack = self.app.core().stack();
        let table = |id| stack.table(id).map(str::to_owned);
        let tables = Tables {
            touchpoints: table("TouchpointsTable")?,
            leads: table("LeadsTable")?,
            outbox: table("OutboxTable")?,
            ops: table("OpsTable")?,
        };
        let runtime = self.app.runtime();
        Ok(Store::new(&runtime.aws, tables, runtime.entropy.clone()))
    }

    /// Opens the page of a link, reads as long as a person does, and presses its button.
    pub async fn open_and_press(&self, url: &str, extra: &[Pair<'_>]) -> anyhow::Result<Response> {
        let page = self
            .get(url)
            .send()
            .await?
            .error_for_status()?
            .text()
            .await?;
        self.advance(5).await?;
        let mut pairs = hidden_fields(&page);
        pairs.extend(
            extra
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
        );
        Ok(self.press(url).form(&pairs).send().await?)
    }
}

/// Hidden fields of a page, as a browser would post them.
pub fn hidden_fields(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    page.split("<input")
        .skip(1)
        .filter_map(|rest| rest.split_once('>').map(|(tag, _)| tag))
        .filter(|tag| attribute(tag, "type").as_deref() == Some("hidden"))
        .filter_map(|tag| {
            Some((
                attribute(tag, "name")?,
                attribute(tag, "value").unwrap_or_default(),
            ))
        })
        .collect()
}

/// The link of a mail that has this path, such as `/d/`.
pub fn link(mail: &Mail, path: &str) -> anyhow::Result<String> {
    mail.links
        .iter()
        .find(|l| l.contains(path))
        .cloned()
        .with_context(|| format!("no {path} link in the mail"))
}

/// The guide form, filled in.
pub fn guide(email: &str) -> Vec<Pair<'_>> {
    vec![
        ("email", email),
        ("first_name", "Ada"),
        ("last_name", "Lovelace"),
        ("company", "Analytical Engines"),
        ("job_title", "Plant engineer"),
        ("newsletter", "on"),
    ]
}

/// The demo form, filled in by somebody who is ready to buy.
pub fn demo(email: &str) -> Vec<Pair<'_>> {
    vec![
        ("email", email),
        ("first_name", "Ada"),
        ("last_name", "Lovelace"),
        ("company", "Analytical Engines"),
        ("country", "NL"),
        ("employees", "250"),
        ("need", "cut-cost"),
        ("budget", "over-1m"),
        ("authority", "decide"),
        ("timeline", "now"),
        ("message", "Can it make steam at 120 degrees?"),
    ]
}

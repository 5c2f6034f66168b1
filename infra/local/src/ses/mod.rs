//! A stand-in for SES, at its own wire, that keeps every mail instead of sending it.
//!
//! The cast:
//!
//! | part | file |
//! | --- | --- |
//! | the wire: `POST /v2/email/outbound-emails`, and replies that get lost | `wire.rs` |
//! | what SES would refuse, in its own words | `submission.rs`, `address.rs`, `refusal.rs` |
//! | the MIME source, and reading it back | `mime.rs` |
//! | what SES says afterwards: `Send`, `Delivery`, `Bounce` ... | `events.rs` |
//! | faults to order | `fault.rs` |
//! | the file they are kept in | `store.rs` |
//! | the local-only interface: inbox, events, faults | `local.rs` |
//! | the sink for webhooks | `hooks.rs` |
//! | forgetting a person | `forget.rs` |
//!
//! A mail is on disk, together with the events that follow from it, before its sender hears of it. Events go out through one closure, the
//! sink, and count as handed out only when it says so: each goes out at least once, whatever dies in between, and some go out twice, as in
//! the cloud. Nothing here runs by itself: somebody calls [`Ses::hand_out_events`], so a test decides when events arrive.
//!
//! Must not know the queue behind the sink, nor any handler.

mod address;
mod events;
mod fault;
mod forget;
mod hooks;
mod links;
mod local;
mod mime;
mod refusal;
mod store;
mod submission;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;

pub use events::Happening;
pub use fault::{Fault, FaultKind};
pub use forget::Forgotten;
pub use hooks::Hook;
pub use refusal::RefusalKind;
pub use submission::Account;

use refusal::Refusal;
use store::Store;
use submission::{Content, MAX_MESSAGE_BYTES, Submission};

/// Tells the time, in milliseconds since the epoch, UTC.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Takes one SES event (the JSON of event publishing, without the SNS envelope). An event counts as handed out once this has returned `Ok`.
pub type EventSink =
    Arc<dyn Fn(Value) -> Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>> + Send + Sync>;

/// One mail that was accepted, as `GET /local/mail` shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The message id that SES answered.
    pub id: String,
    /// When it was accepted: RFC 3339, UTC, milliseconds.
    pub at: String,
    /// The sender as given, with a display name where there is one.
    pub from: String,
    /// Recipients, bare addresses.
    pub to: Vec<String>,
    /// Copies, bare addresses.
    #[serde(default)]
    pub cc: Vec<String>,
    /// Blind copies, bare addresses.
    #[serde(default)]
    pub bcc: Vec<String>,
    /// Where answers go, as given.
    #[serde(default)]
    pub reply_to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The text part; empty where there is none.
    pub text: String,
    /// The HTML part; empty where there is none.
    pub html: String,
    /// The headers on the message, unfolded and not decoded; of a repeated one, the first.
    pub headers: BTreeMap<String, String>,
    /// The tags of the request.
    pub tags: BTreeMap<String, String>,
    /// Every web link: first those of the HTML part, then those of the text part, each once.
    pub links: Vec<String>,
    /// The configuration set named in the request.
    #[serde(default)]
    pub configuration_set: Option<String>,
}

/// The stand-in. A clone is another handle on the same one.
#[derive(Clone)]
pub struct Ses {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    now: Now,
    account: Account,
    sink: EventSink,
    faults: fault::Faults,
    modes: hooks::Modes,
    /// Held while events go out, so that two callers do not hand out the same ones.
    handing_out: tokio::sync::Mutex<()>,
    arrived: tokio::sync::Notify,
}

/// What became of a send.
enum Accepted {
    As(String),
    No(Refusal),
}

impl Ses {
    /// Opens the stand-in on a file of its own, made where it is missing; without a path everything stays in memory.
    pub fn open(
        path: Option<&Path>,
        now: Now,
        account: Account,
        sink: EventSink,
    ) -> anyhow::Result<Self> {
        let inner = Inner {
            store: Store::open(path)?,
            now,
            account,
            sink,
            faults: fault::Faults::default(),
            modes: hooks::Modes::default(),
            handing_out: tokio::sync::Mutex::new(()),
            arrived: tokio::sync::Notify::new(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The SES v2 wire. Serve it with [`Ses::serve_wire`]: on another server a lost reply is a 500 instead.
    pub fn wire_router(&self) -> Router {
        wire::router(self.clone())
    }

    /// Serves the SES v2 wire on `listener`, for the SDK's `endpoint_url`. Runs until dropped; returns only when the listener fails.
    pub async fn serve_wire(&self, listener: TcpListener) -> io::Result<Infallible> {
        wire::serve(listener, self.wire_router()).await
    }

    /// The local-only routes under `/local/`: mails, events, faults, and the sink for webhooks.
    pub fn local_router(&self) -> Router {
        local::router(self.clone())
    }

    /// Every mail, oldest first.
    pub fn mails(&self) -> anyhow::Result<Vec<Mail>> {
        self.inner.store.mails()
    }

    /// What the webhook sink received, oldest first.
    pub fn hooks(&self) -> anyhow::Result<Vec<Hook>> {
        self.inner.store.hooks()
    }

    /// Orders faults for the next sends.
    pub fn order_fault(&self, fault: Fault) {
        self.inner.faults.order(fault);
    }

    /// Makes something happen to a mail: to one of its recipients, or to all. `false` where there is no such mail.
    pub async fn play(
        &self,
        happening: Happening,
        mail_id: &str,
        recipient: Option<&str>,
    ) -> anyhow::Result<bool> {
        let (id, recipient) = (mail_id.to_owned(), recipient.map(str::to_owned));
        self.blocking(move |inner| inner.play(happening, &id, recipient.as_deref()))
            .await
    }

    /// How many events wait to be handed out.
    pub fn waiting_events(&self) -> anyhow::Result<usize> {
        self.inner.store.waiting_count()
    }

    /// Returns when events may be waiting. For the live loop; a sink that failed is not announced again, so that loop also needs a timer.
    pub async fn events_arrived(&self) {
        self.inner.arrived.notified().await;
    }

    /// Hands every waiting event to the sink, oldest first, and says how many it took. Stops at the first that it does not take; that one
    /// and the rest wait for the next call.
    pub async fn hand_out_events(&self) -> usize {
        const BATCH: u32 = 100;
        let _turn = self.inner.handing_out.lock().await;
        let mut handed = 0;
        loop {
            let batch = match self
                .blocking(|inner| inner.store.waiting_events(BATCH))
                .await
            {
                Ok(batch) if batch.is_empty() => return handed,
                Ok(batch) => batch,
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "failed to read mail events");
                    return handed;
                }
            };
            let mut taken = Vec::new();
            let mut problem = None;
            for (seq, event) in batch {
                if let Err(error) = (self.inner.sink)(event).await {
                    problem = Some(error);
                    break;
                }
                taken.push(seq);
            }
            let (count, at) = (taken.len(), self.now_ms());
            // In one write: what is handed out again after a crash was always to be expected.
            let marked = self.blocking(move |inner| inner.store.mark_handed(&taken, at));
            let marked = marked.await.map(|()| handed += count);
            if let Some(error) = marked.err().or(problem) {
                tracing::warn!(error = format!("{error:#}"), "mail events wait");
                return handed;
            }
        }
    }

    fn now_ms(&self) -> i64 {
        (self.inner.now)()
    }

    /// Runs `work` on a thread that may block: a commit waits for the disk.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner)).await?
    }
}

impl Inner {
    /// Keeps a mail and what follows from it.
    fn accept(
        &self,
        submission: &Submission,
        request: &[u8],
        with_events: bool,
    ) -> anyhow::Result<Accepted> {
        let at_ms = (self.now)();
        let accepted = self.store.write(|transaction| {
            let number = store::next_mail_number(transaction)?;
            let id = message_id(at_ms, number);
            let source = mime::render(submission, &id, at_ms)?;
            if source.len() > MAX_MESSAGE_BYTES {
                let text = format!("Message length is more than {MAX_MESSAGE_BYTES} bytes long");
                return anyhow::Ok(Accepted::No(Refusal::bad_request(text)));
            }
            let mail = record(submission, &source, id, at_ms);
            store::insert_mail(transaction, number, &mail, request, &source)?;
            // Without a configuration set there is nowhere that SES would publish to.
            if with_events && mail.configuration_set.is_some() {
                for (nth, (happening, recipients)) in (0..).zip(what_follows(submission)) {
                    let event = events::event(&mail, happening, &recipients, &mail.at, nth);
                    store::insert_event(transaction, &mail.id, &event, at_ms)?;
                }
            }
            Ok(Accepted::As(mail.id))
        })?;
        self.arrived.notify_one();
        Ok(accepted)
    }

    fn play(
        &self,
        happening: Happening,
        mail_id: &str,
        recipient: Option<&str>,
    ) -> anyhow::Result<bool> {
        let Some(mail) = self.store.mail(mail_id)? else {
            return Ok(false);
        };
        let recipients = match recipient {
            Some(one) => vec![one.to_owned()],
            None => [&mail.to, &mail.cc, &mail.bcc]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        };
        let at_ms = (self.now)();
        self.store.write(|transaction| {
            let nth = store::count_events(transaction, mail_id)?;
            let event = events::event(&mail, happening, &recipients, &rfc3339(at_ms), nth);
            store::insert_event(transaction, mail_id, &event, at_ms)
        })?;
        self.arrived.notify_one();
        Ok(true)
    }
}

/// `Send`, then each outcome with the recipients that it befalls.
fn what_follows(submission: &Submission) -> Vec<(Happening, Vec<String>)> {
    let everyone = submission.recipients().map(str::to_owned).collect();
    let mut follows: Vec<(Happening, Vec<String>)> = vec![(Happening::Send, everyone)];
    for recipient in submission.recipients() {
        for outcome in events::outcome_of(recipient) {
            match follows.iter_mut().find(|(known, _)| known == outcome) {
                Some((_, recipients)) => recipients.push(recipient.to_owned()),
                None => follows.push((*outcome, vec![recipient.to_owned()])),
            }
        }
    }
    follows
}

fn record(submission: &Submission, source: &[u8], id: String, at_ms: i64) -> Mail {
    let parts = mime::read(source);
    // Where the parts were given one by one, they are kept as given: reading them back could differ in a line end.
    let (subject, text, html) = match &submission.content {
        Content::Simple {
            subject,
            text,
            html,
            ..
        } => (subject.clone(), text.clone(), html.clone()),
        Content::Raw(_) => (parts.subject, parts.text, parts.html),
    };
    let mut headers = BTreeMap::new();
    for (name, value) in parts.headers {
        headers.entry(name).or_insert(value);
    }
    let bare = |list: &[address::Mailbox]| list.iter().map(|one| one.address.clone()).collect();
    Mail {
        id,
        at: rfc3339(at_ms),
        from: submission.from.given.clone(),
        to: bare(&submission.to),
        cc: bare(&submission.cc),
        bcc: bare(&submission.bcc),
        reply_to: submission
            .reply_to
            .iter()
            .map(|one| one.given.clone())
            .collect(),
        links: links::links_of(&html, &text),
        subject,
        text,
        html,
        headers,
        tags: submission.tags.iter().cloned().collect(),
        configuration_set: submission.configuration_set.clone(),
    }
}

/// An id in the form of SES's own: the time, then a number that no other mail of this file has.
fn message_id(at_ms: i64, number: i64) -> String {
    format!("0100{at_ms:012x}-{number:08x}-10de-4000-8000-{number:012x}-000000")
}

/// A time as this interface writes it. What lies outside the calendar is shown as the epoch.
fn rfc3339(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.3}")
}

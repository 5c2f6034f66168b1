//! Submissions that were set aside, for whoever decides on them: list, release, drop. The command line and the local page are made of it.
//!
//! Works on the local data and on a deployed stack alike. Every look at a submission and every decision leaves an audit entry that names
//! no person.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use serde::Serialize;
use shared::domain::email::EmailAddress;
use shared::domain::held::{Doubt, Held, KEEP_DAYS};
use shared::domain::id::LeadId;
use shared::domain::time::{Day, Timestamp};
use shared::runtime::{Clock, Entropy, Lookup, Runtime, StartError};
use shared::store::{SetAside, Store};

use crate::pump::lane::rfc3339;
use crate::template::Model;

/// What was set aside, and what it is made with.
pub struct Quarantine {
    store: Store,
    capture: capture::Deps,
    clock: Clock,
    entropy: Entropy,
}

/// A held submission, as people read it.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its id.
    pub id: String,
    /// Whose it would be.
    pub lead_id: String,
    /// The form.
    pub form: String,
    /// When it was posted.
    pub at: String,
    /// Why it is here: the code.
    pub doubt: &'static str,
    /// Why it is here: a sentence.
    pub reason: &'static str,
    /// The address typed.
    pub email: String,
    /// The other answers that say who it is, in one line.
    pub who: String,
    /// Whether it can be released.
    pub releasable: bool,
}

/// A record that a function could not work on: its reference, never its content.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// The function.
    pub function: String,
    /// What it was.
    pub subject: String,
    /// Error class.
    pub class: String,
    /// When.
    pub at: String,
}

/// Everything that was set aside.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Listing {
    /// Held submissions, latest first.
    pub held: Vec<Entry>,
    /// Records that could not be worked on, latest first.
    pub records: Vec<Record>,
    /// How often each step of the ladder was taken, by form and step. `trapped` left nothing else behind.
    pub steps: BTreeMap<String, BTreeMap<String, i64>>,
}

/// Which held submissions are meant.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// These ids, or unambiguous beginnings of them.
    pub ids: Vec<String>,
    /// All of this doubt.
    pub doubt: Option<Doubt>,
    /// All of this form.
    pub form: Option<String>,
}

impl Quarantine {
    /// Opens it with what `capture` works with in this stack.
    pub async fn open(runtime: &Runtime, store: Store, model: &Model) -> anyhow::Result<Self> {
        let function = model.functions.iter().find(|f| f.package == "capture");
        let function = function.context("the template has no function `capture`")?;
        let env = |name: &str| function.environment.get(name).cloned();
        let env: Lookup<'_> = &env;
        let capture: Result<_, StartError> = capture::Deps::build(runtime, env).await;
        Ok(Self {
            store,
            capture: capture?,
            clock: runtime.clock.clone(),
            entropy: runtime.entropy.clone(),
        })
    }

    /// Everything that is set aside now.
    pub async fn list(&self) -> anyhow::Result<Listing> {
        let mut listing = Listing::default();
        for day in self.days() {
            for entry in self.store.set_aside_on(day).await?.into_iter().rev() {
                match &entry.held {
                    Some((lead_id, id)) => {
                        if let Some(held) = self.store.held(*lead_id, id).await? {
                            listing.held.push(told(&held));
                        }
                    }
                    None => listing.records.push(record(entry)),
                }
            }
            for (form, steps) in self.store.steps_on(day).await? {
                let total = listing.steps.entry(form).or_default();
                for (step, count) in steps {
                    *total.entry(step).or_default() += count;
                }
            }
        }
        let shown = listing.held.len();
        if shown > 0 {
            self.audit("quarantine list", &format!("{shown} submissions"))
                .await?;
        }
        Ok(listing)
    }

    /// The held submissions that are meant, oldest first.
    pub async fn find(&self, which: &Which) -> anyhow::Result<Vec<Held>> {
        let mut all = Vec::new();
        let mut days: Vec<Day> = self.days().collect();
        days.reverse();
        for day in days {
            for entry in self.store.set_aside_on(day).await? {
                if let Some((lead_id, id)) = &entry.held {
                    all.extend(self.store.held(*lead_id, id).await?);
                }
            }
        }
        if which.ids.is_empty() {
            all.retain(|held| {
                which.doubt.is_none_or(|doubt| held.doubt == doubt)
                    && which.form.as_ref().is_none_or(|form| held.form == *form)
            });
            return Ok(all);
        }
        let mut meant = Vec::new();
        for id in &which.ids {
            let mut found = all.iter().filter(|h| h.id.starts_with(id.as_str()));
            match (found.next(), found.next()) {
                (Some(one), None) => meant.push(one.clone()),
                (Some(_), Some(_)) => {
                    bail!("`{id}` is the beginning of several ids; give more of it")
                }
                (None, _) => {
                    bail!("nothing is set aside under `{id}`; `quarantine list` shows what is")
                }
            }
        }
        Ok(meant)
    }

    /// The held submission of this lead and id.
    pub async fn get(&self, lead_id: LeadId, id: &str) -> anyhow::Result<Option<Held>> {
        Ok(self.store.held(lead_id, id).await?)
    }

    /// Takes a submission up as if it had just come in, and forgets that it was held. Twice is once.
    pub async fn release(&self, held: &Held) -> anyhow::Result<String> {
        let id = capture::release(&self.capture, held).await?;
        self.audit("quarantine release", &reference(held)).await?;
        self.store.forget_held(held).await?;
        Ok(id)
    }

    /// Forgets a submission for good.
    pub async fn discard(&self, held: &Held) -> anyhow::Result<()> {
        self.audit("quarantine drop", &reference(held)).await?;
        Ok(self.store.forget_held(held).await?)
    }

    fn days(&self) -> impl Iterator<Item = Day> + use<> {
        let today = self.clock.now();
        (0..=KEEP_DAYS).map(move |back| today.plus_days(-back).day())
    }

    async fn audit(&self, action: &str, subject: &str) -> anyhow::Result<()> {
        let id = u64::from_be_bytes(self.entropy.bytes());
        let write_id = format!("op_{id:016x}");
        Ok(self
            .store
            .audit(action, subject, &write_id, self.clock.now())
            .await?)
    }
}

fn reference(held: &Held) -> String {
    format!("{}/{}", held.lead_id, held.id)
}

fn told(held: &Held) -> Entry {
    let fields = held
        .posted
        .iter()
        .map(|f| (f.name.as_str(), f.value.expose().trim()));
    let filled: Vec<(&str, &str)> = fields.filter(|(_, value)| !value.is_empty()).collect();
    let email = filled
        .iter()
        .find(|(_, value)| EmailAddress::parse(value).is_ok());
    let email = email.map_or("", |(_, value)| *value);
    let says_who = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["name", "company", "organi", "title"]
            .iter()
            .any(|part| name.contains(part))
    };
    let who: Vec<&str> = filled
        .iter()
        .filter(|(name, _)| says_who(name))
        .map(|(_, v)| *v)
        .collect();
    Entry {
        id: held.id.clone(),
        lead_id: held.lead_id.to_string(),
        form: held.form.clone(),
        at: time(held.at),
        doubt: held.doubt.code(),
        reason: held.doubt.reason(),
        email: email.to_owned(),
        who: who.join(", "),
        releasable: held.is_releasable(),
    }
}

fn record(entry: SetAside) -> Record {
    Record {
        function: entry.function,
        subject: entry.subject,
        class: entry.class,
        at: time(entry.at),
    }
}

fn time(at: Timestamp) -> String {
    rfc3339(at.0)
}

//! `notify`: tells sales, by mail and on the site's channels: the alert that a lead qualified, the reminder of an unanswered one, the
//! notice of a submission.
//!
//! Woken by the outbox stream and by a tick. An alert that may have been lost is sent again: for sales a duplicate is better than a loss.
//! A channel whose receiver was switched off gets nothing more; its items are given up with that reason.

use serde_json::Value;
use shared::channel::effect::{Done, Recheck, Worker};
use shared::channel::mail::{Mail, MailError, Writer};
use shared::channel::message::{Messenger, Parcel, SWITCHED_OFF, fingerprint};
use shared::channel::sender::Sender;
use shared::channel::ses::Ses;
use shared::domain::outbox::{OutboxItem, OutboxKind, Outcome, Reader};
use shared::domain::sending::PAUSED_NOTICE;
use shared::domain::token::TokenKeys;
use shared::edge::Failure;
use shared::edge::stream::RecordKey;
use shared::flow::notify::{Wanted, needs_lead, wanted};
use shared::runtime::{Lookup, Runtime, SettingsReader, SiteSecrets, StartError, TokenRing};
use shared::site::{Site, SiteHandle};
use shared::store::{Store, StoreError, Table, Tables};

/// What `notify` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Claims and settles.
    pub worker: Worker,
    /// The site in force.
    pub site: SiteHandle,
    /// Signs links.
    pub keys: TokenRing,
    /// Sends to channels.
    pub messenger: Messenger,
    /// Sends.
    pub ses: Ses,
    /// Where links lead.
    pub public_url: String,
    /// Address alerts come from.
    pub from: String,
}

impl Deps {
    /// Reads `*_TABLE`, `PUBLIC_URL`, `ALERT_FROM`, `CONFIGURATION_SET`, `TOKEN_KEYS_PARAM` and `SITE_SECRETS_PREFIX`.
    pub async fn build(runtime: &Runtime, env: Lookup<'_>) -> Result<Self, StartError> {
        let mut settings = SettingsReader::new(env);
        let tables = Tables::from_env(&mut settings, &[Table::Leads, Table::Outbox, Table::Ops]);
        let public_url = settings.required("PUBLIC_URL");
        let from = settings.required("ALERT_FROM");
        let configuration_set = settings.required("CONFIGURATION_SET");
        let keys_param = settings.required("TOKEN_KEYS_PARAM");
        let secrets_prefix = settings.required("SITE_SECRETS_PREFIX");
        settings.finish()?;
        let secrets = runtime
            .secrets
            .get(&runtime.aws, &[&keys_param], runtime.clock.now())
            .await?;
        let keys = TokenRing::new(runtime, &keys_param, &secrets[0])?;
        Ok(Self {
            worker: Worker {
                store: Store::new(&runtime.aws, tables, runtime.entropy.clone()),
                clock: runtime.clock.clone(),
                entropy: runtime.entropy.clone(),
                reader: Reader::Notify,
            },
            site: runtime.site()?,
            keys,
            messenger: Messenger {
                sender: Sender::new(runtime),
                secrets: SiteSecrets::new(runtime, secrets_prefix),
                entropy: runtime.entropy.clone(),
            },
            ses: Ses::new(runtime.aws.ses(), configuration_set),
            public_url,
            from,
        })
    }
}

/// Works on a batch or a tick.
pub async fn handle(deps: &Deps, event: Value) -> Result<Value, Failure> {
    deps.worker.work_on(&event, |key| tell(deps, key)).await
}

async fn tell(deps: &Deps, key: RecordKey) -> Result<(), Failure> {
    deps.worker
        .carry_out(
            &key,
            |item, _, _| recheck(deps, item),
            |item| send(deps, item),
        )
        .await
}

async fn recheck(deps: &Deps, item: OutboxItem) -> Result<Recheck, Failure> {
    let store = &deps.worker.store;
    let guard = store.guard(item.lead_id).await?;
    let lead = if needs_lead(&item) {
        store.lead(item.lead_id).await?
    } else {
        None
    };
    let (site, now) = (deps.site.get(), deps.worker.clock.now());
    Ok(match wanted(&item, &guard, lead.as_ref(), &site, now) {
        Wanted::Now if item.order.template != SWITCHED_OFF => Recheck {
            skip: channel_is_off(deps, &item).await?.map(str::to_owned),
            ..Recheck::default()
        },
        Wanted::Now => Recheck::default(),
        Wanted::NotBefore(at) => Recheck {
            not_before: Some(at),
            ..Recheck::default()
        },
        Wanted::No(reason) => Recheck {
            skip: Some(reason.to_owned()),
            ..Recheck::default()
        },
    })
}

/// Why nothing is sent to the channel of an item, or none.
async fn channel_is_off(deps: &Deps, item: &OutboxItem) -> Result<Option<&'static str>, Failure> {
    let Some(id) = &item.order.channel else {
        return Ok(None);
    };
    let site = deps.site.get();
    let Some(channel) = site.channel(id) else {
        return Ok(Some("the site has no such channel any more"));
    };
    let endpoint = deps.worker.store.endpoint(id).await?;
    let is_on = endpoint.for_site(id, &fingerprint(channel)).is_on();
    Ok((!is_on).then_some("the channel is switched off"))
}

async fn send(deps: &Deps, item: OutboxItem) -> Done {
    let to_channel = item.order.template != SWITCHED_OFF;
    match item.order.channel.as_deref().filter(|_| to_channel) {
        Some(channel) => send_to(deps, &item, channel).await,
        None => send_mail(deps, &item).await.into(),
    }
}

/// Sends to a channel of the site. Nothing was sent where the store failed.
async fn send_to(deps: &Deps, item: &OutboxItem, id: &str) -> Done {
    let site = deps.site.get();
    let (Some(channel), Some(body)) = (site.channel(id), &item.order.body) else {
        return Outcome::RefusedForGood("the site has no such channel any more".into()).into();
    };
    let endpoint = match deps.worker.store.endpoint(id).await {
        Ok(endpoint) => endpoint.for_site(id, &fingerprint(channel)),
        Err(_) => return Outcome::RefusedForNow("store".into()).into(),
    };
    let now = deps.worker.clock.now();
    let keys = deps.keys.fresh().await;
    let writer = writer(deps, &site, &keys);
    let answer_url = item
        .order
        .cycle
        .map(|cycle| writer.answer_url(item, cycle, now));
    // An item's id is its own only within its lead.
    let parcel = Parcel {
        id: &format!("{}_{}", item.lead_id, item.id),
        body: body.expose(),
        now,
        answer_url: answer_url.as_deref(),
    };
    deps.messenger
        .deliver(item, channel, &endpoint, &parcel)
        .await
}

async fn send_mail(deps: &Deps, item: &OutboxItem) -> Outcome {
    match write(deps, item).await {
        Ok(Ok(mail)) => deps.ses.send(item, &mail).await,
        Ok(Err(error)) => Outcome::RefusedForGood(error.to_string()),
        // Nothing was sent: what the mail tells could not be read.
        Err(error) if error.is_transient() => Outcome::RefusedForNow("store".into()),
        Err(error) => Outcome::RefusedForGood(error.to_string()),
    }
}

fn writer<'a>(deps: &'a Deps, site: &'a Site, keys: &'a TokenKeys) -> Writer<'a> {
    Writer {
        site,
        keys,
        public_url: &deps.public_url,
        from: &deps.from,
    }
}

async fn write(deps: &Deps, item: &OutboxItem) -> Result<Result<Mail, MailError>, StoreError> {
    let (site, keys) = (deps.site.get(), deps.keys.fresh().await);
    let writer = writer(deps, &site, &keys);
    if item.order.template == SWITCHED_OFF {
        let channel = item.order.channel.as_deref().unwrap_or_default();
        let endpoint = deps.worker.store.endpoint(channel).await?;
        return Ok(writer.switched_off(channel, &endpoint));
    }
    if item.order.template == PAUSED_NOTICE {
        return Ok(writer.mails_paused(item));
    }
    if item.kind == OutboxKind::Notice {
        return Ok(writer.notice(item));
    }
    let handoff = deps
        .worker
        .store
        .handoff(item.lead_id, item.order.cycle.unwrap_or_default())
        .await?;
    Ok(handoff.map_or(Err(MailError::Gone("handoff")), |h| {
        writer.alert(item, &h, deps.worker.clock.now())
    }))
}

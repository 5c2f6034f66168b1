//! `notify`: tells sales, by mail: the alert that a lead qualified, the reminder of an unanswered one, the notice of a submission.
//!
//! Woken by the outbox stream and by a tick. An alert that may have been lost is sent again: for sales a duplicate is better than a loss.

use serde_json::Value;
use shared::channel::effect::{Recheck, Worker};
use shared::channel::mail::{Mail, MailError, Writer};
use shared::channel::ses::Ses;
use shared::domain::outbox::{OutboxItem, OutboxKind, Outcome, Reader};
use shared::domain::token::TokenKeys;
use shared::edge::Failure;
use shared::edge::stream::{RecordKey, Trigger, batch_answer, caught, in_order, read};
use shared::flow::notify::{Wanted, needs_lead, wanted};
use shared::runtime::{Lookup, Runtime, SecretError, SettingsReader, SiteSecrets, StartError};
use shared::site::SiteHandle;
use shared::store::{Store, StoreError, Table, Tables};

/// Most items looked at in one tick, for each shard.
const DUE: usize = 25;

/// What `notify` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Claims and settles.
    pub worker: Worker,
    /// The site in force.
    pub site: SiteHandle,
    /// Signs links.
    pub keys: TokenKeys,
    /// Gives the secrets that channels name.
    pub secrets: SiteSecrets,
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
        let keys = TokenKeys::from_json(&secrets[0]).map_err(|e| SecretError::Shape {
            name: keys_param.clone(),
            expected: e.to_string(),
        })?;
        Ok(Self {
            worker: Worker {
                store: Store::new(&runtime.aws, tables, runtime.entropy.clone()),
                clock: runtime.clock.clone(),
                entropy: runtime.entropy.clone(),
                reader: Reader::Notify,
            },
            site: runtime.site()?,
            keys,
            secrets: SiteSecrets::new(runtime, secrets_prefix),
            ses: Ses::new(runtime.aws.ses(), configuration_set),
            public_url,
            from,
        })
    }
}

/// Works on a batch or a tick.
pub async fn handle(deps: &Deps, event: Value) -> Result<Value, Failure> {
    let worker = &deps.worker;
    match read(&event)? {
        Trigger::Stream(records) => {
            let now = worker.clock.now();
            Ok(in_order("notify", &worker.store, &records, now, |key| {
                tell(deps, key)
            })
            .await)
        }
        Trigger::Tick(_) => {
            let mut first_failure = None;
            for key in worker.due(DUE).await? {
                if let Err(failure) = caught(tell(deps, key)).await {
                    tracing::warn!(function = "notify", class = %failure.class(), "a due message failed");
                    first_failure = first_failure.or(Some(failure));
                }
            }
            first_failure.map_or_else(|| Ok(batch_answer([])), Err)
        }
        Trigger::Queue(_) => Err(Failure::UnknownEvent),
    }
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

async fn send(deps: &Deps, item: OutboxItem) -> Outcome {
    match write(deps, &item).await {
        Ok(Ok(mail)) => deps.ses.send(&item, &mail).await,
        Ok(Err(error)) => Outcome::RefusedForGood(error.to_string()),
        // Nothing was sent: the handoff could not be read.
        Err(error) if error.is_transient() => Outcome::RefusedForNow("store".into()),
        Err(error) => Outcome::RefusedForGood(error.to_string()),
    }
}

async fn write(deps: &Deps, item: &OutboxItem) -> Result<Result<Mail, MailError>, StoreError> {
    let site = deps.site.get();
    let writer = Writer {
        site: &site,
        keys: &deps.keys,
        public_url: &deps.public_url,
        from: &deps.from,
    };
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

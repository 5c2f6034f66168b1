//! `deliver`: mails the lead what they asked for.
//!
//! Woken by the outbox stream and by a tick. A mail goes out only after its claim, and the claim holds only while the guard is as it was
//! read and the mailbox is within its limit; so a mail that was claimed may go, and nothing is claimed after somebody has left. Before
//! that it asks for its turn: while lead mails are paused, or the account's rate or quota is used up, a mail is not touched and stays due.

use serde_json::Value;
use shared::channel::effect::{Recheck, Worker};
use shared::channel::mail::Writer;
use shared::channel::ses::Ses;
use shared::channel::turn::{Turn, Turns};
use shared::domain::guard::Guard;
use shared::domain::outbox::{OutboxItem, Outcome, Reader, State};
use shared::domain::send_limit::SendLimit;
use shared::domain::sending::Limits;
use shared::domain::time::Timestamp;
use shared::edge::Failure;
use shared::edge::stream::RecordKey;
use shared::flow::deliver::{Known, Wish};
use shared::flow::{Write, deliver};
use shared::runtime::{Lookup, Runtime, SettingsReader, StartError, TokenRing};
use shared::site::SiteHandle;
use shared::store::{Store, Table, Tables};

/// What `deliver` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Claims and settles.
    pub worker: Worker,
    /// When a mail may go.
    pub turns: Turns,
    /// The site in force.
    pub site: SiteHandle,
    /// Mails an hour to one domain, to addresses that nobody proved; 0 = no limit.
    pub domain_limit: u32,
    /// Signs links.
    pub keys: TokenRing,
    /// Sends.
    pub ses: Ses,
    /// Where links lead.
    pub public_url: String,
    /// Address mail comes from.
    pub from: String,
}

impl Deps {
    /// Reads `*_TABLE`, `PUBLIC_URL`, `MAIL_FROM`, `CONFIGURATION_SET`, `TOKEN_KEYS_PARAM`, and what the account may send:
    /// `MAX_SEND_RATE` in mails a second and `DAILY_SEND_QUOTA` in mails in 24 hours, 0 = no limit of ours.
    /// `DOMAIN_MAILS_PER_HOUR` limits mails to one domain, to addresses that nobody proved.
    pub async fn build(runtime: &Runtime, env: Lookup<'_>) -> Result<Self, StartError> {
        let mut settings = SettingsReader::new(env);
        let tables = Tables::from_env(&mut settings, &[Table::Leads, Table::Outbox, Table::Ops]);
        let public_url = settings.required("PUBLIC_URL");
        let from = settings.required("MAIL_FROM");
        let configuration_set = settings.required("CONFIGURATION_SET");
        let keys_param = settings.required("TOKEN_KEYS_PARAM");
        let rate = settings.number("MAX_SEND_RATE");
        let quota = settings.number("DAILY_SEND_QUOTA");
        let domain_limit = settings.number("DOMAIN_MAILS_PER_HOUR");
        settings.finish()?;
        let limits = Limits {
            rate: rate?,
            quota: quota?,
        };
        let secrets = runtime
            .secrets
            .get(&runtime.aws, &[&keys_param], runtime.clock.now())
            .await?;
        let keys = TokenRing::new(runtime, &keys_param, &secrets[0])?;
        let store = Store::new(&runtime.aws, tables, runtime.entropy.clone());
        Ok(Self {
            turns: Turns {
                store: store.clone(),
                clock: runtime.clock.clone(),
                entropy: runtime.entropy.clone(),
                sleep: runtime.aws.sleep().clone(),
                limits,
            },
            worker: Worker {
                store,
                clock: runtime.clock.clone(),
                entropy: runtime.entropy.clone(),
                reader: Reader::Deliver,
            },
            site: runtime.site()?,
            domain_limit: domain_limit?,
            keys,
            ses: Ses::new(runtime.aws.ses(), configuration_set),
            public_url,
            from,
        })
    }
}

/// Works on a batch or a tick.
pub async fn handle(deps: &Deps, event: Value) -> Result<Value, Failure> {
    let turn = deps.turns.begin();
    let answer = deps
        .worker
        .work_on(&event, |key| mail(deps, &turn, key))
        .await;
    turn.end().await;
    answer
}

async fn mail(deps: &Deps, turn: &Turn<'_>, key: RecordKey) -> Result<(), Failure> {
    deps.worker
        .carry_out(
            &key,
            |item, owner, now| recheck(deps, turn, item, owner, now),
            |item| send(deps, turn, item),
        )
        .await
}

async fn recheck(
    deps: &Deps,
    turn: &Turn<'_>,
    item: OutboxItem,
    owner: String,
    now: Timestamp,
) -> Result<Recheck, Failure> {
    let store = &deps.worker.store;
    let guard = store.guard(item.lead_id).await?;
    let limit = match &item.order.limit_key {
        Some(key) => store.send_limit(key).await?,
        None => SendLimit::default(),
    };
    // Only what is marketing asks what the lead has agreed to since.
    let lead = match &item.order.purpose {
        Some(_) => store.lead(item.lead_id).await?,
        None => None,
    };
    // Whoever proved the address is answered for themselves alone.
    let mailbox = match item.order.mailbox() {
        Some(mailbox) if guard.confirmed_at.is_none() => store.guard(mailbox).await?,
        Some(_) | None => Guard::default(),
    };
    let site = deps.site.get();
    let form = item.order.form.as_deref();
    let known = Known {
        guard: &guard,
        mailbox: &mailbox,
        lead: lead.as_ref(),
        form: form.and_then(|id| site.forms.get(id)),
        limit: &limit,
        now,
    };
    let mut wish = deliver::decide(&item, known);
    // An attempt that was cut off is only noted here; nothing goes out.
    let goes_out = !matches!(wish, Wish::Skip(_)) && item.state != State::Sending;
    if goes_out && !turn.may_send().await? {
        return Ok(Recheck {
            stays_due: true,
            ..Recheck::default()
        });
    }
    if goes_out
        && deps.domain_limit > 0
        && let Some(domain) = deliver::counts_in_domain(&item, &wish, known)
        && !store.count_mail(domain, deps.domain_limit, now).await?
    {
        wish = deliver::over_domain_limit(&item, now);
    }
    let mut with_claim = vec![Write::GuardIs(item.lead_id, guard.version)];
    with_claim.extend(deliver::count(&item, &wish, &limit, &owner, now).map(Write::SendLimit));
    let mut recheck = Recheck {
        with_claim,
        ..Recheck::default()
    };
    match wish {
        Wish::Send => {}
        Wish::SendAs(order) => recheck.order = Some(order),
        Wish::Skip(reason) => recheck.skip = Some(reason),
        Wish::PutOff(until) => recheck.not_before = Some(until),
    }
    Ok(recheck)
}

async fn send(deps: &Deps, turn: &Turn<'_>, item: OutboxItem) -> Outcome {
    let (site, keys) = (deps.site.get(), deps.keys.fresh().await);
    let writer = Writer {
        site: &site,
        keys: &keys,
        public_url: &deps.public_url,
        from: &deps.from,
    };
    let outcome = match writer.to_lead(&item, deps.worker.clock.now()) {
        Ok(mail) => {
            turn.sends();
            deps.ses.send(&item, &mail).await
        }
        Err(error) => Outcome::RefusedForGood(error.to_string()),
    };
    if matches!(outcome, Outcome::Later { .. })
        && let Err(error) = turn.close().await
    {
        // The next mail hears it from the mail service itself.
        tracing::warn!(error = %error, "could not note that the mail service takes no more");
    }
    outcome
}

//! `capture`: takes up what landing pages post.
//!
//! One write for a submission without mail, one transaction with it; no read before the write. The limit counter of the visitor's network
//! comes on top, and if it is out of reach capture goes on. A known address, an unknown one and one that wants no mail get the same
//! answer: nothing about a lead is read here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use lambda_http::http::Method;
use lambda_http::{Request, RequestExt as _};
use shared::domain::form::Form;
use shared::domain::id::{IdentityKey, random};
use shared::domain::submission::{Checked, Submission, check};
use shared::domain::time::{MINUTE_MS, Timestamp};
use shared::domain::touchpoint::TouchpointKind;
use shared::edge::http::{Answer, header_text, network, source_ip};
use shared::flow::Write;
use shared::flow::capture::{Arrival, Repeat, decide, repeat};
use shared::flow::links::agent_class;
use shared::runtime::{Clock, Entropy, Lookup, Runtime, SettingsReader, StartError, read_key};
use shared::site::{Site, SiteHandle};
use shared::store::{Committed, RateLimits, Store, StoreError, Table, Tables};

mod answer;
mod body;
mod cors;
mod redirect;

use answer::{Asker, Refusal};

/// Posts that one network may make.
const LIMITS: RateLimits = RateLimits {
    per_minute: 30,
    per_day: 300,
};
/// Links of the chain of later repeats that are followed before a post is written under a fresh id.
const REPEATS: usize = 8;
/// Longest idempotency key in bytes.
const MAX_KEY: usize = 255;

/// What `capture` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Facts, outbox, ops.
    pub store: Store,
    /// The site in force.
    pub site: SiteHandle,
    /// Turns addresses into lead ids.
    pub identity: IdentityKey,
    /// The time.
    pub clock: Clock,
    /// Names requests.
    pub entropy: Entropy,
    /// Where this function answers.
    pub public_url: String,
    /// Networks that are over their limit, until when: an instance does not ask the store again.
    refused: Arc<Mutex<HashMap<String, Timestamp>>>,
}

impl Deps {
    /// Reads `TOUCHPOINTS_TABLE`, `OUTBOX_TABLE`, `OPS_TABLE`, `PUBLIC_URL` and `IDENTITY_KEY_PARAM`.
    pub async fn build(runtime: &Runtime, env: Lookup<'_>) -> Result<Self, StartError> {
        let mut settings = SettingsReader::new(env);
        let tables = Tables::from_env(
            &mut settings,
            &[Table::Touchpoints, Table::Outbox, Table::Ops],
        );
        let public_url = settings.required("PUBLIC_URL");
        let key_param = settings.required("IDENTITY_KEY_PARAM");
        settings.finish()?;
        let secrets = runtime
            .secrets
            .get(&runtime.aws, &[&key_param], runtime.clock.now())
            .await?;
        Ok(Self {
            store: Store::new(&runtime.aws, tables, runtime.entropy.clone()),
            site: runtime.site()?,
            identity: IdentityKey::new(read_key(&key_param, &secrets[0])?),
            clock: runtime.clock.clone(),
            entropy: runtime.entropy.clone(),
            public_url,
            refused: Arc::default(),
        })
    }
}

/// Answers a request.
pub async fn handle(deps: &Deps, request: Request) -> Answer {
    let site = deps.site.get();
    let path = request.uri().path().to_owned();
    if path == "/thanks" {
        return answer::thanks(
            &site,
            request
                .query_string_parameters_ref()
                .and_then(|q| q.first("form")),
        );
    }
    let Some(form) = path
        .strip_prefix("/f/")
        .and_then(|id| site.forms.get(id.trim_end_matches('/')))
    else {
        return Asker::of(&request).refuse(&site, None, &Refusal::FormNotFound);
    };
    let origin = header_text(request.headers(), "origin").to_owned();
    let mut response = match *request.method() {
        Method::OPTIONS => cors::preflight(form, &origin),
        Method::GET | Method::HEAD => answer::hosted_form(&site, form),
        Method::POST => submit(deps, &site, form, request).await,
        _ => Asker::of(&request).refuse(&site, Some(form), &Refusal::Method),
    };
    cors::allow(&mut response, form, &origin);
    response
}

async fn submit(deps: &Deps, site: &Site, form: &Form, request: Request) -> Answer {
    let asker = Asker::of(&request);
    let origin = header_text(request.headers(), "origin");
    if form.strict_origin && !form.allowed_origins.iter().any(|o| o == origin) {
        return asker.refuse(site, Some(form), &Refusal::Origin);
    }
    let page = redirect::PageOrigin::of(request.headers(), &deps.public_url);
    let key = match idempotency_key(&request) {
        Ok(key) => key,
        Err(refusal) => return asker.refuse(site, Some(form), &refusal),
    };
    let agent = agent_class(header_text(request.headers(), "user-agent"));
    let ip = source_ip(&request).map(|ip| deps.identity.pseudonym("network", &network(&ip)));
    let referer = Some(header_text(request.headers(), "referer"))
        .filter(|r| !r.is_empty())
        .map(str::to_owned);

    let pairs = match body::read(request).await {
        Ok(pairs) => pairs,
        Err(refusal) => return asker.refuse(site, Some(form), &refusal),
    };
    let submission = match check(form, &pairs, referer.as_deref()) {
        Checked::Fine(submission) => submission,
        Checked::Trapped => {
            tracing::info!(function = "capture", form = %form.id, "a trap field was filled in");
            let id = random(TouchpointKind::FormSubmitted.prefix(), deps.entropy.bytes());
            return asker.accept(form, &id, &page.after_success(form, None));
        }
        Checked::Problems(problems) => return asker.refuse_fields(site, form, &problems, &pairs),
    };
    if let Some(seconds) = over_limit(deps, ip.as_deref()).await {
        return asker.refuse(site, Some(form), &Refusal::TooMany(seconds));
    }
    let write_id = random("req", deps.entropy.bytes());
    let key = key.or_else(|| submission.nonce.clone());
    let arrival = Arrival {
        site,
        form,
        now: deps.clock.now(),
        key: key.as_deref(),
        ip_hash: ip,
        agent_class: agent,
        write_id: &write_id,
    };
    match record(deps, &arrival, &submission).await {
        Ok(Recorded::As(id)) => asker.accept(
            form,
            &id,
            &page.after_success(form, submission.next.as_deref()),
        ),
        Ok(Recorded::KeyReused) => asker.refuse(site, Some(form), &Refusal::KeyReused),
        Err(error) => {
            tracing::error!(function = "capture", form = %form.id, error = %error, "a submission could not be written");
            asker.refuse(site, Some(form), &Refusal::Store(error))
        }
    }
}

enum Recorded {
    As(String),
    KeyReused,
}

/// Writes the submission, following the chain of later repeats.
async fn record(
    deps: &Deps,
    arrival: &Arrival<'_>,
    submission: &Submission,
) -> Result<Recorded, StoreError> {
    let mut link: Option<String> = None;
    for _ in 0..REPEATS {
        let accepted = decide(arrival, submission, &deps.identity, link.as_deref());
        let id = accepted.touchpoint.id.clone();
        let mut writes = vec![Write::Touchpoint(accepted.touchpoint.clone())];
        writes.extend(accepted.outbox.into_iter().map(Write::Outbox));
        let stored = match deps.store.commit(&writes).await? {
            Committed::Written => return Ok(Recorded::As(id)),
            Committed::Lost(old) => old.into_iter().next().flatten(),
        };
        // An item in the way that is not a fact of ours is a half-deleted one: write beside it.
        let Some(stored) = stored.and_then(|item| item.touchpoint().ok()) else {
            link = Some(format!("beside@{}", arrival.now.0));
            continue;
        };
        match repeat(
            &stored,
            &accepted.touchpoint,
            arrival.key.is_some(),
            arrival.now,
        ) {
            Repeat::Same => return Ok(Recorded::As(stored.id)),
            Repeat::KeyReused => return Ok(Recorded::KeyReused),
            Repeat::Later(next) => link = Some(next),
        }
    }
    // The same words once more, after a long chain of them: kept under an id of its own.
    let accepted = decide(arrival, submission, &deps.identity, Some(arrival.write_id));
    let id = accepted.touchpoint.id.clone();
    let mut writes = vec![Write::Touchpoint(accepted.touchpoint)];
    writes.extend(accepted.outbox.into_iter().map(Write::Outbox));
    deps.store.commit(&writes).await?;
    Ok(Recorded::As(id))
}

fn idempotency_key(request: &Request) -> Result<Option<String>, Refusal> {
    let key = header_text(request.headers(), "idempotency-key").trim();
    if key.len() > MAX_KEY {
        return Err(Refusal::LongKey);
    }
    Ok(Some(key.to_owned()).filter(|k| !k.is_empty()))
}

/// Seconds until the network may post again, where it is over its limit. A counter out of reach stops nobody.
async fn over_limit(deps: &Deps, ip: Option<&str>) -> Option<u64> {
    let ip = ip?;
    let now = deps.clock.now();
    let minute_end = Timestamp((now.0.div_euclid(MINUTE_MS) + 1) * MINUTE_MS);
    let seconds = |until: Timestamp| u64::try_from(until.since(now) / 1000 + 1).unwrap_or(1);
    {
        let mut refused = deps.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.retain(|_, until| *until > now);
        if let Some(until) = refused.get(ip) {
            return Some(seconds(*until));
        }
    }
    match deps.store.count_post(ip, LIMITS, now).await {
        Ok(true) => None,
        Ok(false) => {
            deps.refused
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(ip.to_owned(), minute_end);
            Some(seconds(minute_end))
        }
        Err(error) => {
            tracing::warn!(function = "capture", error = %error, "the limit counter is out of reach");
            None
        }
    }
}

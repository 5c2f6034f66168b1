//! Seeded schedules of what can go wrong between a claim and the word of the mail service: nothing lost, nothing twice.
//!
//! Each schedule is one mail. Given a sender that finds it by the stream or only by the tick, and a service that follows a script of
//! refusals, silences, crashes and words that come early, late, twice or never; when the minutes pass; then the service took the mail,
//! and took it once, or the record says why not. `LODESTONE_SES_SCHEDULES=2000` runs more of
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use lodestone::app::{App, Options};
use serde_json::{Value, json};
use shared::domain::id::LeadId;
use shared::domain::outbox::{Order, OutboxItem, State};
use shared::domain::pii::Pii;
use shared::domain::time::Timestamp;
use shared::flow::Write;
use shared::flow::capture::mail_item;
use shared::runtime::{Clock, Runtime};
use shared::store::{Store, Tables};
use tests::project;
use tests::world::{START, World};

mod seam;

use seam::{Attempt, Fate, News, Seam, mix, queued};

/// Schedules of an ordinary test run.
const SCHEDULES: u64 = 240;
/// Mails of one system: they share the minutes that pass.
const PER_WORLD: u64 = 120;
/// Longer than any mail can stay open: refusals, two lapsed leases, two waits of a quarter of an hour, words that come too late.
const MINUTES: u32 = 62;

/// What a run counts.
#[derive(Debug, Default)]
struct Sum {
    mails: u64,
    lost: Vec<String>,
    doubled: Vec<String>,
    wrong: Vec<String>,
    marked: u64,
    refused: u64,
    given_up: u64,
    fates: BTreeMap<Fate, u64>,
    news: BTreeMap<News, u64>,
}

/// How attempt after attempt ends. One in eight mails may meet silence after silence; the others meet it once and are then let through,
/// because a sender that never hears anything can only stop.
fn script(seed: u64, before: &[Attempt]) -> Attempt {
    let dice = mix(seed, before.len() as u64 + 1);
    let news = News::ALL[usize::try_from(mix(dice, 2) % 6).unwrap()];
    let silences = before.iter().filter(|a| !a.fate.is_known()).count();
    let stubborn = seed.is_multiple_of(8);
    let fate = fate_of(dice, before.len(), silences, stubborn);
    Attempt { fate, news }
}

fn fate_of(dice: u64, before: usize, silences: usize, stubborn: bool) -> Fate {
    let fate = Fate::ALL[usize::try_from(mix(dice, 3) % 13).unwrap()];
    let quiet = !fate.is_known();
    if before >= 6 || (quiet && silences > 0 && !stubborn) {
        Fate::Taken
    } else if fate == Fate::Rejected && !mix(dice, 4).is_multiple_of(4) {
        // A refusal for good ends the mail: rarer than the rest, so that the rest is met.
        Fate::Throttled
    } else {
        fate
    }
}

fn schedules() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many schedules a run makes is chosen from outside"
    )]
    std::env::var("LODESTONE_SES_SCHEDULES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(SCHEDULES)
}

#[tokio::test(flavor = "multi_thread")]
async fn evt_10_to_12_whatever_the_mail_service_does_no_mail_is_lost_and_none_is_doubled_unmarked()
{
    let total = schedules();
    let shares: Vec<_> = (0..2)
        .map(|share| tokio::spawn(run_share(share, total)))
        .collect();
    let mut sum = Sum::default();
    for share in shares {
        let part = share.await.unwrap();
        sum.mails += part.mails;
        sum.marked += part.marked;
        sum.refused += part.refused;
        sum.given_up += part.given_up;
        sum.lost.extend(part.lost);
        sum.doubled.extend(part.doubled);
        sum.wrong.extend(part.wrong);
        for (fate, n) in part.fates {
            *sum.fates.entry(fate).or_default() += n;
        }
        for (news, n) in part.news {
            *sum.news.entry(news).or_default() += n;
        }
    }
    println!(
        "{} mails: {} lost, {} doubled though word came, {} marked duplicates where it did not, {} refused for good, {} given up after two silences",
        sum.mails,
        sum.lost.len(),
        sum.doubled.len(),
        sum.marked,
        sum.refused,
        sum.given_up
    );
    println!("{:?}\n{:?}", sum.fates, sum.news);
    let first = |list: &[String]| list.iter().take(3).cloned().collect::<Vec<_>>();
    assert_eq!(sum.mails, total);
    assert!(sum.lost.is_empty(), "lost: {:#?}", first(&sum.lost));
    assert!(
        sum.doubled.is_empty(),
        "doubled: {:#?}",
        first(&sum.doubled)
    );
    assert!(sum.wrong.is_empty(), "wrong: {:#?}", first(&sum.wrong));
    if total >= SCHEDULES {
        assert!(
            Fate::ALL.iter().all(|f| sum.fates.contains_key(f)),
            "{:?}",
            sum.fates
        );
        assert!(
            News::ALL.iter().all(|n| sum.news.contains_key(n)),
            "{:?}",
            sum.news
        );
    }
}

async fn run_share(share: u64, total: u64) -> Sum {
    let mut sum = Sum::default();
    let seeds: Vec<u64> = (share..total).step_by(2).collect();
    for some in seeds.chunks(usize::try_from(PER_WORLD).unwrap()) {
        run_some(some, &mut sum).await;
    }
    sum
}

/// A system in which only the mail of some visitors happens.
struct Mailing {
    world: World,
    seam: Seam,
    store: Store,
    now: Arc<AtomicI64>,
}

impl Mailing {
    async fn start(seed: u64) -> anyhow::Result<Self> {
        let now = Arc::new(AtomicI64::new(START.0));
        let (base, at) = (Arc::clone(&now), Arc::clone(&now));
        let seam = Seam::new(
            script,
            Arc::new(move || Timestamp(at.load(Ordering::Relaxed))),
        );
        let clock = Clock::from_fn(move || Timestamp(base.load(Ordering::Relaxed)));
        let mut options = Options::step(
            seed,
            clock,
            project("infra/site"),
            project("infra/template.yaml"),
        );
        let wire = seam.clone();
        options.wrap_connector = Some(Box::new(move |function, connector| match function {
            "deliver" => wire.before(connector),
            _ => connector,
        }));
        let world = World::start(options).await?;
        let runtime = world.app.runtime();
        seam.tell(heard_by(&world.app, runtime).await?);
        let store = Store::new(&runtime.aws, tables(&world.app)?, runtime.entropy.clone());
        Ok(Self {
            world,
            seam,
            store,
            now,
        })
    }

    /// What the stream brings, from the first record again where one failed.
    async fn stream(&self, items: &[OutboxItem]) {
        let mut from = 0;
        for _ in 0..items.len() * 2 {
            let records: Vec<Value> = items.iter().enumerate().skip(from).map(record).collect();
            if records.is_empty() {
                return;
            }
            let answer = self
                .world
                .app
                .call("deliver", json!({ "Records": records }))
                .await;
            let failed = match &answer {
                lodestone::pump::lane::Answer::Returned(body) => {
                    body["batchItemFailures"][0]["itemIdentifier"].as_str()
                }
                lodestone::pump::lane::Answer::Failed(_) => return,
            };
            let Some(sequence) = failed else { return };
            from = sequence.parse::<usize>().unwrap() - 1;
        }
    }

    async fn minute(&self) {
        self.now.fetch_add(60_000, Ordering::Relaxed);
        for words in self.seam.due_words().chunks(10) {
            self.world.app.call("feedback", queued(words)).await;
        }
        self.world
            .app
            .call("deliver", json!({ "tick": "minute" }))
            .await;
    }
}

async fn heard_by(app: &App, runtime: &Runtime) -> anyhow::Result<feedback::Deps> {
    let functions = &app.core().stack().model.functions;
    let function = functions.iter().find(|f| f.package == "feedback").unwrap();
    let env = |name: &str| function.environment.get(name).cloned();
    Ok(feedback::Deps::build(runtime, &env).await?)
}

fn tables(app: &App) -> anyhow::Result<Tables> {
    let stack = app.core().stack();
    Ok(Tables {
        touchpoints: stack.table("TouchpointsTable")?.to_owned(),
        leads: stack.table("LeadsTable")?.to_owned(),
        outbox: stack.table("OutboxTable")?.to_owned(),
        ops: stack.table("OpsTable")?.to_owned(),
    })
}

fn record((n, item): (usize, &OutboxItem)) -> Value {
    json!({"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": {
        "SequenceNumber": (n + 1).to_string(),
        "Keys": {"lead_id": {"S": item.lead_id.to_string()}, "id": {"S": item.id}}}})
}

/// A mail that somebody asked for.
fn asked_for(seed: u64) -> OutboxItem {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&mix(seed, 1).to_be_bytes());
    id[8..].copy_from_slice(&mix(seed, 2).to_be_bytes());
    let order = Order {
        template: "magnet".into(),
        to: Pii::new(format!("visitor-{seed}@analytical-engines.com")),
        limit_key: Some(format!("mailbox-{seed}")),
        form: Some("guide".into()),
        magnet: Some("heat-guide".into()),
        ..Order::default()
    };
    mail_item(
        LeadId::from_bytes(id),
        order,
        &format!("sub_{seed}"),
        START,
        "site",
    )
}

async fn run_some(seeds: &[u64], sum: &mut Sum) {
    let mailing = Mailing::start(seeds[0]).await.unwrap();
    let items: Vec<OutboxItem> = seeds.iter().map(|seed| asked_for(*seed)).collect();
    let tag = |item: &OutboxItem| format!("{}_{}", item.lead_id, item.id);
    for (item, seed) in items.iter().zip(seeds) {
        mailing.seam.expect(tag(item), *seed);
        mailing
            .store
            .commit(&[Write::Outbox(item.clone())])
            .await
            .unwrap();
    }
    // The stream brings most of them, the rest is left to the tick.
    let by_stream: Vec<OutboxItem> = items.iter().step_by(2).cloned().collect();
    for batch in by_stream.chunks(25) {
        mailing.stream(batch).await;
    }
    for _ in 0..MINUTES {
        mailing.minute().await;
    }
    for (item, seed) in items.iter().zip(seeds) {
        let stored = mailing
            .store
            .outbox_item(item.lead_id, &item.id)
            .await
            .unwrap()
            .unwrap();
        judge(*seed, &stored, &mailing.seam.attempts(&tag(item)), sum);
    }
    mailing.world.app.stop().await;
}

/// Holds what the sender's record says against what the service knows.
fn judge(seed: u64, item: &OutboxItem, attempts: &[Attempt], sum: &mut Sum) {
    let what = || {
        format!(
            "seed {seed}: {attempts:?} -> {} {:?} {:?}",
            item.state.name(),
            item.reason,
            item.provider_ids
        )
    };
    sum.mails += 1;
    for attempt in attempts {
        *sum.fates.entry(attempt.fate).or_default() += 1;
        if attempt.fate.is_taken() {
            *sum.news.entry(attempt.news).or_default() += 1;
        }
    }
    let taken: Vec<&Attempt> = attempts.iter().filter(|a| a.fate.is_taken()).collect();
    let silences = attempts.iter().filter(|a| !a.fate.is_known()).count();
    let refused = attempts.last().is_some_and(|a| a.fate == Fate::Rejected);
    // One request for one claim, whatever came back.
    if usize::try_from(item.attempt) != Ok(attempts.len()) || !item.state.is_settled() {
        sum.wrong.push(what());
    }
    match (taken.is_empty(), item.state) {
        (true, State::Dead) if refused => sum.refused += 1,
        (true, State::Dead) if silences >= 2 && item.reason.is_some() => sum.given_up += 1,
        (true, _) => sum.lost.push(what()),
        (false, _) => {}
    }
    // Whatever word came in the end, the record has heard it.
    let heard = taken
        .iter()
        .any(|a| a.news != News::Missing || a.fate == Fate::Taken);
    if heard && item.state != State::Sent {
        sum.wrong.push(what());
    }
    if taken.len() > 1 {
        let all_in_time = taken.iter().all(|a| a.news.is_in_time());
        let unheard = taken
            .iter()
            .filter(|a| !a.fate.is_known() && !a.news.is_in_time())
            .count();
        if all_in_time || taken.len() > 2 || taken.len() > unheard + 1 || !item.possible_duplicate {
            sum.doubled.push(what());
        } else {
            sum.marked += 1;
        }
    }
}

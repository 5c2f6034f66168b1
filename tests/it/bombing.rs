//! Mail bombing: posts in one person's name, from thousands of networks and under every spelling of their address. Few mails reach
//! them, and no post is lost without a word. `LODESTONE_BOMBS=10000` posts that many.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;
use lodestone::person::unsuppress::unsuppress;
use lodestone::quarantine::Quarantine;
use lodestone::ses::Happening;
use shared::domain::email::EmailAddress;
use shared::domain::outbox::State;
use shared::domain::time::{DAY_MS, Timestamp};
use tests::world::{World, guide, link};

use crate::person::records;

/// Posts of an ordinary test run.
const POSTS: usize = 200;
/// The posts come over this many rounds of half an hour: a day and two hours, so that the window slides.
const ROUNDS: usize = 52;
const ROUND_SECONDS: u32 = 30 * 60;
/// Posts of one network within a minute, on top: ten over its limit.
const BURST: usize = 40;
/// The mailbox, as limits see it.
const VICTIM: &str = "adalovelace@gmail.com";

fn posts() -> usize {
    #[expect(
        clippy::disallowed_methods,
        reason = "how many posts a run makes is chosen from outside"
    )]
    std::env::var("LODESTONE_BOMBS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(POSTS)
}

/// A spelling of the victim's address: case, dots, tag and the provider's second domain change with the number.
fn spelling(n: usize) -> String {
    let mut local = String::new();
    for (place, letter) in "adalovelace".chars().enumerate() {
        if place > 0 && (n >> (place % 7)) & 5 == 5 {
            local.push('.');
        }
        let upper = ((n / 3) >> (place % 5)) & 1 == 1;
        local.push(if upper {
            letter.to_ascii_uppercase()
        } else {
            letter
        });
    }
    if !n.is_multiple_of(4) {
        local = format!("{local}+offer{n}");
    }
    let domain = ["gmail.com", "googlemail.com", "GMail.com"][n % 3];
    format!("{local}@{domain}")
}

/// Two posts of each network; every second one is an IPv6 network, where the host changes from post to post.
fn network(n: usize) -> String {
    let (net, host) = (n / 2, n % 2 + 1);
    if net % 2 == 0 {
        format!("100.{}.{}.{}", 64 + (net >> 16), net >> 8 & 255, net & 255)
    } else {
        format!("2001:db8:{net:x}:1::{host}")
    }
}

/// A form and what is posted to it.
struct Bomb {
    form: &'static str,
    pairs: Vec<(&'static str, String)>,
    driven: bool,
}

/// Most ask for a magnet as a person would; some look like a robot's, and some come twice.
fn bomb(n: usize) -> Bomb {
    // The same words again, from elsewhere.
    let n = if n % 50 == 23 { n - 1 } else { n };
    let form = ["guide", "checklist", "checkliste", "guide"][n % 4];
    let form = if n % 50 == 41 { "demo" } else { form };
    let mut pairs = vec![
        ("email", spelling(n)),
        ("first_name", String::from("Ada")),
        ("last_name", format!("Lovelace {n}")),
        ("company", format!("Engines {n}")),
        ("newsletter", String::from("on")),
    ];
    match n % 50 {
        7 => pairs.push(("_gotcha", String::from("cheap watches"))),
        13 => pairs.push(("is_test", String::from("true"))),
        19 => pairs.push(("_nonce", String::from("v1.a1.bm90aGluZw.bm90aGluZw"))),
        _ => {}
    }
    Bomb {
        form,
        pairs,
        driven: n % 50 == 29,
    }
}

/// What was answered.
#[derive(Default)]
struct Answers {
    posts: usize,
    refused: usize,
    ids: BTreeMap<String, usize>,
}

async fn post(world: &World, ip: &str, bomb: &Bomb, answers: &mut Answers) -> anyhow::Result<()> {
    answers.posts += 1;
    let mut request = world
        .post_from(ip, &format!("/f/{}", bomb.form))
        .header("Accept", "application/json");
    if bomb.driven {
        // {"loadedAt":1,"webdriver":true}
        let report = "eyJsb2FkZWRBdCI6MSwid2ViZHJpdmVyIjp0cnVlfQ==";
        request = request.header("Formspree-Session-Data", report);
    }
    let answer = request.form(&bomb.pairs).send().await?;
    let status = answer.status().as_u16();
    if status == 429 {
        answers.refused += 1;
        return Ok(());
    }
    let body: serde_json::Value = answer.json().await?;
    let id = body["id"].as_str();
    let id = id.with_context(|| format!("{status} {body}"))?;
    *answers.ids.entry(id.to_owned()).or_default() += 1;
    Ok(())
}

type Item = HashMap<String, AttributeValue>;

/// Every item of a table of the template.
async fn items(world: &World, table: &str) -> anyhow::Result<Vec<Item>> {
    let client = world.app.runtime().aws.dynamodb();
    let name = world.app.core().stack().table(table)?.to_owned();
    let (mut all, mut next) = (Vec::new(), None);
    loop {
        let scan = client.scan().table_name(&name);
        let page = scan.set_exclusive_start_key(next).send().await?;
        all.extend(page.items.unwrap_or_default());
        next = page.last_evaluated_key;
        if next.is_none() {
            return Ok(all);
        }
    }
}

fn text<'i>(item: &'i Item, name: &str) -> &'i str {
    let value = item.get(name).and_then(|v| v.as_s().ok());
    value.map_or("", String::as_str)
}

/// When the victim's mailbox got mail, whatever spelling it went to.
fn mails_to_victim(world: &World) -> anyhow::Result<Vec<Timestamp>> {
    let fold = |to: &String| EmailAddress::parse(to).map(|e| e.folded());
    let mails = world.app.ses().mails()?.into_iter();
    let to_victim = mails.filter(|m| m.to.iter().any(|to| fold(to).is_ok_and(|f| f == VICTIM)));
    to_victim
        .map(|m| Timestamp::parse(&m.at).with_context(|| m.at.clone()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_4_a_mailbox_posted_thousands_of_times_gets_three_mails_a_day_and_every_post_is_accounted_for()
-> anyhow::Result<()> {
    let world = World::calm(340).await?;
    let total = posts();
    let mut answers = Answers::default();
    for round in 0..ROUNDS {
        for n in (0..total).filter(|n| n * ROUNDS / total == round) {
            post(&world, &network(n), &bomb(n), &mut answers).await?;
        }
        if round == 1 {
            for n in 0..BURST {
                let bomb = bomb(1_000_000 + n * 50);
                post(&world, "198.51.100.7", &bomb, &mut answers).await?;
            }
        }
        world.settle().await?;
        world.advance(ROUND_SECONDS).await?;
    }
    assert_eq!(answers.posts, total + BURST);
    assert_eq!(answers.refused, BURST - 30, "one network has its limit");

    // What reaches the victim.
    let mails = mails_to_victim(&world)?;
    let most = mails.iter().map(|from| {
        let later = mails.iter().filter(|m| *m >= from);
        later.filter(|m| m.since(*from) < DAY_MS).count()
    });
    let most_in_a_day = most.max().unwrap_or_default();
    assert_eq!(most_in_a_day, 3, "mails in 24 hours: {mails:?}");

    // Where every post is.
    let facts = items(&world, "TouchpointsTable").await?;
    let stored: BTreeSet<&str> = facts
        .iter()
        .filter(|f| text(f, "kind") == "form_submitted")
        .map(|f| text(f, "id"))
        .collect();
    let model = &world.app.core().stack().model;
    let quarantine = Quarantine::open(world.app.runtime(), world.store()?, model).await?;
    let listing = quarantine.list().await?;
    let held: BTreeSet<&str> = listing.held.iter().map(|h| h.id.as_str()).collect();
    let steps = |step: &str| {
        let forms = listing.steps.values();
        forms.filter_map(|s| s.get(step)).sum::<i64>()
    };
    let trapped = usize::try_from(steps("trapped"))?;
    let found = answers
        .ids
        .iter()
        .filter(|(id, _)| stored.contains(id.as_str()) || held.contains(id.as_str()));
    let (ids, times): (Vec<&String>, Vec<usize>) = found.unzip();
    let repeats = times.iter().sum::<usize>() - ids.len();
    println!(
        "{} posts of {} networks: {} stored, {} set aside, {repeats} repeats, {trapped} trapped, {} refused; {} mails, {most_in_a_day} in 24 hours",
        answers.posts,
        total.div_ceil(2) + 1,
        stored.len(),
        held.len(),
        answers.refused,
        mails.len(),
    );
    assert!(stored.is_disjoint(&held));
    assert_eq!(ids.len(), stored.len() + held.len(), "nothing is made up");
    assert!(repeats > 0 && trapped > 0 && !held.is_empty());
    assert_eq!(
        stored.len() + held.len() + repeats + trapped + answers.refused,
        answers.posts,
        "every post is somewhere"
    );
    // The counters of the networks say the same.
    let ops = items(&world, "OpsTable").await?;
    let counters = ops.iter().filter(|i| text(i, "pk").starts_with("posts#"));
    let counted = counters.map(|i| i["d"].as_n().unwrap().parse::<usize>().unwrap());
    assert_eq!(counted.sum::<usize>(), answers.posts - answers.refused);
    for (step, every) in [("test", 13), ("forged_ticket", 19), ("automated", 29)] {
        let posted = (0..total).filter(|n| n % 50 == every).count();
        assert_eq!(usize::try_from(steps(step))?, posted, "{step}");
    }
    everything_that_was_not_sent_says_why(&world, &stored, mails.len()).await?;

    // And in the days after.
    world.advance(3 * 24 * 3600).await?;
    assert!(mails_to_victim(&world)?.len() <= 5, "reminders count too");
    Ok(())
}

/// Each stored post caused one mail, which went out or says why not; reminders wait for their day.
async fn everything_that_was_not_sent_says_why(
    world: &World,
    stored: &BTreeSet<&str>,
    sent: usize,
) -> anyhow::Result<()> {
    let outbox = items(world, "OutboxTable").await?;
    let mails = outbox
        .iter()
        .filter(|i| text(i, "kind") == "mail" && stored.contains(text(i, "cause")));
    let first = mails.filter(|i| {
        let order = i.get("order").and_then(|o| o.as_m().ok());
        order.is_none_or(|o| text(o, "template") != "reminder")
    });
    let mut by_state: BTreeMap<&str, usize> = BTreeMap::new();
    for mail in first {
        let state = text(mail, "state");
        *by_state.entry(state).or_default() += 1;
        if state == State::Skipped.name() {
            let reason = text(mail, "reason");
            assert!(reason.starts_with("limited"), "{reason}");
        }
    }
    let expected = [
        (State::Sent.name(), sent),
        (State::Skipped.name(), stored.len() - sent),
    ];
    assert_eq!(by_state, BTreeMap::from(expected));
    Ok(())
}

/// Asks for the guide under another spelling of one mailbox, and tells how many mails that spelling has got.
async fn asked_as(world: &World, email: &str) -> anyhow::Result<usize> {
    world.submit_until_taken("guide", &guide(email)).await?;
    world.settle().await?;
    Ok(world.mails_to(email)?.len())
}

const FIRST: &str = "adalovelace+first@gmail.com";
const OWN: &str = "adalovelace+own@gmail.com";

#[tokio::test(flavor = "multi_thread")]
async fn frm_4_whoever_leaves_once_is_left_alone_under_every_spelling_until_they_prove_one()
-> anyhow::Result<()> {
    let world = World::calm(442).await?;
    // Two spellings; one of them is proved by a click.
    assert_eq!(asked_as(&world, OWN).await?, 1);
    let own = world.mails_to(OWN)?.remove(0);
    world.open_and_press(&link(&own, "/d/")?, &[]).await?;
    world.advance(3600).await?;
    assert_eq!(asked_as(&world, FIRST).await?, 1);
    let unwanted = world.mails_to(FIRST)?.remove(0);
    let left = world.press(&link(&unwanted, "/u/")?).send().await?;
    assert_eq!(left.status(), 200);
    world.settle().await?;

    world.advance(3600).await?;
    assert_eq!(asked_as(&world, "ada.lovelace@gmail.com").await?, 0);
    let outbox = &world.known("ada.lovelace@gmail.com").await?["outbox"];
    assert_eq!(outbox[0]["reason"], "unsubscribed");
    // The spelling that a person proved goes on.
    assert_eq!(asked_as(&world, OWN).await?, 2);

    // Days later nothing but the question whether it was them, and one click answers it.
    world.advance(3 * 24 * 3600).await?;
    assert_eq!(asked_as(&world, "Ada.Lovelace@googlemail.com").await?, 1);
    let question = world.mails_to("Ada.Lovelace@googlemail.com")?.remove(0);
    assert!(link(&question, "/d/").is_err(), "brings a file");
    let yes = link(&question, "/c/")?;
    let answer = world.open_and_press(&yes, &[]).await?;
    assert_eq!(answer.status(), 303);
    world.settle().await?;
    world.advance(3600).await?;
    assert_eq!(asked_as(&world, "Ada.Lovelace@googlemail.com").await?, 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn frm_4_a_complaint_holds_for_the_mailbox_until_an_operator_lifts_it() -> anyhow::Result<()>
{
    let world = World::calm(443).await?;
    assert_eq!(asked_as(&world, FIRST).await?, 1);
    let mail = world.mails_to(FIRST)?.remove(0);
    let ses = world.app.ses();
    assert!(ses.play(Happening::Complaint, &mail.id, None).await?);
    world.settle().await?;
    for (days, spelling) in ["AdaLovelace@gmail.com", "ada.lovelace+b@googlemail.com"]
        .iter()
        .enumerate()
    {
        world
            .advance(u32::try_from(days)? * 40 * 24 * 3600 + 3600)
            .await?;
        assert_eq!(asked_as(&world, spelling).await?, 0, "{spelling}");
    }
    let store = world.store()?;
    let lifted = unsuppress(&records(&world, &store), FIRST, "told us on the phone").await?;
    assert_eq!(lifted, Some("complaint"));
    world.advance(3600).await?;
    assert_eq!(asked_as(&world, "adalovelace+c@gmail.com").await?, 1);
    Ok(())
}

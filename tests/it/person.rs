//! What an operator does for one person: prove a consent, hand out everything, erase everything, let mail go out again.

mod binary;

use anyhow::Context as _;
use aws_sdk_dynamodb::types::AttributeValue;
use keep::erase::{Request, begin};
use lodestone::person::erase::{Step, erase};
use lodestone::person::export::export;
use lodestone::person::prove::{Proof, prove};
use lodestone::person::unsuppress::unsuppress;
use lodestone::person::{Local, Person, Records};
use lodestone::ses::Happening;
use serde_json::{Value, json};
use shared::domain::consent::{ConsentKey, LedgerFault};
use shared::domain::erasure::EraseReason;
use shared::domain::time::Timestamp;
use shared::runtime::read_key;
use shared::store::Store;
use tests::world::{World, demo, guide, link};

use crate::whole_path::become_mql;

const ADA: &str = "ada@analytical-engines.com";

pub fn records<'w>(world: &'w World, store: &'w Store) -> Records<'w> {
    let core = world.app.core();
    let stack = core.stack();
    Records {
        store,
        query: core.query(),
        identity: stack.identity.as_ref().unwrap(),
        now: Timestamp(core.now()),
        local: Some(Local {
            ses: world.app.ses(),
            db: &stack.db,
            engine: &stack.engine,
        }),
    }
}

fn person(world: &World, email: &str) -> Person {
    let identity = world.app.core().stack().identity.as_ref().unwrap();
    Person::of(email, identity).unwrap()
}

/// An order to erase somebody with a mail and its counter, and nothing done yet.
pub async fn order_only(world: &World, email: &str) -> anyhow::Result<()> {
    world.submit_until_taken("guide", &guide(email)).await?;
    world.settle().await?;
    let person = person(world, email);
    let request = Request {
        lead_id: person.lead_id,
        because: EraseReason::Request,
        needles: &[person.lead_id.to_string(), person.limit_key],
        now: Timestamp(world.app.core().now()),
    };
    begin(&world.store()?, &request)
        .await?
        .context("an order")?;
    Ok(())
}

async fn key(world: &World) -> anyhow::Result<ConsentKey> {
    let functions = &world.app.core().stack().model.functions;
    let name = functions
        .iter()
        .find_map(|f| f.environment.get("CONSENT_KEY_PARAM"))
        .context("a key")?;
    let runtime = world.app.runtime();
    let now = runtime.clock.now();
    let secrets = runtime.secrets.get(&runtime.aws, &[name], now).await?;
    Ok(ConsentKey::new(read_key(name, &secrets[0])?))
}

async fn proof(world: &World, email: &str) -> anyhow::Result<Proof> {
    let (store, site) = (world.store()?, world.app.runtime().site()?.get());
    let proof = prove(&records(world, &store), &key(world).await?, &site, email).await?;
    proof.context("a ledger")
}

/// What is left of a person, with what differs from one person and moment to the next made the same.
async fn left(world: &World, email: &str) -> anyhow::Result<Value> {
    let (store, person) = (world.store()?, person(world, email));
    let reference = person.lead_id.to_string();
    let stored = world.app.core().query().by_id(&reference).await?;
    let needles = [
        reference.clone(),
        person.limit_key.clone(),
        email.to_owned(),
    ];
    let everything = json!({
        "stored": stored,
        "ops": store.ops_about(&needles).await?,
        "erasure": store.erasure(person.lead_id).await?,
        "audit": store.audits_of(&reference).await?,
    });
    let text = everything.to_string().replace(&reference, "LEAD");
    let mut same: Value = serde_json::from_str(&text.replace(&person.limit_key, "MAILBOX"))?;
    without_times(&mut same);
    Ok(same)
}

fn without_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for name in ["sk", "pk", "ttl", "last_write_id"] {
                map.remove(name);
            }
            map.values_mut().for_each(without_times);
        }
        Value::Array(list) => list.iter_mut().for_each(without_times),
        Value::Number(n) if n.as_i64().is_some_and(|n| n > 1_000_000_000_000) => {
            *value = json!("time");
        }
        Value::String(text) if Timestamp::parse(text).is_some() => *value = json!("time"),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn law_5_an_erasure_cut_off_after_any_step_ends_as_one_that_was_not() -> anyhow::Result<()> {
    let world = World::calm(151).await?;
    let store = world.store()?;
    become_mql(&world, "whole@analytical-engines.com").await?;
    let records_now = records(&world, &store);
    let whole = erase(
        &records_now,
        "whole@analytical-engines.com",
        EraseReason::Request,
        |_| Ok(()),
    )
    .await?
    .context("a certificate")?;
    assert!(
        whole.found.touchpoints >= 4 && whole.found.leads > 3 && whole.found.ops == 1,
        "{whole:?}"
    );
    for told in ["alert to mira", "notice to mira"] {
        assert!(whole.told.iter().any(|t| t == told), "{:?}", whole.told);
    }
    let expected = left(&world, "whole@analytical-engines.com").await?;
    assert_eq!(expected["stored"]["lead"], Value::Null);
    assert_eq!(expected["stored"]["touchpoints"], json!([]));
    assert_eq!(expected["stored"]["guard"]["erased_because"], "request");
    assert_eq!(expected["audit"].as_array().map(Vec::len), Some(1));

    for step in Step::ALL {
        let email = format!("{step:?}@analytical-engines.com").to_lowercase();
        become_mql(&world, &email).await?;
        let cut = |done| {
            anyhow::ensure!(done != step, "killed");
            Ok(())
        };
        let killed = erase(&records(&world, &store), &email, EraseReason::Request, cut).await;
        assert_eq!(killed.unwrap_err().to_string(), "killed");
        world.settle().await?;
        erase(
            &records(&world, &store),
            &email,
            EraseReason::Request,
            |_| Ok(()),
        )
        .await?;
        assert_eq!(left(&world, &email).await?, expected, "{step:?}");
        assert!(world.mails_to(&email)?.is_empty());
        // And once more changes nothing.
        erase(
            &records(&world, &store),
            &email,
            EraseReason::Request,
            |_| Ok(()),
        )
        .await?;
        assert_eq!(left(&world, &email).await?, expected, "{step:?} again");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_5_killed_before_any_of_its_calls_an_erasure_is_finished_by_itself_or_by_keep()
-> anyhow::Result<()> {
    let world = World::calm(152).await?;
    let plain = world.store()?;
    let aws = world.app.runtime().aws.clone();
    let behind = world.faults.before("operator", aws.connector().clone());
    let store = Store::new(
        &aws.with_connector(behind),
        plain.tables().clone(),
        world.app.runtime().entropy.clone(),
    );
    let whole = "whole@analytical-engines.com";
    world.submit_until_taken("guide", &guide(whole)).await?;
    world.settle().await?;
    erase(
        &records(&world, &plain),
        whole,
        EraseReason::Request,
        |_| Ok(()),
    )
    .await?;
    let expected = left(&world, whole).await?;
    let mut killed = 0;
    for calls in 0.. {
        let email = format!("visitor-{calls}@analytical-engines.com");
        world.submit_until_taken("guide", &guide(&email)).await?;
        world.settle().await?;
        world.faults.kill_after("operator", calls);
        let outcome = erase(
            &records(&world, &store),
            &email,
            EraseReason::Request,
            |_| Ok(()),
        )
        .await;
        world.faults.revive("operator");
        if outcome.is_ok() {
            assert_eq!(left(&world, &email).await?, expected);
            break;
        }
        killed += 1;
        let ordered = plain
            .erasure(person(&world, &email).lead_id)
            .await?
            .is_some();
        if ordered && calls % 2 == 0 {
            world.app.call("keep", json!({"tick": "day"})).await;
        } else {
            erase(
                &records(&world, &plain),
                &email,
                EraseReason::Request,
                |_| Ok(()),
            )
            .await?;
        }
        assert_eq!(
            left(&world, &email).await?,
            expected,
            "killed after {calls} calls"
        );
    }
    assert!(killed > 15, "killed {killed} times");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_5_what_comes_late_for_somebody_erased_is_dropped_and_a_new_life_starts_from_nothing()
-> anyhow::Result<()> {
    let world = World::calm(153).await?;
    let store = world.store()?;
    become_mql(&world, ADA).await?;
    let (download, leave) = {
        let mail = &world.mails_to(ADA)?[0];
        (link(mail, "/d/")?, link(mail, "/u/")?)
    };
    let before = world.known(ADA).await?;
    let bounce = crate::feedback_events::event("bounce-permanent-general", &before["outbox"][0]);
    erase(&records(&world, &store), ADA, EraseReason::Request, |_| {
        Ok(())
    })
    .await?;
    let nothing = left(&world, ADA).await?;

    // An old link, a late event, the stream's old record, the tick.
    world.advance(60).await?;
    world.open_and_press(&download, &[]).await?;
    crate::feedback_events::hear(&world, &[bounce]).await;
    let lead_id = person(&world, ADA).lead_id.to_string();
    let id = before["touchpoints"][0]["id"].clone();
    let record = json!({"Records": [{"eventSource": "aws:dynamodb", "eventName": "INSERT", "dynamodb": {
        "SequenceNumber": "1", "Keys": {"lead_id": {"S": lead_id}, "id": {"S": id}}}}]});
    for function in ["score", "deliver", "notify"] {
        world.app.call(function, record.clone()).await;
    }
    world.advance(86_400).await?;
    world.settle().await?;
    assert_eq!(left(&world, ADA).await?, nothing);

    // They come back by themselves: what they ask for is mailed, what we would think of is not, until they confirm.
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let mails = world.mails_to(ADA)?;
    assert_eq!(mails.len(), 1);
    let lead = world.known(ADA).await?;
    let mut kinds: Vec<&str> = lead["touchpoints"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|t| t["kind"].as_str())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["delivered", "form_submitted"]);
    assert_eq!(
        lead["lead"]["stage_history"].as_array().map(Vec::len),
        Some(2)
    );
    let id = person(&world, ADA).lead_id;
    assert_eq!(store.guard(id).await?.bars_marketing(), Some("erased"));
    world
        .open_and_press(&link(&mails[0], "/d/")?, &[("confirms", "newsletter")])
        .await?;
    world.settle().await?;
    assert_eq!(store.guard(id).await?.bars_marketing(), None);
    assert!(proof(&world, ADA).await?.is_whole());

    // Whoever leaves by a mail from before is heard.
    world
        .press(&leave)
        .body("List-Unsubscribe=One-Click")
        .send()
        .await?;
    assert_eq!(
        store.guard(id).await?.bars_marketing(),
        Some("unsubscribed")
    );
    Ok(())
}

/// The text with ids and versions, which depend on keys and on the site's files, left out.
fn without_names(text: &str) -> String {
    let is_name = |word: &str| match word.len() {
        26 => word.bytes().all(|b| b.is_ascii_alphanumeric()),
        16 => word.bytes().all(|b| b.is_ascii_hexdigit()),
        _ => false,
    };
    let ends = [' ', '\n', '_', ')', ','];
    text.split_inclusive(ends)
        .map(|part| {
            let word = part.trim_end_matches(ends);
            if is_name(word) {
                part.replace(word, "…")
            } else {
                part.to_owned()
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn law_1_the_ledger_is_told_in_words_and_what_is_done_to_it_shows() -> anyhow::Result<()> {
    let world = World::calm(154).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let mail = world.mails_to(ADA)?.remove(0);
    world.open_and_press(&link(&mail, "/d/")?, &[]).await?;
    world.settle().await?;
    world.submit_until_taken("demo", &demo(ADA)).await?;
    world.settle().await?;
    world
        .press(&link(&mail, "/u/")?)
        .body("List-Unsubscribe=One-Click")
        .send()
        .await?;
    world.settle().await?;
    let whole = proof(&world, ADA).await?;
    assert!(whole.is_whole(), "{:?}", whole.faults);
    insta::assert_snapshot!(without_names(&whole.to_text()));

    // Somebody who can write to the table, and has no key.
    let (client, tables) = (
        world.app.runtime().aws.dynamodb(),
        world.store()?.tables().clone(),
    );
    let lead_id = person(&world, ADA).lead_id;
    let ours = |sk: &str| {
        let s = |text: String| AttributeValue::S(text);
        [
            ("lead_id".to_owned(), s(lead_id.to_string())),
            ("sk".to_owned(), s(sk.to_owned())),
        ]
        .into()
    };
    client
        .update_item()
        .table_name(&tables.leads)
        .set_key(Some(ours("CONSENT#000001")))
        .update_expression("SET decision = :d")
        .expression_attribute_values(":d", AttributeValue::S("declined".into()))
        .send()
        .await?;
    let faults = proof(&world, ADA).await?.faults;
    assert_eq!(faults, [LedgerFault::Changed(1)]);
    let last = format!("CONSENT#{:06}", whole.entries.len());
    client
        .delete_item()
        .table_name(&tables.leads)
        .set_key(Some(ours(&last)))
        .send()
        .await?;
    let proof = proof(&world, ADA).await?;
    let n = u32::try_from(whole.entries.len())?;
    assert!(
        proof.faults.contains(&LedgerFault::Shortened(n)),
        "{:?}",
        proof.faults
    );
    assert!(
        proof.to_text().contains("NOT WHOLE: there were"),
        "{}",
        proof.to_text()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_1_the_words_stay_provable_after_the_form_asks_in_others() -> anyhow::Result<()> {
    let world = World::calm(155).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let hash = proof(&world, ADA).await?.entries[0]
        .record
        .text_sha256
        .clone();
    let store = world.store()?;
    let kept = store.wording(&hash).await?.context("the wording")?;
    assert!(kept.holds() && kept.language == "en" && kept.form == "guide");
    // Kept once, whoever else agrees to it.
    world
        .submit_until_taken("guide", &guide("grace@analytical-engines.com"))
        .await?;
    world.settle().await?;
    assert_eq!(store.wording(&hash).await?, Some(kept));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_4_the_export_has_everything_about_a_person_and_nothing_about_another()
-> anyhow::Result<()> {
    let world = World::calm(156).await?;
    let grace = "grace@brewster-aiken.com";
    become_mql(&world, ADA).await?;
    world
        .submit_until_taken(
            "demo",
            &[("company", "Univac Works"), ("last_name", "Hopper")]
                .into_iter()
                .chain(
                    demo(grace)
                        .into_iter()
                        .filter(|(n, _)| !["company", "last_name"].contains(n)),
                )
                .collect::<Vec<_>>(),
        )
        .await?;
    world.settle().await?;
    let store = world.store()?;
    let all = export(&records(&world, &store), ADA)
        .await?
        .context("an export")?;
    let count = |part: &str| all[part].as_array().map_or(0, Vec::len);
    assert!(
        all["lead"]["breakdown"]
            .as_array()
            .is_some_and(|b| !b.is_empty())
    );
    assert!(
        count("touchpoints") >= 4 && count("consents") >= 2 && count("handoffs") == 1,
        "{all}"
    );
    assert!(count("mails") >= 3, "the magnet, the notice, the alert");
    assert_eq!(count("counters"), 1);
    let words = all["wordings"]
        .as_object()
        .unwrap()
        .values()
        .next()
        .unwrap();
    assert!(words["text"].as_str().unwrap().contains("unsubscribe"));
    let text = all.to_string();
    assert!(!text.contains("Hopper") && !text.contains("Univac"));
    assert_eq!(
        export(&records(&world, &store), "nobody@analytical-engines.com").await?,
        None
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ses_4_an_operator_lifts_what_a_complaint_did_and_leaves_a_trace() -> anyhow::Result<()> {
    let world = World::calm(157).await?;
    let store = world.store()?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let mail = world.mails_to(ADA)?.remove(0);
    world
        .app
        .ses()
        .play(Happening::Complaint, &mail.id, None)
        .await?;
    world.settle().await?;
    world.advance(3600).await?;
    let asked_again = || async {
        world.submit_until_taken("guide", &guide(ADA)).await?;
        world.settle().await?;
        anyhow::Ok(world.mails_to(ADA)?.len())
    };
    assert_eq!(asked_again().await?, 1);
    let now = records(&world, &store);
    for wrong in ["", "  ", "because ada@analytical-engines.com says so"] {
        assert!(unsuppress(&now, ADA, wrong).await.is_err(), "{wrong}");
    }
    let lifted = unsuppress(&now, ADA, "pressed the wrong button, told us on the phone").await?;
    assert_eq!(lifted, Some("complaint"));
    assert_eq!(unsuppress(&now, ADA, "again").await?, None);
    world.settle().await?;
    assert_eq!(
        world.known(ADA).await?["lead"]["reachability"],
        "unconfirmed"
    );
    let audit = store
        .audits_of(&person(&world, ADA).lead_id.to_string())
        .await?;
    assert_eq!(audit.len(), 1);
    assert_eq!(
        (&audit[0]["action"], &audit[0]["lifted"]),
        (&json!("unsuppress"), &json!("complaint"))
    );
    world.advance(3600).await?;
    assert_eq!(asked_again().await?, 2);
    Ok(())
}

//! Sales answers from the mail: once, whoever presses when, in words that say who and when.

use serde_json::{Value, json};
use shared::domain::time::Timestamp;
use shared::domain::webhook::{SigningSecrets, new_secret};
use tests::world::{World, hidden_fields, link};

use crate::whole_path::become_mql;

mod commands;
mod service_level;

const ADA: &str = "ada@analytical-engines.com";
const MIRA: &str = "mira.devries@aldermoor.example";
const JONAS: &str = "jonas.brandt@aldermoor.example";

/// A system in which a lead has just become Mira's, and the link of her alert.
async fn alerted(seed: u64) -> anyhow::Result<(World, String)> {
    let world = World::calm(seed).await?;
    become_mql(&world, ADA).await?;
    let alert = world.mails_to(MIRA)?.pop().unwrap();
    let answer = link(&alert, "/h/")?;
    Ok((world, without_query(&answer)))
}

fn without_query(link: &str) -> String {
    link.split('?').next().unwrap_or_default().to_owned()
}

async fn say(world: &World, link: &str, said: &[(&str, &str)]) -> anyhow::Result<String> {
    let page = world.open_and_press(link, said).await?.text().await?;
    world.settle().await?;
    Ok(page)
}

async fn stage(world: &World) -> anyhow::Result<Value> {
    Ok(world.known(ADA).await?["lead"]["stage"].clone())
}

async fn facts(world: &World, kind: &str) -> anyhow::Result<Vec<Value>> {
    let known = world.known(ADA).await?;
    let facts = known["touchpoints"].as_array().unwrap().clone();
    Ok(facts.into_iter().filter(|t| t["kind"] == kind).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn sal_3_a_lead_is_taken_qualified_and_won_and_each_step_is_told_to_whoever_comes_after()
-> anyhow::Result<()> {
    let (world, mine) = alerted(201).await?;
    say(&world, &mine, &[("answer", "accept")]).await?;
    assert_eq!(stage(&world).await?, "sal");
    let page = say(&world, &mine, &[("answer", "qualified")]).await?;
    assert!(
        page.contains("Mira de Vries qualified this lead on"),
        "{page}"
    );
    assert_eq!(stage(&world).await?, "sql");
    let page = say(&world, &mine, &[("answer", "won")]).await?;
    assert!(page.contains("Mira de Vries won this lead on"), "{page}");
    assert_eq!(stage(&world).await?, "sql");
    // Nothing is left to say.
    let page = say(&world, &mine, &[("answer", "lost"), ("reason", "price")]).await?;
    assert!(
        !page.contains("<button") && page.contains("won this lead"),
        "{page}"
    );
    assert!(facts(&world, "lost").await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handback_has_a_reason_and_a_comment_and_decides_between_later_and_never()
-> anyhow::Result<()> {
    for (seed, reason, stands) in [
        (202, "timing", "recycled"),
        (203, "competitor", "disqualified"),
    ] {
        let (world, mine) = alerted(seed).await?;
        let said = [
            ("answer", "reject"),
            ("reason", reason),
            ("comment", "Ask in autumn."),
        ];
        let page = say(&world, &mine, &said).await?;
        assert!(
            page.contains("Mira de Vries handed this lead back on"),
            "{page}"
        );
        assert!(page.contains("Ask in autumn."), "{page}");
        assert_eq!(stage(&world).await?, stands);
        assert_eq!(facts(&world, "rejected").await?[0]["reason"], reason);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_that_is_not_on_the_list_answers_nothing() -> anyhow::Result<()> {
    let (world, mine) = alerted(204).await?;
    for said in [
        vec![("answer", "reject")],
        vec![("answer", "reject"), ("reason", "because")],
        vec![("answer", "pass"), ("to", "nobody")],
        vec![("answer", "snooze"), ("to", "never")],
        vec![("answer", "shout")],
    ] {
        let page = say(&world, &mine, &said).await?;
        assert!(page.contains("value=\"accept\""), "{said:?}: {page}");
    }
    assert_eq!(stage(&world).await?, "mql");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_press_sooner_than_people_read_does_nothing_and_says_so() -> anyhow::Result<()> {
    let (world, mine) = alerted(205).await?;
    let mut pairs = hidden_fields(&world.get(&mine).send().await?.text().await?);
    pairs.push(("answer".into(), "accept".into()));
    let page = world.press(&mine).form(&pairs).send().await?.text().await?;
    assert!(page.contains("Please press once more"), "{page}");
    world.settle().await?;
    assert_eq!(stage(&world).await?, "mql");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_mine_goes_to_the_colleague_with_my_words_and_the_answer_is_theirs()
-> anyhow::Result<()> {
    let (world, mine) = alerted(206).await?;
    let said = [
        ("answer", "pass"),
        ("to", "jonas"),
        ("comment", "Your region."),
    ];
    let page = say(&world, &mine, &said).await?;
    assert!(
        page.contains("Mira de Vries passed this lead on to Jonas Brandt"),
        "{page}"
    );
    let alerts = world.mails_to(JONAS)?;
    assert_eq!(alerts.len(), 1);
    assert!(
        alerts[0]
            .text
            .contains("Mira de Vries passed it on to you: Your region."),
        "{}",
        alerts[0].text
    );
    // The same press again is the same answer.
    say(&world, &mine, &said).await?;
    assert_eq!(world.mails_to(JONAS)?.len(), 1);

    let theirs = without_query(&link(&alerts[0], "/h/")?);
    let page = say(&world, &theirs, &[("answer", "accept")]).await?;
    assert!(page.contains("Jonas Brandt took this lead"), "{page}");
    let late = say(&world, &mine, &[("answer", "accept")]).await?;
    assert!(late.contains("Jonas Brandt took this lead"), "{late}");
    assert_eq!(facts(&world, "accepted").await?.len(), 1);
    assert_eq!(
        world.known(ADA).await?["lead"]["handling"]["holder"],
        "jonas"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sal_4_whoever_asks_for_time_is_reminded_and_nobody_else_is_asked_before()
-> anyhow::Result<()> {
    let (world, mine) = alerted(207).await?;
    let before = world.mails_to(MIRA)?.len();
    let page = say(&world, &mine, &[("answer", "snooze"), ("to", "tomorrow")]).await?;
    assert!(page.contains("Mira de Vries put the answer off"), "{page}");
    world.advance(23 * 3600).await?;
    assert!(world.mails_to(JONAS)?.is_empty(), "she asked for a day");
    assert_eq!(world.mails_to(MIRA)?.len(), before);
    world.advance(2 * 3600).await?;
    world.settle().await?;
    let reminders = world.mails_to(MIRA)?;
    assert_eq!(reminders.len(), before + 1);
    assert!(
        reminders[before].text.contains("you asked to be reminded"),
        "{}",
        reminders[before].text
    );
    assert!(world.mails_to(JONAS)?.is_empty());
    // The agreed time runs from there.
    world.advance(5 * 3600).await?;
    world.settle().await?;
    assert_eq!(world.mails_to(JONAS)?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_of_a_lead_that_was_answered_meanwhile_is_not_sent() -> anyhow::Result<()> {
    let (world, mine) = alerted(208).await?;
    say(&world, &mine, &[("answer", "snooze"), ("to", "tomorrow")]).await?;
    say(&world, &mine, &[("answer", "accept")]).await?;
    let mails = world.mails_to(MIRA)?.len();
    world.advance(8 * 86_400).await?;
    world.settle().await?;
    assert_eq!(world.mails_to(MIRA)?.len(), mails);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sal_4_an_unanswered_lead_goes_down_the_line_one_by_one_and_each_is_asked_once()
-> anyhow::Result<()> {
    let (world, _) = alerted(209).await?;
    let line = [
        JONAS,
        "claire.fontaine@aldermoor.example",
        "luc.moreau@aldermoor.example",
    ];
    for (i, _) in line.iter().enumerate() {
        world.advance(4 * 3600 + 120).await?;
        world.settle().await?;
        let asked: Vec<usize> = line
            .iter()
            .map(|to| Ok(world.mails_to(to)?.len()))
            .collect::<anyhow::Result<_>>()?;
        let expected: Vec<usize> = (0..line.len()).map(|n| usize::from(n <= i)).collect();
        assert_eq!(asked, expected, "after {} times four hours", i + 1);
    }
    // Whoever is asked last answers, under their own name.
    let alert = world.mails_to(line[2])?.pop().unwrap();
    let page = say(
        &world,
        &without_query(&link(&alert, "/h/")?),
        &[("answer", "accept")],
    )
    .await?;
    assert!(page.contains("Luc Moreau took this lead"), "{page}");
    world.advance(2 * 86_400).await?;
    world.settle().await?;
    for to in line {
        assert_eq!(world.mails_to(to)?.len(), 1);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sal_3_of_two_who_answer_at_the_same_moment_one_is_first_and_both_read_the_same()
-> anyhow::Result<()> {
    let (world, mine) = alerted(210).await?;
    say(&world, &mine, &[("answer", "pass"), ("to", "jonas")]).await?;
    let theirs = without_query(&link(&world.mails_to(JONAS)?[0], "/h/")?);
    let open = |link: String| {
        let world = &world;
        async move { anyhow::Ok(hidden_fields(&world.get(&link).send().await?.text().await?)) }
    };
    let mut accept = open(mine.clone()).await?;
    accept.push(("answer".into(), "accept".into()));
    let mut reject = open(theirs.clone()).await?;
    reject.extend([
        ("answer".into(), "reject".into()),
        ("reason".into(), "timing".into()),
    ]);
    world.advance(5).await?;
    let (a, b) = tokio::join!(
        world.press(&mine).form(&accept).send(),
        world.press(&theirs).form(&reject).send()
    );
    let (a, b) = (a?.text().await?, b?.text().await?);
    let took = "Mira de Vries took this lead";
    let gave_back = "Jonas Brandt handed this lead back";
    let first = if a.contains(took) { took } else { gave_back };
    let other = if first == took { gave_back } else { took };
    for page in [&a, &b] {
        assert!(page.contains(first) && !page.contains(other), "{page}");
    }
    world.settle().await?;
    let said = facts(&world, "accepted").await?.len() + facts(&world, "rejected").await?.len();
    assert_eq!(said, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lnk_1_looking_at_the_answers_gives_none() -> anyhow::Result<()> {
    let (world, mine) = alerted(211).await?;
    let before = world.known(ADA).await?;
    for answer in ["accept", "reject", "snooze", "pass"] {
        let page = world.get(&format!("{mine}?answer={answer}")).send().await?;
        assert_eq!(page.status(), 200);
        let page = page.text().await?;
        let first = page.split("<button").nth(1).unwrap();
        assert!(
            first.contains(&format!("value=\"{answer}\"")),
            "{answer}: {first}"
        );
    }
    world.settle().await?;
    assert_eq!(world.known(ADA).await?, before);
    Ok(())
}

/// The text with its links shortened: their tokens are made of the time and a key of this run.
fn without_tokens(text: &str) -> String {
    // An HTML part escapes the strokes of a link.
    let text = text.replace("&#x2f;", "/");
    let mut parts = text.split("http://127.0.0.1:");
    let mut shortened = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '?');
        let end = part.find(ends).unwrap_or(part.len());
        let path: String = part[..end]
            .chars()
            .skip_while(|c| *c != '/')
            .take(3)
            .collect();
        for piece in ["https://leads.example.com", &path, "...", &part[end..]] {
            shortened.push_str(piece);
        }
    }
    shortened
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alert_as_sales_reads_it() -> anyhow::Result<()> {
    let (world, mine) = alerted(212).await?;
    let alert = world.mails_to(MIRA)?.pop().unwrap();
    let hash = world.known(ADA).await?["lead"]["model_hash"].clone();
    let without_tokens = |text: &str| without_tokens(text).replace(hash.as_str().unwrap(), "MODEL");
    insta::assert_snapshot!(
        "alert_subject_and_text",
        format!("{}\n\n{}", alert.subject, without_tokens(&alert.text))
    );
    insta::assert_snapshot!("alert_html", without_tokens(&alert.html));
    assert!(
        alert.html.contains("Netherlands"),
        "a country, not its code"
    );
    let main = |page: String| {
        let from = page.find("<main>").unwrap();
        let mut main = page[from..page.find("</main>").unwrap()].to_owned();
        for (_, stamp) in hidden_fields(&page) {
            main = main.replace(&stamp, "st.amp");
        }
        main.replace(hash.as_str().unwrap(), "MODEL")
    };
    let page = world.get(&mine).send().await?.text().await?;
    insta::assert_snapshot!("answer_page_asked", main(page));
    let page = world
        .open_and_press(&mine, &[("answer", "accept")])
        .await?
        .text()
        .await?;
    insta::assert_snapshot!("answer_page_taken", main(page));
    Ok(())
}

/// A verdict signed as a CRM signs it.
pub(crate) async fn verdict(world: &World, id: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
    let secret = new_secret([9; 32]);
    let folder = world.app.core().stack().folder.join("secrets/site");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("crm-verdicts"), &secret)?;
    let (body, now) = (body.to_string(), now_of(world));
    let signature = SigningSecrets::parse(&secret)
        .unwrap()
        .sign(id, now, body.as_bytes());
    let answer = world
        .request(reqwest::Method::POST, "/sales/verdict")
        .header("webhook-id", id)
        .header("webhook-timestamp", now.seconds().to_string())
        .header("webhook-signature", signature)
        .header("content-type", "application/json")
        .body(body)
        .send()
        .await?;
    let status = answer.status().as_u16();
    let told = answer.json().await?;
    world.settle().await?;
    Ok((status, told))
}

#[tokio::test(flavor = "multi_thread")]
async fn sal_5_a_crm_tells_what_became_of_a_lead_and_may_say_it_again() -> anyhow::Result<()> {
    let (world, _) = alerted(213).await?;
    let say = |kind: &str| json!({ "type": kind, "data": { "email": ADA, "person": MIRA, "reason": "price" } });
    for (kind, stands) in [
        ("lead.accepted", "sal"),
        ("lead.sql", "sql"),
        ("lead.lost", "recycled"),
    ] {
        for _ in 0..2 {
            world.advance(5).await?;
            let (status, told) = verdict(&world, &format!("msg_{kind}"), &say(kind)).await?;
            assert_eq!(
                (status, &told["taken"]),
                (200, &Value::from(true)),
                "{told}"
            );
        }
        assert_eq!(stage(&world).await?, stands, "{kind}");
    }
    let (status, told) = verdict(&world, "msg_late", &say("lead.won")).await?;
    assert_eq!((status, &told["taken"]), (200, &Value::from(false)));
    assert!(
        told["stands"][2]
            .as_str()
            .unwrap()
            .starts_with("Mira de Vries lost this lead on"),
        "{told}"
    );
    assert_eq!(facts(&world, "lost").await?[0]["reason"], "price");

    let unknown = json!({ "type": "lead.won", "data": { "email": "nobody@example.com" } });
    assert_eq!(verdict(&world, "msg_unknown", &unknown).await?.0, 404);
    let other = json!({ "type": "lead.deleted", "data": { "email": ADA } });
    assert_eq!(verdict(&world, "msg_other", &other).await?.0, 400);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn sal_5_a_verdict_that_is_not_signed_says_nothing() -> anyhow::Result<()> {
    let (world, _) = alerted(214).await?;
    let said = json!({ "type": "lead.rejected", "data": { "email": ADA } });
    verdict(&world, "msg_0", &json!({ "type": "lead.deleted" })).await?;
    let now = now_of(&world).seconds().to_string();
    for (id, timestamp, signature) in [
        ("", "", ""),
        ("msg_1", now.as_str(), "v1,AAAA"),
        ("msg_1", "1649367553", "v1,AAAA"),
    ] {
        let answer = world
            .request(reqwest::Method::POST, "/sales/verdict")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(said.to_string())
            .send()
            .await?;
        assert_eq!(answer.status(), 401);
    }
    world.settle().await?;
    assert_eq!(stage(&world).await?, "mql");
    Ok(())
}

fn now_of(world: &World) -> Timestamp {
    Timestamp(world.app.core().now())
}

//! Sales answers from the mail: once, whoever presses when, in words that say who and when.

use serde_json::Value;
use tests::world::{World, hidden_fields, link};

use crate::whole_path::become_mql;

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
async fn a_lead_is_taken_qualified_and_won_and_each_step_is_told_to_whoever_comes_after()
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
async fn whoever_asks_for_time_is_reminded_and_nobody_else_is_asked_before() -> anyhow::Result<()> {
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
async fn an_unanswered_lead_goes_down_the_line_one_by_one_and_each_is_asked_once()
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
async fn of_two_who_answer_at_the_same_moment_one_is_first_and_both_read_the_same()
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

//! What comes after the first mail: a reminder, follow-ups, counted links, preferences, and the way back for people who left.

use serde_json::{Value, json};
use tests::world::{BROWSER, World, guide, hidden_fields, link};

use crate::sales::verdict;

const ADA: &str = "ada@analytical-engines.com";
const DAY: u32 = 86_400;

/// The checklist's form: with a reminder after two days, and follow-ups three and ten days after the download.
fn checklist(newsletter: bool) -> Vec<(&'static str, &'static str)> {
    let mut pairs = vec![("email", ADA), ("first_name", "Ada")];
    if newsletter {
        pairs.push(("newsletter", "on"));
    }
    pairs
}

async fn asked(seed: u64, newsletter: bool) -> anyhow::Result<World> {
    let world = World::calm(seed).await?;
    world
        .submit_until_taken("checklist", &checklist(newsletter))
        .await?;
    world.settle().await?;
    Ok(world)
}

async fn downloaded(seed: u64, newsletter: bool) -> anyhow::Result<World> {
    let world = asked(seed, newsletter).await?;
    let answer = world
        .open_and_press(&link(&world.mails_to(ADA)?[0], "/d/")?, &[])
        .await?;
    assert_eq!(answer.status(), 303);
    world.settle().await?;
    Ok(world)
}

async fn days(world: &World, n: u32) -> anyhow::Result<()> {
    world.advance(n * DAY).await?;
    world.settle().await
}

fn subjects(world: &World) -> anyhow::Result<Vec<String>> {
    Ok(world
        .mails_to(ADA)?
        .into_iter()
        .map(|m| m.subject)
        .collect())
}

fn reasons(lead: &Value) -> Vec<String> {
    let outbox = lead["outbox"].as_array().unwrap();
    outbox
        .iter()
        .filter_map(|o| o["reason"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_ups_come_on_their_days_once_and_carry_the_headers_of_marketing()
-> anyhow::Result<()> {
    let world = downloaded(101, true).await?;
    days(&world, 2).await?;
    assert_eq!(world.mails_to(ADA)?.len(), 1);
    days(&world, 1).await?;
    days(&world, 7).await?;
    days(&world, 60).await?;
    assert_eq!(
        subjects(&world)?[1..],
        [
            "The three numbers that decide",
            "What we look at on a walk through the plant"
        ]
    );
    for mail in &world.mails_to(ADA)?[1..] {
        assert!(mail.headers["List-Unsubscribe"].contains("/u/"));
        assert!(link(mail, "/p/").is_ok() && link(mail, "/t/").is_ok());
        assert!(mail.text.contains("Ketelkade 12"), "{}", mail.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_download_of_the_same_magnet_brings_no_second_series() -> anyhow::Result<()> {
    let world = downloaded(102, true).await?;
    world.advance(3600).await?;
    let again = [
        ("email", ADA),
        ("first_name", "Augusta"),
        ("newsletter", "on"),
    ];
    world.submit_until_taken("checklist", &again).await?;
    world.settle().await?;
    let second = world.mails_to(ADA)?.pop().unwrap();
    world.open_and_press(&link(&second, "/d/")?, &[]).await?;
    days(&world, 30).await?;
    assert_eq!(world.mails_to(ADA)?.len(), 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_2_without_the_consent_there_are_no_follow_ups() -> anyhow::Result<()> {
    let world = downloaded(103, false).await?;
    days(&world, 30).await?;
    assert_eq!(world.mails_to(ADA)?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_ups_end_when_somebody_unsubscribes_takes_the_consent_back_or_goes_to_sales()
-> anyhow::Result<()> {
    // Unsubscribed after the first.
    let world = downloaded(104, true).await?;
    days(&world, 3).await?;
    let leave = link(&world.mails_to(ADA)?[1], "/u/")?;
    world
        .press(&leave)
        .body("List-Unsubscribe=One-Click")
        .send()
        .await?;
    days(&world, 30).await?;
    assert_eq!(world.mails_to(ADA)?.len(), 2);
    assert!(reasons(&world.known(ADA).await?).contains(&"unsubscribed".to_owned()));

    // Taken back on the page of preferences.
    let world = downloaded(105, true).await?;
    let page = link(&world.mails_to(ADA)?[0], "/p/")?;
    let saved = world.open_and_press(&page, &[]).await?;
    assert_eq!(saved.status(), 200);
    days(&world, 30).await?;
    assert_eq!(world.mails_to(ADA)?.len(), 1);
    assert!(reasons(&world.known(ADA).await?).contains(&"no consent".to_owned()));

    // Ready for sales.
    let world = downloaded(106, true).await?;
    world
        .submit_until_taken("demo", &tests::world::demo(ADA))
        .await?;
    world.settle().await?;
    assert_eq!(world.known(ADA).await?["lead"]["stage"], "mql");
    days(&world, 30).await?;
    assert!(reasons(&world.known(ADA).await?).contains(&"sales has the lead".to_owned()));
    assert!(
        !subjects(&world)?
            .iter()
            .any(|s| s.contains("three numbers"))
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_has_not_clicked_is_reminded_once_and_nobody_else() -> anyhow::Result<()> {
    let world = asked(107, true).await?;
    days(&world, 2).await?;
    let mails = world.mails_to(ADA)?;
    assert_eq!(mails.len(), 2);
    assert!(mails[1].subject.starts_with("Still waiting for you"));
    // The reminder's link ends with the request: seven days after it, not after the reminder.
    assert!(
        mails[1].text.contains("works until 9 March 2026"),
        "{}",
        mails[1].text
    );
    let pressed = world.open_and_press(&link(&mails[1], "/d/")?, &[]).await?;
    assert_eq!(pressed.status(), 303);
    world.settle().await?;
    assert_eq!(world.known(ADA).await?["lead"]["reachability"], "confirmed");

    let clicked = downloaded(108, false).await?;
    days(&clicked, 6).await?;
    assert_eq!(clicked.mails_to(ADA)?.len(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn follow_ups_end_when_a_helpdesk_says_that_somebody_wrote_back() -> anyhow::Result<()> {
    let world = downloaded(112, true).await?;
    days(&world, 3).await?;
    let sent = world.mails_to(ADA)?.len();
    let said = json!({ "type": "lead.replied", "data": {
        "email": ADA, "person": "mira", "comment": "Can you come in May?" } });
    // The same message again is the same answer.
    for _ in 0..2 {
        let (status, told) = verdict(&world, "msg_reply", &said).await?;
        assert_eq!((status, &told), (200, &json!({ "taken": true })));
    }
    let lead = world.known(ADA).await?;
    assert!(lead["lead"]["replied_at"].is_number(), "{lead}");
    let facts = lead["touchpoints"].as_array().unwrap();
    let replies: Vec<&Value> = facts.iter().filter(|t| t["kind"] == "replied").collect();
    assert_eq!(replies.len(), 1);
    assert_eq!(replies[0]["author"], "mira");
    assert_eq!(replies[0]["comment"], "Can you come in May?");
    days(&world, 30).await?;
    assert_eq!(world.mails_to(ADA)?.len(), sent);
    assert!(reasons(&world.known(ADA).await?).contains(&"they wrote back".to_owned()));

    // What they ask for themselves still comes, and what follows a magnet that they ask for later.
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    assert_eq!(world.mails_to(ADA)?.len(), sent + 1);
    let nobody = json!({ "type": "lead.replied", "data": { "email": "nobody@example.com" } });
    assert_eq!(verdict(&world, "msg_nobody", &nobody).await?.0, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn lnk_6_a_counted_link_leads_on_and_a_visit_is_kept_once_a_day_and_worth_nothing()
-> anyhow::Result<()> {
    let world = downloaded(109, true).await?;
    days(&world, 3).await?;
    let click = link(&world.mails_to(ADA)?[1], "/t/")?;
    let before = world.known(ADA).await?["lead"]["score"].clone();
    let clicks = |lead: &Value| {
        let facts = lead["touchpoints"].as_array().unwrap();
        let found = facts.iter().filter(|t| t["kind"] == "link_clicked");
        found.cloned().collect::<Vec<_>>()
    };
    world.request(reqwest::Method::HEAD, &click).send().await?;
    assert!(
        clicks(&world.known(ADA).await?).is_empty(),
        "HEAD keeps nothing"
    );
    let mut to = String::new();
    for _ in 0..3 {
        let answer = world.get(&click).send().await?;
        assert_eq!(answer.status(), 303);
        answer.headers()["location"].to_str()?.clone_into(&mut to);
    }
    assert!(
        to.starts_with("https://www.aldermoor.example/cases#lodestone="),
        "{to}"
    );
    world.settle().await?;
    let lead = world.known(ADA).await?;
    assert_eq!(clicks(&lead).len(), 1);
    assert!(clicks(&lead)[0]["machine"].is_string());
    assert_eq!(lead["lead"]["score"], before);

    // What the page's script reports when a person does something there.
    let (_, stamp) = to.split_once('~').unwrap();
    world.advance(10).await?;
    let told = world
        .press(&click)
        .header("User-Agent", BROWSER)
        .form(&[("page", stamp)])
        .send()
        .await?;
    assert_eq!(told.status(), 204);
    world.settle().await?;
    let counted = clicks(&world.known(ADA).await?);
    assert_eq!(counted.len(), 2);
    assert_eq!(counted.iter().filter(|t| t["machine"].is_null()).count(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_3_preferences_show_what_is_agreed_to_and_change_it_one_by_one() -> anyhow::Result<()> {
    let world = downloaded(110, true).await?;
    let url = link(&world.mails_to(ADA)?[0], "/p/")?;
    let page = world.get(&url).send().await?.text().await?;
    assert!(page.contains("value=\"newsletter\" checked"), "{page}");
    assert!(!page.contains(ADA));
    // Not from our page: nothing changes.
    world
        .press(&url)
        .form(&[("shown", "newsletter")])
        .send()
        .await?;
    world.settle().await?;
    assert_eq!(
        world.known(ADA).await?["lead"]["consents"]["newsletter"]["decision"],
        "confirmed"
    );
    // Unticked and saved; then ticked again.
    let mut fields = hidden_fields(&page);
    world.press(&url).form(&fields).send().await?;
    world.settle().await?;
    assert_eq!(
        world.known(ADA).await?["lead"]["consents"]["newsletter"]["decision"],
        "withdrawn"
    );
    world.advance(60).await?;
    let page = world.get(&url).send().await?.text().await?;
    assert!(!page.contains(" checked"));
    world.advance(5).await?;
    fields = hidden_fields(&page);
    fields.push(("wanted".into(), "newsletter".into()));
    world.press(&url).form(&fields).send().await?;
    world.settle().await?;
    let lead = world.known(ADA).await?;
    assert_eq!(
        lead["lead"]["consents"]["newsletter"]["decision"],
        "confirmed"
    );
    let methods: Vec<&str> = lead["consents"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|c| c["method"].as_str())
        .collect();
    assert_eq!(methods.iter().filter(|m| **m == "preferences").count(), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn law_3_somebody_who_left_comes_back_only_by_the_click_that_says_so() -> anyhow::Result<()> {
    let world = World::calm(111).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let leave = link(&world.mails_to(ADA)?[0], "/u/")?;
    world
        .press(&leave)
        .body("List-Unsubscribe=One-Click")
        .send()
        .await?;
    days(&world, 2).await?;
    world.submit_until_taken("guide", &guide(ADA)).await?;
    world.settle().await?;
    let mails = world.mails_to(ADA)?;
    assert_eq!(mails.len(), 2);
    assert!(
        mails[1].links.iter().all(|l| !l.contains("/d/")),
        "only a question"
    );
    let confirm = link(&mails[1], "/c/")?;
    let page = world.get(&confirm).send().await?.text().await?;
    assert!(
        page.contains("once asked Aldermoor to send no more mail"),
        "{page}"
    );

    // A scanner that presses takes nothing back.
    world
        .press(&confirm)
        .form(&hidden_fields(&page))
        .send()
        .await?;
    world.settle().await?;
    assert_eq!(
        world.known(ADA).await?["guard"]["suppressed"]["reason"],
        "unsubscribed"
    );

    let pressed = world.open_and_press(&confirm, &[]).await?;
    assert_eq!(pressed.status(), 303);
    let to = pressed.headers()["location"].to_str()?.to_owned();
    assert!(to.starts_with("/d/"), "what they asked for: {to}");
    world.settle().await?;
    let lead = world.known(ADA).await?;
    assert!(lead["guard"]["suppressed"].is_null(), "{}", lead["guard"]);
    assert_eq!(lead["lead"]["reachability"], "confirmed");
    let file = world.open_and_press(&world.url(&to), &[]).await?;
    assert_eq!(file.status(), 303);
    assert!(
        file.headers()["location"]
            .to_str()?
            .contains("X-Amz-Signature")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_download_page_says_that_it_confirms_the_address_only_until_it_is_confirmed()
-> anyhow::Result<()> {
    let world = asked(112, false).await?;
    let url = link(&world.mails_to(ADA)?[0], "/d/")?;
    let page = world.get(&url).send().await?.text().await?;
    assert!(page.contains("also confirms your email address"));
    world.open_and_press(&url, &[]).await?;
    let page = world.get(&url).send().await?.text().await?;
    assert!(!page.contains("confirms"), "{page}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_german_form_has_a_german_mail_and_german_pages() -> anyhow::Result<()> {
    let world = World::calm(113).await?;
    world
        .submit_until_taken("checkliste", &[("email", ADA), ("newsletter", "on")])
        .await?;
    world.settle().await?;
    let mail = world.mails_to(ADA)?.remove(0);
    assert_eq!(mail.subject, "Ihr Download: Checkliste für den Rundgang");
    assert!(mail.text.contains("gilt bis 9. März 2026"), "{}", mail.text);
    for (path, words) in [
        ("/d/", "Mit „Herunterladen“ bestätigen Sie"),
        ("/u/", "Abmelden"),
        ("/p/", "Welche E-Mails möchten Sie?"),
    ] {
        let page = world.get(&link(&mail, path)?).send().await?.text().await?;
        assert!(
            page.contains(words) && page.contains("lang=\"de\""),
            "{page}"
        );
    }
    Ok(())
}

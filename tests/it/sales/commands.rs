//! `lodestone resend` and `lodestone assign` beside a live `serve`: the binary itself, as somebody of sales uses it.

use std::path::Path;

use anyhow::Context as _;
use lodestone::ses::Mail;
use serde_json::Value;
use tests::process::{Ended, Runner, command, json_of, run};
use tests::world::{demo, guide, hidden_fields, link};
use tokio::process::Command;

use super::{ADA, JONAS, MIRA, without_query};

fn lodestone(data: &Path, arguments: &[&str]) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_lodestone-under-test"));
    command.args(arguments).arg("--data").arg(data);
    command
}

/// Alerts to an address, oldest first; the form's notices go there as well.
async fn alerts_to(runner: &Runner, address: &str) -> anyhow::Result<Vec<Mail>> {
    let mut mails = runner.mails().await?;
    mails.retain(|mail| {
        mail.subject.contains("Ready for sales") && mail.to.iter().any(|to| to.contains(address))
    });
    Ok(mails)
}

async fn known(runner: &Runner) -> anyhow::Result<Value> {
    runner.lead(ADA).await?.context("Ada is known")
}

/// What webhooks were told of leads that qualified.
async fn told_machines(runner: &Runner) -> anyhow::Result<usize> {
    let hooks: Vec<Value> = serde_json::from_value(json_of(runner.get("/local/hooks")).await?)?;
    let mql = |hook: &&Value| hook["body"].to_string().contains("lead.mql");
    Ok(hooks.iter().filter(mql).count())
}

/// The command refused with one line that says this.
#[track_caller]
fn refused(ended: &Ended, says: &str) {
    assert_ne!(ended.code, Some(0), "{ended:?}");
    assert_eq!(ended.err.len(), 1, "{ended:?}");
    assert!(ended.err[0].contains(says), "{says}: {ended:?}");
}

#[tokio::test]
async fn an_alert_comes_again_marked_and_a_lead_goes_to_a_colleague_beside_a_live_serve()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path();
    let runner = Runner::start(lodestone(data, &["serve", "--addr", "127.0.0.1:0"])).await?;
    runner.submit("demo", &demo(ADA)).await?;
    runner.settle().await?;
    let first = alerts_to(&runner, MIRA).await?;
    assert_eq!(first.len(), 1);
    let machines = told_machines(&runner).await?;
    let mine = without_query(&link(&first[0], "/h/")?);

    // The alert once more: marked, the same handoff, and no machine hears of it.
    let again = run(lodestone(data, &["resend", ADA])).await?;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(again.out, ["Mira de Vries is told of the lead again."]);
    runner.settle().await?;
    let mails = alerts_to(&runner, MIRA).await?;
    assert_eq!(mails.len(), 2);
    let repeat = &mails[1];
    assert_eq!(repeat.subject, format!("Once more: {}", first[0].subject));
    assert!(
        repeat.text.contains("You asked for this alert once more."),
        "{}",
        repeat.text
    );
    assert!(!first[0].text.contains("once more"), "{}", first[0].text);
    let lead = known(&runner).await?;
    assert_eq!(lead["handoffs"].as_array().map(Vec::len), Some(1));
    assert_eq!(lead["lead"]["cycle"], 1);
    assert_eq!(told_machines(&runner).await?, machines);

    // To a colleague, with a word.
    let arguments = [
        "assign",
        ADA,
        "jonas",
        "--comment",
        "Your region.",
        "--json",
    ];
    let passed = run(lodestone(data, &arguments)).await?;
    assert_eq!(passed.out, [r#"{"person":"Jonas Brandt"}"#], "{passed:?}");
    runner.settle().await?;
    let theirs = alerts_to(&runner, JONAS).await?;
    assert_eq!(theirs.len(), 1);
    assert!(
        theirs[0].text.contains("passed it on to you: Your region."),
        "{}",
        theirs[0].text
    );
    assert_eq!(alerts_to(&runner, MIRA).await?.len(), 2);
    assert_eq!(known(&runner).await?["lead"]["handling"]["holder"], "jonas");
    // Whoever opens an old link reads who has it now.
    let page = runner.client().get(&mine).send().await?.text().await?;
    assert!(
        page.contains("passed this lead on to Jonas Brandt"),
        "{page}"
    );
    let page = runner.get("/local/leads").query(&[("email", ADA)]);
    let page = page.header("Accept", "text/html").send().await?;
    let page = page.text().await?;
    assert!(page.contains("Jonas Brandt"), "{page}");

    // From now on the alert is Jonas's, also after he took the lead.
    let link_of_jonas = without_query(&link(&theirs[0], "/h/")?);
    let page = runner.client().get(&link_of_jonas).send().await?;
    let mut pairs = hidden_fields(&page.text().await?);
    pairs.push(("answer".into(), "accept".into()));
    runner.advance(5).await?;
    let taken = runner.client().post(&link_of_jonas).form(&pairs).send();
    let taken = taken.await?.text().await?;
    assert!(taken.contains("Jonas Brandt took this lead"), "{taken}");
    runner.settle().await?;
    let again = run(lodestone(data, &["resend", ADA])).await?;
    assert_eq!(again.out, ["Jonas Brandt is told of the lead again."]);
    runner.settle().await?;
    let theirs = alerts_to(&runner, JONAS).await?;
    assert_eq!(theirs.len(), 2);
    assert!(theirs[1].subject.starts_with("Once more: "), "{theirs:?}");
    assert!(
        theirs[1].text.contains("because it was handed to you"),
        "{}",
        theirs[1].text
    );
    let page = runner.client().get(&mine).send().await?.text().await?;
    assert!(page.contains("Jonas Brandt took this lead"), "{page}");

    // Who did what stands in the trail.
    let exported = run(lodestone(data, &["export-person", ADA])).await?;
    let exported: Value = serde_json::from_str(&exported.out.join("\n"))?;
    let trail = exported["audit"].as_array().context("a trail")?;
    let times = |action: &str| trail.iter().filter(|a| a["action"] == action).count();
    assert_eq!((times("resend"), times("assign")), (2, 1), "{trail:?}");
    runner.stop().await?;
    Ok(())
}

#[tokio::test]
async fn an_unknown_lead_or_person_gets_one_line_that_says_so() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path();
    let nobody = "nobody@analytical-engines.com";
    let grace = "grace@analytical-engines.com";
    refused(
        &run(lodestone(data, &["resend", ADA])).await?,
        "start `lodestone serve` once",
    );
    let runner = Runner::start(lodestone(data, &["serve", "--addr", "127.0.0.1:0"])).await?;
    runner.submit("demo", &demo(ADA)).await?;
    runner.submit("guide", &guide(grace)).await?;
    runner.settle().await?;
    let mails = runner.mails().await?.len();
    for (arguments, says) in [
        (&["resend", "ada"][..], "`ada` is no address"),
        (&["resend", nobody], "no lead has the address"),
        (&["resend", grace], "was never ready for sales"),
        (&["assign", nobody, "jonas"], "no lead has the address"),
        (&["assign", grace, "jonas"], "was never ready for sales"),
        (
            &["assign", ADA, "jona"],
            "nobody in the site is called `jona`; there are mira, jonas, claire, luc",
        ),
    ] {
        refused(&run(lodestone(data, arguments)).await?, says);
    }
    runner.settle().await?;
    assert_eq!(runner.mails().await?.len(), mails, "nobody was told");
    runner.stop().await?;
    Ok(())
}

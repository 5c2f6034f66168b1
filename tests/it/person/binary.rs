//! Erasing with the binary beside a live `serve`: nothing of the person is left in any byte of the data folder.

use std::path::Path;

use anyhow::Context as _;
use serde_json::Value;
use tests::process::{Runner, command, run};
use tests::world::{Pair, hidden_fields, link};
use tokio::process::Command;

const ADA: &str = "Zelda.Fitzroy7@quarrymoss-foundry.com";

/// What is planted, and found again by its bytes: twenty things that say who somebody is.
const PLANTED: [&str; 20] = [
    "zelda.fitzroy7@quarrymoss-foundry.com",
    "zelda.fitzroy7",
    "quarrymoss-foundry.com",
    "Zeldaria",
    "Fitzroyhampton",
    "Quarrymoss Foundry",
    "Chief kiln whisperer",
    "3155500199",
    "555 0199",
    "steam at 137 degrees for the copper kiln",
    "NL99ZELDA4711B01",
    "membership-88-zq",
    "spring-zq-campaign",
    "zq-heat-term",
    "zq-ad-content-17",
    "zqGclid-Abc_123",
    "/zq-landing-for-kilns",
    "zq-partner-portal",
    "zelda.fitzroy7%40quarrymoss",
    "Fitzroyhampton, Zeldaria",
];

fn lodestone(data: &Path, arguments: &[&str]) -> Command {
    let mut command = command(env!("CARGO_BIN_EXE_lodestone-under-test"));
    command.args(arguments).arg("--data").arg(data);
    command
}

/// Every byte of the folder, lower case, with the name of its file.
fn bytes(folder: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(bytes(&path));
        } else if let Ok(content) = std::fs::read(&path) {
            let text = String::from_utf8_lossy(&content).to_lowercase();
            all.push((path.display().to_string(), text));
        }
    }
    all
}

/// Planted things that are in some file, with its name.
fn found(folder: &Path) -> Vec<(&'static str, String)> {
    let all = bytes(folder);
    let file = |planted: &str| {
        let planted = planted.to_lowercase();
        all.iter()
            .find(|(_, text)| text.contains(&planted))
            .map(|(name, _)| name.clone())
    };
    PLANTED
        .into_iter()
        .filter_map(|planted| Some((planted, file(planted)?)))
        .collect()
}

async fn plant(runner: &Runner) -> anyhow::Result<()> {
    let same: [Pair<'_>; 5] = [
        ("email", ADA),
        ("first_name", "Zeldaria"),
        ("last_name", "Fitzroyhampton"),
        ("company", "Quarrymoss Foundry"),
        ("vat_number", "NL99ZELDA4711B01"),
    ];
    let visit = "utm_source=zq-partner-portal&utm_campaign=spring-zq-campaign&utm_term=zq-heat-term&utm_content=zq-ad-content-17&gclid=zqGclid-Abc_123";
    let guide: [Pair<'_>; 3] = [
        ("job_title", "Chief kiln whisperer"),
        ("newsletter", "on"),
        ("membership", "membership-88-zq"),
    ];
    let demo: [Pair<'_>; 8] = [
        ("phone", "+31 555 0199"),
        ("mobile", "+3155500199"),
        ("country", "NL"),
        ("employees", "250"),
        ("need", "cut-cost"),
        ("budget", "over-1m"),
        ("timeline", "now"),
        (
            "message",
            "Fitzroyhampton, Zeldaria: steam at 137 degrees for the copper kiln",
        ),
    ];
    for (form, more) in [("guide", &guide[..]), ("demo", &demo[..])] {
        let pairs: Vec<Pair<'_>> = same.iter().chain(more).copied().collect();
        let page = format!("https://www.aldermoor.example/zq-landing-for-kilns?{visit}");
        let answer = runner
            .post(&format!("/f/{form}?{visit}"))
            .header("Accept", "application/json")
            .header("Referer", page)
            .form(&pairs)
            .send()
            .await?;
        anyhow::ensure!(answer.status() == 200, "{form}: {}", answer.text().await?);
        runner.settle().await?;
        if form == "guide" {
            let mails = runner.mails().await?;
            let mail = mails.iter().find(|m| m.to[0].eq_ignore_ascii_case(ADA));
            let url = link(mail.context("the magnet mail")?, "/d/")?;
            let page = runner.client().get(&url).send().await?.text().await?;
            runner.advance(5).await?;
            let fields = hidden_fields(&page);
            runner.client().post(&url).form(&fields).send().await?;
            runner.settle().await?;
        }
    }
    // A webhook receiver on this machine got the address as a link writes it.
    let body = "{\"profile\":\"https://crm.example/?q=zelda.fitzroy7%40quarrymoss-foundry.com\"}";
    runner.post("/local/sink/crm").body(body).send().await?;
    Ok(())
}

#[tokio::test]
async fn law_5_after_erase_no_byte_of_the_data_folder_names_the_person_beside_a_live_serve()
-> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let runner = Runner::start(lodestone(data.path(), &["serve", "--addr", "127.0.0.1:0"])).await?;
    plant(&runner).await?;
    let before = found(data.path());
    let missing: Vec<&str> = PLANTED
        .into_iter()
        .filter(|p| !before.iter().any(|(b, _)| b == p))
        .collect();
    assert!(missing.len() <= 1, "not planted: {missing:?}");

    let exported = run(lodestone(data.path(), &["export-person", ADA])).await?;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let exported: Value = serde_json::from_str(&exported.out.join("\n"))?;
    assert_eq!(exported["audit"][0]["action"], "export-person");
    assert!(exported["mails"].as_array().is_some_and(|m| m.len() >= 3));
    let proved = run(lodestone(data.path(), &["prove", ADA])).await?;
    assert_eq!(proved.code, Some(0), "{proved:?}");
    assert!(
        proved
            .out
            .iter()
            .any(|l| l.starts_with("The chain is whole: ")),
        "{proved:?}"
    );

    let erased = run(lodestone(data.path(), &["erase", ADA])).await?;
    assert_eq!(erased.code, Some(0), "{erased:?}");
    assert_eq!(erased.out[0], "Certificate of erasure");
    assert_eq!(found(data.path()), [], "beside a live serve");
    let again = run(lodestone(data.path(), &["erase", ADA])).await?;
    assert_eq!(again.code, Some(0), "{again:?}");

    // The serve beside it goes on as if nothing had been, and writes nothing of the person again.
    runner.advance(2 * 86_400).await?;
    assert_eq!(found(data.path()), [], "after two days");
    let reference = exported["reference"].as_str().context("a reference")?;
    let listed = run(lodestone(data.path(), &["erasures"])).await?;
    assert!(
        listed.out.iter().any(|l| l.contains(reference)),
        "{listed:?}"
    );
    let ended = runner.stop().await?;
    assert_eq!(found(data.path()), [], "after the end");
    // Nor does what it said in all that time.
    let said = [ended.out, ended.err].concat().join("\n").to_lowercase();
    let told = PLANTED.iter().find(|p| said.contains(&p.to_lowercase()));
    assert_eq!(told, None, "{said}");
    Ok(())
}

//! The binary itself, as a person starts it: what it says, what it refuses, and what is still there after it was stopped or killed.

mod failpoints;
mod kill;

use std::path::Path;

use serde_json::Value;
use shared::site::Site;
use tempfile::TempDir;
use tests::process::{Ended, Runner, command, eventually, json_of, run};
use tests::project;
use tests::world::{demo, guide, hidden_fields, link};
use tokio::process::Command;

const ADA: &str = "ada@analytical-engines.com";

/// A command line that begins with the binary.
fn lodestone() -> Command {
    command(env!("CARGO_BIN_EXE_lodestone-under-test"))
}

/// Serves on a free port, with its data in this folder.
fn serve(data: &Path) -> Command {
    let mut command = lodestone();
    command
        .args(["serve", "--addr", "127.0.0.1:0", "--data"])
        .arg(data);
    command
}

/// A copy of the example site that a test may spoil.
fn own_site() -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    tests::copy_site(folder.path())?;
    Ok(folder)
}

/// Replaces the one place where a file says `old`, and answers its line.
fn edit(file: &Path, old: &str, new: &str) -> anyhow::Result<usize> {
    let text = std::fs::read_to_string(file)?;
    let (before, _) = text.split_once(old).expect("the text to be replaced");
    // At once, as editors do it: a reader sees the old file or the new one.
    let draft = file.with_extension("draft");
    std::fs::write(&draft, text.replacen(old, new, 1))?;
    std::fs::rename(&draft, file)?;
    Ok(before.lines().count().max(1) + usize::from(before.ends_with('\n')))
}

/// A start that failed as it should: one line that says all of this, nothing else, and a code for scripts.
#[track_caller]
fn assert_refused(ended: &Ended, says: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.out.is_empty(), "{ended:?}");
    assert_eq!(ended.err.len(), 1, "{ended:?}");
    assert!(ended.err[0].starts_with("error: "), "{ended:?}");
    for part in says {
        assert!(ended.err[0].contains(part), "{part:?} is not in {ended:?}");
    }
}

#[tokio::test]
async fn it_says_first_where_it_listens_and_then_where_to_click() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let runner = Runner::start(serve(data.path())).await?;
    let port: u16 = runner
        .url()
        .strip_prefix("http://127.0.0.1:")
        .expect("the address that was asked for")
        .parse()?;
    assert_ne!(port, 0, "the port is the real one");
    assert_eq!(json_of(runner.get("/healthz")).await?["status"], "ok");

    runner.says(|line| line.starts_with("Ctrl-C")).await?;
    let mut addresses = Vec::new();
    for name in ["landing page", "inbox", "leads"] {
        let line = runner
            .says(|line| line.trim_start().starts_with(name))
            .await?;
        addresses.push(line.split_whitespace().last().unwrap().to_owned());
    }
    let path = |path: &str| format!("{}{path}", runner.url());
    assert_eq!(
        addresses,
        [path("/"), path("/local/mail"), path("/local/leads")]
    );
    for address in addresses {
        let page = runner.client().get(&address).header("Accept", "text/html");
        let page = page.send().await?.error_for_status()?.text().await?;
        assert!(page.contains("</html>"), "{address} is no page: {page}");
    }
    // As the last line says.
    assert_eq!(runner.interrupt().await?.code, Some(0));
    Ok(())
}

#[tokio::test]
async fn it_listens_where_it_is_told_and_a_second_one_there_says_that_the_port_is_in_use()
-> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    // Ports that systems do not hand out by themselves; should one be taken all the same, the next will do.
    let mut refused = Vec::new();
    for port in 18_787..18_797 {
        let addr = format!("127.0.0.1:{port}");
        let start = |data: &Path| {
            let mut command = lodestone();
            command.args(["--addr", &addr, "--data"]).arg(data);
            command
        };
        let runner = match Runner::start(start(data.path())).await {
            Ok(runner) => runner,
            Err(error) => {
                refused.push(error);
                continue;
            }
        };
        assert_eq!(runner.url(), format!("http://{addr}"));
        let other = tempfile::tempdir()?;
        assert_refused(
            &run(start(other.path())).await?,
            &[&addr, "in use", "--addr"],
        );
        assert_eq!(json_of(runner.get("/healthz")).await?["status"], "ok");
        return Ok(());
    }
    panic!("on none of ten ports: {refused:?}");
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_used_is_named() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("leads.txt");
    std::fs::write(&file, "a file where a folder should be")?;
    let named = file.display().to_string();
    assert_refused(&run(serve(&file)).await?, &[&named, "--data"]);
    let below = run(serve(&file.join("below"))).await?;
    assert_refused(&below, &[&named]);

    for name in ["engine.db", "runner.db", "ses.db"] {
        let data = folder.path().join(format!("with-{name}"));
        std::fs::create_dir(&data)?;
        std::fs::write(data.join(name), "not a database, whatever its name says")?;
        let named = data.join(name).display().to_string();
        assert_refused(&run(serve(&data)).await?, &[&named]);
    }
    Ok(())
}

#[tokio::test]
async fn a_second_runner_on_the_same_data_is_refused_and_the_first_goes_on() -> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let first = Runner::start(serve(data.path())).await?;
    let second = run(serve(data.path())).await?;
    let named = data.path().display().to_string();
    assert_refused(&second, &["another runner", &named, "--data"]);
    first.submit("guide", &guide(ADA)).await?;
    first.settle().await?;
    assert_eq!(first.mails().await?.len(), 1);
    assert_eq!(first.stop().await?.code, Some(0));
    // A lock that nobody holds any more is in nobody's way.
    assert_eq!(
        Runner::start(serve(data.path()))
            .await?
            .mails()
            .await?
            .len(),
        1
    );
    Ok(())
}

#[tokio::test]
async fn a_mistake_in_the_site_stops_the_start_with_file_line_and_what_to_do() -> anyhow::Result<()>
{
    let (data, site) = (tempfile::tempdir()?, own_site()?);
    let file = site.path().join("forms/guide.toml");
    let line = edit(&file, "kind = \"email\"", "kind = \"emial\"")?;
    let mut start = serve(data.path());
    start.arg("--site").arg(site.path());
    assert_refused(
        &run(start).await?,
        &[
            &format!("{}:{line}:", file.display()),
            "emial",
            "did you mean `email`",
        ],
    );
    let mut start = serve(data.path());
    start.arg("--site").arg(site.path().join("nowhere"));
    assert_refused(&run(start).await?, &["nowhere", "no such folder"]);
    Ok(())
}

#[tokio::test]
async fn a_template_that_cannot_be_run_stops_the_start_with_its_line() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let template = folder.path().join("template.yaml");
    let data = folder.path().join("data");
    let start = || {
        let mut command = serve(&data);
        command.arg("--template").arg(&template);
        command
    };
    let whole = project("infra/template.yaml");
    let named = template.display().to_string();
    for (old, new, says) in [
        (
            "TableName: !Sub ${AWS::StackName}-outbox",
            "TableName: !ImportValue outbox",
            "Fn::ImportValue",
        ),
        (
            "TableName: !Sub ${AWS::StackName}-outbox",
            "TableName: !Sub ${Nothing}-outbox",
            "nothing is called `Nothing`",
        ),
        ("StreamViewType: NEW_IMAGE", "StreamViewType: [", ""),
    ] {
        std::fs::copy(&whole, &template)?;
        let line = edit(&template, old, new)?;
        let ended = run(start()).await?;
        assert_refused(&ended, &[&named, says]);
        // A list that is never closed is noticed further down.
        if !says.is_empty() {
            assert_refused(&ended, &[&format!("{named}:{line}: ")]);
        }
    }
    std::fs::remove_file(&template)?;
    assert_refused(&run(start()).await?, &[&named]);
    assert!(!data.exists(), "nothing was made for a start that failed");
    Ok(())
}

#[tokio::test]
async fn check_says_whether_the_site_is_right_and_writes_what_functions_read() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("layer/site.bin");
    let mut check = lodestone();
    check.args(["check", "--out"]).arg(&out);
    let right = run(check).await?;
    assert_eq!(right.code, Some(0), "{right:?}");
    assert!(right.err.is_empty(), "{right:?}");
    let site = Site::from_bytes(&std::fs::read(&out)?)?;
    assert!(site.forms.contains_key("guide") && site.forms.contains_key("demo"));
    assert!(
        right.out.last().unwrap().contains(&site.hash),
        "{right:?} does not name {}",
        site.hash
    );

    let broken = own_site()?;
    let form = broken.path().join("forms/demo.toml");
    let first = edit(&form, "kind = \"country\"", "kind = \"land\"")?;
    let second = edit(&form, "notify = [\"mira\"", "notify = [\"mirra\"")?;
    let check = |json: bool| {
        let mut check = lodestone();
        check.arg("check").arg("--site").arg(broken.path());
        check.args(json.then_some("--json"));
        check.arg("--out").arg(folder.path().join("broken.bin"));
        run(check)
    };
    let wrong = check(false).await?;
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    for line in [first, second] {
        let place = format!("{}:{line}:", form.display());
        assert!(
            wrong.out.iter().any(|said| said.starts_with(&place)),
            "{place} is not in {wrong:?}"
        );
    }
    let as_json = check(true).await?;
    assert_eq!(as_json.code, Some(1), "{as_json:?}");
    let said: Value = serde_json::from_str(&as_json.out.concat())?;
    assert_eq!(
        (
            said["ok"].as_bool(),
            said["findings"].as_array().map(Vec::len)
        ),
        (Some(false), Some(2))
    );
    assert_eq!(said["findings"][0]["file"], "forms/demo.toml");
    assert!(
        !folder.path().join("broken.bin").exists(),
        "a broken site is not written"
    );
    Ok(())
}

#[tokio::test]
async fn a_changed_site_is_taken_up_at_once_and_a_broken_one_is_not() -> anyhow::Result<()> {
    let (data, site) = (tempfile::tempdir()?, own_site()?);
    let form = site.path().join("forms/guide.toml");
    let mut start = serve(data.path());
    start.arg("--site").arg(site.path());
    let runner = Runner::start(start).await?;
    let shows = async |title: &str| {
        eventually(title, async || {
            let page = runner.page("/f/guide").await?;
            Ok(page.contains(title).then_some(()))
        })
        .await
    };
    shows("Get the guide").await?;
    edit(
        &form,
        "title = \"Get the guide\"",
        "title = \"Get it by mail\"",
    )?;
    shows("Get it by mail").await?;

    let line = edit(
        &form,
        "title = \"Get it by mail\"",
        "titel = \"Get it now\"",
    )?;
    let complaint = runner.logs(|line| line.contains("stays in force")).await?;
    let place = format!("{}:{line}:", form.display());
    assert!(complaint.contains(&place), "{place} is not in {complaint}");
    assert!(runner.page("/f/guide").await?.contains("Get it by mail"));
    runner.submit("guide", &guide(ADA)).await?;

    edit(&form, "titel = \"Get it now\"", "title = \"Get it now\"")?;
    shows("Get it now").await
}

#[tokio::test]
async fn what_was_there_before_a_stop_is_there_after_it_and_nothing_is_mailed_again()
-> anyhow::Result<()> {
    let data = tempfile::tempdir()?;
    let runner = Runner::start(serve(data.path())).await?;
    runner.submit("guide", &guide(ADA)).await?;
    runner.submit("demo", &demo(ADA)).await?;
    runner.settle().await?;
    runner.advance(3 * 86_400).await?;
    let seen = async |runner: &Runner| {
        let lead = runner.lead(ADA).await?;
        anyhow::Ok((lead.expect("a lead"), runner.mails().await?))
    };
    let before = seen(&runner).await?;
    let time = json_of(runner.get("/local/clock")).await?["now"].clone();
    assert!(before.0["lead"]["score"]["total"].as_i64() > Some(0));
    let url = runner.url().to_owned();

    let ended = runner.stop().await?;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        !ended.err.iter().any(|line| line.contains("WARN")),
        "{ended:?}"
    );

    let runner = Runner::start(serve(data.path())).await?;
    assert_eq!(seen(&runner).await?, before);
    let again = json_of(runner.get("/local/clock")).await?["now"].clone();
    assert!(again.as_str() > time.as_str(), "{again} after {time}");
    runner.settle().await?;
    runner.advance(60).await?;
    assert_eq!(seen(&runner).await?, before);

    // What was mailed before still works: keys and magnets are the same. Only the port is another one.
    let magnet = before.1.iter().find(|mail| mail.to == [ADA]).unwrap();
    let download = link(magnet, "/d/")?.replace(&url, runner.url());
    let page = runner.client().get(&download).send().await?.text().await?;
    runner.advance(5).await?;
    let press = runner
        .client()
        .post(&download)
        .form(&hidden_fields(&page))
        .send()
        .await?;
    let location = press.headers()["location"].to_str()?.to_owned();
    let file = runner.client().get(location).send().await?;
    assert_eq!(
        file.error_for_status()?.bytes().await?,
        std::fs::read(project("infra/site/magnets/heat-pump-guide.pdf"))?
    );
    runner.settle().await?;
    let (lead, _) = seen(&runner).await?;
    assert!(
        lead["lead"]["score"]["total"].as_i64() > before.0["lead"]["score"]["total"].as_i64(),
        "a download counts after a restart, too"
    );
    Ok(())
}

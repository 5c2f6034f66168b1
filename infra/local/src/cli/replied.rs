//! `lodestone replied`: somebody wrote back to a mail, so the mails that were still to follow do not come.
//!
//! The answer lies in a mailbox that Lodestone does not read; whoever reads it says so here, or a helpdesk says it by a signed message.

use std::process::ExitCode;

use anyhow::{bail, ensure};
use clap::Args;
use shared::flow::replies::wrote_back;
use shared::flow::sales::By;
use shared::store::Committed;

use super::open::{Opened, StackArgs, block_on};

/// What `replied` can be told.
#[derive(Debug, Args)]
pub(super) struct RepliedArgs {
    /// The person's address
    email: String,
    /// Id of who got the answer, as in the site
    #[arg(long, value_name = "PERSON")]
    to: Option<String>,
    /// What they wrote, in a few words
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &RepliedArgs) -> anyhow::Result<ExitCode> {
    block_on(async {
        let opened = args.stack.open().await?;
        let (to, comment) = (args.to.as_deref(), args.comment.as_deref());
        replied(&opened, &args.email, to, comment).await?;
        println!(
            "It is noted that {} wrote back; mails that were still to follow do not come.",
            args.email
        );
        Ok(ExitCode::SUCCESS)
    })
}

/// Notes that this person wrote back now, to somebody of the sales team where that is said.
pub async fn replied(
    opened: &Opened,
    email: &str,
    to: Option<&str>,
    comment: Option<&str>,
) -> anyhow::Result<()> {
    let lead_id = opened.lead_id(email)?;
    let site = opened.site()?;
    if let Some(id) = to {
        ensure!(
            site.sales.person(id).is_some(),
            "nobody in the site is called `{id}`"
        );
    }
    ensure!(
        opened.store.lead(lead_id).await?.is_some(),
        "nothing is known of {email}"
    );
    let token: [u8; 16] = opened.runtime.entropy.bytes();
    let by = By {
        author: to,
        token: &token,
        comment,
        now: opened.now(),
    };
    opened.audit("replied", &lead_id.to_string()).await?;
    match opened
        .store
        .commit(&[wrote_back(lead_id, by, &site.hash)])
        .await?
    {
        Committed::Written => Ok(()),
        Committed::Lost(_) => bail!("it is on record already"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::app::{App, Options};

    const ADA: &str = "ada@analytical-engines.com";

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: RepliedArgs,
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn who_wrote_back_is_noted_beside_a_running_serve_and_strangers_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (site, template) = (project.join("site"), project.join("template.yaml"));
        let options = Options::live(
            ([127, 0, 0, 1], 0).into(),
            folder.path().to_owned(),
            site.clone(),
            template.clone(),
        );
        let app = App::start(options).await.unwrap();
        let post = axum::extract::Request::post("/f/checklist")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        let post = post.body(format!("email={ADA}").into()).unwrap();
        let answer = app.gateway().answer("203.0.113.1", post).await;
        assert!(answer.status().is_success(), "{}", answer.status());
        app.settle().await.unwrap();

        let args = [
            "replied".as_ref(),
            ADA.as_ref(),
            "--data".as_ref(),
            folder.path().as_os_str(),
            "--site".as_ref(),
            site.as_os_str(),
            "--template".as_ref(),
            template.as_os_str(),
        ];
        let opened = Line::parse_from(args).args.stack.open().await.unwrap();
        for (email, to) in [("nobody@example.com", None), (ADA, Some("nobody"))] {
            assert!(replied(&opened, email, to, None).await.is_err(), "{email}");
        }
        let said = replied(&opened, ADA, Some("mira"), Some("Can you come in May?")).await;
        said.unwrap();
        app.settle().await.unwrap();
        let lead_id = opened.lead_id(ADA).unwrap();
        let lead = opened.store.lead(lead_id).await.unwrap().unwrap();
        assert!(lead.replied_at.is_some());
        app.stop().await;
    }
}

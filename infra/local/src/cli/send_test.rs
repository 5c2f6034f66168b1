//! `lodestone send-test`: one of the mails, with sample data, to oneself; through the stack's own mail service, past the outbox.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use shared::channel::header::{mailbox, subject};
use shared::channel::mail::Mail;
use shared::channel::ses::Ses;
use shared::domain::email::EmailAddress;
use shared::domain::id::LeadId;
use shared::domain::outbox::{Order, Outcome};
use shared::domain::pii::Pii;
use shared::flow::capture::mail_item;

use super::open::{Opened, StackArgs, block_on};
use super::sample_mail;

/// What `send-test` can be told.
#[derive(Debug, Args)]
pub(super) struct SendTestArgs {
    /// Which mail, such as `magnet`
    #[arg(value_name = "MAIL")]
    mail: String,
    /// Your address
    #[arg(long, value_name = "ADDRESS")]
    to: String,
    #[command(flatten)]
    stack: StackArgs,
}

pub(super) fn run(args: &SendTestArgs) -> anyhow::Result<ExitCode> {
    let sent = block_on(async {
        let opened = args.stack.open().await?;
        send(&opened, &args.mail, &args.to).await
    })?;
    println!("sent as {sent}");
    Ok(ExitCode::SUCCESS)
}

/// Sends the mail and answers the mail service's id of it.
async fn send(opened: &Opened, name: &str, to: &str) -> anyhow::Result<String> {
    let to = EmailAddress::parse(to)
        .map_err(|problem| anyhow::anyhow!("`{to}` is no address: {problem}"))?;
    let site = opened.site()?;
    let sample = sample_mail::render(&site, name)?;
    let sample = sample
        .into_iter()
        .next()
        .context("the mail has no sample")?;
    let setting = |name: &str| {
        opened
            .variable(name)
            .with_context(|| format!("no function of the template has {name}"))
    };
    let mail = Mail {
        from: mailbox(&site.sender.name, setting("MAIL_FROM")?),
        to: Pii::new(to.normalised()),
        reply_to: site.sender.reply_to.clone(),
        subject: subject(&format!("[Test] {}", sample.subject)),
        text: sample.text,
        html: sample.html,
        headers: Vec::new(),
    };
    // Tags of an item that nobody has: what the mail service says of a test concerns no lead.
    let order = Order {
        template: name.to_owned(),
        ..Order::default()
    };
    let nobody = LeadId::from_bytes([0; 16]);
    let item = mail_item(nobody, order, "test", opened.now(), &site.hash);
    let ses = Ses::new(
        opened.runtime.aws.ses(),
        setting("CONFIGURATION_SET")?.to_owned(),
    );
    opened.audit("send-test", name).await?;
    match ses.send(&item, &mail).await {
        Outcome::Accepted(id) => Ok(id),
        Outcome::RefusedForGood(reason) => bail!("the mail service refused it: {reason}"),
        Outcome::RefusedForNow(reason) | Outcome::Later { reason, .. } => {
            bail!("the mail service takes nothing now: {reason}")
        }
        Outcome::Unknown(reason) => bail!("nobody knows whether it was sent: {reason}"),
        Outcome::Becomes(_) => bail!("the mail service answered something else"),
    }
}

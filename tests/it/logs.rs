//! FRM-11: log lines name leads and items by their ids, and never a person.

mod planted;

use std::io::Write;
use std::sync::{Arc, Mutex};

use lodestone::ses::Happening;
use tests::world::{World, guide};
use tracing::subscriber::DefaultGuard;

use crate::whole_path::become_mql;

const ADA: &str = "ada.planted@analytical-engines.com";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Log lines of this thread, until it is read.
struct Log {
    captured: Captured,
    // While there is only one dispatcher, a log call that another test's thread reaches first is asked for on that thread, where nobody
    // listens, and stays off here as well. A second one that takes nothing makes every dispatcher be asked.
    _second: tracing::Dispatch,
    guard: DefaultGuard,
}

impl Log {
    /// Listens, as a deployed function writes: JSON from `info` up.
    fn start() -> Self {
        let captured = Captured::default();
        let writer = captured.clone();
        let subscriber = tracing_subscriber::fmt()
            .json()
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || writer.clone())
            .finish();
        Self {
            captured,
            _second: tracing::Dispatch::new(tracing_subscriber::registry()),
            guard: tracing::subscriber::set_default(subscriber),
        }
    }

    /// What was written.
    fn end(self) -> String {
        drop(self.guard);
        String::from_utf8(self.captured.0.lock().unwrap().clone()).unwrap()
    }
}

// One thread, so that what is captured is all there is.
#[tokio::test]
async fn frm_11_no_address_name_company_message_or_token_is_in_any_log_line() -> anyhow::Result<()>
{
    let log = Log::start();

    let world = World::unruly(81).await?;
    become_mql(&world, ADA).await?;
    world
        .submit(
            "guide",
            &[("email", "nobody planted"), ("first_name", "Planted")],
        )
        .await?;
    let mail = world.mails_to(ADA)?.remove(0);
    world
        .app
        .ses()
        .play(Happening::Complaint, &mail.id, None)
        .await?;
    world.settle().await?;
    world
        .submit_until_taken("guide", &guide("other.planted@analytical-engines.com"))
        .await?;
    let unreadable =
        serde_json::json!({"Records": [{"eventSource": "aws:sqs", "messageId": "m", "body": ADA}]});
    world.app.call("feedback", unreadable).await;
    world.advance(20 * 60).await?;
    let log = log.end();
    assert!(log.lines().count() > 5, "nothing was captured:\n{log}");
    let tokens = mail
        .links
        .iter()
        .filter_map(|l| l.rsplit('/').next().filter(|t| t.starts_with("v1.")));
    for secret in ["planted", "@", "Lovelace", "Analytical", "steam at 120"]
        .into_iter()
        .chain(tokens)
    {
        let line = log.lines().find(|l| l.contains(secret));
        assert!(line.is_none(), "{secret:?} is in a log line: {line:?}");
    }
    Ok(())
}

//! The stand-ins for what AWS does around the functions: mail, storage, queues, and the way of mail events between them.
//!
//! Each listens on a loopback port of its own and is reached through the SDK or a signed link, like the real one. Must not know the
//! functions.

use std::sync::Arc;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use shared::runtime::{Endpoints, Entropy};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::options::credentials;
use crate::pump::queues::Queues;
use crate::pump::{Source, mail_events};
use crate::ses::{Account, EventSink, Ses};
use crate::stack::Stack;
use crate::storage::Storage;
use crate::template::Model;

/// All stand-ins of one stack. They end when they are dropped.
pub struct StandIns {
    /// Buckets, over S3's wire.
    pub storage: Arc<Storage>,
    /// Queues, without a wire.
    pub queues: Arc<Queues>,
    /// Mail.
    pub ses: Ses,
    /// Where they listen, and the engine.
    pub endpoints: Endpoints,
    /// What opens them.
    pub credentials: Credentials,
    /// What runs.
    pub tasks: JoinSet<()>,
}

impl StandIns {
    /// Starts them on the data of `stack`.
    pub async fn start(stack: &Stack, entropy: &Entropy) -> anyhow::Result<Self> {
        let credentials = credentials(entropy);
        let (key, secret) = (credentials.access_key_id(), credentials.secret_access_key());
        let storage = Storage::start(&stack.folder.join("storage"), key, secret).await?;
        let queues = Arc::new(Queues::new(
            Arc::clone(&stack.db),
            stack.clock.clone(),
            &stack.surroundings.region,
            &stack.model.queues,
        ));
        let clock = stack.clock.clone();
        let ses = Ses::open(
            stack.file("ses.db").as_deref(),
            Arc::new(move || clock.now()),
            account(&stack.model),
            event_sink(stack, &queues),
        )
        .with_context(|| format!("cannot use {}", stack.folder.join("ses.db").display()))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let endpoints = Endpoints {
            dynamodb: Some(stack.engine.endpoint().to_owned()),
            ses: Some(format!("http://{}", listener.local_addr()?)),
            s3: Some(storage.endpoint()),
            ssm: None,
        };
        let mut tasks = JoinSet::new();
        let wire = ses.clone();
        tasks.spawn(async move {
            let Err(error) = wire.serve_wire(listener).await;
            tracing::error!(%error, "the mail stand-in ended");
        });
        Ok(Self {
            storage: Arc::new(storage),
            queues,
            ses,
            endpoints,
            credentials,
            tasks,
        })
    }

    /// Hands out the mail events that wait.
    pub fn mail_source(&self) -> Source {
        let ses = self.ses.clone();
        Arc::new(move || {
            let ses = ses.clone();
            Box::pin(async move { ses.hand_out_events().await })
        })
    }
}

/// Anybody may send here, with the configuration sets that the template makes.
fn account(model: &Model) -> Account {
    let sets = model
        .mail_events
        .iter()
        .map(|way| way.configuration_set.clone());
    Account {
        verified: Vec::new(),
        configuration_sets: sets.collect(),
    }
}

fn event_sink(stack: &Stack, queues: &Arc<Queues>) -> EventSink {
    let (model, queues, clock) = (
        Arc::clone(&stack.model),
        Arc::clone(queues),
        stack.clock.clone(),
    );
    Arc::new(move |event| {
        let published = mail_events::publish(&model.mail_events, &queues, &event, clock.now());
        Box::pin(async move { Ok(published?) })
    })
}

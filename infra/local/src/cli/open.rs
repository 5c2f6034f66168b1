//! Opening a stack for a command that reads or changes leads: the data folder of this machine, or a deployed stack.
//!
//! Locally it opens the data beside a running `serve`, which goes on and sees what is written. Of a deployed stack the template gives
//! the names, [`cloud`] the rest. Who looked at or changed what is audited in `ops` either way. Must not know any command.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::Args;
use shared::domain::email::EmailAddress;
use shared::domain::id::{IdentityKey, LeadId};
use shared::domain::time::Timestamp;
use shared::runtime::{Clock, Entropy, Outbound, Runtime, SecretSource, connector, read_key};
use shared::site::SiteHandle;
use shared::site::source::load;
use shared::store::{Store, Tables};

use super::Places;
use crate::app::Options;
use crate::app::stand_ins::StandIns;
use crate::cloud;
use crate::person::{self, Records};
use crate::query::Query;
use crate::stack::{Data, Stack};
use crate::template::{self, Model};

/// Which stack a command works on.
#[derive(Debug, Clone, Args)]
pub struct StackArgs {
    /// Where leads, mails and keys are kept on this machine
    #[arg(long, value_name = "DIR", default_value = ".lodestone")]
    data: PathBuf,
    /// Work on this deployed stack instead, with ordinary AWS credentials
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    stack: Option<String>,
    #[command(flatten)]
    places: Places,
}

/// An open stack.
pub struct Opened {
    /// Clients, clock, entropy, site and secrets, as a function has them.
    pub runtime: Runtime,
    /// The tables.
    pub store: Store,
    /// The tables as plain JSON.
    pub query: Query,
    /// Turns addresses into lead ids.
    pub identity: IdentityKey,
    /// What the template says, with the names of this stack.
    pub model: Arc<Model>,
    /// The local data; none for a deployed stack.
    pub local: Option<Local>,
}

/// What there is beside the tables on one machine.
pub struct Local {
    /// Data folder, engine, runner's memory.
    pub stack: Stack,
    /// Mail, storage, queues.
    pub stand_ins: StandIns,
}

impl StackArgs {
    /// The folder of the site's files.
    pub fn site_folder(&self) -> PathBuf {
        self.places.site()
    }

    /// Opens it. Nothing is made where there is nothing.
    pub async fn open(&self) -> anyhow::Result<Opened> {
        match &self.stack {
            None => self.open_local().await,
            Some(name) => self.open_deployed(name).await,
        }
    }

    async fn open_local(&self) -> anyhow::Result<Opened> {
        ensure!(
            self.data.join("engine.db").is_file(),
            "there are no leads in {}; start `lodestone serve` once, or name the folder with --data",
            self.data.display()
        );
        let places = &self.places;
        let options = Options::live(
            ([127, 0, 0, 1], 8787).into(),
            self.data.clone(),
            places.site(),
            places.template(),
        );
        debug_assert!(matches!(options.data, Data::Folder(_)));
        let stack = options.stack("http://127.0.0.1:8787");
        let stack = tokio::task::spawn_blocking(move || Stack::open(stack, false)).await??;
        let stand_ins = StandIns::start(&stack, &options.entropy).await?;
        let clock = stack.clock.clone();
        let runtime = Runtime {
            aws: shared::runtime::Aws::new(
                connector(),
                &stack.surroundings.region,
                stand_ins.credentials.clone(),
                stand_ins.endpoints.clone(),
            ),
            clock: Clock::from_fn(move || Timestamp(clock.now())),
            entropy: options.entropy,
            site: Some(self.site()?),
            secrets: stack.secrets.clone(),
            outbound: Outbound::default(),
        };
        let identity = stack
            .identity
            .clone()
            .context("no function of the template has IDENTITY_KEY_PARAM")?;
        let model = Arc::clone(&stack.model);
        opened(runtime, identity, model, Some(Local { stack, stand_ins }))
    }

    async fn open_deployed(&self, name: &str) -> anyhow::Result<Opened> {
        let account = cloud::connect(name).await?;
        let model = template::load(
            &self.places.template(),
            &account.parameters,
            &account.surroundings,
        )?;
        let runtime = Runtime {
            aws: account.aws,
            clock: Clock::system(),
            entropy: Entropy::system(),
            site: Some(self.site()?),
            secrets: SecretSource::Ssm,
            outbound: Outbound::default(),
        };
        let parameter = variable(&model, "IDENTITY_KEY_PARAM")
            .context("no function of the template has IDENTITY_KEY_PARAM")?;
        let value = one_secret(&runtime, parameter).await?;
        let identity = IdentityKey::new(read_key(parameter, &value)?);
        opened(runtime, identity, Arc::new(model), None)
    }

    fn site(&self) -> anyhow::Result<SiteHandle> {
        let folder = self.places.site();
        match load(&folder) {
            Ok(loaded) => Ok(SiteHandle::new(loaded.site)),
            Err(found) => {
                let first = found.iter().next().map(ToString::to_string);
                anyhow::bail!(
                    "the site is not right: {}/{} (`lodestone check` says it all)",
                    folder.display(),
                    first.unwrap_or_default()
                )
            }
        }
    }
}

fn opened(
    runtime: Runtime,
    identity: IdentityKey,
    model: Arc<Model>,
    local: Option<Local>,
) -> anyhow::Result<Opened> {
    let table = |id: &str| {
        let table = model.table(id);
        table
            .map(|table| table.name.clone())
            .with_context(|| format!("the template has no table `{id}`"))
    };
    let tables = Tables {
        touchpoints: table("TouchpointsTable")?,
        leads: table("LeadsTable")?,
        outbox: table("OutboxTable")?,
        ops: table("OpsTable")?,
    };
    Ok(Opened {
        store: Store::new(&runtime.aws, tables.clone(), runtime.entropy.clone()),
        query: Query::new(runtime.aws.dynamodb(), tables, identity.clone()),
        runtime,
        identity,
        model,
        local,
    })
}

async fn one_secret(runtime: &Runtime, parameter: &str) -> anyhow::Result<String> {
    let names = [parameter];
    let now = runtime.clock.now();
    let mut values = runtime.secrets.get(&runtime.aws, &names, now).await?;
    Ok(values.pop().unwrap_or_default())
}

/// The value that a function of the stack has for this environment variable; functions that share one have the same.
fn variable<'m>(model: &'m Model, name: &str) -> Option<&'m str> {
    let mut functions = model.functions.iter();
    functions.find_map(|function| function.environment.get(name).map(String::as_str))
}

impl Opened {
    /// The time that handlers of this stack see.
    pub fn now(&self) -> Timestamp {
        self.runtime.clock.now()
    }

    /// The site's files, checked.
    pub fn site(&self) -> anyhow::Result<Arc<shared::site::Site>> {
        Ok(self.runtime.site()?.get())
    }

    /// A variable of the stack's functions, such as `PUBLIC_URL`.
    pub fn variable(&self, name: &str) -> Option<&str> {
        variable(&self.model, name)
    }

    /// The value of the secret whose parameter is named by this variable, such as `CONSENT_KEY_PARAM`.
    pub async fn secret(&self, variable: &str) -> anyhow::Result<String> {
        let parameter = self
            .variable(variable)
            .with_context(|| format!("no function of the template has {variable}"))?;
        one_secret(&self.runtime, parameter).await
    }

    /// The id of the lead with this address.
    pub fn lead_id(&self, email: &str) -> anyhow::Result<LeadId> {
        let address = EmailAddress::parse(email)
            .map_err(|problem| anyhow::anyhow!("`{email}` is no address: {problem}"))?;
        Ok(self.identity.lead_of_email(&address))
    }

    /// What the commands for one person work on.
    pub fn records(&self) -> Records<'_> {
        let local = self.local.as_ref().map(|local| person::Local {
            ses: &local.stand_ins.ses,
            db: &local.stack.db,
            engine: &local.stack.engine,
        });
        Records {
            store: &self.store,
            query: &self.query,
            identity: &self.identity,
            now: self.now(),
            local,
        }
    }

    /// Leaves a trace of what an operator did: `action` is the command, `subject` a lead id or another reference, never an address.
    pub async fn audit(&self, action: &str, subject: &str) -> anyhow::Result<()> {
        let id = u64::from_be_bytes(self.runtime.entropy.bytes());
        let write_id = format!("op_{id:016x}");
        Ok(self
            .store
            .audit(action, subject, &write_id, self.now())
            .await?)
    }
}

/// Runs a command's work on a runtime of its own.
pub fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start")?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::app::App;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        stack: StackArgs,
    }

    fn args(folder: &std::path::Path) -> StackArgs {
        let project = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        let data = folder.to_str().unwrap();
        let (site, template) = (
            format!("{project}/site"),
            format!("{project}/template.yaml"),
        );
        let line = [
            "x",
            "--data",
            data,
            "--site",
            &site,
            "--template",
            &template,
        ];
        Line::parse_from(line).stack
    }

    #[tokio::test]
    async fn without_data_a_command_says_how_to_get_some() {
        let folder = tempfile::tempdir().unwrap();
        let refused = args(folder.path()).open().await.err().unwrap().to_string();
        assert!(
            refused.contains("start `lodestone serve` once"),
            "{refused}"
        );
        assert!(!folder.path().join("engine.db").exists());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_command_works_on_the_data_of_a_running_serve_and_leaves_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let args = args(folder.path());
        let options = Options::live(
            ([127, 0, 0, 1], 0).into(),
            folder.path().to_owned(),
            args.places.site(),
            args.places.template(),
        );
        let app = App::start(options).await.unwrap();
        let post = axum::extract::Request::post("/f/guide")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        let body = "email=ada%40analytical-engines.com&first_name=Ada&last_name=Lovelace&company=Engines&job_title=Analyst&country=GB";
        let post = post.body(axum::body::Body::from(body)).unwrap();
        let answer = app.gateway().answer("203.0.113.1", post).await;
        assert!(answer.status().is_success(), "{}", answer.status());
        app.settle().await.unwrap();

        let opened = args.open().await.unwrap();
        let lead = opened.lead_id("ada@analytical-engines.com").unwrap();
        assert!(!opened.store.facts(lead).await.unwrap().is_empty());
        opened.audit("explain", &lead.to_string()).await.unwrap();
        assert!(opened.secret("CONSENT_KEY_PARAM").await.unwrap().len() >= 40);
        app.stop().await;
    }
}

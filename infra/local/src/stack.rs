//! One stack on this machine: its data folder, template, engine, clock and secrets, without anything that moves.
//!
//! `serve` puts pumps, stand-ins and a gateway around it; commands that read or change leads open it beside a running `serve`, which the
//! engine's file allows. The data folder holds people's data, so only its owner may read it.
//!
//! ```text
//! .lodestone/
//!   lock            held by the one runner whose pumps work on this folder
//!   engine.db       the tables
//!   runner.db       checkpoints, clock, queues
//!   ses.db          mails and webhooks received
//!   storage/        the magnets' bucket
//!   secrets/        identity.key  token.keys  consent.key
//!     site/         what the site files name by `secret = "..."`, one file each
//! ```

use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use shared::domain::id::IdentityKey;
use shared::runtime::{Clock, Entropy, SecretSource, read_key, system_now};

use crate::clock::RunnerClock;
use crate::engine::{Engine, Location};
use crate::runner_db::RunnerDb;
use crate::template::{self, Model, Surroundings};

/// Where a stack keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// In this folder, kept.
    Folder(PathBuf),
    /// In memory and in a folder that goes with the process.
    Memory,
}

/// What makes a stack.
#[derive(Debug, Clone)]
pub struct StackOptions {
    /// Where the data is.
    pub data: Data,
    /// The template.
    pub template: PathBuf,
    /// Values in place of the template's defaults.
    pub parameters: BTreeMap<String, String>,
    /// Stack name, region, account.
    pub surroundings: Surroundings,
    /// The clock that the runner's is based on.
    pub clock: Clock,
    /// Where new secrets come from.
    pub entropy: Entropy,
}

/// An open stack.
pub struct Stack {
    /// What the template says.
    pub model: Arc<Model>,
    /// Stack name, region, account.
    pub surroundings: Surroundings,
    /// The runner's own memory.
    pub db: Arc<RunnerDb>,
    /// Handlers' time.
    pub clock: RunnerClock,
    /// The tables.
    pub engine: Arc<Engine>,
    /// Secrets by parameter name.
    pub secrets: SecretSource,
    /// Turns addresses into lead ids, where the template has a function that does.
    pub identity: Option<IdentityKey>,
    /// The data folder, also of a stack in memory.
    pub folder: PathBuf,
    /// Whether `engine.db` and the rest are files there.
    pub kept: bool,
    _lock: Option<File>,
    _temporary: Option<tempfile::TempDir>,
}

/// Makes a new secret.
type Make = fn(&Entropy) -> String;

/// Environment variables that name a secret's parameter, the file it is kept in here, and what a new one is.
const SECRETS: [(&str, &str, Make); 3] = [
    ("IDENTITY_KEY_PARAM", "identity.key", new_key),
    ("TOKEN_KEYS_PARAM", "token.keys", new_key_set),
    ("CONSENT_KEY_PARAM", "consent.key", new_key),
];

fn new_key(entropy: &Entropy) -> String {
    STANDARD.encode(entropy.bytes::<32>())
}

fn new_key_set(entropy: &Entropy) -> String {
    json!({ "keys": { "local": { "key": new_key(entropy), "state": "active" } } }).to_string()
}

impl Stack {
    /// Opens the stack, making what is missing. With `exclusive`, a second one on the same folder is refused.
    pub fn open(options: StackOptions, exclusive: bool) -> anyhow::Result<Self> {
        let model = Arc::new(template::load(
            &options.template,
            &options.parameters,
            &options.surroundings,
        )?);
        let (folder, temporary) = match &options.data {
            Data::Folder(folder) => {
                ensure!(
                    folder.is_dir() || !folder.exists(),
                    "cannot use the data folder {}: it is a file; give a folder with --data",
                    folder.display()
                );
                private_folder(folder)
                    .with_context(|| format!("cannot use the data folder {}", folder.display()))?;
                (folder.clone(), None)
            }
            Data::Memory => {
                let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
                (temporary.path().to_owned(), Some(temporary))
            }
        };
        let kept = temporary.is_none();
        let lock = if exclusive && kept {
            Some(lock(&folder)?)
        } else {
            None
        };
        let db = if kept {
            RunnerDb::open(&folder.join("runner.db"))
        } else {
            RunnerDb::in_memory()
        };
        let db = Arc::new(db.with_context(|| unusable(&folder.join("runner.db")))?);
        let base = options.clock.clone();
        let clock = RunnerClock::new(
            Arc::new(move || base.now().0),
            Arc::new(|| system_now().0),
            Arc::clone(&db),
        )?;
        let location = if kept {
            Location::File(folder.join("engine.db"))
        } else {
            Location::Memory
        };
        let engine = Engine::start(&location, &model.tables);
        let engine = Arc::new(engine.with_context(|| unusable(&folder.join("engine.db")))?);
        let (secrets, identity) = secrets(&model, &folder.join("secrets"), kept, &options.entropy)?;
        Ok(Self {
            model,
            surroundings: options.surroundings,
            db,
            clock,
            engine,
            secrets: SecretSource::Local {
                values: secrets,
                site: site_secrets(&folder),
            },
            identity,
            folder,
            kept,
            _lock: lock,
            _temporary: temporary,
        })
    }

    /// The physical name of a table by its logical id.
    pub fn table(&self, id: &str) -> anyhow::Result<&str> {
        let table = self
            .model
            .table(id)
            .with_context(|| format!("the template has no table `{id}`"))?;
        Ok(&table.name)
    }

    /// A file of the data folder, or `None` where nothing is kept.
    pub fn file(&self, name: &str) -> Option<PathBuf> {
        self.kept.then(|| self.folder.join(name))
    }
}

/// Where a stack keeps the secrets that site files name.
pub(crate) fn site_secrets(folder: &Path) -> PathBuf {
    folder.join("secrets").join("site")
}

fn unusable(path: &Path) -> String {
    format!("cannot use {}", path.display())
}

/// Makes a folder that only its owner may enter.
fn private_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join("lock");
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = file.with_context(|| format!("cannot use the data folder {}", folder.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            bail!(
                "another runner works on the data folder {}; stop it, or give this one a folder of its own with --data",
                folder.display()
            )
        }
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the data folder {}", folder.display()))
        }
    }
}

/// Reads or makes every secret that a function's variables name.
fn secrets(
    model: &Model,
    folder: &Path,
    kept: bool,
    entropy: &Entropy,
) -> anyhow::Result<(BTreeMap<String, String>, Option<IdentityKey>)> {
    let mut values = BTreeMap::new();
    let mut identity = None;
    for (variable, file, make) in SECRETS {
        let Some(parameter) = model
            .functions
            .iter()
            .find_map(|function| function.environment.get(variable))
        else {
            continue;
        };
        let value = if kept {
            kept_secret(folder, file, || make(entropy))?
        } else {
            make(entropy)
        };
        if variable == "IDENTITY_KEY_PARAM" {
            identity = Some(IdentityKey::new(read_key(file, &value)?));
        }
        values.insert(parameter.clone(), value);
    }
    Ok((values, identity))
}

/// The secret in a file of this folder; made, and readable by its owner only, where there is none.
pub(crate) fn kept_secret(
    folder: &Path,
    file: &str,
    make: impl FnOnce() -> String,
) -> anyhow::Result<String> {
    let path = folder.join(file);
    match std::fs::read_to_string(&path) {
        Ok(value) => Ok(value.trim().to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let write = || {
                private_folder(folder)?;
                let mut options = OpenOptions::new();
                options.write(true).create_new(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                let value = make();
                // On disk before anything is signed with it: an identity key that is lost makes every lead id worthless.
                let mut secret = options.open(&path)?;
                writeln!(secret, "{value}")?;
                secret.sync_all()?;
                Ok::<_, std::io::Error>(value)
            };
            write().with_context(|| format!("cannot write {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(folder: &Path) -> StackOptions {
        StackOptions {
            data: Data::Folder(folder.to_owned()),
            template: Path::new(env!("CARGO_MANIFEST_DIR")).join("../template.yaml"),
            parameters: BTreeMap::from([("PublicUrl".to_owned(), "http://127.0.0.1:1".to_owned())]),
            surroundings: Surroundings::default(),
            clock: Clock::system(),
            entropy: Entropy::seeded(1),
        }
    }

    fn fixed(stack: &Stack) -> BTreeMap<String, String> {
        let SecretSource::Local { values, .. } = &stack.secrets else {
            panic!()
        };
        values.clone()
    }

    #[test]
    fn secrets_are_made_once_and_only_their_owner_may_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let first = fixed(&Stack::open(options(folder.path()), true).unwrap());
        let mut again = options(folder.path());
        again.entropy = Entropy::seeded(2);
        assert_eq!(fixed(&Stack::open(again, true).unwrap()), first);
        assert_eq!(first.len(), 3);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |path: &str| {
                std::fs::metadata(folder.path().join(path))
                    .unwrap()
                    .permissions()
                    .mode()
                    & 0o777
            };
            assert_eq!(
                (mode("secrets"), mode("secrets/identity.key")),
                (0o700, 0o600)
            );
        }
    }

    #[test]
    fn a_second_runner_on_a_folder_is_refused_and_a_reader_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let runner = Stack::open(options(folder.path()), true).unwrap();
        let refused = Stack::open(options(folder.path()), true)
            .err()
            .unwrap()
            .to_string();
        assert!(refused.contains("another runner works on"), "{refused}");
        Stack::open(options(folder.path()), false).unwrap();
        drop(runner);
        Stack::open(options(folder.path()), true).unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let refused = format!("{:#}", Stack::open(options(&file), true).err().unwrap());
        assert!(
            refused.starts_with(&format!("cannot use the data folder {}", file.display())),
            "{refused}"
        );
    }
}

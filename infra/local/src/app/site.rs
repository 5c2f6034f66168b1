//! The site on this machine: read from its files at the start, and again whenever one of them changes.
//!
//! A change that does not check is told on the terminal and the site in force stays, so that a half-typed line breaks nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, anyhow};
use shared::domain::channel::ChannelKind;
use shared::domain::webhook::new_secret;
use shared::runtime::Entropy;
use shared::site::SiteHandle;
use shared::site::source::{Diagnostics, Loaded, Severity, load};

use crate::stack::kept_secret;
use crate::storage::Storage;

/// How often files are looked at.
const LOOK: Duration = Duration::from_millis(500);

/// Where the site comes from and where its magnets go.
pub struct SiteFiles {
    folder: PathBuf,
    bucket: Option<String>,
    secrets: Option<(PathBuf, Entropy)>,
}

impl SiteFiles {
    /// The site in `folder`, whose magnets go to `bucket`.
    pub fn new(folder: &Path, bucket: Option<&str>) -> Self {
        Self {
            folder: folder.to_owned(),
            bucket: bucket.map(str::to_owned),
            secrets: None,
        }
    }

    /// Makes signing secrets for channels to this runner's own sinks, in `folder`. Nobody else has to know them.
    pub fn with_secrets(mut self, folder: PathBuf, entropy: &Entropy) -> Self {
        self.secrets = Some((folder, entropy.clone()));
        self
    }

    /// Reads the site and puts its magnets in storage. The error is one line.
    pub fn read(&self, storage: &Storage) -> anyhow::Result<Loaded> {
        let loaded = load(&self.folder).map_err(|found| anyhow!(self.sentence(&found)))?;
        for warning in loaded.warnings.iter() {
            tracing::warn!("{}/{warning}", self.folder.display());
        }
        if let Some(bucket) = &self.bucket {
            storage.create_bucket(bucket)?;
            for (name, path) in &loaded.magnet_files {
                let bytes = std::fs::read(path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                storage.put(bucket, &format!("magnets/{name}"), &bytes)?;
            }
        }
        if let Some((folder, entropy)) = &self.secrets {
            for channel in loaded.site.channels.iter().filter(|c| c.is_local()) {
                if let ChannelKind::Webhook { secret, .. } | ChannelKind::Hubspot { secret, .. } =
                    &channel.kind
                {
                    kept_secret(folder, secret, || new_secret(entropy.bytes()))?;
                }
            }
        }
        Ok(loaded)
    }

    fn sentence(&self, found: &Diagnostics) -> String {
        let errors = found.count(Severity::Error);
        let folder = self.folder.display();
        let first = found
            .iter()
            .find(|finding| finding.severity == Severity::Error);
        match (first, errors) {
            (Some(first), 1) => format!("the site does not check: {folder}/{first}"),
            (Some(first), _) => {
                format!("the site does not check, {errors} errors, the first: {folder}/{first}")
            }
            (None, _) => format!("the site in {folder} does not check"),
        }
    }

    /// Looks for changes since `seen` until it is dropped, and puts each site that checks in force.
    pub async fn watch(
        self,
        handle: SiteHandle,
        storage: std::sync::Arc<Storage>,
        mut watched: Vec<PathBuf>,
        mut seen: Stamp,
    ) {
        let files = std::sync::Arc::new(self);
        loop {
            tokio::time::sleep(LOOK).await;
            let now = stamp(&watched).await;
            if now == seen {
                continue;
            }
            seen = now;
            let (reader, storage) = (
                std::sync::Arc::clone(&files),
                std::sync::Arc::clone(&storage),
            );
            match tokio::task::spawn_blocking(move || reader.read(&storage)).await {
                Ok(Ok(loaded)) => {
                    tracing::info!(site = loaded.site.hash, "the site was read again");
                    handle.set(loaded.site);
                    // Not looked at again here: a change that was made during the reading is for the next look.
                    watched = loaded.watched;
                }
                Ok(Err(error)) => tracing::error!("{error:#}; the site from before stays in force"),
                Err(_) => return,
            }
        }
    }
}

/// Sizes and times of files.
pub type Stamp = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// The stamp of everything watched; folders are looked into one level deep.
pub async fn stamp(watched: &[PathBuf]) -> Stamp {
    let watched = watched.to_vec();
    let look = tokio::task::spawn_blocking(move || {
        let mut found = BTreeMap::new();
        for path in watched {
            let inside = std::fs::read_dir(&path)
                .into_iter()
                .flatten()
                .flatten()
                .map(|entry| entry.path());
            for path in inside.chain([path.clone()]) {
                if let Ok(data) = std::fs::metadata(&path) {
                    found.insert(path, (data.len(), data.modified().ok()));
                }
            }
        }
        found
    });
    look.await.unwrap_or_default()
}

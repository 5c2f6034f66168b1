//! A stand-in for S3 on a port of its own: presigned downloads of the magnets, from a folder.
//!
//! Signatures are checked as S3 checks them, by the `s3s` crate: unsigned, tampered, stretched and expired links all get 403, by real time.
//! So links to here are signed with real time, whatever the local clock says. Addresses are path-style: `http://<addr>/<bucket>/<key>`.
//!
//! Must not know what a magnet is, nor who may have it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[cfg(test)]
mod tests;

/// The running stand-in. It ends when this is dropped.
#[derive(Debug)]
pub struct Storage {
    /// Where it listens: the address of the SDK's or signer's endpoint.
    pub addr: SocketAddr,
    folder: PathBuf,
    server: JoinHandle<io::Result<()>>,
}

impl Storage {
    /// Serves `folder` (made where it is missing), one sub-folder a bucket, on a free loopback port.
    pub async fn start(folder: &Path, access_key: &str, secret_key: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let files = FileSystem::new(folder)
            .map_err(|error| anyhow::anyhow!("open {}: {error:?}", folder.display()))?;
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::new(service.build()));

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let server = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self {
            addr,
            folder: folder.to_owned(),
            server,
        })
    }

    /// The endpoint as a URL, without a trailing slash.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Makes a bucket where it is missing.
    pub fn create_bucket(&self, bucket: &str) -> anyhow::Result<()> {
        std::fs::create_dir_all(self.place(bucket, "")?).context("create bucket")
    }

    /// Keeps `bytes` under `bucket` and `key`, over what was there.
    pub fn put(&self, bucket: &str, key: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let place = self.place(bucket, key)?;
        let folder = place.parent().unwrap_or(&self.folder);
        std::fs::create_dir_all(folder)?;
        // Written beside and renamed, so that a download under way sees the old file or the new one.
        let draft = folder.join(".draft");
        std::fs::write(&draft, bytes)?;
        std::fs::rename(&draft, &place).with_context(|| format!("write {}", place.display()))
    }

    /// Makes the objects under `prefix` exactly the files of `source` (sub-folders included): what is no longer there is removed. Returns
    /// how many there are. A `source` that does not exist counts as empty.
    pub fn mirror(&self, bucket: &str, prefix: &str, source: &Path) -> anyhow::Result<usize> {
        let target = self.place(bucket, prefix)?;
        if target.exists() {
            std::fs::remove_dir_all(&target)
                .with_context(|| format!("clear {}", target.display()))?;
        }
        self.create_bucket(bucket)?;
        let mut copied = 0;
        let mut folders = vec![(source.to_owned(), prefix.to_owned())];
        while let Some((folder, prefix)) = folders.pop() {
            if !folder.exists() {
                continue;
            }
            let entries =
                std::fs::read_dir(&folder).with_context(|| format!("read {}", folder.display()))?;
            for entry in entries {
                let entry = entry?;
                let name = entry.file_name();
                let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else {
                    continue;
                };
                let key = format!("{prefix}/{name}");
                if entry.file_type()?.is_dir() {
                    folders.push((entry.path(), key));
                } else {
                    self.put(bucket, &key, &std::fs::read(entry.path())?)?;
                    copied += 1;
                }
            }
        }
        Ok(copied)
    }

    /// The file of an object. Keys that would leave the folder are refused.
    fn place(&self, bucket: &str, key: &str) -> anyhow::Result<PathBuf> {
        let plain = std::iter::once(bucket)
            .chain(key.split('/').filter(|_| !key.is_empty()))
            .all(|step| !step.is_empty() && !step.starts_with('.') && !step.contains('\\'));
        anyhow::ensure!(plain, "not a plain object name: {bucket}/{key}");
        Ok(self.folder.join(bucket).join(key))
    }
}

impl Drop for Storage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(service): State<Arc<S3Service>>, request: Request) -> Response {
    match service.call(request.map(s3s::Body::http_body_unsync)).await {
        Ok(response) => response.map(Body::new),
        Err(error) => {
            tracing::error!(?error, "failed to answer from storage");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

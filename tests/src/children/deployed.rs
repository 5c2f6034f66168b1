//! The functions' own binaries, and what they are started with: a bent clock, and an outside world whose certificates hold.
//!
//! Made once for many runs. `LODESTONE_FUNCTIONS=DIR` (from the root of the project) takes the binaries from there, as
//! `DIR/capture/bootstrap` or `DIR/capture`, so that the very files that are deployed can be tried. Must not know what the functions do.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use shared::runtime::system_env;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto};

/// A public address, so that the guard against inner addresses lets it pass. No connection leaves this machine.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(44, 0, 0, 1);

/// The binary of a package that Cargo built beside the test or benchmark that asks: only that knows where it is.
#[macro_export]
macro_rules! built_beside {
    ($package:expr) => {
        std::path::PathBuf::from(match $package {
            "capture" => env!("CARGO_BIN_EXE_capture-under-test"),
            "links" => env!("CARGO_BIN_EXE_links-under-test"),
            "score" => env!("CARGO_BIN_EXE_score-under-test"),
            "deliver" => env!("CARGO_BIN_EXE_deliver-under-test"),
            "notify" => env!("CARGO_BIN_EXE_notify-under-test"),
            "feedback" => env!("CARGO_BIN_EXE_feedback-under-test"),
            "keep" => env!("CARGO_BIN_EXE_keep-under-test"),
            _ => "/no/such/function",
        })
    };
}

/// What children are made of.
pub struct Deployed {
    binary: fn(&str) -> PathBuf,
    given: Option<PathBuf>,
    pub(super) tls: TlsAcceptor,
    folder: TempDir,
}

impl Deployed {
    /// With the binaries that `binary` names by package, where the environment names no others. Needs a C compiler, as SQLite does.
    pub fn new(binary: fn(&str) -> PathBuf) -> anyhow::Result<Self> {
        Ok(Self {
            given: Self::given_folder(),
            ..Self::of(binary)?
        })
    }

    /// With the binaries that `binary` names by package, whatever the environment says.
    pub fn of(binary: fn(&str) -> PathBuf) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let compiler = system_env("CC").unwrap_or_else(|| "cc".to_owned());
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/children/bend.c");
        let built = Command::new(compiler)
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .arg(folder.path().join("bend.so"))
            .arg(source)
            .status()
            .context("no C compiler")?;
        ensure!(built.success(), "bend.c did not compile");
        let (authority, tls) = receiver()?;
        std::fs::write(folder.path().join("authority.pem"), authority)?;
        Ok(Self {
            binary,
            given: None,
            tls,
            folder,
        })
    }

    /// The binary of a package.
    pub fn binary(&self, package: &str) -> PathBuf {
        match &self.given {
            Some(folder) => Self::given(folder, package),
            None => (self.binary)(package),
        }
    }

    /// The folder of binaries that the environment names.
    pub fn given_folder() -> Option<PathBuf> {
        system_env("LODESTONE_FUNCTIONS").map(|folder| crate::project(&folder))
    }

    /// The binary of a package in a folder of such, as a zip holds it or by its name.
    pub fn given(folder: &Path, package: &str) -> PathBuf {
        let zipped_as = folder.join(package).join("bootstrap");
        if zipped_as.exists() {
            zipped_as
        } else {
            folder.join(package)
        }
    }

    pub(super) fn bend(&self) -> PathBuf {
        self.folder.path().join("bend.so")
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }
}

/// An authority that nobody else trusts, and a receiver with its certificate.
fn receiver() -> anyhow::Result<(String, TlsAcceptor)> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::IpAddress(IpAddr::V4(OUTSIDE))];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &*authority)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    Ok((authority.pem(), TlsAcceptor::from(Arc::new(config))))
}

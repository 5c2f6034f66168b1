//! A site with one form more: a lenient one, known by a name at every service whose pages may post to it.

use std::fs;
use std::path::Path;

use lodestone::app::Options;
use lodestone::stack::Data;
use shared::runtime::Clock;
use tempfile::TempDir;

use crate::project;
use crate::world::{START, World};

/// The form's file.
const FORM: &str = include_str!("../forms/moved.toml");

/// A system with that form at `/f/moved`, and its secrets.
pub async fn world(seed: u64) -> anyhow::Result<(World, TempDir)> {
    let folder = tempfile::tempdir()?;
    let options = options(seed, folder.path())?;
    Ok((World::start(options).await?, folder))
}

/// How to start such a system: site and data in `folder`.
pub fn options(seed: u64, folder: &Path) -> anyhow::Result<Options> {
    let site = folder.join("site");
    crate::copy_site(&site)?;
    fs::write(site.join("forms/moved.toml"), FORM)?;
    let secrets = folder.join("data/secrets/site");
    fs::create_dir_all(&secrets)?;
    for (name, value) in [
        ("google-leads", "k-e-y"),
        ("meta-app", "app-secret"),
        ("meta-verify", "ask-me"),
    ] {
        fs::write(secrets.join(name), value)?;
    }
    let mut options = Options::step(
        seed,
        Clock::from_fn(|| START),
        site,
        project("infra/template.yaml"),
    );
    options.data = Data::Folder(folder.join("data"));
    Ok(options)
}

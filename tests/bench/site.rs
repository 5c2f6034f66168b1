//! The example site in a folder of its own, with one form more: the demo form that mails nobody.

use anyhow::ensure;
use tempfile::TempDir;
use tests::project;
use tests::world::Pair;

/// The form that mails nobody.
pub const QUIET: &str = "quiet";

/// That form, filled in by somebody who only looks around.
pub fn quiet(email: &str) -> Vec<Pair<'_>> {
    vec![
        ("email", email),
        ("first_name", "Charles"),
        ("last_name", "Babbage"),
        ("company", "Difference Engines"),
        ("country", "NL"),
        ("message", "Is there a brochure?"),
    ]
}

/// The folder; it goes when this is dropped.
pub fn folder() -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    tests::copy_site(folder.path())?;
    let demo = std::fs::read_to_string(project("infra/site/forms/demo.toml"))?;
    let quiet: String = demo
        .lines()
        .filter(|line| !line.starts_with("notify"))
        .flat_map(|line| [line, "\n"])
        .collect();
    ensure!(quiet.len() < demo.len(), "the demo form notifies nobody");
    std::fs::write(folder.path().join(format!("forms/{QUIET}.toml")), quiet)?;
    Ok(folder)
}

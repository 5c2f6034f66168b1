//! `lodestone preview`: every mail with sample data, to look at in a browser; nothing is sent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use shared::site::Site;
use shared::site::source::load;

use super::{Places, sample_mail};

/// What `preview` can be told.
#[derive(Debug, Args)]
pub(super) struct PreviewArgs {
    /// Where the pages go
    #[arg(long, value_name = "DIR", default_value = ".lodestone/preview")]
    out: PathBuf,
    #[command(flatten)]
    places: Places,
}

pub(super) fn run(args: &PreviewArgs) -> anyhow::Result<ExitCode> {
    let folder = args.places.site();
    let site = match load(&folder) {
        Ok(loaded) => loaded.site,
        Err(found) => {
            let first = found.iter().next().map(ToString::to_string);
            anyhow::bail!(
                "the site is not right: {}/{} (`lodestone check` says it all)",
                folder.display(),
                first.unwrap_or_default()
            )
        }
    };
    let count = write(&site, &args.out)?;
    let index = args.out.join("index.html");
    let shown = std::fs::canonicalize(&index).unwrap_or(index);
    println!("{count} mails to look at: open file://{}", shown.display());
    Ok(ExitCode::SUCCESS)
}

/// Writes a page for each mail and one that shows them all; answers how many mails there are.
fn write(site: &Site, out: &Path) -> anyhow::Result<usize> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make {}", out.display()))?;
    let put = |name: &str, text: &str| {
        let path = out.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    let names = sample_mail::names(site);
    let mut list = String::new();
    for name in &names {
        for (n, mail) in sample_mail::render(site, name)?.into_iter().enumerate() {
            let file = format!("{name}-{}", n + 1);
            put(&format!("{file}.html"), &mail.html)?;
            put(
                &format!("{file}.txt"),
                &format!("Subject: {}\n\n{}", mail.subject, mail.text),
            )?;
            write!(
                list,
                "<section><h2>{name} <small>{}</small></h2><p><b>{}</b> · <a href=\"{file}.html\">as a page</a> · <a href=\"{file}.txt\">as text</a></p><div><iframe title=\"{file}\" src=\"{file}.html\" width=\"640\"></iframe><iframe title=\"{file}, phone\" src=\"{file}.html\" width=\"375\"></iframe></div></section>",
                mail.label,
                escaped(&mail.subject),
            )?;
        }
    }
    let title = escaped(&site.business.name);
    put(
        "index.html",
        &format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" content=\"light dark\"><title>Mails of {title}</title><style>{STYLE}</style><h1>Mails of {title}</h1><p>With made-up people. Links lead nowhere. Switch your system to dark to see them dark.</p>{list}</html>"
        ),
    )?;
    Ok(names.len())
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}h2{margin:2.5rem 0 0}small{font-weight:400;opacity:.7}p{margin:.25rem 0 .75rem}div{display:flex;flex-wrap:wrap;gap:1rem}iframe{max-width:100%;height:44rem;border:1px solid #8886;border-radius:8px;background:#fff}";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mail_of_the_example_is_there_with_its_own_words() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../site");
        let site = load(Path::new(folder)).unwrap().site;
        let out = tempfile::tempdir().unwrap();
        let count = write(&site, out.path()).unwrap();
        let mails = site.templates.keys().filter(|name| !name.starts_with('_'));
        assert_eq!(count, mails.count());
        let read = |name: &str| std::fs::read_to_string(out.path().join(name)).unwrap();
        assert!(read("magnet-de-1.txt").contains("Checkliste für den Rundgang"));
        assert!(read("follow-up-figures-1.html").contains("Heat pump site checklist"));
        assert!(read("index.html").contains("follow-up-visit-2.html"));
    }
}

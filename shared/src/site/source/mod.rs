//! Reading a site from its files: parse, check, tell what is wrong.
//!
//! | file | read by |
//! | --- | --- |
//! | `site.toml` | `company` (`[business]`, `[sender]`), `magnets`, `sales`, `channels` |
//! | `forms/*.toml` | `forms`, `fields`, `elsewhere` |
//! | `scoring.toml` | `scoring`, `predicate`, `thresholds`, `reach`, `sense` |
//! | `templates/*` | `templates`, with the data of [`sample`] |
//!
//! Every mistake of every file is found in one run, and each is told with file, line and what to do ([`diagnostic`]). So no reader stops
//! at the first mistake: it reports, leaves the value out, and goes on; only at the end does a site come out, or none.
//! This code runs where a site is written and deployed, never in a function.

mod channels;
mod company;
pub mod diagnostic;
mod elsewhere;
mod fields;
mod forms;
mod hours;
mod magnets;
mod mail_domains;
mod names;
mod predicate;
mod proof;
mod reach;
mod reader;
mod sales;
pub mod sample;
mod scoring;
mod sense;
mod templates;
#[cfg(test)]
mod tests;
mod thresholds;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::channel::Channel;
use crate::domain::form::Form;
use crate::domain::id::sha256_hex;

use super::Site;
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
use names::{FieldFacts, Names};
use predicate::Vocabulary;
use reader::{Report, SourceFile, Table, parse};

/// A site that was read and has no errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The checked site.
    pub site: Site,
    /// What most likely is not as its author meant it.
    pub warnings: Diagnostics,
    /// The file of each magnet: its name in the storage folder `magnets/`, and where it lies now.
    pub magnet_files: Vec<(String, PathBuf)>,
    /// Files and folders whose change means reading again.
    pub watched: Vec<PathBuf>,
    /// For each kind of table that was read, the keys it may have: what the schemas in `infra/site/schema/` have to know.
    pub keys: BTreeMap<String, BTreeSet<&'static str>>,
}

/// Reads and checks the site in a folder. The error has every finding, warnings too.
pub fn load(dir: &Path) -> Result<Loaded, Diagnostics> {
    load_with(dir, None)
}

/// As [`load`], with another file in place of the folder's `scoring.toml`: a model that is to be tried out.
pub fn load_with_scoring(dir: &Path, scoring: &Path) -> Result<Loaded, Diagnostics> {
    load_with(dir, Some(scoring))
}

#[expect(
    clippy::too_many_lines,
    reason = "one pass over the files, in the order in which they refer to each other"
)]
fn load_with(dir: &Path, scoring: Option<&Path>) -> Result<Loaded, Diagnostics> {
    let report = Report::default();
    if !dir.is_dir() {
        let help = Some("name the folder that holds site.toml");
        report.file_error("site.toml", "there is no such folder", help);
        return Err(report.finish());
    }
    let mut files = Files {
        dir,
        report: &report,
        watched: vec![dir.to_path_buf()],
    };
    let site_file = files.read("site.toml", true);
    let scoring_file = files.read_scoring(scoring);
    let form_files = files.read_folder("forms", &["toml"]);
    let template_files = files.read_folder("templates", &["txt", "html"]);
    let magnet_folder = dir.join("magnets");
    files.watched.push(magnet_folder.clone());
    let mut watched = files.watched;

    let site_doc = site_file.as_ref().and_then(|file| parse(file, &report));
    let root = site_file
        .as_ref()
        .zip(site_doc.as_ref())
        .map(|(file, doc)| Table::root(file, doc, &report));
    let business = root.as_ref().and_then(company::business);
    let sender = root.as_ref().and_then(company::sender);
    let read_magnets = |root| magnets::magnets(root, &magnet_folder);
    let magnets = root.as_ref().map(read_magnets);
    let links = root.as_ref().map(company::links).unwrap_or_default();
    let team = root.as_ref().map(sales::team);
    let (channels, told) = channels::channels(root.as_ref(), team.as_ref().map(|team| &team.ids));
    let magnet_names = Names::new("magnet", magnets.as_ref().map(|m| m.ids.clone()));
    let context = forms::Context {
        magnets: &magnet_names,
        people: &told,
        language: business.as_ref().map_or("en", |b| b.language.as_str()),
    };
    let form_ids = form_files.iter().map(|file| stem(&file.name).to_owned());
    let errors_before = report.errors();
    let forms = read_forms(&form_files, &context, &report);
    let forms_stand = report.errors() == errors_before;

    let purposes = purposes(&forms, forms_stand);
    for purpose in magnets.iter().flat_map(|m| &m.purposes) {
        purposes.check(purpose);
    }
    let fields = FieldFacts::new(forms.values(), forms_stand);
    let vocabulary = Vocabulary {
        forms: &Names::new("form", Some(form_ids.collect())),
        magnets: &magnet_names,
        fields: &fields,
        purposes: &purposes,
        forms_by_id: &forms,
    };
    let scoring_doc = scoring_file.as_ref().and_then(|file| parse(file, &report));
    let model = scoring_file
        .as_ref()
        .zip(scoring_doc.as_ref())
        .and_then(|(file, doc)| {
            scoring::model(Table::root(file, doc, &report), &vocabulary, &report)
        });
    if let (Some(model), Some(root), 0) = (&model, &root, report.errors()) {
        sense::magnets(model, &magnets::places(root), &vocabulary);
    }
    let sales = team.and_then(|team| sales::sales(team, &vocabulary));
    if let Some(root) = root {
        root.finish();
    }
    let (any_business, any_sender) = sample::stand_in();
    let templates = templates::templates(
        &template_files,
        &templates::Known {
            business: business.as_ref().unwrap_or(&any_business),
            sender: sender.as_ref().unwrap_or(&any_sender),
            links: &links,
            forms: &forms,
            magnets: &magnet_names,
            follow_ups: magnets.as_ref().map_or(&[], |m| m.templates.as_slice()),
        },
        &report,
    );

    let magnets = magnets.map(|m| (m.by_id, m.files));
    let complete = report.errors() == 0;
    let keys = report.keys();
    let findings = report.finish();
    let (
        Some(business),
        Some(sender),
        Some((magnets, magnet_files)),
        Some(model),
        Some(sales),
        true,
    ) = (business, sender, magnets, model, sales, complete)
    else {
        return Err(findings);
    };
    watched.extend(magnet_files.iter().map(|(_, path)| path.clone()));
    let site = Site {
        layout: Site::LAYOUT,
        business,
        sender,
        forms,
        magnets,
        links,
        model,
        sales,
        channels,
        templates,
        hash: String::new(),
    };
    Ok(Loaded {
        site: Site {
            hash: short_hash(&site),
            ..site
        },
        warnings: findings,
        magnet_files,
        watched,
        keys,
    })
}

/// Purposes that forms ask a consent for.
fn purposes(forms: &BTreeMap<String, Form>, complete: bool) -> Names {
    let asks = forms.values().flat_map(|form| &form.consents);
    Names::new(
        "consent",
        complete.then(|| asks.map(|ask| ask.purpose.clone()).collect()),
    )
}

fn read_forms(
    files: &[SourceFile],
    context: &forms::Context<'_>,
    report: &Report,
) -> BTreeMap<String, Form> {
    let mut read = BTreeMap::new();
    if files.is_empty() {
        report.file_error(
            "forms",
            "the site has no form",
            Some("add forms/NAME.toml; NAME is the last part of its address"),
        );
    }
    for file in files {
        let Some(document) = parse(file, report) else {
            continue;
        };
        if let Some(form) = forms::form(
            stem(&file.name),
            Table::root(file, &document, report),
            context,
        ) {
            read.insert(form.id.clone(), form);
        }
    }
    elsewhere::check_apart(read.values(), report);
    read
}

/// The site as it is deployed: without the channels that only the local runner can serve.
pub fn for_deployment(site: Site) -> Site {
    if !site.channels.iter().any(Channel::is_local) {
        return site;
    }
    let mut site = site;
    site.channels.retain(|c| !c.is_local());
    for form in site.forms.values_mut() {
        let channels = &site.channels;
        let people = &site.sales;
        form.notify
            .retain(|n| people.person(n).is_some() || channels.iter().any(|c| c.id == *n));
    }
    site.hash.clear();
    let hash = short_hash(&site);
    Site { hash, ..site }
}

/// The first 16 hex digits of the SHA-256 of a definition: what tells two versions of it apart.
fn short_hash(definition: &impl Serialize) -> String {
    // A tree of strings and numbers: serialising it cannot fail.
    let mut hash = sha256_hex(&serde_json::to_vec(definition).unwrap_or_default());
    hash.truncate(16);
    hash
}

fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Reading files, with a report of what cannot be read.
struct Files<'a> {
    dir: &'a Path,
    report: &'a Report,
    watched: Vec<PathBuf>,
}

impl Files<'_> {
    fn read(&mut self, name: &str, required: bool) -> Option<SourceFile> {
        self.read_at(name, &self.dir.join(name), required)
    }

    /// The scoring model of the folder, or another file in its place.
    fn read_scoring(&mut self, other: Option<&Path>) -> Option<SourceFile> {
        match other {
            None => self.read("scoring.toml", true),
            Some(path) => self.read_at(&path.display().to_string(), path, true),
        }
    }

    fn read_at(&mut self, name: &str, path: &Path, required: bool) -> Option<SourceFile> {
        self.watched.push(path.to_path_buf());
        match fs::read(path) {
            Ok(bytes) => {
                let Ok(text) = String::from_utf8(bytes) else {
                    self.report.file_error(
                        name,
                        "the file is not UTF-8 text",
                        Some("save it as UTF-8"),
                    );
                    return None;
                };
                let text = text
                    .strip_prefix('\u{feff}')
                    .unwrap_or(&text)
                    .replace("\r\n", "\n");
                Some(SourceFile {
                    name: name.to_owned(),
                    text,
                })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && required => {
                self.report.file_error(name, "the file is missing", None);
                None
            }
            Err(error) => {
                self.report
                    .file_error(name, format!("the file cannot be read: {error}"), None);
                None
            }
        }
    }

    /// The files of a folder with one of these extensions, in order of name. Others are told, because a misspelt ending would
    /// otherwise make a form vanish without a word.
    fn read_folder(&mut self, folder: &str, extensions: &[&str]) -> Vec<SourceFile> {
        self.watched.push(self.dir.join(folder));
        let entries = match fs::read_dir(self.dir.join(folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                self.report
                    .file_error(folder, format!("the folder cannot be read: {error}"), None);
                return Vec::new();
            }
        };
        let mut names: Vec<String> = entries
            .flatten()
            .filter_map(|e| e.file_name().into_string().ok())
            .collect();
        // Editors leave files that begin with a dot or end in a tilde.
        names.retain(|name| !name.starts_with('.') && !name.ends_with('~'));
        names.sort();
        let mut files = Vec::new();
        for name in names {
            let path = format!("{folder}/{name}");
            if name
                .rsplit_once('.')
                .is_some_and(|(_, extension)| extensions.contains(&extension))
            {
                files.extend(self.read(&path, false));
            } else {
                let help = format!("files here end in .{}", extensions.join(" or ."));
                self.report
                    .file_warning(&path, "the file is not read", &help);
            }
        }
        files
    }
}

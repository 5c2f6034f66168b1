//! `templates/`: mail templates, checked by compiling and rendering them with sample data.
//!
//! `<name>.txt` begins with `Subject: ...` and a blank line, `<name>.html` is the same mail for people whose mail program shows HTML.
//! Names that begin with `_` are layouts.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error as _;

use minijinja::{Environment, Error, Value};

use crate::domain::form::Form;
use crate::site::templates::engine;
use crate::site::{Business, MailTemplate, Sender};

use super::names::Names;
use super::reader::{At, Report, SourceFile, nearest, suggestion};
use super::sample::{FOLLOW_UP, MAILS, REMINDER, samples};

/// Longest subject that mail programs show and the mail service takes.
const LONGEST_SUBJECT: usize = 200;

/// Gmail cuts off what is longer, and with it the footer.
const LONGEST_HTML: usize = 102_000;

/// What the template language itself brings.
const BUILT_IN: [&str; 9] = [
    "loop",
    "super",
    "caller",
    "self",
    "range",
    "namespace",
    "dict",
    "debug",
    "varargs",
];

/// A part of a mail as the engine knows it, and the file it came from.
struct Part<'a> {
    /// `magnet.html`, `magnet.txt`, `magnet.subject`.
    name: String,
    body: &'a str,
    file: &'a SourceFile,
    /// Lines of the file before the body.
    skipped: usize,
}

impl Part<'_> {
    /// The name of the mail or layout.
    fn stem(&self) -> &str {
        self.name
            .rsplit_once('.')
            .map_or(self.name.as_str(), |(stem, _)| stem)
    }

    /// `subject`, `txt` or `html`.
    fn extension(&self) -> &str {
        self.name
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }
}

/// What templates may refer to, and who refers to them.
pub(super) struct Known<'s> {
    pub business: &'s Business,
    pub sender: &'s Sender,
    /// Tracked links.
    pub links: &'s BTreeMap<String, String>,
    pub forms: &'s BTreeMap<String, Form>,
    pub magnets: &'s Names,
    /// Templates that follow-ups name.
    pub follow_ups: &'s [At<'s, String>],
}

impl Known<'_> {
    /// What data a mail of this name is given: its kind, or none where no mail is called so. `magnet-guide` and `magnet-de` are the
    /// mail `magnet` for a form, a magnet or a language.
    fn kind(&self, stem: &str) -> Option<&'static str> {
        let is_follow_up = |name: &str| self.follow_ups.iter().any(|f| f.value == name);
        let own = MAILS
            .into_iter()
            .chain([REMINDER])
            .find(|mail| *mail == stem)
            .or_else(|| is_follow_up(stem).then_some(FOLLOW_UP));
        own.or_else(|| {
            stem.match_indices('-').find_map(|(at, _)| {
                let (mail, variant) = (stem.get(..at)?, stem.get(at + 1..)?);
                if !self.is_variant(variant) {
                    return None;
                }
                if is_follow_up(mail) {
                    return Some(FOLLOW_UP);
                }
                ["magnet", "confirm", REMINDER]
                    .into_iter()
                    .find(|m| *m == mail)
            })
        })
    }

    fn is_variant(&self, name: &str) -> bool {
        let language = |tag: &str| {
            let tag = tag.to_lowercase();
            tag == name || tag.split('-').next() == Some(name)
        };
        self.forms.contains_key(name)
            || self.magnets.has(name)
            || self.forms.values().any(|f| language(&f.language))
            || language(&self.business.language)
    }

    fn samples(&self, kind: &str) -> Vec<serde_json::Value> {
        samples(kind, self.business, self.sender, self.links)
    }
}

/// Reads and checks all templates. The business and the sender stand in the samples.
pub(super) fn templates(
    files: &[SourceFile],
    known: &Known<'_>,
    report: &Report,
) -> BTreeMap<String, MailTemplate> {
    let parts = split(files, report);
    check_complete(files, known, report);
    let mut engine = engine();
    let mut compiled = true;
    for part in &parts {
        if let Err(error) = engine.add_template_owned(part.name.clone(), part.body) {
            compiled = false;
            report_at(&error, part, &parts, report);
        }
    }
    let before = report.errors();
    if compiled {
        check_names(&engine, &parts, known, report);
    }
    if compiled && report.errors() == before {
        for part in &parts {
            if let Some(kind) = known.kind(part.stem()) {
                render_part(&engine, part, &parts, &known.samples(kind), report);
            }
        }
    }
    gather(&parts)
}

/// Takes subjects out of the text files.
fn split<'a>(files: &'a [SourceFile], report: &Report) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for file in files {
        let name = file.name.rsplit('/').next().unwrap_or_default();
        let is_mail_text = name
            .strip_suffix(".txt")
            .is_some_and(|stem| !stem.starts_with('_'));
        if !is_mail_text {
            parts.push(Part {
                name: name.to_owned(),
                body: &file.text,
                file,
                skipped: 0,
            });
            continue;
        }
        let stem = name.strip_suffix(".txt").unwrap_or(name);
        let mut lines = file.text.splitn(3, '\n');
        let (first, second, body) = (
            lines.next().unwrap_or_default(),
            lines.next(),
            lines.next().unwrap_or_default(),
        );
        match first.strip_prefix("Subject:").map(str::trim) {
            Some(subject) if !subject.is_empty() && second.is_some_and(|l| l.trim().is_empty()) => {
                parts.push(Part {
                    name: format!("{stem}.subject"),
                    body: subject,
                    file,
                    skipped: 0,
                });
                parts.push(Part {
                    name: name.to_owned(),
                    body,
                    file,
                    skipped: 2,
                });
            }
            _ => report.file_error(
                &file.name,
                "the mail does not begin with its subject",
                Some("the first line is `Subject: ...`, the second is blank, then comes the text"),
            ),
        }
    }
    parts
}

/// Every mail has both parts, every mail that is sent has a template, every template is used.
fn check_complete(files: &[SourceFile], known: &Known<'_>, report: &Report) {
    let split = |file: &'_ SourceFile| {
        let (stem, extension) = file.name.rsplit('/').next()?.rsplit_once('.')?;
        (!stem.starts_with('_')).then(|| (stem.to_owned(), extension.to_owned()))
    };
    let there: BTreeSet<(String, String)> = files.iter().filter_map(split).collect();
    let stems: BTreeSet<&str> = there.iter().map(|(stem, _)| stem.as_str()).collect();
    for stem in stems.iter().copied() {
        for lack in ["html", "txt"] {
            if !there.contains(&(stem.to_owned(), lack.to_owned())) {
                report.file_error(
                    &format!("templates/{stem}.{lack}"),
                    format!("the mail `{stem}` has no {lack} part"),
                    Some("add the file: some people read mail as plain text, others as HTML"),
                );
            }
        }
        if known.kind(stem).is_none() {
            let help = suggestion(stem, &MAILS)
                .unwrap_or_else(|| format!("mails are {}, {REMINDER}, what follow-ups name, and NAME-FORM, NAME-MAGNET or NAME-LANGUAGE in place of one", MAILS.join(", ")));
            for (_, extension) in there.iter().filter(|(s, _)| s == stem) {
                report.file_warning(
                    &format!("templates/{stem}.{extension}"),
                    format!("no mail is called `{stem}`"),
                    &help,
                );
            }
        }
    }
    let reminds = known.forms.values().any(|f| f.remind_after_days.is_some());
    let needed = MAILS.into_iter().chain(reminds.then_some(REMINDER));
    for mail in needed.filter(|mail| !stems.contains(mail)) {
        report.file_error(
            &format!("templates/{mail}.txt"),
            format!("there is no template for the mail `{mail}`"),
            Some("add NAME.txt and NAME.html"),
        );
    }
    for follow_up in known.follow_ups {
        if MAILS.contains(&follow_up.value.as_str()) || follow_up.value == REMINDER {
            follow_up.spot.error_help(
                format!("`{}` is the template of another mail", follow_up.value),
                "give the follow-up a name of its own",
            );
        } else if !stems.contains(follow_up.value.as_str()) {
            let there: Vec<&str> = stems.iter().copied().collect();
            follow_up.spot.error_near(
                format!("there is no template templates/{}.txt", follow_up.value),
                &follow_up.value,
                &there,
            );
        }
    }
}

/// Variables exist, in every branch of a part: a mail's parts may use what that mail has, a layout what every mail has.
fn check_names(engine: &Environment<'_>, parts: &[Part<'_>], known: &Known<'_>, report: &Report) {
    for part in parts {
        let kinds: Vec<&str> = if part.stem().starts_with('_') {
            MAILS.to_vec()
        } else {
            known.kind(part.stem()).into_iter().collect()
        };
        for kind in kinds {
            let Some(full) = known.samples(kind).into_iter().next() else {
                continue;
            };
            let mail = if kind == FOLLOW_UP { part.stem() } else { kind };
            check_variables(engine, part, &full, mail, report);
        }
    }
}

/// Renders a part with each sample, which finds what only shows in use: names inside loops, wrong filters, missing layouts.
fn render_part(
    engine: &Environment<'_>,
    part: &Part<'_>,
    parts: &[Part<'_>],
    samples: &[serde_json::Value],
    report: &Report,
) {
    let Ok(template) = engine.get_template(&part.name) else {
        return;
    };
    for sample in samples {
        match template.render(Value::from_serialize(sample)) {
            Err(error) => {
                report_at(&error, part, parts, report);
                break;
            }
            Ok(rendered) if part.extension() == "subject" => {
                check_subject(&rendered, part, report);
            }
            Ok(rendered) if part.extension() == "html" && rendered.len() > LONGEST_HTML => {
                part.file.line_spot(report, 1).warn_help(
                    format!(
                        "the mail is {} kB of HTML; Gmail cuts off what is over 102 kB",
                        rendered.len() / 1000
                    ),
                    "make it shorter",
                );
            }
            Ok(_) => {}
        }
    }
}

/// Reports variables that the mail does not have.
fn check_variables(
    engine: &Environment<'_>,
    part: &Part<'_>,
    sample: &serde_json::Value,
    mail: &str,
    report: &Report,
) {
    let Ok(template) = engine.get_template(&part.name) else {
        return;
    };
    for path in template.undeclared_variables(true) {
        let root = path.split('.').next().unwrap_or_default();
        if BUILT_IN.contains(&root) {
            continue;
        }
        let Err(help) = look_up(sample, &path) else {
            continue;
        };
        let lines = part
            .body
            .lines()
            .enumerate()
            .filter(|(_, line)| names(line, &path));
        for (i, _) in lines {
            let spot = part.file.line_spot(report, part.skipped + i + 1);
            spot.error_help(
                format!("the mail `{mail}` has no variable `{path}`"),
                help.clone(),
            );
        }
    }
}

/// Whether the path leads to a value; if not, what to say about it.
fn look_up(sample: &serde_json::Value, path: &str) -> Result<(), String> {
    let mut at = sample;
    let steps: Vec<&str> = path.split('.').collect();
    for (i, step) in steps.iter().enumerate() {
        let Some(object) = at.as_object() else {
            return Ok(());
        };
        let Some(next) = object.get(*step) else {
            let known: Vec<&str> = object.keys().map(String::as_str).collect();
            let (before, after) = (&steps[..i], &steps[i + 1..]);
            return Err(match nearest(step, &known) {
                Some(near) => format!(
                    "did you mean `{}`?",
                    [before, &[near], after].concat().join(".")
                ),
                None => format!("there is {}", known.join(", ")),
            });
        };
        at = next;
    }
    Ok(())
}

/// Whether the line has the path as a word of its own.
fn names(line: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(path).any(|(at, _)| {
        let before = line.get(..at).and_then(|s| s.chars().next_back());
        let after = line.get(at + path.len()..).and_then(|s| s.chars().next());
        !before.is_some_and(|c| is_word(c) || c == '.') && !after.is_some_and(is_word)
    })
}

fn check_subject(rendered: &str, part: &Part<'_>, report: &Report) {
    let spot = part.file.line_spot(report, 1);
    if rendered.trim().is_empty() {
        spot.error_help(
            "the subject can come out empty",
            "let it say something whatever is known",
        );
    } else if rendered.chars().count() > LONGEST_SUBJECT {
        spot.error(format!(
            "the subject comes out over {LONGEST_SUBJECT} characters"
        ));
    }
}

/// Reports an error of the engine where it happened, which may be a layout.
fn report_at(error: &Error, part: &Part<'_>, parts: &[Part<'_>], report: &Report) {
    let mut deepest = error;
    let mut cause = error.source();
    while let Some(next) = cause.and_then(|c| c.downcast_ref::<Error>()) {
        if next.name().is_some() {
            deepest = next;
        }
        cause = next.source();
    }
    let at = parts
        .iter()
        .find(|p| Some(p.name.as_str()) == deepest.name())
        .unwrap_or(part);
    let line = deepest.line().unwrap_or(1);
    let spot = at.file.line_spot(report, at.skipped + line);
    let what = deepest
        .detail()
        .map_or_else(|| deepest.kind().to_string(), str::to_owned);
    match at
        .body
        .lines()
        .nth(line - 1)
        .map(str::trim)
        .filter(|l| !l.is_empty())
    {
        Some(text) => spot.error_help(what, format!("the line is `{}`", shortened(text))),
        None => spot.error(what),
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 100;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}

fn gather(parts: &[Part<'_>]) -> BTreeMap<String, MailTemplate> {
    let mut templates: BTreeMap<String, MailTemplate> = BTreeMap::new();
    for part in parts {
        let template = templates
            .entry(part.stem().to_owned())
            .or_insert_with(|| MailTemplate {
                subject: String::new(),
                text: String::new(),
                html: String::new(),
            });
        let body = part.body.to_owned();
        match part.extension() {
            "subject" => template.subject = body,
            "txt" => template.text = body,
            _ => template.html = body,
        }
    }
    templates
}

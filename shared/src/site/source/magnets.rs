//! `[[magnet]]` of `site.toml`, and the files they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::domain::magnet::{FollowUp, LATEST_FOLLOW_UP_DAYS, MOST_FOLLOW_UPS, Magnet};

use super::company::check_plain;
use super::names::{Unique, check_id};
use super::reader::{At, Table, suggestion};

/// Media types by file extension.
const TYPES: [(&str, &str); 14] = [
    ("csv", "text/csv"),
    (
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    ("epub", "application/epub+zip"),
    ("html", "text/html"),
    ("jpg", "image/jpeg"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    (
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("txt", "text/plain"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("zip", "application/zip"),
];

/// What was read: the magnets in order of id, all their ids (also of those with mistakes), and where each file lies.
#[derive(Default)]
pub(super) struct Magnets<'a> {
    pub by_id: BTreeMap<String, Magnet>,
    pub ids: BTreeSet<String>,
    pub files: Vec<(String, PathBuf)>,
    /// What follow-ups name: their templates and the consents they need.
    pub templates: Vec<At<'a, String>>,
    pub purposes: Vec<At<'a, String>>,
}

/// Reads all `[[magnet]]`.
pub(super) fn magnets<'a>(root: &Table<'a>, folder: &Path) -> Magnets<'a> {
    let mut found = Magnets::default();
    let mut ids = Unique::default();
    for table in root.tables("magnet", "[[magnet]]") {
        let follow_ups = follow_ups(&table, &mut found);
        if let Some(mut magnet) = magnet(&table, folder, &mut ids) {
            magnet.follow_ups = follow_ups;
            let place = (magnet.file.clone(), folder.join(&magnet.file));
            if !found.files.contains(&place) {
                found.files.push(place);
            }
            found.by_id.insert(magnet.id.clone(), magnet);
        }
        table.finish();
    }
    found.ids = ids.into_ids();
    found
}

/// Where the id of each magnet stands.
pub(super) fn places<'a>(root: &Table<'a>) -> Vec<At<'a, String>> {
    let tables = root.tables("magnet", "[[magnet]]").into_iter();
    tables.filter_map(|table| table.text("id")).collect()
}

/// `[[magnet.follow_up]]`, in order of their day.
fn follow_ups<'a>(table: &Table<'a>, found: &mut Magnets<'a>) -> Vec<FollowUp> {
    let mut read: Vec<FollowUp> = Vec::new();
    for follow_up in table.tables("follow_up", "[[magnet.follow_up]]") {
        let after_days = follow_up.bounded::<u16>("after_days", 1, LATEST_FOLLOW_UP_DAYS.into());
        if !follow_up.has("after_days") {
            follow_up.spot.error_help(
                "the follow-up has no `after_days`",
                "how many days after the download it goes out",
            );
        }
        let template = follow_up.required_text("template", "the name of its template");
        let purpose = follow_up.required_text(
            "consent",
            "the purpose that people must have agreed to, such as `newsletter`",
        );
        if read.len() == MOST_FOLLOW_UPS {
            follow_up.spot.error_help(
                format!("a magnet has at most {MOST_FOLLOW_UPS} follow-ups"),
                "more is not about the magnet any more",
            );
        }
        if let Some(days) = &after_days
            && read.iter().any(|f| f.after_days == days.value)
        {
            days.spot
                .error("there is another follow-up on the same day");
        }
        if let (Some(days), Some(template), Some(purpose)) = (after_days, &template, &purpose) {
            read.push(FollowUp {
                after_days: days.value,
                template: template.value.clone(),
                purpose: purpose.value.clone(),
            });
        }
        found.templates.extend(template);
        found.purposes.extend(purpose);
        follow_up.finish();
    }
    read.sort_by_key(|f| f.after_days);
    read
}

fn magnet(table: &Table<'_>, folder: &Path, ids: &mut Unique) -> Option<Magnet> {
    let id = table.required_text("id", "the name that forms and rules use");
    let title = table.required_text(
        "title",
        "what people read in mails and on the download page",
    );
    let description = table.text("description");
    let file = table.required_text("file", "the name of a file in the folder magnets/");
    let save_as = table.text("save_as");
    let content_type = table.text("content_type");

    let id_ok = id
        .as_ref()
        .is_some_and(|id| check_id(id, "magnet", 40) && ids.insert(&id.value, id.spot, "magnet"));
    for line in [&title, &description].into_iter().flatten() {
        check_plain(line, 300);
    }
    if let Some(name) = &save_as {
        check_save_as(name);
    }
    let file = file?;
    let (bytes, sha256) = measure(&file, folder)?;
    let content_type = content_type.map(|t| t.value).or_else(|| type_of(&file));
    id_ok.then_some(())?;
    Some(Magnet {
        id: id?.value,
        title: title?.value,
        description: description.map(|d| d.value).unwrap_or_default(),
        save_as: save_as.map_or_else(|| file.value.clone(), |s| s.value),
        file: file.value,
        content_type: content_type?,
        bytes,
        sha256,
        follow_ups: Vec::new(),
    })
}

/// The name stands in a header that tells the browser how to save the file.
fn check_save_as(name: &At<'_, String>) {
    let bad = |c: char| {
        c.is_control() || matches!(c, '/' | '\\' | '"' | ':' | '*' | '?' | '<' | '>' | '|')
    };
    if name.value.trim().is_empty() || name.value.contains(bad) || name.value.chars().count() > 120
    {
        name.spot.error_help(
            format!("`{}` cannot be a file name everywhere", name.value),
            "leave out / \\ \" : * ? < > | and keep it under 120 characters",
        );
    }
}

fn type_of(file: &At<'_, String>) -> Option<String> {
    let extension = Path::new(&file.value)
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default()
        .to_lowercase();
    let known = TYPES
        .iter()
        .find(|(e, _)| *e == extension)
        .map(|(_, t)| (*t).to_owned());
    if known.is_none() {
        file.spot.error_help(
            format!("what kind of file is `{}`?", file.value),
            "add its media type, such as `content_type = \"application/pdf\"`",
        );
    }
    known
}

/// Size and SHA-256 of the file.
fn measure(file: &At<'_, String>, folder: &Path) -> Option<(u64, String)> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if !file.value.chars().all(plain) || file.value.starts_with('.') || file.value.len() > 120 {
        file.spot.error_help(
            format!("`{}` cannot be the file of a magnet", file.value),
            "use a plain name of a-z, 0-9, - and _ with an extension; `save_as` is what visitors see",
        );
        return None;
    }
    match hash_file(&folder.join(&file.value)) {
        Ok((0, _)) => {
            file.spot.error(format!("magnets/{} is empty", file.value));
            None
        }
        Ok(measured) => Some(measured),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let there = list(folder);
            let there: Vec<&str> = there.iter().map(String::as_str).collect();
            let help = suggestion(&file.value, &there)
                .unwrap_or_else(|| String::from("put the file there"));
            file.spot
                .error_help(format!("there is no file magnets/{}", file.value), help);
            None
        }
        Err(error) => {
            file.spot
                .error(format!("magnets/{} cannot be read: {error}", file.value));
            None
        }
    }
}

fn hash_file(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    let mut bytes = 0u64;
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((bytes, HEXLOWER.encode(&hasher.finalize())));
        }
        bytes += read as u64;
        hasher.update(chunk.get(..read).unwrap_or_default());
    }
}

fn list(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let files = entries
        .filter(|e| e.path().is_file())
        .filter_map(|e| e.file_name().into_string().ok());
    let mut names: Vec<String> = files.filter(|n| !n.starts_with('.')).collect();
    names.sort();
    names
}

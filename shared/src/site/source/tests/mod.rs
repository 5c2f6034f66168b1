//! What the checker says, mistake by mistake: each test changes one thing in a small site that is otherwise right, and holds the lines
//! its author would read.

mod channels;
mod company;
mod example;
mod forms;
mod sales;
mod schema;
mod scoring;
mod templates;

use std::collections::BTreeMap;
use std::fs;

use tempfile::TempDir;

use super::{Diagnostics, Loaded, load};

/// A site as a set of files.
#[derive(Clone)]
struct Files(BTreeMap<String, String>);

/// The smallest site without a finding.
fn small_site() -> Files {
    let mut files = Files(BTreeMap::new());
    files.put(
        "site.toml",
        r##"[business]
name = "Acme"
postal_address = "Acme Ltd, 1 High Street, London, UK"
website = "https://acme.example"
privacy_url = "https://acme.example/privacy"
accent = "#1f5fbf"

[sender]
name = "Acme"

[[magnet]]
id = "guide"
title = "The guide"
file = "guide.pdf"

[sales]
fallback = "mira"

[[sales.person]]
id = "mira"
name = "Mira"
email = "mira@acme.example"

[[sales.action]]
text = "Call."
reason = "It helps."
"##,
    );
    files.put(
        "forms/guide.toml",
        r#"title = "Get the guide"
magnet = "guide"
allowed_origins = ["https://acme.example"]

[[field]]
name = "email"
label = "Email"
kind = "email"

[[field]]
name = "budget"
label = "Budget"
kind = "choice"
options = ["small", "large"]

[[consent]]
purpose = "newsletter"
text = "Send me news."
"#,
    );
    files.put(
        "scoring.toml",
        r#"[threshold]
total = 20

[[rule]]
id = "asked"
reason = "Asked for the guide"
dimension = "engagement"
when = { touchpoint = "form_submitted", form = "guide" }
points = 10
cap = 10

[[rule]]
id = "budget"
reason = "Has a budget"
dimension = "bant"
when = { field = "budget", is = ["large"] }
points = 10
"#,
    );
    files.put("magnets/guide.pdf", "%PDF");
    files.put(
        "templates/_layout.html",
        "<p>{% block body %}{% endblock %}</p>{{ business.postal_address }}\n",
    );
    files.put(
        "templates/_layout.txt",
        "{% block body %}{% endblock %}\n{{ business.postal_address }}\n",
    );
    for (name, variable) in [
        ("magnet", "links.download"),
        ("confirm", "links.confirm"),
        ("notice", "lead_ref"),
        ("alert", "handoff.name"),
    ] {
        let body = format!("{{% block body %}}{{{{ {variable} }}}}{{% endblock %}}\n");
        files.put(
            &format!("templates/{name}.txt"),
            &format!(
                "Subject: From {{{{ business.name }}}}\n\n{{% extends \"_layout.txt\" %}}\n{body}"
            ),
        );
        files.put(
            &format!("templates/{name}.html"),
            &format!("{{% extends \"_layout.html\" %}}\n{body}"),
        );
    }
    files
}

impl Files {
    fn put(&mut self, path: &str, text: &str) {
        self.0.insert(path.to_owned(), text.to_owned());
    }

    /// The site with one text of a file replaced by another.
    #[track_caller]
    fn edit(mut self, path: &str, from: &str, to: &str) -> Self {
        let text = self.0.get_mut(path).unwrap_or_else(|| panic!("no {path}"));
        assert!(text.contains(from), "{path} has no {from:?}");
        *text = text.replacen(from, to, 1);
        self
    }

    /// The site with text added at the end of a file.
    #[track_caller]
    fn append(mut self, path: &str, more: &str) -> Self {
        self.0
            .get_mut(path)
            .unwrap_or_else(|| panic!("no {path}"))
            .push_str(more);
        self
    }

    fn with(mut self, path: &str, text: &str) -> Self {
        self.put(path, text);
        self
    }

    fn without(mut self, path: &str) -> Self {
        self.0.remove(path);
        self
    }

    fn load(&self) -> Result<Loaded, Diagnostics> {
        let dir = TempDir::new().unwrap();
        for (path, text) in &self.0 {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        load(dir.path())
    }

    /// Holds the lines that an author reads.
    #[track_caller]
    fn says(&self, expected: &[&str]) {
        let printed = match self.load() {
            Ok(loaded) => loaded.warnings.to_string(),
            Err(findings) => findings.to_string(),
        };
        assert_eq!(
            printed.lines().collect::<Vec<_>>(),
            expected,
            "\n{printed}\n"
        );
    }
}

#[test]
fn the_small_site_has_no_finding() {
    small_site().says(&[]);
}

#[test]
fn every_mistake_of_every_file_is_told_at_once_in_order() {
    small_site()
        .edit("site.toml", "postal_address = \"Acme Ltd, 1 High Street, London, UK\"\n", "")
        .edit("site.toml", "fallback = \"mira\"", "fallback = \"nira\"")
        .edit("forms/guide.toml", "label = \"Budget\"", "lable = \"Budget\"")
        .edit("scoring.toml", "form = \"guide\"", "form = \"gide\"")
        .edit("templates/alert.html", "handoff.name", "handof.name")
        .says(&[
            "forms/guide.toml:12:1: error: [[field]] has no `label`; help: what people read beside the field",
            "forms/guide.toml:12:1: error: unknown key `lable` in [[field]]; help: did you mean `label`?",
            "scoring.toml:8:48: error: there is no form `gide`; help: did you mean `guide`?",
            "site.toml:1:1: error: [business] has no `postal_address`; help: the law of most countries wants one at the foot of each mail; write it as `postal_address = \"Street 1, 12345 City, Country\"`",
            "site.toml:16:12: error: there is no sales person `nira`; help: did you mean `mira`?",
            "templates/alert.html:2:1: error: the mail `alert` has no variable `handof.name`; help: did you mean `handoff.name`?",
        ]);
}

#[test]
fn all_syntax_errors_of_a_file_are_told_and_nothing_else_of_it() {
    small_site()
        .edit("scoring.toml", "total = 20", "total = ")
        .edit("scoring.toml", "points = 10\ncap", "points 10\ncap")
        .says(&[
            "scoring.toml:2:9: error: string values must be quoted, expected literal string",
            "scoring.toml:9:8: error: key with no value, expected `=`",
        ]);
}

#[test]
fn files_that_are_missing_not_text_or_not_read_are_told() {
    small_site()
        .without("scoring.toml")
        .with("forms/demo.tml", "x")
        .says(&[
            "forms/demo.tml:1:1: warning: the file is not read; help: files here end in .toml",
            "scoring.toml:1:1: error: the file is missing",
        ]);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_taken_as_they_come() {
    let mut files = small_site();
    for text in files.0.values_mut() {
        *text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    }
    let plain = small_site().load().unwrap().site;
    let windows = files
        .edit("magnets/guide.pdf", "\u{feff}", "")
        .load()
        .unwrap()
        .site;
    assert_eq!(windows.hash, plain.hash);
}

#[test]
fn a_folder_that_is_not_there_is_one_mistake() {
    let folder = TempDir::new().unwrap();
    let found = load(&folder.path().join("nowhere")).unwrap_err();
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "site.toml:1:1: error: there is no such folder; help: name the folder that holds site.toml"
        ]
    );
}

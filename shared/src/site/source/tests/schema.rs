//! The schemas in `infra/site/schema/`: the example site is what they say, and they know the keys that the reader knows, no more and no
//! less. A key that is added to the reader fails here until its schema has it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::{load, small_site};

fn site(path: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/site")).join(path)
}

fn schema(name: &str) -> Value {
    let text = fs::read_to_string(site(&format!("schema/{name}.schema.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn problems(name: &str, toml: &str) -> Vec<String> {
    let file: Value = toml::from_str(toml).unwrap();
    let validator = jsonschema::validator_for(&schema(name)).unwrap();
    validator
        .iter_errors(&file)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect()
}

#[test]
fn the_example_site_is_what_its_schemas_say() {
    for (name, path) in [
        ("site", "site.toml"),
        ("scoring", "scoring.toml"),
        ("form", "forms/guide.toml"),
        ("form", "forms/demo.toml"),
    ] {
        let text = fs::read_to_string(site(path)).unwrap();
        assert_eq!(problems(name, &text), [] as [&str; 0], "{path}");
        let named = text
            .lines()
            .next()
            .unwrap()
            .strip_prefix("#:schema ")
            .unwrap();
        let folder = site(path).parent().unwrap().to_path_buf();
        assert!(folder.join(named).exists(), "{path} names {named}");
    }
}

#[test]
fn an_editor_is_told_of_a_wrong_key_a_wrong_type_and_a_missing_one() {
    let rule = |rest: &str| {
        format!("[threshold]\ntotal = 1\n[[rule]]\nid = \"a\"\nreason = \"r\"\n{rest}")
    };
    let fine = "dimension = \"fit\"\npoints = 1\nwhen = { domain = \"business\" }";
    assert_eq!(problems("scoring", &rule(fine)), [] as [&str; 0]);
    for wrong in [
        fine.replace("points", "point"),
        fine.replace("= 1", "= \"1\""),
        fine.replace("\"fit\"", "\"fitness\""),
        fine.replace(
            "domain = \"business\"",
            "field = \"a\", domain = \"business\"",
        ),
        fine.replace("dimension = \"fit\"\n", ""),
    ] {
        assert!(!problems("scoring", &rule(&wrong)).is_empty(), "{wrong}");
    }
}

/// A site that has every kind of table, and every kind of thing where the kind decides about the keys.
fn whole_site() -> super::Files {
    let rule = |id: &str, when: &str| {
        format!(
            "\n[[rule]]\nid = \"{id}\"\nreason = \"R\"\ndimension = \"fit\"\npoints = 1\ncap = 4\ncap_per_window = {{ points = 2, days = 7 }}\nwhen = {when}\n"
        )
    };
    let scoring = [
        "\n[matrix]\nfit = [3, 2, 1]\nengagement = [9, 5]\nready = [\"A1\"]\n\n[recycle]\ncool_down_days = 1\n\n[[group]]\nid = \"g\"\ncap = 9\n\n[[profile]]\nid = \"p\"\nname = \"P\"\n",
        &rule("every", "{ touchpoint = \"link_clicked\" }"),
        &rule("nested", "{ all = [{ domain = \"business\" }, { any = [{ field = \"budget\", is = \"small\" }] }, { not = { field = \"budget\", is = \"large\" } }] }"),
    ]
    .concat();
    let sales = r#"
time_zone = "Europe/Berlin"

[[sales.team]]
id = "west"
name = "The west"
members = ["mira"]

[[sales.route]]
field = "budget"
is = ["large"]
owner = "mira"

[[sales.route]]
when = [{ field = "budget", is = ["small"] }]
team = "west"

[[channel]]
id = "a"
kind = "webhook"
url = "https://crm.example/hook"
secret = "crm"

[[channel]]
id = "b"
kind = "slack"
secret = "slack"

[[channel]]
id = "c"
kind = "hubspot"
secret = "hubspot"

[[channel]]
id = "d"
kind = "salesforce"
oid = "00D000000000000"
"#;
    let more = "\n[[field]]\nname = \"note\"\nlabel = \"Note\"\nkind = \"text\"\nmax = 9\n\n[[field]]\nname = \"size\"\nlabel = \"Size\"\nkind = \"number\"\nmin = 1\n\n[[field]]\nname = \"part\"\nlabel = \"Part\"\nkind = \"choice\"\noptions = [{ value = \"a\", label = \"A\" }]\n\n[elsewhere]\nformspree = \"abc\"\n\n[[redirect]]\nname = \"thanks\"\nto = \"/thanks\"\n\n[proof]\nkind = \"altcha\"\n\n[retention]\nunconfirmed_days = 7\n";
    let (time_zone, rest) = sales.split_once("\n\n").unwrap();
    small_site()
        .edit(
            "site.toml",
            "fallback = \"mira\"",
            &format!("fallback = \"mira\"{time_zone}"),
        )
        .append("site.toml", rest)
        .append("forms/guide.toml", more)
        .append("scoring.toml", &scoring)
}

/// What messages call a table, and what a schema calls it.
fn title(what: &str) -> String {
    if what.contains("condition") {
        return String::from("condition");
    }
    what.to_owned()
}

#[test]
fn the_schemas_know_the_keys_that_the_reader_knows() {
    let loaded = whole_site()
        .load()
        .unwrap_or_else(|findings| panic!("\n{findings}\n"));
    let example = load(&site("")).unwrap();
    let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (what, keys) in loaded.keys.into_iter().chain(example.keys) {
        let keys = keys.into_iter().map(str::to_owned);
        read.entry(title(&what)).or_default().extend(keys);
    }
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in ["site", "form", "scoring"] {
        let schema = schema(name);
        let tables = schema["$defs"].as_object().unwrap().values();
        for table in tables.chain([&schema]) {
            let keys = table["properties"].as_object().unwrap().keys().cloned();
            let title = table["title"].as_str().unwrap().to_owned();
            known.entry(title).or_default().extend(keys);
        }
    }
    assert_eq!(read, known, "left: the reader's keys; right: the schemas'");
}

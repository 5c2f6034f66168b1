//! `scoring.toml`: rules, thresholds, lists of domains.

use crate::domain::score::{Dimension, Predicate, Rule, ScoreModel, Thresholds};

use super::company::check_plain;
use super::free_mail::FREE_MAIL_DOMAINS;
use super::names::{Unique, check_id};
use super::predicate::{Vocabulary, predicate};
use super::reach::most_points;
use super::reader::{At, Report, Table};

/// Most points of one match, either way.
const MOST_POINTS: i64 = 1_000;

/// Reads the scoring model.
pub(super) fn model(
    root: Table<'_>,
    vocabulary: &Vocabulary<'_>,
    report: &Report,
) -> Option<ScoreModel> {
    let errors_before = report.errors();
    let threshold = root.required_table(
        "threshold",
        "[threshold]",
        "say when a lead is ready for sales: `total = 60`",
    );
    let competitor_domains = domains(&root, "competitor_domains", &[]);
    let free_mail_domains = domains(&root, "free_mail_domains", &FREE_MAIL_DOMAINS);
    for both in competitor_domains
        .iter()
        .filter(|d| free_mail_domains.contains(d))
    {
        root.key_spot("competitor_domains").error(format!(
            "{both} is both a competitor and a free-mail provider"
        ));
    }
    let mut ids = Unique::default();
    let mut rules = Vec::new();
    for table in root.tables("rule", "[[rule]]") {
        rules.extend(rule(table, vocabulary, &mut ids));
    }
    let thresholds = threshold.and_then(|table| {
        // A rule with a mistake is missing from the sum, so a threshold is only measured against rules that all stand.
        let complete = report.errors() == errors_before;
        let rules = complete.then_some(rules.as_slice());
        let read = read_thresholds(&table, rules, vocabulary);
        table.finish();
        read
    });
    root.finish();
    let model = ScoreModel {
        free_mail_domains,
        competitor_domains,
        ..ScoreModel::new(rules, thresholds?)
    };
    let hash = super::short_hash(&model);
    Some(ScoreModel { hash, ..model })
}

fn read_thresholds(
    table: &Table<'_>,
    rules: Option<&[Rule]>,
    vocabulary: &Vocabulary<'_>,
) -> Option<Thresholds> {
    if !table.has("total") {
        table.spot.error_help(
            "[threshold] has no `total`",
            "the points at which a lead is handed to sales, such as `total = 60`",
        );
    }
    let read = |key: &'static str, dimension: Option<Dimension>| -> Option<i32> {
        let least = table.bounded::<i32>(key, 1, 1_000_000)?;
        let Some(most) = rules.and_then(|rules| most_points(rules, dimension, vocabulary.fields))
        else {
            return Some(least.value);
        };
        if i64::from(least.value) > most {
            let of = dimension.map_or("together", |d| match d {
                Dimension::Fit => "of dimension `fit`",
                Dimension::Engagement => "of dimension `engagement`",
                Dimension::Bant => "of dimension `bant`",
            });
            least.spot.error_help(
                format!(
                    "no lead can reach `{key} = {}`: all rules {of} give at most {most} points",
                    least.value
                ),
                "lower the threshold, or give more points",
            );
        }
        Some(least.value)
    };
    let total = read("total", None);
    let fit = read("fit", Some(Dimension::Fit));
    let engagement = read("engagement", Some(Dimension::Engagement));
    let bant = read("bant", Some(Dimension::Bant));
    Some(Thresholds {
        total: Some(total?),
        fit,
        engagement,
        bant,
        matrix: None,
    })
}

fn rule(table: Table<'_>, vocabulary: &Vocabulary<'_>, ids: &mut Unique) -> Option<Rule> {
    let id = table.required_text(
        "id",
        "the name that breakdowns show, such as `asked-for-a-demo`",
    );
    let reason = table.required_text(
        "reason",
        "why it gives points, one sentence that sales reads",
    );
    let dimension = table
        .required_text("dimension", "fit, engagement or bant")
        .and_then(|word| dimension(&word));
    let points = table.bounded::<i32>("points", -MOST_POINTS, MOST_POINTS);
    let cap = table.bounded::<u32>("cap", 1, 1_000_000);
    let cap_per_day = table.bounded::<u32>("cap_per_day", 1, 1_000_000);
    let confirmed_only = table.flag("confirmed_only").unwrap_or(false);
    let when = table
        .required_table(
            "when",
            "condition `when`",
            "say what it matches: `when = { touchpoint = \"form_submitted\" }`",
        )
        .and_then(|when| predicate(when, vocabulary, 1));

    let id_ok = id
        .as_ref()
        .is_some_and(|id| check_id(id, "rule", 64) && ids.insert(&id.value, id.spot, "rule"));
    if let Some(reason) = &reason {
        check_plain(reason, 200);
    }
    if !table.has("points") {
        table.spot.error_help(
            "[[rule]] has no `points`",
            "the points of each match, such as `points = 10`",
        );
    }
    if let Some(zero) = points.as_ref().filter(|p| p.value == 0) {
        zero.spot.error_help(
            "a rule of no points says nothing",
            "give it points, or remove the rule",
        );
    }
    if let Some(when) = &when {
        check_caps(&table, when);
    }
    table.finish();
    id_ok.then_some(())?;
    Some(Rule {
        reason: reason?.value,
        cap: cap.map(|c| c.value),
        cap_per_day: cap_per_day.map(|c| c.value),
        confirmed_only,
        ..Rule::new(&id?.value, dimension?, when?, points?.value)
    })
}

fn dimension(word: &At<'_, String>) -> Option<Dimension> {
    match word.value.as_str() {
        "fit" => Some(Dimension::Fit),
        "engagement" => Some(Dimension::Engagement),
        "bant" => Some(Dimension::Bant),
        other => {
            word.spot.error_near(
                format!("there is no dimension `{other}`"),
                other,
                &["fit", "engagement", "bant"],
            );
            None
        }
    }
}

/// Caps belong to rules that can match many times, and such rules need one: without it, clicks alone make a lead.
fn check_caps(table: &Table<'_>, when: &Predicate) {
    if when.is_about_touchpoints() {
        if !table.has("cap") && !table.has("cap_per_day") {
            table.spot.warn_help(
                "the rule has no cap: repeating one thing makes a lead ready for sales",
                "add `cap = ...`, the most points the rule gives in all",
            );
        }
        return;
    }
    for key in ["cap", "cap_per_day"]
        .into_iter()
        .filter(|key| table.has(key))
    {
        table.key_spot(key).warn_help(
            format!("`{key}` has no effect: a condition on the profile gives its points once"),
            "remove it",
        );
    }
}

/// A list of domains, checked, with those that are known anyway; lower case and sorted.
fn domains(root: &Table<'_>, key: &'static str, known: &[&str]) -> Vec<String> {
    let mut all: Vec<String> = known.iter().map(|d| (*d).to_owned()).collect();
    for domain in root.texts(key).unwrap_or_default() {
        let lower = domain.value.to_lowercase();
        let label =
            |l: &str| !l.is_empty() && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if lower.contains('.') && lower.split('.').all(label) {
            all.push(lower);
        } else {
            domain.spot.error_help(
                format!("`{}` is not a domain", domain.value),
                "write what stands after the @: `example.com`",
            );
        }
    }
    all.sort();
    all.dedup();
    all
}

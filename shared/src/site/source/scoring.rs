//! `scoring.toml`: rules, groups, ideal customers, thresholds, lists of domains.

use crate::domain::disposable::is_disposable;
use crate::domain::score::{Decay, Dimension, FitProfile, Group, Rule, ScoreModel, WindowCap};

use super::company::check_plain;
use super::mail_domains::free_mail;
use super::names::{Names, Unique, check_id};
use super::predicate::{Vocabulary, predicate};
use super::reader::{At, Report, Spot, Table};
use super::sense;
use super::thresholds::{recycle, thresholds};

/// Most points of one match, either way.
const MOST_POINTS: i64 = 1_000;
/// Largest cap: what one rule may give at most, so that no number of rules overflows a score.
const LARGEST_CAP: i64 = 1_000_000;
/// Most rules: with the largest cap each, the sum is still far from the end of an integer of 32 bits.
const MOST_RULES: usize = 500;
/// Longest half-life, step or window in days.
const LONGEST_DAYS: i64 = 3_650;

/// A rule and where it stands.
pub(super) struct Placed<'a> {
    pub rule: Rule,
    /// Its `[[rule]]`.
    pub spot: Spot<'a>,
    /// Its `when`.
    pub when: Spot<'a>,
}

/// Reads the scoring model.
pub(super) fn model(
    root: Table<'_>,
    vocabulary: &Vocabulary<'_>,
    report: &Report,
) -> Option<ScoreModel> {
    let errors_before = report.errors();
    let competitor_domains = domains(&root, "competitor_domains", std::iter::empty());
    let free_mail_domains = domains(&root, "free_mail_domains", free_mail());
    let disposable_domains = domains(&root, "disposable_domains", std::iter::empty());
    for domain in &competitor_domains {
        let what = if free_mail_domains.contains(domain) {
            "a free-mail provider"
        } else if disposable_domains.contains(domain) || is_disposable(domain, &[]) {
            "a provider of throw-away mailboxes"
        } else {
            continue;
        };
        root.key_spot("competitor_domains")
            .error(format!("{domain} is both a competitor and {what}"));
    }
    let mut ids = Unique::default();
    let groups: Vec<Group> = root
        .tables("group", "[[group]]")
        .into_iter()
        .filter_map(|table| group(table, &mut ids))
        .collect();
    let profiles: Vec<FitProfile> = root
        .tables("profile", "[[profile]]")
        .into_iter()
        .filter_map(|table| profile(table, &mut ids))
        .collect();
    let names = Own {
        groups: Names::new("group", Some(groups.iter().map(|g| g.id.clone()).collect())),
        profiles: Names::new(
            "profile",
            Some(profiles.iter().map(|p| p.id.clone()).collect()),
        ),
    };
    let mut rules = Vec::new();
    for table in root.tables("rule", "[[rule]]") {
        rules.extend(rule(table, vocabulary, &names, &mut ids));
    }
    check_groups(&rules);
    if let Some(over) = rules.get(MOST_RULES) {
        over.spot.error_help(
            format!("there are over {MOST_RULES} rules: their points could overflow a score"),
            "put values into one rule with `is = [..]`",
        );
    }
    let recycle = recycle(&root);
    // A rule with a mistake is missing from the sum, so the rest is only measured where all rules stand.
    let complete = report.errors() == errors_before;
    let plain: Vec<Rule> = rules.iter().map(|r| r.rule.clone()).collect();
    let mut model = ScoreModel {
        groups,
        profiles,
        recycle,
        free_mail_domains,
        disposable_domains,
        competitor_domains,
        ..ScoreModel::new(plain, crate::domain::score::Thresholds::default())
    };
    let thresholds = thresholds(&root, complete.then_some(&model), vocabulary);
    if complete {
        sense::check(&model, &rules, vocabulary);
    }
    root.finish();
    model.thresholds = thresholds?;
    let hash = super::short_hash(&model);
    Some(ScoreModel { hash, ..model })
}

/// The cap of a group over two dimensions would take from one what is earned in the other.
fn check_groups(rules: &[Placed<'_>]) {
    for (at, placed) in rules.iter().enumerate() {
        let other = |first: &&Placed<'_>| {
            first.rule.group.is_some()
                && first.rule.group == placed.rule.group
                && first.rule.dimension != placed.rule.dimension
        };
        if let Some(first) = rules[..at].iter().find(other) {
            placed.spot.error_help(
                format!(
                    "`{}` and `{}` are of one group and count in different dimensions",
                    first.rule.id, placed.rule.id
                ),
                "make a group for each dimension",
            );
        }
    }
}

/// What rules may refer to within the file.
struct Own {
    groups: Names,
    profiles: Names,
}

fn group(table: Table<'_>, ids: &mut Unique) -> Option<Group> {
    let id = table.required_text("id", "the name that rules use in `group`");
    let cap = table.bounded::<u32>("cap", 1, LARGEST_CAP);
    let decay = decay(&table);
    if cap.is_none() && decay.is_none() && !table.has("cap") {
        table.spot.warn_help(
            "the group does nothing",
            "give it a `cap` that its rules share, or a `half_life_days`",
        );
    }
    let id_ok = id
        .as_ref()
        .is_some_and(|id| check_id(id, "group", 64) && ids.insert(&id.value, id.spot, "id"));
    table.finish();
    id_ok.then_some(())?;
    Some(Group {
        id: id?.value,
        cap: cap.map(|c| c.value),
        decay,
    })
}

fn profile(table: Table<'_>, ids: &mut Unique) -> Option<FitProfile> {
    let id = table.required_text("id", "the name that rules use in `profile`");
    let name = table.required_text("name", "what people call this ideal customer");
    let id_ok = id
        .as_ref()
        .is_some_and(|id| check_id(id, "profile", 64) && ids.insert(&id.value, id.spot, "id"));
    if let Some(name) = &name {
        check_plain(name, 100);
    }
    table.finish();
    id_ok.then_some(())?;
    Some(FitProfile {
        id: id?.value,
        name: name?.value,
    })
}

fn rule<'a>(
    table: Table<'a>,
    vocabulary: &Vocabulary<'_>,
    names: &Own,
    ids: &mut Unique,
) -> Option<Placed<'a>> {
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
    let cap = table.bounded::<u32>("cap", 1, LARGEST_CAP);
    let cap_per_day = table.bounded::<u32>("cap_per_day", 1, LARGEST_CAP);
    let cap_per_window = window(&table);
    let once = table.flag("once").unwrap_or(false);
    let disqualify = table.flag("disqualify").unwrap_or(false);
    let confirmed_only = table.flag("confirmed_only").unwrap_or(false);
    let decay = decay(&table);
    let group = table.text("group");
    let profile = table.text("profile");
    let when_spot = table.key_spot("when");
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
    if let Some(group) = &group {
        names.groups.check(group);
    }
    if let Some(profile) = &profile {
        names.profiles.check(profile);
        if dimension.is_some_and(|d| d != Dimension::Fit) {
            profile.spot.error_help(
                "only rules of dimension `fit` describe an ideal customer",
                "remove `profile`, or make the dimension `fit`",
            );
        } else if group.is_some() {
            profile.spot.error_help(
                "a rule belongs to a group or to an ideal customer, not to both",
                "remove `group` or `profile`",
            );
        }
    }
    if !table.has("points") && !disqualify {
        table.spot.error_help(
            "[[rule]] has no `points`",
            "the points of each match, such as `points = 10`",
        );
    }
    if let Some(zero) = points.as_ref().filter(|p| p.value == 0 && !disqualify) {
        zero.spot.error_help(
            "a rule of no points says nothing",
            "give it points, or remove the rule",
        );
    }
    if let Some(some) = points.as_ref().filter(|p| p.value > 0 && disqualify) {
        some.spot.error_help(
            "a rule that rules a lead out cannot give it points as well",
            "remove `points`, or `disqualify`",
        );
    }
    let spot = table.spot;
    let points_are_read = points.is_some() || !table.has("points");
    let read = || {
        (id_ok && points_are_read).then_some(())?;
        let points = points.map_or(0, |p| p.value);
        Some(Rule {
            reason: reason?.value,
            cap: cap.map(|c| c.value),
            cap_per_day: cap_per_day.map(|c| c.value),
            cap_per_window,
            once,
            disqualify,
            confirmed_only,
            decay,
            group: group.map(|g| g.value),
            profile: profile.map(|p| p.value),
            ..Rule::new(&id?.value, dimension?, when?, points)
        })
    };
    let rule = read();
    if let Some(rule) = &rule {
        sense::caps(&table, rule);
    }
    table.finish();
    Some(Placed {
        rule: rule?,
        spot,
        when: when_spot,
    })
}

/// `cap_per_window = { points = 10, days = 7 }`
fn window(table: &Table<'_>) -> Option<WindowCap> {
    let window = table.table("cap_per_window", "`cap_per_window`")?;
    let points = window.bounded::<u32>("points", 1, LARGEST_CAP);
    let days = window.bounded::<u32>("days", 1, LONGEST_DAYS);
    if !window.has("points") || !window.has("days") {
        window.spot.error_help(
            "`cap_per_window` needs `points` and `days`",
            "write `cap_per_window = { points = 10, days = 7 }`",
        );
    }
    window.finish();
    Some(WindowCap {
        points: points?.value,
        days: days?.value,
    })
}

/// `half_life_days = 30`, or `lose_percent = 10` with `every_days = 7`.
fn decay(table: &Table<'_>) -> Option<Decay> {
    let half_life = table.bounded::<u32>("half_life_days", 1, LONGEST_DAYS);
    let percent = table.bounded::<u32>("lose_percent", 1, 100);
    let every = table.bounded::<u32>("every_days", 1, LONGEST_DAYS);
    let stepped = table.has("lose_percent") || table.has("every_days");
    if table.has("half_life_days") && stepped {
        table.key_spot("half_life_days").error_help(
            "points fade in one way only",
            "use `half_life_days`, or `lose_percent` with `every_days`",
        );
        return None;
    }
    if stepped && !(table.has("lose_percent") && table.has("every_days")) {
        let given = if table.has("every_days") {
            "every_days"
        } else {
            "lose_percent"
        };
        table.key_spot(given).error_help(
            "`lose_percent` and `every_days` belong together",
            "write `lose_percent = 10` and `every_days = 7`: a tenth goes each week",
        );
        return None;
    }
    if let Some(days) = half_life {
        return Some(Decay::HalfLife { days: days.value });
    }
    Some(Decay::Steps {
        percent: percent?.value,
        every_days: every?.value,
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

/// A list of domains, checked, with those that are known anyway; lower case and sorted.
fn domains(
    root: &Table<'_>,
    key: &'static str,
    known: impl Iterator<Item = &'static str>,
) -> Vec<String> {
    let mut all: Vec<String> = known.map(str::to_owned).collect();
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

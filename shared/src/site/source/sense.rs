//! Whether a model makes sense as a whole: rules that can never match, caps that do nothing, groups nobody uses.
//!
//! Everything here is a warning: the model can be used, but most likely does not do what its author meant.

use crate::domain::score::{DomainClass, Predicate, Rule, ScoreModel, TouchMatch};

use super::predicate::Vocabulary;
use super::reader::{At, Table};
use super::scoring::Placed;

/// Looks at all rules together.
pub(super) fn check(model: &ScoreModel, rules: &[Placed<'_>], vocabulary: &Vocabulary<'_>) {
    for (at, placed) in rules.iter().enumerate() {
        if let Some((why, help)) = never(&placed.rule.when, vocabulary) {
            placed
                .when
                .warn_help(format!("the rule can never match: {why}"), help);
        }
        let same = |other: &&Placed<'_>| {
            let (a, b) = (&other.rule, &placed.rule);
            (&a.when, a.dimension, &a.profile) == (&b.when, b.dimension, &b.profile)
        };
        if let Some(first) = rules[..at].iter().find(same) {
            placed.when.warn_help(
                format!(
                    "`{}` on line {} has the same condition, so both always match together",
                    first.rule.id,
                    first.spot.line()
                ),
                "put their points into one rule",
            );
        }
        group_cap(model, placed);
        age(model, placed);
    }
    for group in &model.groups {
        let members = rules
            .iter()
            .filter(|p| p.rule.group.as_ref() == Some(&group.id));
        if let (Some(first), 1) = (members.clone().next(), members.count())
            && group.cap.is_some()
        {
            first.spot.warn_help(
                format!(
                    "`{}` is the only rule of its group `{}`",
                    first.rule.id, group.id
                ),
                "use the rule's own `cap`, or put other rules into the group",
            );
        }
    }
}

fn group_cap(model: &ScoreModel, placed: &Placed<'_>) {
    let rule = &placed.rule;
    let cap = model.group_of(rule).and_then(|g| Some((g, g.cap?)));
    if let Some((group, cap)) = cap
        && rule.points.unsigned_abs() > cap
    {
        placed.spot.warn_help(
            format!(
                "the cap of group `{}`, {cap}, is under the {} points of one match of `{}`",
                group.id, rule.points, rule.id
            ),
            "raise the cap of the group, or give fewer points",
        );
    }
}

/// Points fade by the age of a touchpoint or an answer; a rule that rests on neither never ages.
fn age(model: &ScoreModel, placed: &Placed<'_>) {
    let mut rests_on_something = false;
    placed.rule.when.walk(&mut |p| {
        rests_on_something |= match p {
            Predicate::Touchpoint(_) | Predicate::Seen(_) => true,
            Predicate::FieldAbsent { .. } | Predicate::DomainIs(_) => false,
            other => other.own_field().is_some(),
        };
    });
    if model.decay_of(&placed.rule).is_some() && !rests_on_something {
        placed.spot.warn_help(
            format!(
                "the points of `{}` never fade: nothing in its condition has a date",
                placed.rule.id
            ),
            "remove the fading, or add a touchpoint or an answer to the condition",
        );
    }
}

/// Caps belong to rules that can match many times, and such rules need one: without it, clicks alone make a lead.
pub(super) fn caps(table: &Table<'_>, rule: &Rule) {
    let points = rule.points.unsigned_abs();
    let mut first_only = false;
    rule.when
        .walk(&mut |p| first_only |= matches!(p, Predicate::Touchpoint(t) if t.first));
    let no_effect = |key: &'static str, why: &str| {
        if table.has(key) {
            table
                .key_spot(key)
                .warn_help(format!("`{key}` has no effect: {why}"), "remove it");
        }
    };
    if !rule.when.is_about_touchpoints() || first_only {
        let why = if first_only {
            "the first touchpoint gives its points once"
        } else {
            "a condition on the profile gives its points once"
        };
        for key in ["cap", "cap_per_day", "cap_per_window", "once"] {
            no_effect(key, why);
        }
        return;
    }
    if rule.once {
        for key in ["cap", "cap_per_day", "cap_per_window"] {
            no_effect(key, "the rule gives its points once");
        }
        return;
    }
    let window = rule.cap_per_window.map(|w| w.points);
    let caps = [rule.cap, window, rule.cap_per_day];
    if caps.iter().all(Option::is_none) {
        if rule.points > 0 && rule.group.is_none() {
            table.spot.warn_help(
                "the rule has no cap: repeating one thing makes a lead ready for sales",
                "add `cap = ...`, the most points the rule gives in all",
            );
        }
        return;
    }
    let wider =
        |inner: Option<u32>, outer: Option<u32>| inner.zip(outer).is_some_and(|(i, o)| i >= o);
    if wider(rule.cap_per_day, rule.cap) || wider(rule.cap_per_day, window) {
        no_effect("cap_per_day", "another cap is reached first");
    }
    if wider(window, rule.cap) {
        no_effect("cap_per_window", "`cap` is reached first");
    }
    let keys = ["cap", "cap_per_window", "cap_per_day"];
    if let Some((key, Some(cap))) = keys
        .into_iter()
        .zip(caps)
        .find(|(_, cap)| cap.is_some_and(|cap| cap < points))
    {
        table.key_spot(key).warn_help(
            format!("`{key}` is {cap}, so a match never gives its {points} points"),
            "raise the cap, or give fewer points",
        );
    }
}

/// Why the condition can never hold, and what to do; nothing where it may.
fn never(when: &Predicate, vocabulary: &Vocabulary<'_>) -> Option<(String, String)> {
    match when {
        Predicate::All(inner) => inner
            .iter()
            .find_map(|p| never(p, vocabulary))
            .or_else(|| contradiction(inner, vocabulary)),
        Predicate::Any(inner) => {
            let reasons: Option<Vec<_>> = inner.iter().map(|p| never(p, vocabulary)).collect();
            reasons.and_then(|r| r.into_iter().next())
        }
        Predicate::Touchpoint(of) => never_happens(of, vocabulary),
        Predicate::Seen(seen) => never_happens(&seen.of, vocabulary),
        Predicate::FieldBetween { field, min, max } => {
            let (least, most) = vocabulary.fields.range(field)?;
            let outside = min.is_some_and(|m| m > most) || max.is_some_and(|m| m < least);
            outside.then(|| {
                (
                    format!("`{field}` is a number from {least} to {most}"),
                    String::from("change the bounds of the rule, or those of the field"),
                )
            })
        }
        Predicate::FieldAbsent { field } => vocabulary.fields.is_always_given(field).then(|| {
            (
                format!("every form requires `{field}`"),
                String::from("remove the rule, or make the field optional"),
            )
        }),
        Predicate::FieldIs { .. }
        | Predicate::FieldContains { .. }
        | Predicate::FieldMatches { .. }
        | Predicate::DomainIs(_)
        | Predicate::Not(_) => None,
    }
}

fn contradiction(all: &[Predicate], vocabulary: &Vocabulary<'_>) -> Option<(String, String)> {
    let help = || String::from("use `any`, or make one rule for each");
    for (at, a) in all.iter().enumerate() {
        for b in &all[at + 1..] {
            let why = match (a, b) {
                (
                    Predicate::FieldIs { field, any_of },
                    Predicate::FieldIs {
                        field: same,
                        any_of: others,
                    },
                ) if field == same
                    && vocabulary.fields.is_single(field)
                    && !any_of.iter().any(|v| others.contains(v)) =>
                {
                    format!("`{field}` has one answer, and the two lists have none in common")
                }
                (Predicate::FieldAbsent { field }, other)
                | (other, Predicate::FieldAbsent { field })
                    if other.own_field() == Some(field)
                        && !matches!(other, Predicate::FieldAbsent { .. }) =>
                {
                    format!("`{field}` cannot be absent and have an answer")
                }
                (Predicate::DomainIs(one), Predicate::DomainIs(other)) if one != other => {
                    format!(
                        "a domain is of one class, not both {} and {}",
                        class(*one),
                        class(*other)
                    )
                }
                (Predicate::Not(not), other) | (other, Predicate::Not(not)) if **not == *other => {
                    String::from("it asks for a condition and for its opposite")
                }
                _ => continue,
            };
            return Some((why, help()));
        }
    }
    None
}

const fn class(class: DomainClass) -> &'static str {
    match class {
        DomainClass::FreeMail => "free mail",
        DomainClass::Disposable => "disposable",
        DomainClass::Competitor => "competitor",
        DomainClass::Business => "business",
    }
}

/// Why no such touchpoint ever happens on this site.
fn never_happens(of: &TouchMatch, vocabulary: &Vocabulary<'_>) -> Option<(String, String)> {
    if let (Some(_), "form_submitted" | "unsubscribed" | "complained" | "accepted" | "rejected") =
        (&of.magnet, of.kind.as_str())
    {
        return Some((
            format!("a `{}` names no magnet", of.kind),
            String::from("use `magnet_downloaded`, or name the form that mails it"),
        ));
    }
    let forms = vocabulary.forms_by_id;
    let magnet = of.magnet.as_ref()?;
    if !vocabulary.fields.complete() || vocabulary.is_mailed(magnet) {
        return match of.form.as_ref().and_then(|form| forms.get(form)) {
            Some(form) if form.magnet.as_ref() != Some(magnet) => Some((
                format!("form `{}` does not mail magnet `{magnet}`", form.id),
                String::from("name the form that does, or remove `form`"),
            )),
            _ => None,
        };
    }
    Some((
        format!("no form mails magnet `{magnet}`"),
        format!("set `magnet = \"{magnet}\"` in a form"),
    ))
}

/// Looks for magnets that people get and no rule takes notice of. What nobody gets, nobody downloads.
pub(super) fn magnets(model: &ScoreModel, places: &[At<'_, String>], vocabulary: &Vocabulary<'_>) {
    for id in places {
        if vocabulary.is_mailed(&id.value) && !notices(model, vocabulary, &id.value) {
            id.spot.warn_help(
                format!("no rule knows the magnet `{}`", id.value),
                format!(
                    "give points for it in scoring.toml: `when = {{ touchpoint = \"magnet_downloaded\", magnet = \"{}\" }}`",
                    id.value
                ),
            );
        }
    }
}

/// Whether some rule takes notice of a magnet: by its name, by a form that mails it, or whichever magnet it is.
fn notices(model: &ScoreModel, vocabulary: &Vocabulary<'_>, magnet: &str) -> bool {
    let mails = |form: &String| {
        vocabulary
            .forms_by_id
            .get(form)
            .is_some_and(|f| f.magnet.as_deref() == Some(magnet))
    };
    let likes = |of: &TouchMatch| match (&of.magnet, &of.form) {
        (Some(named), _) => named == magnet,
        (None, Some(form)) => mails(form),
        (None, None) => matches!(of.kind.as_str(), "" | "magnet_downloaded" | "link_renewed"),
    };
    let mut noticed = false;
    for rule in &model.rules {
        rule.when.walk(&mut |p| {
            noticed |= match p {
                Predicate::Touchpoint(of) => likes(of),
                Predicate::Seen(seen) => likes(&seen.of),
                _ => false,
            };
        });
    }
    noticed
}

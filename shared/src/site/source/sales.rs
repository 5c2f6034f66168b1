//! `[sales]` of `site.toml`: the team, who gets which lead, what to do next.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::pii::Pii;
use crate::domain::sales::{ActionRule, Assignee, Condition, Group, Route, Sales, SalesPerson};
use crate::runtime::is_secret_name;

use super::company::{check_address, check_plain};
use super::hours::{Hours, hours};
use super::names::{Names, Unique, check_id};
use super::predicate::Vocabulary;
use super::reader::{At, Table};

/// The keys of a condition.
const COMPARISONS: [&str; 7] = ["field", "is", "min", "max", "known", "form", "magnet"];

/// The team, read before the forms because forms name people; the rest of `[sales]` is read after them, because it names their fields.
pub(super) struct Team<'a> {
    /// Those without mistakes, in the order of the file.
    pub people: Vec<SalesPerson>,
    /// Ids, also of those with mistakes.
    pub ids: Names,
    known: Option<BTreeSet<String>>,
    everybody: Hours,
    hours: BTreeMap<String, Hours>,
    table: Option<Table<'a>>,
}

/// Reads `[[sales.person]]`.
pub(super) fn team<'a>(root: &Table<'a>) -> Team<'a> {
    let table = root.required_table("sales", "[sales]", "name the team and who gets which lead");
    let mut ids = Unique::default();
    let mut people = Vec::new();
    let mut own_hours = BTreeMap::new();
    let mut everybody = Hours::default();
    if let Some(table) = &table {
        everybody = hours(table);
        for person in table.tables("person", "[[sales.person]]") {
            let their_hours = hours(&person);
            if let Some(read) = read_person(&person, &mut ids) {
                if !their_hours.says_nothing() {
                    own_hours.insert(read.id.clone(), their_hours);
                }
                people.push(read);
            }
            person.finish();
        }
        if !table.has("person") {
            table.spot.error_help(
                "[sales] has no team",
                "add a [[sales.person]] with `id`, `name` and `email`",
            );
        }
    }
    let known = table.is_some().then(|| ids.into_ids());
    Team {
        people,
        ids: Names::new("sales person", known.clone()),
        known,
        everybody,
        hours: own_hours,
        table,
    }
}

fn read_person(table: &Table<'_>, ids: &mut Unique) -> Option<SalesPerson> {
    let id = table.required_text("id", "the name that routes use");
    let name = table.required_text("name", "the name that alerts show");
    let email = table.required_text("email", "where alerts go");
    let id_ok = id
        .as_ref()
        .is_some_and(|id| check_id(id, "person", 40) && ids.insert(&id.value, id.spot, "person"));
    if let Some(name) = &name {
        check_plain(name, 100);
    }
    if let Some(email) = &email {
        check_address(email);
    }
    id_ok.then_some(())?;
    Some(SalesPerson {
        id: id?.value,
        name: name?.value,
        email: Pii::new(email?.value),
    })
}

/// Reads the rest of `[sales]`.
pub(super) fn sales(team: Team<'_>, vocabulary: &Vocabulary<'_>) -> Option<Sales> {
    let Team {
        people,
        ids,
        known,
        everybody,
        hours,
        table,
    } = team;
    let table = table?;
    let groups = read_groups(&table, &ids, known.as_ref());
    let whom = Whom {
        people: ids,
        groups: Names::new(
            "sales team",
            Some(groups.iter().map(|g| g.id.clone()).collect()),
        ),
    };
    let fallback = table
        .required_text(
            "fallback",
            "the id of the person or team that gets a lead no route matches",
        )
        .map(|id| {
            if groups.iter().any(|g| g.id == id.value) {
                return Assignee::Group(id.value);
            }
            whom.people.check(&id);
            Assignee::Person(id.value)
        });
    let escalate_after_minutes = table
        .bounded("escalate_after_minutes", 5, 10_080)
        .map(|m| m.value);
    let call_consent = table.text("call_consent");
    if let Some(purpose) = &call_consent {
        vocabulary.purposes.check(purpose);
    }
    let verdict_secret = table.text("verdict_secret").and_then(|name| {
        if !is_secret_name(&name.value) {
            // Not repeated here: somebody may have put the secret itself.
            name.spot.error_help(
                "`verdict_secret` is the name of a secret: a-z, 0-9 and -",
                "the secret itself is kept apart; docs/handoff.md tells where",
            );
            return None;
        }
        Some(name.value)
    });
    let mut routes = Vec::new();
    for route in table.tables("route", "[[sales.route]]") {
        routes.extend(read_route(&route, &whom, vocabulary));
        route.finish();
    }
    let actions = read_actions(&table, vocabulary);
    table.finish();
    Some(Sales {
        calendars: hours
            .iter()
            .filter_map(|(id, own)| Some((id.clone(), own.calendar(&everybody)?)))
            .collect(),
        calendar: Hours::default().calendar(&everybody),
        team: people,
        groups,
        routes,
        fallback: fallback?,
        actions,
        escalate_after_minutes,
        call_consent: call_consent.map(|c| c.value),
        verdict_secret,
    })
}

/// Who can get a lead.
struct Whom {
    people: Names,
    groups: Names,
}

/// Reads `[[sales.team]]`.
fn read_groups(table: &Table<'_>, people: &Names, known: Option<&BTreeSet<String>>) -> Vec<Group> {
    let mut ids = Unique::default();
    let mut groups = Vec::new();
    for group in table.tables("team", "[[sales.team]]") {
        let id = group.required_text("id", "the name that routes use");
        let name =
            group.required_text("name", "what people call the team, such as `the west team`");
        let members = group.texts("members").unwrap_or_default();
        if members.is_empty() {
            group.spot.error_help(
                "the team has no members",
                "add `members = [\"...\"]` with the ids of people, in the order of their turns",
            );
        }
        for member in &members {
            people.check(member);
        }
        if let Some(name) = &name {
            check_plain(name, 100);
        }
        let id_ok = id.as_ref().is_some_and(|id| {
            if known.is_some_and(|people| people.contains(&id.value)) {
                id.spot
                    .error(format!("`{}` is the id of a person already", id.value));
                return false;
            }
            check_id(id, "team", 40) && ids.insert(&id.value, id.spot, "team")
        });
        if let (true, Some(id), Some(name), false) = (id_ok, id, name, members.is_empty()) {
            let mut seen = BTreeSet::new();
            groups.push(Group {
                id: id.value,
                name: name.value,
                members: members
                    .into_iter()
                    .map(|m| m.value)
                    .filter(|m| seen.insert(m.clone()))
                    .collect(),
            });
        }
        group.finish();
    }
    groups
}

fn read_route(table: &Table<'_>, whom: &Whom, vocabulary: &Vocabulary<'_>) -> Option<Route> {
    let when = read_conditions(table, vocabulary);
    if when.is_empty() && !table.has("field") && !table.has("when") {
        table.spot.error_help(
            "the route does not say which leads it is for",
            "add `field` and `is`, or `when = [{ .. }, { .. }]`; what no route matches goes to `fallback`",
        );
    }
    let owner = table.text("owner");
    let team = table.text("team");
    let to = match (owner, team) {
        (Some(owner), None) => {
            whom.people.check(&owner);
            Some(Assignee::Person(owner.value))
        }
        (None, Some(team)) => {
            whom.groups.check(&team);
            Some(Assignee::Group(team.value))
        }
        (Some(_), Some(team)) => {
            team.spot
                .error("the route has an `owner` and a `team`; it needs one of them");
            None
        }
        (None, None) => {
            table.spot.error_help(
                "the route leads to nobody",
                "add `owner`, the id of a [[sales.person]], or `team`, the id of a [[sales.team]]",
            );
            None
        }
    };
    Some(Route { when, to: to? })
}

fn read_actions(table: &Table<'_>, vocabulary: &Vocabulary<'_>) -> Vec<ActionRule> {
    let mut actions = Vec::new();
    let mut always: Option<u32> = None;
    for action in table.tables("action", "[[sales.action]]") {
        if let Some(line) = always {
            action.spot.warn_help(
                format!(
                    "this action is never suggested: the one on line {line} matches every lead"
                ),
                "put the action without a `field` last",
            );
        }
        let when = read_conditions(&action, vocabulary);
        if !action.has("field") && !action.has("when") {
            always = always.or(Some(action.spot.line()));
        }
        let text = action.required_text("text", "what to do, one sentence");
        let reason = action.required_text("reason", "why it is suggested, one sentence");
        for line in [&text, &reason].into_iter().flatten() {
            check_plain(line, 300);
        }
        if let (Some(text), Some(reason)) = (text, reason) {
            actions.push(ActionRule {
                when,
                text: text.value,
                reason: reason.value,
            });
        }
        action.finish();
    }
    if always.is_none() {
        table.spot.warn_help(
            "some leads get no suggested action",
            "add a last [[sales.action]] without `field`, with a `text` and a `reason` that hold for every lead",
        );
    }
    actions
}

/// The condition on a field in the table itself, and those of `when`.
fn read_conditions(table: &Table<'_>, vocabulary: &Vocabulary<'_>) -> Vec<Condition> {
    let mut conditions = Vec::new();
    if table.has("field") {
        conditions.extend(read_condition(table, vocabulary));
    } else {
        for key in ["is", "min", "max", "known"] {
            if table.has(key) {
                table.allow(&["is", "min", "max", "known"]);
                table.key_spot(key).error_help(
                    format!("`{key}` says nothing without `field`"),
                    "add `field = \"...\"`",
                );
            }
        }
    }
    for inner in table.tables("when", "`when`") {
        conditions.extend(read_condition(&inner, vocabulary));
        inner.finish();
    }
    conditions
}

fn read_condition(table: &Table<'_>, vocabulary: &Vocabulary<'_>) -> Option<Condition> {
    let form = table.text("form");
    let magnet = table.text("magnet");
    let field = table.text("field");
    if let Some(form) = &form {
        vocabulary.forms.check(form);
    }
    if let Some(magnet) = &magnet {
        vocabulary.magnets.check(magnet);
    }
    match (form, magnet, field) {
        (Some(form), None, None) => Some(Condition::Form(form.value)),
        (None, Some(magnet), None) => Some(Condition::Magnet(magnet.value)),
        (None, None, Some(field)) => read_comparison(table, field, vocabulary),
        _ => {
            table.allow(&COMPARISONS);
            table.spot.error_help(
                format!("{} needs one of field, form, magnet", table.what),
                "such as `{ field = \"employees\", min = 100 }` or `{ form = \"demo\" }`",
            );
            None
        }
    }
}

fn read_comparison(
    table: &Table<'_>,
    field: At<'_, String>,
    vocabulary: &Vocabulary<'_>,
) -> Option<Condition> {
    let fields = vocabulary.fields;
    fields.check_name(&field);
    let values = table.texts("is");
    let (min, max) = (table.number("min"), table.number("max"));
    let known = table.flag("known");
    let bounded = min.is_some() || max.is_some();
    if let Some(known) = known
        && !bounded
        && values.is_none()
    {
        return Some(Condition::Known {
            field: field.value,
            known,
        });
    }
    if bounded && values.is_none() && known.is_none() {
        if fields.is_never_a_number(&field.value) {
            field.spot.error_help(
                format!("no form asks for `{}` as a number", field.value),
                "compare it with `is`, or ask for it with `kind = \"number\"`",
            );
        }
        return Some(Condition::Between {
            field: field.value,
            min: min.map(|n| n.value),
            max: max.map(|n| n.value),
        });
    }
    if bounded || known.is_some() {
        table.spot.error(format!(
            "{} compares in more than one way: `is`, or `min` and `max`, or `known`",
            table.what
        ));
        return None;
    }
    let values = values.unwrap_or_default();
    if values.is_empty() {
        table.spot.error_help(
            format!("{} has no values to compare with", table.what),
            "add `is = [\"...\"]`; case does not matter",
        );
    }
    for value in &values {
        fields.check_value(&field.value, value);
    }
    Some(Condition::Is {
        field: field.value,
        any_of: values.into_iter().map(|v| v.value).collect(),
    })
}

//! `[sales]` of `site.toml`: the team, who gets which lead, what to do next.

use crate::domain::pii::Pii;
use crate::domain::sales::{Route, Sales, SalesPerson, SuggestedAction};

use super::company::{check_address, check_plain};
use super::names::{FieldFacts, Names, Unique, check_id};
use super::reader::{At, Table};

/// The team, read before the forms because forms name people; the rest of `[sales]` is read after them, because it names their fields.
pub(super) struct Team<'a> {
    /// Those without mistakes, in the order of the file.
    pub people: Vec<SalesPerson>,
    /// Ids, also of those with mistakes.
    pub ids: Names,
    table: Option<Table<'a>>,
}

/// Reads `[[sales.person]]`.
pub(super) fn team<'a>(root: &Table<'a>) -> Team<'a> {
    let table = root.required_table("sales", "[sales]", "name the team and who gets which lead");
    let mut ids = Unique::default();
    let mut people = Vec::new();
    if let Some(table) = &table {
        for person in table.tables("person", "[[sales.person]]") {
            people.extend(read_person(&person, &mut ids));
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
        ids: Names::new("sales person", known),
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
pub(super) fn sales(team: Team<'_>, fields: &FieldFacts) -> Option<Sales> {
    let Team { people, ids, table } = team;
    let table = table?;
    let fallback = table.required_text(
        "fallback",
        "the id of the person who gets a lead that no route matches",
    );
    if let Some(fallback) = &fallback {
        ids.check(fallback);
    }
    let escalate_after_minutes = table
        .bounded("escalate_after_minutes", 5, 10_080)
        .map(|m| m.value);

    let mut routes = Vec::new();
    for route in table.tables("route", "[[sales.route]]") {
        routes.extend(read_route(&route, &ids, fields));
        route.finish();
    }
    let mut actions: Vec<SuggestedAction> = Vec::new();
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
        if !action.has("field") {
            always = always.or(Some(action.spot.line()));
        }
        actions.extend(read_action(&action, fields));
        action.finish();
    }
    if always.is_none() {
        table.spot.warn_help(
            "some leads get no suggested action",
            "add a last [[sales.action]] without `field`, with a `text` and a `reason` that hold for every lead",
        );
    }
    table.finish();
    Some(Sales {
        team: people,
        routes,
        fallback: fallback?.value,
        actions,
        escalate_after_minutes,
    })
}

fn read_route(table: &Table<'_>, people: &Names, fields: &FieldFacts) -> Option<Route> {
    let field = table.required_text("field", "the profile field to compare, such as `country`");
    let any_of = read_values(table, field.as_ref(), fields);
    let owner = table.required_text("owner", "the id of a [[sales.person]]");
    if let Some(owner) = &owner {
        people.check(owner);
    }
    Some(Route {
        field: field?.value,
        any_of,
        owner: owner?.value,
    })
}

fn read_action(table: &Table<'_>, fields: &FieldFacts) -> Option<SuggestedAction> {
    let field = table.text("field");
    let any_of = match &field {
        Some(field) => read_values(table, Some(field), fields),
        None => Vec::new(),
    };
    if field.is_none() && table.has("is") {
        table.allow(&["is"]);
        table
            .key_spot("is")
            .error_help("`is` says nothing without `field`", "add `field = \"...\"`");
    }
    let text = table.required_text("text", "what to do, one sentence");
    let reason = table.required_text("reason", "why it is suggested, one sentence");
    for line in [&text, &reason].into_iter().flatten() {
        check_plain(line, 300);
    }
    Some(SuggestedAction {
        field: field.map(|f| f.value),
        any_of,
        text: text?.value,
        reason: reason?.value,
    })
}

/// `is`: the values a field is compared with.
fn read_values(
    table: &Table<'_>,
    field: Option<&At<'_, String>>,
    fields: &FieldFacts,
) -> Vec<String> {
    let values = table.texts("is");
    if values.as_ref().is_none_or(Vec::is_empty) {
        table.spot.error_help(
            format!("{} has no values to compare with", table.what),
            "add `is = [\"...\"]`; case does not matter",
        );
    }
    let values = values.unwrap_or_default();
    if let Some(field) = field {
        fields.check_name(field);
        for value in &values {
            fields.check_value(&field.value, value);
        }
    }
    values.into_iter().map(|v| v.value).collect()
}

//! `[sales]`.

use super::small_site;

#[test]
fn routes_name_people_fields_and_values_that_exist() {
    small_site()
        .edit(
            "site.toml",
            "[[sales.action]]",
            "[[sales.route]]\nfield = \"budgt\"\nis = [\"large\"]\nowner = \"mara\"\n\n[[sales.route]]\nfield = \"budget\"\nis = \"lage\"\nowner = \"mira\"\n\n[[sales.action]]",
        )
        .says(&[
            "site.toml:25:9: error: no form asks for a field `budgt`; help: did you mean `budget`?",
            "site.toml:27:9: error: there is no sales person `mara`; help: did you mean `mira`?",
            "site.toml:31:6: warning: no form offers `lage` as an answer to `budget`; help: did you mean `large`?",
        ]);
}

#[test]
fn a_country_is_routed_by_its_code() {
    small_site()
        .append("forms/guide.toml", "\n[[field]]\nname = \"country\"\nlabel = \"Country\"\nkind = \"country\"\n")
        .edit(
            "site.toml",
            "[[sales.action]]",
            "[[sales.route]]\nfield = \"country\"\nis = [\"de\", \"Austria\"]\nowner = \"mira\"\n\n[[sales.action]]",
        )
        .says(&[
            "site.toml:26:13: warning: `Austria` is not how `country` is answered; help: countries are two-letter codes, such as `DE`",
        ]);
}

#[test]
fn a_team_has_people_with_addresses() {
    small_site()
        .edit("site.toml", "mira@acme.example", "mira at acme")
        .says(&[
            "site.toml:22:9: error: `mira at acme` is not a mail address: it should be an email",
        ]);
}

#[test]
fn the_last_action_holds_for_every_lead_and_no_other_does() {
    small_site().edit("site.toml", "[[sales.action]]", "[[sales.action]]\nfield = \"budget\"\nis = [\"large\"]").says(&[
        "site.toml:16:1: warning: some leads get no suggested action; help: add a last [[sales.action]] without `field`, with a `text` and a `reason` that hold for every lead",
    ]);
    small_site().append("site.toml", "\n[[sales.action]]\ntext = \"Write.\"\nreason = \"Too.\"\n").says(&[
        "site.toml:28:1: warning: this action is never suggested: the one on line 24 matches every lead; help: put the action without a `field` last",
    ]);
}

/// The small site with more keys in `[sales]`, from line 18 on.
fn with_keys(keys: &str) -> super::Files {
    let first = "fallback = \"mira\"\n";
    small_site().edit("site.toml", first, &format!("{first}{keys}\n"))
}

/// The small site with more tables before the actions, from line 24 on.
fn with_tables(tables: &str) -> super::Files {
    let last = "[[sales.action]]";
    small_site().edit("site.toml", last, &format!("{tables}\n\n{last}"))
}

const JONAS: &str =
    "[[sales.person]]\nid = \"jonas\"\nname = \"Jonas\"\nemail = \"jonas@acme.example\"\n\n";

#[test]
fn sal_1_a_team_has_an_id_of_its_own_a_name_and_members_who_exist() {
    with_tables(
        "[[sales.team]]\nid = \"west\"\nname = \"the west\"\nmembers = [\"mira\", \"nira\"]",
    )
    .says(&["site.toml:27:20: error: there is no sales person `nira`; help: did you mean `mira`?"]);
    with_tables("[[sales.team]]\nid = \"mira\"\nname = \"the west\"\nmembers = []").says(&[
        "site.toml:24:1: error: the team has no members; help: add `members = [\"...\"]` with the ids of people, in the order of their turns",
        "site.toml:25:6: error: `mira` is the id of a person already",
    ]);
    with_tables("[[sales.team]]\nid = \"west\"\nname = \"the west\"\nmebers = [\"mira\"]")
        .says(&[
        "site.toml:24:1: error: the team has no members; help: add `members = [\"...\"]` with the ids of people, in the order of their turns",
        "site.toml:27:1: error: unknown key `mebers` in [[sales.team]]; help: did you mean `members`?",
    ]);
    with_tables(
        "[[sales.team]]\nid = \"west\"\nname = \"a\"\nmembers = [\"mira\"]\n\n[[sales.team]]\nid = \"west\"\nname = \"b\"\nmembers = [\"mira\"]",
    )
    .says(&[
        "site.toml:30:6: error: there is another team `west` on line 25",
    ]);
}

#[test]
fn sal_1_a_route_leads_to_one_person_or_one_team() {
    let team = "[[sales.team]]\nid = \"west\"\nname = \"the west\"\nmembers = [\"mira\"]\n\n";
    let route = |rest: &str| with_tables(&format!("{team}[[sales.route]]\n{rest}"));
    route("field = \"budget\"\nis = \"large\"\nteam = \"west\"").says(&[]);
    route("field = \"budget\"\nis = \"large\"\nteam = \"wets\"").says(&[
        "site.toml:32:8: error: there is no sales team `wets`; help: did you mean `west`?",
    ]);
    route("field = \"budget\"\nis = \"large\"\nteam = \"west\"\nowner = \"mira\"").says(&[
        "site.toml:32:8: error: the route has an `owner` and a `team`; it needs one of them",
    ]);
    route("field = \"budget\"\nis = \"large\"").says(&[
        "site.toml:29:1: error: the route leads to nobody; help: add `owner`, the id of a [[sales.person]], or `team`, the id of a [[sales.team]]",
    ]);
    route("field = \"budget\"\nis = \"large\"\nownr = \"mira\"").says(&[
        "site.toml:29:1: error: the route leads to nobody; help: add `owner`, the id of a [[sales.person]], or `team`, the id of a [[sales.team]]",
        "site.toml:32:1: error: unknown key `ownr` in [[sales.route]]; help: did you mean `owner`?",
    ]);
    route("team = \"west\"").says(&[
        "site.toml:29:1: error: the route does not say which leads it is for; help: add `field` and `is`, or `when = [{ .. }, { .. }]`; what no route matches goes to `fallback`",
    ]);
}

#[test]
fn sal_1_each_condition_of_a_route_is_checked_on_its_own_line() {
    let route = |when: &str| {
        with_tables(&format!(
            "[[sales.route]]\nowner = \"mira\"\nwhen = [\n  {when},\n]"
        ))
    };
    for right in [
        "{ field = \"budget\", is = [\"large\"] }",
        "{ field = \"budget\", known = false }",
        "{ form = \"guide\" }",
        "{ magnet = \"guide\" }",
    ] {
        route(right).says(&[]);
    }
    route("{ field = \"budget\", min = 100 }").says(&[
        "site.toml:27:13: error: no form asks for `budget` as a number; help: compare it with `is`, or ask for it with `kind = \"number\"`",
    ]);
    route("{ field = \"budget\", is = [\"large\"], min = 100 }").says(&[
        "site.toml:27:3: error: `when` compares in more than one way: `is`, or `min` and `max`, or `known`",
    ]);
    route("{ field = \"budget\" }").says(&[
        "site.toml:27:3: error: `when` has no values to compare with; help: add `is = [\"...\"]`; case does not matter",
    ]);
    route("{ field = \"budget\", iss = [\"large\"] }").says(&[
        "site.toml:27:3: error: `when` has no values to compare with; help: add `is = [\"...\"]`; case does not matter",
        "site.toml:27:23: error: unknown key `iss` in `when`; help: did you mean `is`?",
    ]);
    route("{ form = \"gide\" }")
        .says(&["site.toml:27:12: error: there is no form `gide`; help: did you mean `guide`?"]);
    route("{ magnet = \"giude\" }")
        .says(&["site.toml:27:14: error: there is no magnet `giude`; help: did you mean `guide`?"]);
    route("{ form = \"guide\", magnet = \"guide\" }").says(&[
        "site.toml:27:3: error: `when` needs one of field, form, magnet; help: such as `{ field = \"employees\", min = 100 }` or `{ form = \"demo\" }`",
    ]);
    route("{ is = [\"large\"] }").says(&[
        "site.toml:27:3: error: `when` needs one of field, form, magnet; help: such as `{ field = \"employees\", min = 100 }` or `{ form = \"demo\" }`",
    ]);
}

#[test]
fn sal_4_working_hours_and_zones_are_told_by_line_with_what_to_write() {
    with_keys("time_zone = \"Europe/Amsterdam\"\nworking_hours = [\"mon-fri 08:30-12:30 13:00-17:30\", \"sat 10:00-12:00\"]\ndays_off = [\"2026-12-25\", \"2026-08-03..2026-08-14\"]").says(&[]);
    with_keys("time_zone = \"Europe/Amsterdan\"").says(&[
        "site.toml:18:13: error: there is no time zone `Europe/Amsterdan`; help: did you mean `Europe/Amsterdam`?",
    ]);
    with_keys("time_zon = \"Europe/Amsterdam\"").says(&[
        "site.toml:18:1: error: unknown key `time_zon` in [sales]; help: did you mean `time_zone`?",
    ]);
    with_keys("working_hours = [\"mon-fri 9-17\", \"fri-mon 09:00-17:00\", \"mon 25:00-26:00\", \"tue 17:00-09:00\", \"wed\"]").says(&[
        "site.toml:18:18: error: `mon-fri 9-17` does not say when somebody works; help: write days and times: `mon-fri 09:00-17:30`, or `sat 10:00-12:00 13:00-15:00`",
        "site.toml:18:34: error: `fri-mon 09:00-17:00` does not say when somebody works; help: write days and times: `mon-fri 09:00-17:30`, or `sat 10:00-12:00 13:00-15:00`",
        "site.toml:18:57: error: `mon 25:00-26:00` does not say when somebody works; help: write days and times: `mon-fri 09:00-17:30`, or `sat 10:00-12:00 13:00-15:00`",
        "site.toml:18:76: error: `tue 17:00-09:00` does not say when somebody works; help: write days and times: `mon-fri 09:00-17:30`, or `sat 10:00-12:00 13:00-15:00`",
        "site.toml:18:95: error: `wed` does not say when somebody works; help: write days and times: `mon-fri 09:00-17:30`, or `sat 10:00-12:00 13:00-15:00`",
    ]);
    with_keys("working_hours = [\"mon-fri 09:00-17:00\", \"wed 16:00-18:00\"]").says(&[
        "site.toml:18:18: error: the working hours of `wed` overlap; help: say each hour of a day once: `mon-fri 09:00-12:30 13:00-17:30`",
    ]);
    with_keys(
        "days_off = [\"2026-02-30\", \"2026-08-14..2026-08-03\", \"2026-01-01..2028-01-01\"]",
    )
    .says(&[
        "site.toml:18:13: error: `2026-02-30` is not a day; help: write `2026-12-25`, or `2026-08-03..2026-08-14` for several",
        "site.toml:18:27: error: `2026-08-14..2026-08-03` is not a day; help: write `2026-12-25`, or `2026-08-03..2026-08-14` for several",
        "site.toml:18:53: error: `2026-01-01..2028-01-01` is longer than a year",
    ]);
    with_keys("escalate_after_minutes = 2").says(&[
        "site.toml:18:26: error: `escalate_after_minutes` is 2, but should be from 5 to 10080",
    ]);
}

#[test]
fn sal_4_a_person_has_the_hours_of_everybody_where_they_say_nothing_and_their_own_where_they_do() {
    let site = with_keys(
        "time_zone = \"Europe/Amsterdam\"\nworking_hours = [\"mon-fri 09:00-17:00\"]\ndays_off = [\"2026-12-25\"]",
    )
    .edit(
        "site.toml",
        "[[sales.action]]",
        &format!("{JONAS}time_zone = \"Asia/Kolkata\"\ndays_off = [\"2026-10-02\"]\n\n[[sales.action]]").replace("\n\ntime_zone", "\ntime_zone"),
    );
    let sales = site.load().unwrap().site.sales;
    let at = |text: &str| crate::domain::time::Timestamp::parse(text).unwrap();
    let mira = sales.calendar_of("mira").unwrap();
    let jonas = sales.calendar_of("jonas").unwrap();
    // Half past four in the afternoon in Amsterdam is eight in the evening in Kolkata.
    let afternoon = at("2026-03-02T16:30:00+01:00");
    assert!(mira.is_working(afternoon) && !jonas.is_working(afternoon));
    let morning = at("2026-03-02T09:30:00+05:30");
    assert!(!mira.is_working(morning) && jonas.is_working(morning));
    // Days off are added: his own is not hers, the company's is both's.
    let own = at("2026-10-02T12:00:00+05:30");
    assert!(jonas.is_day_off(own) && !mira.is_day_off(own));
    let christmas = at("2026-12-25T12:00:00+01:00");
    assert!(jonas.is_day_off(christmas) && mira.is_day_off(christmas));
}

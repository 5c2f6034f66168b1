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

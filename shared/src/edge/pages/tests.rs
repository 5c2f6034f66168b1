//! What holds for every page, and what each one shows.

mod fixtures;

use insta::assert_snapshot;

use self::fixtures::{asked, business, download, form, form_page, handoff_page, look};
use super::*;
use crate::domain::form::{Form, UnknownFields};

const NASTY: &str = r#""><script>alert(1)</script>&'"#;

/// Every page, with something nasty in each place that a visitor or a marketer fills.
fn every_page(nasty: &str) -> Vec<(&'static str, String)> {
    let business = business(nasty);
    let look = look(&business);
    let own = |text: &str| text.to_owned();
    let consents = || {
        vec![Asked {
            text: nasty,
            ..asked()
        }]
    };
    let mut asked_form = form();
    asked_form.title = nasty.into();
    asked_form.fields[0].label = nasty.into();
    asked_form.consents[0].text = nasty.into();
    let typed = [
        ("first_name", nasty),
        ("email", nasty),
        ("message", nasty),
        ("start", nasty),
        ("country", nasty),
        ("campaign", nasty),
        (nasty, nasty),
        ("utm_source", nasty),
    ];
    vec![
        (
            "message",
            MessagePage {
                look,
                title: own(nasty),
                text: own(nasty),
                back: Some(own("/f/demo")),
            }
            .render()
            .unwrap(),
        ),
        (
            "thanks",
            ThanksPage {
                look,
                title: own(nasty),
                text: own(nasty),
            }
            .render()
            .unwrap(),
        ),
        ("download", download(&business, nasty, consents())),
        (
            "confirm",
            ConfirmPage {
                look,
                form_title: nasty,
                consents: consents(),
                comes_back: true,
                stamp: own("st.amp"),
            }
            .render()
            .unwrap(),
        ),
        (
            "unsubscribe",
            UnsubscribePage {
                look,
                preferences: Some(own("/p/to.ken")),
            }
            .render()
            .unwrap(),
        ),
        (
            "preferences",
            PreferencesPage {
                look,
                choices: vec![Choosable {
                    purpose: "newsletter",
                    text: nasty,
                    wanted: true,
                }],
                left: false,
                unsubscribe: own("/u/to.ken"),
                stamp: own("st.amp"),
            }
            .render()
            .unwrap(),
        ),
        (
            "expired",
            ExpiredPage { look, title: nasty }.render().unwrap(),
        ),
        ("handoff", handoff_page(nasty, None, None)),
        (
            "handoff, reject clicked",
            handoff_page(nasty, None, Some("reject")),
        ),
        (
            "handoff, answered",
            handoff_page(nasty, Some(nasty), Some("accept")),
        ),
        ("form", form_page(&asked_form, &[])),
        ("form with problems", form_page(&asked_form, &typed)),
    ]
}

/// The opening tags of these elements.
fn tags<'h>(html: &'h str, elements: &[&str]) -> Vec<&'h str> {
    html.split('<')
        .skip(1)
        .filter(|rest| {
            elements.iter().any(|e| {
                rest.strip_prefix(e)
                    .is_some_and(|r| r.starts_with([' ', '>']))
            })
        })
        .filter_map(|rest| rest.split('>').next())
        .collect()
}

fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    tag.split_once(&format!(" {name}=\""))
        .and_then(|(_, rest)| rest.split('"').next())
}

fn has(tag: &str, flag: &str) -> bool {
    tag.split(' ').any(|word| word == flag)
}

fn tag_named<'h>(html: &'h str, name: &str) -> &'h str {
    let all = tags(html, &["input", "select", "textarea"]);
    all.into_iter()
        .find(|tag| attribute(tag, "name") == Some(name))
        .unwrap()
}

#[test]
fn frm_9_no_text_of_anybody_becomes_markup() {
    for (page, html) in every_page(NASTY) {
        assert!(!html.to_lowercase().contains("<script"), "{page}: {html}");
        assert!(!html.contains(NASTY), "{page}");
        assert!(!html.contains("\"&#62;<"), "{page}");
    }
    let shown = form_page(&form(), &[("first_name", NASTY), ("email", "no")]);
    assert!(
        shown.contains("value=\"&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#38;&#39;\""),
        "{shown}"
    );
}

#[test]
fn lnk_7_a_page_has_one_style_and_nothing_that_its_policy_would_refuse() {
    for (page, html) in every_page("Aldermoor") {
        assert_eq!(html.matches("<style").count(), 1, "{page}");
        assert_eq!(html.matches("<style>").count(), 1, "{page}");
        assert!(!html.contains(" style="), "{page}");
        assert!(
            tags(&html, &["script", "img", "iframe"]).is_empty(),
            "{page}"
        );
        assert!(
            !html.contains("url(") && !html.contains("@import"),
            "{page}"
        );
        assert!(
            tags(&html, &["link"])
                .iter()
                .all(|t| attribute(t, "href") == Some("data:,")),
            "{page}"
        );
    }
}

#[test]
fn every_page_says_whose_it_is_and_in_which_language() {
    for (page, html) in every_page("Aldermoor") {
        assert!(
            html.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{page}"
        );
        assert!(
            html.contains("<title>") && html.contains(" · Aldermoor</title>"),
            "{page}"
        );
        assert_eq!(html.matches("<h1").count(), 1, "{page}");
        assert!(
            html.contains("<p>Aldermoor B.V., Ketelkade 12, 3011 XX Rotterdam, Netherlands</p>"),
            "{page}"
        );
        assert!(
            html.contains("<a href=\"https://www.aldermoor.example/privacy\">"),
            "{page}"
        );
        assert!(html.contains("--fill: #a8401a;"), "{page}");
    }
    let business = business("Aldermoor");
    let page = UnsubscribePage {
        preferences: None,
        look: Look {
            business: &business,
            language: "he-IL",
        },
    };
    assert!(
        page.render()
            .unwrap()
            .contains("<html lang=\"he-IL\" dir=\"rtl\">")
    );
}

#[test]
fn every_input_has_a_label_and_no_id_stands_twice() {
    for (page, html) in every_page("Aldermoor") {
        for tag in tags(&html, &["input", "select", "textarea"]) {
            if attribute(tag, "type") == Some("hidden") {
                continue;
            }
            let id = attribute(tag, "id").unwrap_or_else(|| panic!("{page}: no id: {tag}"));
            assert!(
                html.contains(&format!("<label for=\"{id}\">"))
                    || html.contains(&format!("<label class=\"tick\" for=\"{id}\">")),
                "{page}: {tag}"
            );
        }
        let mut ids: Vec<&str> = html
            .split(" id=\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "{page}");
    }
}

#[test]
fn frm_3_the_trap_is_there_and_people_do_not_meet_it() {
    let html = form_page(&form(), &[]);
    let trap = tag_named(&html, "_gotcha");
    assert_eq!(attribute(trap, "tabindex"), Some("-1"));
    assert_eq!(attribute(trap, "autocomplete"), Some("off"));
    assert!(html.contains("<div class=\"trap\" aria-hidden=\"true\">"));
    assert!(html.contains(".trap { position: absolute;"));
}

#[test]
fn law_2_a_consent_is_ticked_only_by_the_visitor() {
    let ticked = |posted: &[(&str, &str)]| {
        has(
            tag_named(&form_page(&form(), posted), "newsletter"),
            "checked",
        )
    };
    assert!(!ticked(&[]));
    assert!(!ticked(&[("email", "no")]));
    assert!(!ticked(&[("email", "no"), ("newsletter", "off")]));
    assert!(ticked(&[("email", "no"), ("newsletter", "yes")]));
}

#[test]
fn a_problem_stands_beside_its_field_and_leads_there_from_the_summary() {
    let html = form_page(
        &form(),
        &[
            ("email", "no"),
            ("phone", "call me"),
            ("budget", "under-250k"),
        ],
    );
    let email = tag_named(&html, "email");
    assert_eq!(
        attribute(email, "aria-describedby"),
        Some("f-email-problem")
    );
    assert_eq!(attribute(email, "aria-invalid"), Some("true"));
    assert!(
        html.contains("<p class=\"problem\" id=\"f-email-problem\">This should be an email.</p>"),
        "{html}"
    );
    assert!(
        html.contains("<a href=\"#f-email\"><b>Work email</b> should be an email</a>"),
        "{html}"
    );

    let phone = tag_named(&html, "phone");
    assert_eq!(
        attribute(phone, "aria-describedby"),
        Some("f-phone-problem f-phone-help")
    );
    assert!(
        html.contains(
            "<a href=\"#f-phone\"><b>Phone</b>: Please begin with + and the country code</a>"
        ),
        "{html}"
    );

    assert!(
        html.contains(
            "<a href=\"#f-need\"><b>What should the heat pump do?</b> This is required.</a>"
        ),
        "{html}"
    );
    assert!(
        html.contains("aria-describedby=\"f-newsletter-problem\""),
        "{html}"
    );
    assert!(
        html.contains("<title>Please check: Ask for a site visit"),
        "{html}"
    );
    for target in html
        .split("href=\"#")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert!(html.contains(&format!(" id=\"{target}\"")), "{target}");
    }
    for described in html
        .split("aria-describedby=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
    {
        assert!(
            described
                .split(' ')
                .all(|id| html.contains(&format!(" id=\"{id}\""))),
            "{described}"
        );
    }
}

#[test]
fn the_browser_checks_a_fresh_form_and_leaves_a_corrected_one_to_us() {
    let novalidate = |html: &str| has(tags(html, &["form"])[0], "novalidate");
    assert!(!novalidate(&form_page(&form(), &[])));
    assert!(novalidate(&form_page(&form(), &[("email", "no")])));
}

#[test]
fn answers_stand_as_they_were_typed() {
    let html = form_page(
        &form(),
        &[
            ("first_name", " Ada "),
            ("Your-Email", "no"),
            ("employees", "a dozen"),
            ("start", "1.3.2026"),
            ("country", "nl"),
            ("need", "cost"),
            ("need", "boiler"),
            ("budget", "over-1m"),
            ("funding", ""),
            ("on_site", "yes"),
            ("message", "\nSteam"),
        ],
    );
    let value = |name| attribute(tag_named(&html, name), "value");
    assert_eq!(value("first_name"), Some(" Ada "));
    assert_eq!(value("email"), Some("no"));
    assert_eq!(value("employees"), Some("a dozen"));
    assert_eq!(value("start"), Some("1.3.2026"));
    assert_eq!(attribute(tag_named(&html, "start"), "type"), Some("text"));
    assert!(html.contains("<option value=\"NL\" selected>Netherlands</option>"));
    assert_eq!(
        tags(&html, &["input"])
            .iter()
            .filter(|t| attribute(t, "name") == Some("need") && has(t, "checked"))
            .count(),
        2
    );
    assert!(html.contains("value=\"over-1m\" checked"), "{html}");
    assert!(
        !html.contains("value=\"over-1m\" selected"),
        "an emptied choice stays empty: {html}"
    );
    assert!(has(tag_named(&html, "on_site"), "checked"));
    assert!(html.contains(">\n\nSteam</textarea>"), "{html}");
}

#[test]
fn a_fresh_form_starts_with_the_values_of_its_definition() {
    let html = form_page(&form(), &[]);
    assert!(html.contains("value=\"over-1m\" selected"), "{html}");
    assert_eq!(
        attribute(tag_named(&html, "campaign"), "value"),
        Some("spring")
    );
    assert!(!html.contains(" checked"), "{html}");

    let from_elsewhere = form_page(&form(), &[("email", "no")]);
    let campaign = tag_named(&from_elsewhere, "campaign");
    assert_eq!(attribute(campaign, "value"), Some("spring"));
}

#[test]
fn what_came_along_with_the_answers_is_not_lost_by_correcting_them() {
    let posted = [
        ("email", "no"),
        ("utm_source", "mail"),
        ("_next", "/thanks"),
        ("favourite", "steam"),
        ("campaign", "autumn"),
        ("_gotcha", " "),
        ("h-captcha-response", "once"),
    ];
    let html = form_page(&form(), &posted);
    let value = |name| attribute(tag_named(&html, name), "value");
    assert_eq!(value("utm_source"), Some("mail"));
    assert_eq!(value("_next"), Some("/thanks"));
    assert_eq!(value("favourite"), Some("steam"));
    assert_eq!(value("campaign"), Some("autumn"));
    assert_eq!(html.matches("name=\"_gotcha\"").count(), 1);
    assert!(!html.contains("h-captcha-response"));
}

#[test]
fn an_answer_that_the_form_refuses_does_not_come_back() {
    let strict = Form {
        unknown_fields: UnknownFields::Reject,
        ..form()
    };
    let html = form_page(&strict, &[("email", "no"), ("favourite", "steam")]);
    assert!(
        html.contains("<b>favourite</b> is not a field of this form"),
        "{html}"
    );
    assert!(!html.contains("name=\"favourite\""), "{html}");
}

#[test]
fn lnk_4_download_names_what_its_one_button_confirms() {
    let business = business("Aldermoor");
    let html = download(&business, "Process heat", vec![asked()]);
    assert_eq!(tags(&html, &["button"]).len(), 1);
    assert!(html.contains("<li>Send me field notes, about one mail a month.</li>"));
    assert_eq!(
        attribute(tag_named(&html, "confirms"), "value"),
        Some("newsletter")
    );
    assert_eq!(attribute(tag_named(&html, "page"), "value"), Some("st.amp"));
    assert_eq!(attribute(tags(&html, &["form"])[0], "action"), None);

    let plain = download(&business, "Process heat", Vec::new());
    assert!(plain.contains("Pressing Download also confirms your email address."));
    assert!(!plain.contains("name=\"confirms\""));
}

#[test]
fn lnk_3_unsubscribe_posts_what_mail_programs_post() {
    let business = business("Aldermoor");
    let html = UnsubscribePage {
        preferences: None,
        look: look(&business),
    }
    .render()
    .unwrap();
    assert_eq!(
        attribute(tag_named(&html, "List-Unsubscribe"), "value"),
        Some("One-Click")
    );
}

#[test]
fn sales_sees_the_choice_clicked_in_the_mail_first_and_nothing_to_press_once_answered() {
    let first = |html: &str| attribute(tags(html, &["button"])[0], "value").map(String::from);
    assert_eq!(
        first(&handoff_page("Dairy", None, None)).as_deref(),
        Some("accept")
    );
    assert_eq!(
        first(&handoff_page("Dairy", None, Some("accept"))).as_deref(),
        Some("accept")
    );
    assert_eq!(
        first(&handoff_page("Dairy", None, Some("reject"))).as_deref(),
        Some("reject")
    );

    let answered = handoff_page(
        "Dairy",
        Some("Mira took it on 1 March 2026, 09:45 UTC."),
        Some("reject"),
    );
    assert!(answered.contains("Mira took it on 1 March 2026, 09:45 UTC."));
    assert!(tags(&answered, &["button", "form"]).is_empty());
}

#[test]
fn sales_sees_why_the_lead_has_its_points_and_what_is_not_known() {
    let html = handoff_page("Dairy & Sons", None, None);
    assert!(html.contains("Energy manager, Dairy &#38; Sons"), "{html}");
    assert!(html.contains("<dd>Netherlands</dd>"), "{html}");
    assert!(
        html.contains("<td>−5</td>") && html.contains("<td>+30</td>"),
        "{html}"
    );
    assert!(html.contains("(5 times, capped)"), "{html}");
    assert!(
        html.contains("<dt>Authority</dt><dd class=\"soft\">not known yet</dd>"),
        "{html}"
    );
}

/// A page without its style, which has tests of its own.
fn body(html: &str) -> String {
    let lines = html.split_once("</style>").unwrap().1.lines();
    lines
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_download_page_as_visitors_get_it() {
    assert_snapshot!(body(&download(
        &business("Aldermoor"),
        "Process heat without the boiler",
        vec![asked()]
    )));
}

#[test]
fn the_form_page_with_a_problem_as_visitors_get_it() {
    let mut form = form();
    // The list of countries would hide the rest.
    form.fields.retain(|f| f.name != "country");
    assert_snapshot!(body(&form_page(
        &form,
        &[
            ("first_name", "Ada"),
            ("email", "ada@"),
            ("need", "boiler"),
            ("newsletter", "yes")
        ]
    )));
}

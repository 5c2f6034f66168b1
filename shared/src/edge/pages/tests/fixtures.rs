//! A business, a form with a field of every kind and a lead ready for sales, and the pages made of them.

use askama::Template;

use crate::domain::form::{Choice, ConsentAsk, Field, FieldKind, Form, UnknownFields};
use crate::domain::handoff::{HANDOFF_V, Handoff, HistoryLine, Labelled};
use crate::domain::id::LeadId;
use crate::domain::lead::Reachability;
use crate::domain::pii::Pii;
use crate::domain::sales::{SalesPerson, SuggestedAction};
use crate::domain::score::{BreakdownLine, Dimension, Score};
use crate::domain::stage::Stage;
use crate::domain::submission::{Checked, Problem, check};
use crate::domain::time::Timestamp;
use crate::edge::pages::{Asked, Asks, Choices, DownloadPage, FormPage, HandoffPage, Look};
use crate::flow::sales::{LOST_REASONS, REJECT_REASONS, SNOOZES};
use crate::site::Business;

const AT: Timestamp = Timestamp(1_772_357_400_000);

pub(super) fn business(name: &str) -> Business {
    Business {
        name: name.into(),
        postal_address: "Aldermoor B.V., Ketelkade 12, 3011 XX Rotterdam, Netherlands".into(),
        website: "https://www.aldermoor.example".into(),
        privacy_url: "https://www.aldermoor.example/privacy".into(),
        language: "en".into(),
        accent: "#a8401a".into(),
    }
}

pub(super) fn look(business: &Business) -> Look<'_> {
    Look {
        business,
        language: "en",
    }
}

pub(super) fn asked() -> Asked<'static> {
    Asked {
        purpose: "newsletter",
        text: "Send me field notes, about one mail a month.",
    }
}

fn field(name: &str, label: &str, kind: FieldKind, required: bool) -> Field {
    Field {
        name: name.into(),
        label: label.into(),
        kind,
        required,
        help: None,
        message: None,
        required_message: None,
        pattern: None,
        aliases: Vec::new(),
        autocomplete: None,
        value: None,
    }
}

fn options(pairs: &[(&str, &str)]) -> Vec<Choice> {
    let choice = |(value, label): &(&str, &str)| Choice {
        value: (*value).into(),
        label: (*label).into(),
    };
    pairs.iter().map(choice).collect()
}

/// A form with a field of every kind.
#[expect(clippy::too_many_lines, reason = "one value, field by field")]
pub(super) fn form() -> Form {
    let budget = options(&[
        ("under-250k", "Under €250,000"),
        ("over-1m", "Over €1 million"),
    ]);
    let need = options(&[
        ("boiler", "Replace an old boiler"),
        ("cost", "Cut the energy bill"),
    ]);
    let mut fields = vec![
        field(
            "first_name",
            "First name",
            FieldKind::Text { max: 80 },
            true,
        ),
        field("last_name", "Last name", FieldKind::Text { max: 80 }, true),
        field("email", "Work email", FieldKind::Email, true),
        field("phone", "Phone", FieldKind::Phone, false),
        field("website", "Web site", FieldKind::Url, false),
        field("country", "Country of the plant", FieldKind::Country, false),
        field(
            "employees",
            "People at the site",
            FieldKind::Number {
                min: 1,
                max: 100_000,
            },
            false,
        ),
        field(
            "need",
            "What should the heat pump do?",
            FieldKind::Choices { options: need },
            true,
        ),
        field(
            "budget",
            "Budget",
            FieldKind::Choice {
                options: budget.clone(),
            },
            true,
        ),
        field(
            "funding",
            "Funding",
            FieldKind::Choice { options: budget },
            false,
        ),
        field("start", "Earliest start", FieldKind::Date, false),
        field(
            "on_site",
            "We have a roof that carries 5 t",
            FieldKind::Checkbox,
            false,
        ),
        field(
            "message",
            "What should we know?",
            FieldKind::LongText { max: 2000 },
            false,
        ),
        field("campaign", "campaign", FieldKind::Hidden, false),
    ];
    fields[3].help = Some("With country code, such as +31 10 000 00 00.".into());
    fields[3].message = Some("Please begin with + and the country code".into());
    fields[9].value = Some("over-1m".into());
    fields[13].value = Some("spring".into());
    Form {
        id: "demo".into(),
        title: "Ask for a site visit".into(),
        intro: "An engineer walks through the plant with you for half a day.".into(),
        button: "Ask for a visit".into(),
        language: "en".into(),
        fields,
        consents: vec![ConsentAsk {
            purpose: "newsletter".into(),
            field: "newsletter".into(),
            text: "Send me field notes, about one mail a month. I can unsubscribe in every mail."
                .into(),
            text_sha256: String::new(),
            required: true,
        }],
        magnet: None,
        notify: Vec::new(),
        double_opt_in: true,
        remind_after_days: None,
        success_message: "Thank you.".into(),
        next: None,
        allowed_origins: Vec::new(),
        strict_origin: false,
        honeypots: Vec::new(),
        unknown_fields: UnknownFields::Keep,
        proof: None,
        retention: crate::domain::form::Retention::USUAL,
        test_mode: false,
        redirects: std::collections::BTreeMap::new(),
        country: None,
        refuse_disposable: false,
        not_disposable: Vec::new(),
        elsewhere: crate::domain::elsewhere::Elsewhere::default(),
        version: "v".into(),
    }
}

fn pairs(posted: &[(&str, &str)]) -> Vec<(String, String)> {
    posted
        .iter()
        .map(|(n, v)| ((*n).into(), (*v).into()))
        .collect()
}

/// The form as a visitor gets it back: with what they typed, and what the check says about it.
pub(super) fn form_page(form: &Form, posted: &[(&str, &str)]) -> String {
    let posted = pairs(posted);
    let problems: Vec<Problem> = match check(form, &posted, None) {
        Checked::Problems(problems) if !posted.is_empty() => problems,
        _ => Vec::new(),
    };
    let business = business("Aldermoor");
    let page = FormPage {
        look: look(&business),
        form,
        action: "/f/demo".into(),
        problems: &problems,
        posted: &posted,
        hidden: &[],
    };
    page.render().unwrap()
}

fn labelled(field: &str, label: &str, value: &str) -> Labelled {
    Labelled {
        field: field.into(),
        label: label.into(),
        value: Pii::new(value.into()),
    }
}

fn line(rule: &str, dimension: Dimension, reason: &str, points: i32, count: u32) -> BreakdownLine {
    BreakdownLine {
        rule: rule.into(),
        dimension,
        reason: reason.into(),
        points,
        count,
        capped: count > 2,
        touchpoints: Vec::new(),
        faded_from: None,
    }
}

fn handoff(company: &str) -> Handoff {
    Handoff {
        lead_id: LeadId::from_bytes([7; 16]),
        cycle: 1,
        at: AT,
        stage: Stage::Mql,
        touchpoint: "sub_demo".into(),
        name: Pii::new("Ada Osei".into()),
        email: Some(Pii::new("ada.osei@dairy.example".into())),
        profile: vec![
            labelled("job_title", "Job title", "Energy manager"),
            labelled("company", "Company", company),
            labelled("phone", "Phone", "+31 10 123 45 67"),
            labelled("country", "Country of the plant", "NL"),
        ],
        no_call: None,
        reachability: Reachability::Confirmed,
        score: Score {
            fit: 15,
            engagement: 30,
            bant: 20,
            total: 65,
        },
        breakdown: vec![
            line(
                "large-site",
                Dimension::Fit,
                "At least 100 people at the site",
                20,
                1,
            ),
            line("left", Dimension::Fit, "Writes from a free mailbox", -5, 1),
            line(
                "followed-links",
                Dimension::Engagement,
                "Followed links in our mails",
                30,
                5,
            ),
            line(
                "soon",
                Dimension::Bant,
                "Wants to decide within a year",
                20,
                1,
            ),
        ],
        bant: vec![
            labelled("budget", "Budget", "Over €1 million"),
            labelled("authority", "Authority", ""),
            labelled("need", "Need", "Replace an old boiler, Cut the energy bill"),
            labelled("timeline", "Timeline", "Within six months"),
        ],
        history: vec![
            HistoryLine {
                at: AT,
                text: "Submitted “Get the guide”".into(),
            },
            HistoryLine {
                at: AT.plus_minutes(7),
                text: "Downloaded “Process heat without the boiler”".into(),
            },
        ],
        comments: vec![labelled(
            "message",
            "What should we know?",
            "Steam at 6 bar.\nTwo shifts.",
        )],
        first_source: "google / cpc (spring)".into(),
        last_source: "direct".into(),
        first_at: Some(AT),
        last_at: Some(AT.plus_minutes(7)),
        consents: vec![labelled(
            "",
            "newsletter",
            "given and confirmed on 2026-03-01",
        )],
        owner: SalesPerson {
            id: "mira".into(),
            name: "Mira de Vries".into(),
            email: Pii::new(String::new()),
        },
        routed_because: "no route matched; this is the fallback".into(),
        known: None,
        answer_by: Some(AT.plus_minutes(240)),
        action: SuggestedAction {
            field: None,
            any_of: Vec::new(),
            text: "Call today and offer two dates for a walk through the plant.".into(),
            reason: "They want to decide within six months.".into(),
        },
        model_hash: String::new(),
        last_write_id: String::new(),
        v: HANDOFF_V,
    }
}

pub(super) fn handoff_page(company: &str, answered: Option<&str>, answer: Option<&str>) -> String {
    let (business, handoff) = (business("Aldermoor"), handoff(company));
    let page = HandoffPage {
        look: look(&business),
        handoff: &handoff,
        told: answered.map(String::from).into_iter().collect(),
        done: false,
        pressed_too_soon: false,
        asks: if answered.is_some() {
            Asks::Nothing
        } else {
            Asks::First
        },
        qualified: false,
        answer,
        choices: Choices {
            reject: &REJECT_REASONS,
            lost: &LOST_REASONS,
            snooze: &SNOOZES,
            colleagues: vec![("jonas", "Jonas Brandt")],
        },
        answer_by: "Monday 2 March, 13:30".into(),
        stamp: "st.amp".into(),
    };
    page.render().unwrap()
}

pub(super) fn download(business: &Business, title: &str, consents: Vec<Asked<'_>>) -> String {
    let page = DownloadPage {
        confirmed: false,
        look: look(business),
        title,
        description: "A buyer's guide to industrial heat pumps.",
        size: "212 kB".into(),
        consents,
        stamp: "st.amp".into(),
    };
    page.render().unwrap()
}

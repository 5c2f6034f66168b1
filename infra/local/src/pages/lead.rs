//! One lead: who it is, why it has its points, what happened, what was promised.

use askama::Template;
use serde_json::Value;

use super::STYLE;
use super::chip::{self, Chip};
use super::leads;
use super::read::{When, capitalised, line, list, number, points, source, width};
use history::{Change, Touch, stage_change, touch};
use person::{Consent, Field, blocked, consents, given_address, profile};
use sales::{Handoff, handoff};
use score::{Line, Need, need, on_record, remarks, score_line};
use work::{Item, outbox_item};

mod history;
mod person;
mod sales;
mod score;
mod work;

/// What a full bar of one part of the score stands for, where no part has more.
const FULL_PART: i64 = 50;

#[derive(Template)]
#[template(path = "lead.html")]
struct LeadPage {
    here: &'static str,
    lead_id: String,
    name: String,
    company: String,
    email: String,
    stage: Chip,
    reachability: Chip,
    since: String,
    /// Why no mail may go out, where that is so.
    blocked: String,
    /// There are facts and no state yet: `score` has not seen them.
    unscored: bool,
    total: String,
    /// Where the score on record is another: how many points it has, and since when.
    on_record: String,
    /// The grade, the ideal customer, how long it is enough: what is said beside the points.
    remarks: Vec<String>,
    dimensions: Vec<Part>,
    model: String,
    needs: Vec<Need>,
    lines: Vec<Line>,
    /// Rules that gave nothing, and why.
    unmatched: Vec<Line>,
    sum: String,
    sums_up: bool,
    handoffs: Vec<Handoff>,
    touchpoints: Vec<Touch>,
    outbox: Vec<Item>,
    profile: Vec<Field>,
    first: Origin,
    last: Origin,
    stages: Vec<Change>,
    consents: Vec<Consent>,
}

struct Part {
    label: &'static str,
    points: String,
    width: i64,
    negative: bool,
}

struct Origin {
    what: String,
    at: When,
}

/// The page of one lead: `{lead, touchpoints[], outbox[], handoffs[], consents[], guard?}`.
pub fn lead(doc: &Value) -> String {
    let lead = &doc["lead"];
    let known_words = &doc["words"];
    let explained = &doc["explained"];
    // As of now, rule by rule, where the page was given that; else as it is on record.
    let (score, given) = if explained.is_object() {
        (&explained["score"], list(&explained["rules"]))
    } else {
        (&lead["score"], list(&lead["breakdown"]))
    };
    let sum: i64 = given.iter().map(|line| number(&line["points"])).sum();
    let (matched, other): (Vec<&Value>, Vec<&Value>) = given.iter().partition(|line| {
        !matches!(
            line["outcome"].as_str(),
            Some("not_matched" | "other_profile")
        )
    });
    let lines: Vec<Line> = matched.into_iter().map(score_line).collect();
    let parts = [
        ("Fit", "fit"),
        ("Engagement", "engagement"),
        ("BANT", "bant"),
    ];
    let whole = parts
        .iter()
        .map(|(_, name)| number(&score[*name]))
        .fold(FULL_PART, i64::max);
    let mut touchpoints: Vec<Touch> = list(&doc["touchpoints"])
        .iter()
        .map(|given| touch(given, known_words))
        .collect();
    touchpoints.sort_by(|a, b| b.at.cmp(&a.at));
    let mut outbox: Vec<&Value> = list(&doc["outbox"]).iter().collect();
    outbox.sort_by_key(|item| std::cmp::Reverse(number(&item["created_at"])));
    let mut stages: Vec<Change> = list(&lead["stage_history"])
        .iter()
        .map(|change| stage_change(change, doc))
        .collect();
    stages.reverse();
    let job = leads::profile_field(lead, "job_title");
    let company = leads::company(lead);

    super::rendered(&LeadPage {
        here: "leads",
        lead_id: line(&lead["lead_id"]),
        name: if lead.is_object() {
            leads::person(lead)
        } else {
            given_address(doc)
        },
        company: [job, company]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
        email: line(&lead["email"]),
        stage: chip::stage(&line(&lead["stage"])),
        reachability: chip::reachability(&line(&lead["reachability"])),
        since: since(lead),
        blocked: blocked(&doc["guard"]),
        unscored: !lead.is_object(),
        total: points(number(&score["total"])),
        on_record: on_record(explained, number(&score["total"])),
        remarks: remarks(explained),
        needs: list(&explained["needs"]).iter().map(need).collect(),
        unmatched: other.into_iter().map(score_line).collect(),
        dimensions: parts
            .iter()
            .map(|(label, name)| {
                let given = number(&score[*name]);
                Part {
                    label,
                    points: points(given),
                    width: width(given, whole),
                    negative: given < 0,
                }
            })
            .collect(),
        model: line(&lead["model_hash"]).chars().take(12).collect(),
        sums_up: sum == number(&score["total"]),
        lines,
        sum: points(sum),
        handoffs: list(&doc["handoffs"])
            .iter()
            .rev()
            .map(|given| handoff(given, doc))
            .collect(),
        touchpoints,
        outbox: outbox
            .into_iter()
            .map(|given| outbox_item(given, known_words))
            .collect(),
        profile: profile(lead, known_words),
        first: origin(&lead["first_touch"]),
        last: origin(&lead["last_touch"]),
        stages,
        consents: consents(doc),
    })
}

fn since(lead: &Value) -> String {
    let stage_since = When::read(&lead["stage_since"]);
    if stage_since.is_known() {
        format!("since {}", stage_since.short)
    } else {
        String::new()
    }
}

fn origin(touch: &Value) -> Origin {
    let phrase = source(touch);
    let at = When::read(&touch["at"]);
    let what = match (phrase.is_empty(), at.is_known()) {
        (false, _) => capitalised(&phrase),
        (true, true) => "Direct".to_owned(),
        (true, false) => "Unknown".to_owned(),
    };
    Origin { what, at }
}

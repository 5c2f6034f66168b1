//! One lead: who it is, why it has its points, what happened, what was promised.

use askama::Template;
use serde_json::Value;

use super::STYLE;
use super::chip::{self, Chip};
use super::leads::{company, person, profile_field};
use super::read::{
    When, capitalised, counted, fields, line, list, number, points, source, width, words,
};

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

struct Line {
    reason: String,
    rule: String,
    dimension: String,
    count: i64,
    points: String,
    negative: bool,
    /// Why it matched or not.
    why: String,
    /// What became of its points, where anything did.
    way: String,
}

struct Need {
    what: String,
    has: String,
    wants: String,
    reached: bool,
}

struct Handoff {
    number: i64,
    at: When,
    facts: Vec<(String, String)>,
    history: Vec<String>,
}

struct Touch {
    label: String,
    tone: &'static str,
    at: When,
    detail: String,
    source: String,
    machine: String,
    answers: Vec<(String, String)>,
}

struct Item {
    label: String,
    what: String,
    state: Chip,
    when: String,
    reason: String,
    mails: Vec<String>,
}

struct Field {
    label: String,
    value: String,
    trust: String,
}

struct Origin {
    what: String,
    at: When,
}

struct Change {
    stage: Chip,
    at: When,
    because: String,
}

struct Consent {
    purpose: String,
    decision: Chip,
    at: When,
    how: String,
    text: String,
    /// What was said earlier, latest first.
    before: Vec<String>,
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
    let job = profile_field(lead, "job_title");
    let company = company(lead);

    super::rendered(&LeadPage {
        here: "leads",
        lead_id: line(&lead["lead_id"]),
        name: if lead.is_object() {
            person(lead)
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
            .map(|given| handoff(given, lead))
            .collect(),
        touchpoints,
        outbox: outbox.into_iter().map(outbox_item).collect(),
        profile: profile(lead, known_words),
        first: origin(&lead["first_touch"]),
        last: origin(&lead["last_touch"]),
        stages,
        consents: consents(doc),
    })
}

/// What the guard forbids, in words.
fn blocked(guard: &Value) -> String {
    let at = |value: &Value| When::read(value).short;
    if guard["erased_at"].is_number() {
        return format!("Erased {}", at(&guard["erased_at"]));
    }
    let suppressed = &guard["suppressed"];
    let why = match line(&suppressed["reason"]).as_str() {
        "" => return String::new(),
        "unsubscribed" => "unsubscribed".to_owned(),
        "hard_bounce" => "the address bounced".to_owned(),
        "complaint" => "reported as spam".to_owned(),
        other => words(other).to_lowercase(),
    };
    format!("No mail since {}: {why}", at(&suppressed["at"]))
}

/// The address of the first fact that has one, for a lead without state.
fn given_address(doc: &Value) -> String {
    list(&doc["touchpoints"])
        .iter()
        .map(|touch| line(&touch["email"]))
        .find(|email| !email.is_empty())
        .unwrap_or_else(|| "Unnamed lead".to_owned())
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

fn score_line(given: &Value) -> Line {
    let gained = number(&given["points"]);
    let rule = line(&given["rule"]);
    let reason = line(&given["reason"]);
    Line {
        reason: if reason.is_empty() {
            words(&rule)
        } else {
            reason
        },
        rule,
        dimension: dimension(&line(&given["dimension"])),
        count: number(&given["count"]),
        points: match given["outcome"].as_str() {
            Some("rules_out") if gained == 0 => "out".to_owned(),
            Some("not_matched" | "other_profile") => String::new(),
            _ => points(gained),
        },
        negative: gained < 0,
        why: match given["outcome"].as_str() {
            Some("other_profile") => "Another ideal customer is nearer".to_owned(),
            Some("rules_out") => format!(
                "{}; rules the lead out",
                capitalised(&line(&given["because"]))
            ),
            _ => capitalised(&line(&given["because"])),
        },
        way: way(given, gained),
    }
}

fn dimension(name: &str) -> String {
    if name == "bant" {
        "BANT".to_owned()
    } else {
        words(name)
    }
}

/// `12 earned, 10 under its cap, 8 after fading`, where points were lost on the way.
fn way(given: &Value, gained: i64) -> String {
    if given["earned"].is_null() {
        // A breakdown on record says less.
        return match (given["capped"].as_bool(), given["faded_from"].as_i64()) {
            (_, Some(before)) => format!("{} before fading", points(before)),
            (Some(true), None) => "capped".to_owned(),
            (_, None) => String::new(),
        };
    }
    let (earned, kept) = (number(&given["earned"]), number(&given["kept"]));
    let faded = number(&given["faded"]);
    let mut parts = vec![format!("{} earned", points(earned))];
    if kept != earned {
        parts.push(format!("{} under its cap", points(kept)));
    }
    if faded != kept {
        parts.push(format!("{} after fading", points(faded)));
    }
    if gained != faded {
        parts.push(format!("{} under the cap of its group", points(gained)));
    }
    if parts.len() > 1 && given["outcome"] != "not_matched" {
        parts.join(", ")
    } else {
        String::new()
    }
}

fn need(given: &Value) -> Need {
    Need {
        what: dimension(&line(&given["what"])),
        has: line(&given["has"]).replace('-', "\u{2212}"),
        wants: line(&given["wants"]),
        reached: given["reached"].as_bool().unwrap_or_default(),
    }
}

fn on_record(explained: &Value, now: i64) -> String {
    let record = &explained["on_record"];
    match record["total"].as_i64() {
        Some(total) if total != now => format!(
            "{} on record, as of {}",
            points(total),
            When::read(&record["at"]).short
        ),
        _ => String::new(),
    }
}

/// What is said beside the points.
fn remarks(explained: &Value) -> Vec<String> {
    let moment = |name: &str| Some(When::read(&explained[name])).filter(When::is_known);
    let text = |name: &str| Some(line(&explained[name])).filter(|t| !t.is_empty());
    let mut said = Vec::new();
    said.extend(text("grade").map(|grade| format!("Grade {grade}")));
    said.extend(text("profile_name").map(|name| format!("Nearest to “{name}”")));
    said.extend(
        moment("ready_until").map(|at| format!("Enough until {}, if nothing happens", at.short)),
    );
    said.extend(moment("review_at").map(|at| format!("Looked at again on {}", at.short)));
    said
}

fn labelled(given: &Value) -> (String, String) {
    (line(&given["label"]), line(&given["value"]))
}

fn handoff(given: &Value, lead: &Value) -> Handoff {
    let owner = &given["owner"];
    let owner = match (line(&owner["name"]), line(&owner["email"])) {
        (name, email) if name.is_empty() => {
            if email.is_empty() {
                line(owner)
            } else {
                email
            }
        }
        (name, _) => name,
    };
    let action = &given["action"];
    let mut facts = vec![
        ("Owner".to_owned(), owner),
        ("Chosen because".to_owned(), line(&given["routed_because"])),
        ("Next step".to_owned(), line(action)),
        ("Why".to_owned(), line(&action["reason"])),
    ];
    if given["score"]["total"].is_number() {
        let total = points(number(&given["score"]["total"]));
        facts.push(("Score then".to_owned(), format!("{total} points")));
    }
    facts.extend(answers(given, lead));
    facts.extend(list(&given["bant"]).iter().map(labelled));
    facts.extend(list(&given["comments"]).iter().map(labelled));
    facts.retain(|(_, value)| !value.is_empty());
    Handoff {
        number: number(&given["cycle"]),
        at: When::read(&given["at"]),
        facts,
        history: list(&given["history"])
            .iter()
            .map(|entry| {
                let at = When::read(&entry["at"]).short;
                format!("{at} {}", line(&entry["text"])).trim().to_owned()
            })
            .collect(),
    }
}

/// How sales stands with the lead: until when an answer is due, or what it was.
fn answers(given: &Value, lead: &Value) -> Vec<(String, String)> {
    let handling = &lead["handling"];
    if number(&given["cycle"]) != number(&lead["cycle"]) {
        return Vec::new();
    }
    let mut told = Vec::new();
    let mut tell = |label: &str, value: String| told.push((label.to_owned(), value));
    let said = |what: &Value| {
        let (label, _) = kind(&line(&what["kind"]));
        let reason = words(&line(&what["reason"])).to_lowercase();
        let because = if reason.is_empty() {
            String::new()
        } else {
            format!(" ({reason})")
        };
        format!("{label} {}{because}", When::read(&what["at"]).short)
    };
    let at = |value: &Value| When::read(value).short;
    if handling["holder"].is_string() {
        tell("Now with", line(&handling["holder"]));
    }
    let mut waits = true;
    for what in ["answer", "qualified", "outcome"] {
        if handling[what].is_object() {
            waits = false;
            tell("Answer", said(&handling[what]));
        }
    }
    if waits && handling["snoozed_until"].is_number() {
        tell("Put off until", at(&handling["snoozed_until"]));
    }
    if waits && given["answer_by"].is_number() {
        tell("Answer due by", at(&given["answer_by"]));
    }
    told
}

/// The name of a kind of touchpoint and the tone of its dot.
fn kind(name: &str) -> (String, &'static str) {
    let (label, tone) = match name {
        "form_submitted" => ("Form submitted", ""),
        "address_confirmed" => ("Address confirmed", ""),
        "magnet_downloaded" => ("Magnet downloaded", ""),
        "link_clicked" => ("Link clicked", ""),
        "link_renewed" => ("Fresh link asked for", ""),
        "delivered" => ("Mail delivered", "quiet"),
        "delayed" => ("Mail held up", "quiet"),
        "not_sent" => ("Mail not sent", "bad"),
        "bounced" => ("Mail bounced", "bad"),
        "complained" => ("Reported as spam", "bad"),
        "unsubscribed" => ("Unsubscribed", "bad"),
        "suppression_lifted" => ("Mail allowed again", ""),
        "accepted" => ("Accepted by sales", ""),
        "rejected" => ("Handed back by sales", "quiet"),
        "imported" => ("Came from a file", "quiet"),
        "overridden" => ("Decided by hand", "quiet"),
        "snoozed" => ("Put off by sales", "quiet"),
        "rerouted" => ("Passed on by sales", ""),
        "sales_qualified" => ("Qualified by sales", ""),
        "won" => ("Won", ""),
        "lost" => ("Lost", "quiet"),
        "" => ("Touchpoint", "quiet"),
        other => return (words(other), ""),
    };
    (label.to_owned(), tone)
}

fn touch(given: &Value, known: &Value) -> Touch {
    let (label, tone) = kind(&line(&given["kind"]));
    let machine = line(&given["machine"]);
    let mut detail = Vec::new();
    for (name, titles, prefix) in [("form", "forms", "Form "), ("magnet", "magnets", "Magnet ")] {
        let value = line(&given[name]);
        let title = line(&known[titles][&value]);
        if !title.is_empty() {
            detail.push(format!("“{title}”"));
        } else if !value.is_empty() {
            detail.push(format!("{prefix}{value}"));
        }
    }
    for said in [
        words(&line(&given["reason"])),
        Some(line(&given["stage"]))
            .filter(|stage| !stage.is_empty())
            .map(|stage| format!("Set to {}", chip::stage(&stage).label))
            .unwrap_or_default(),
        Some(When::read(&given["until"]))
            .filter(When::is_known)
            .map(|at| format!("until {}", at.short))
            .unwrap_or_default(),
        line(&given["comment"]),
    ] {
        if !said.is_empty() {
            detail.push(said);
        }
    }
    if line(&given["trust"]) == "imported" {
        detail.push("imported".to_owned());
    }
    let answers = if given["answers"].is_array() {
        list(&given["answers"])
            .iter()
            .map(|answer| {
                let name = line(&answer["name"]);
                (
                    field_label(&name, known),
                    shown(&name, &answer["value"], known),
                )
            })
            .collect()
    } else {
        fields(&given["fields"])
            .map(|(name, value)| (words(name), line(value)))
            .collect()
    };
    Touch {
        label,
        tone: if machine.is_empty() { tone } else { "quiet" },
        at: When::read(&given["at"]),
        detail: detail.join(" · "),
        source: source(given),
        machine,
        answers,
    }
}

/// What people call a field.
fn field_label(name: &str, known: &Value) -> String {
    let label = line(&known["fields"][name]);
    if label.is_empty() { words(name) } else { label }
}

/// An answer in the words that people chose, instead of what is stored.
fn shown(name: &str, value: &Value, known: &Value) -> String {
    let options = &known["options"][name];
    let one = |stored: String| {
        let label = line(&options[&stored]);
        if label.is_empty() { stored } else { label }
    };
    let inner = if value["value"].is_object() {
        &value["value"]
    } else {
        value
    };
    match inner["list"].as_array() {
        Some(several) => several
            .iter()
            .map(|v| one(line(v)))
            .collect::<Vec<_>>()
            .join(", "),
        None => one(line(value)),
    }
}

fn outbox_item(given: &Value) -> Item {
    let state = line(&given["state"]);
    let order = &given["order"];
    let moment = |name: &str| When::read(&given[name]);
    let when = match state.as_str() {
        "PENDING" if moment("not_before") > moment("created_at") => {
            format!("not before {}", moment("not_before").short)
        }
        "UNKNOWN" => format!("unknown since {}", moment("unknown_since").short),
        _ if moment("settled_at").is_known() => moment("settled_at").short,
        _ => moment("created_at").short,
    };
    let attempts = usize::try_from(number(&given["attempt"])).unwrap_or_default();
    let when = if attempts > 1 {
        format!("{when}, {}", counted(attempts, "attempt", "attempts"))
    } else {
        when
    };
    let mut reason = words(&line(&given["reason"]));
    if given["possible_duplicate"].as_bool().unwrap_or_default() {
        reason = [reason, "may have been sent twice".to_owned()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", ");
    }
    let is_mail = line(&given["reader"]) != "score";
    Item {
        label: words(&line(&given["kind"])),
        what: [words(&line(&order["template"])), line(&order["person"])]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
        state: chip::outbox_state(&state),
        when,
        reason,
        // Only ids of the mail stand-in have a page.
        mails: list(&given["provider_ids"])
            .iter()
            .map(line)
            .filter(|id| is_mail && id.starts_with("0100") && id.ends_with("-000000"))
            .collect(),
    }
}

/// What a reader looks for first; the rest follows by name.
const FIRST_FIELDS: [&str; 7] = [
    "first_name",
    "last_name",
    "full_name",
    "job_title",
    "company",
    "phone",
    "country",
];

fn profile(lead: &Value, known: &Value) -> Vec<Field> {
    let place = |name: &str| {
        FIRST_FIELDS
            .iter()
            .position(|first| *first == name)
            .unwrap_or(FIRST_FIELDS.len())
    };
    // Only what departs from "confirmed" is worth a line.
    let trust = |name: &str| match name {
        "confirmed" => String::new(),
        "typed" => "Typed into a form, not confirmed".to_owned(),
        "imported" => "Imported, not confirmed".to_owned(),
        "sales" => "Told by sales".to_owned(),
        other => words(other),
    };
    let mut all: Vec<(&String, &Value)> = fields(&lead["profile"]).collect();
    all.sort_by_key(|(name, _)| (place(name), *name));
    all.into_iter()
        .map(|(name, value)| Field {
            label: field_label(name, known),
            value: shown(name, value, known),
            trust: trust(&line(&value["trust"])),
        })
        .filter(|field| !field.value.is_empty())
        .collect()
}

fn stage_change(change: &Value, doc: &Value) -> Change {
    let cause = line(&change["touchpoint"]);
    let because = list(&doc["touchpoints"])
        .iter()
        .find(|touch| !cause.is_empty() && line(&touch["id"]) == cause)
        .map(|touch| kind(&line(&touch["kind"])).0)
        .unwrap_or_default();
    Change {
        stage: chip::stage(&line(&change["to"])),
        at: When::read(&change["at"]),
        because: cause_words(&change["cause"]).unwrap_or(because),
    }
}

/// Why a stage changed, where the touchpoint alone does not tell.
fn cause_words(cause: &Value) -> Option<String> {
    if let Some(rule) = cause["ruled_out"].as_str() {
        return Some(format!("Ruled out by the rule {rule}"));
    }
    let words = match cause.as_str()? {
        "no_longer_ruled_out" => "No rule rules it out any more",
        "override" => "Decided by hand",
        "override_ended" => "What was decided by hand ended",
        "cool_down_ended" => "Its rest was over",
        _ => return None,
    };
    Some(words.to_owned())
}

/// What holds for each purpose, and what was said of it before.
fn consents(doc: &Value) -> Vec<Consent> {
    let method = |name: &str| match name {
        "mail_click" => "by a click in a mail".to_owned(),
        "checkbox" => "by a checkbox".to_owned(),
        "one_click_unsubscribe" => "by one click to unsubscribe".to_owned(),
        other => other.replace('_', " "),
    };
    // The ledger keeps every word that was ever said; what holds now is the latest of each purpose.
    let mut purposes: Vec<String> = Vec::new();
    for purpose in fields(&doc["lead"]["consents"])
        .map(|(purpose, _)| purpose.clone())
        .chain(list(&doc["consents"]).iter().map(|e| line(&e["purpose"])))
    {
        if !purposes.contains(&purpose) {
            purposes.push(purpose);
        }
    }
    purposes
        .into_iter()
        .map(|purpose| {
            let mut said: Vec<&Value> = list(&doc["consents"])
                .iter()
                .filter(|entry| line(&entry["purpose"]) == purpose)
                .collect();
            said.sort_by_key(|entry| std::cmp::Reverse(number(&entry["at"])));
            let state = &doc["lead"]["consents"][&purpose];
            let latest = said.first().copied().unwrap_or(&Value::Null);
            let now = if state.is_object() { state } else { latest };
            let agrees = line(&now["decision"]) == line(&latest["decision"]);
            Consent {
                purpose: words(&purpose),
                decision: chip::decision(&line(&now["decision"])),
                at: When::read(&now["at"]),
                how: if agrees {
                    method(&line(&latest["method"]))
                } else {
                    String::new()
                },
                text: said
                    .iter()
                    .map(|entry| line(&entry["text"]))
                    .find(|text| !text.is_empty())
                    .unwrap_or_default(),
                before: said
                    .iter()
                    .skip(usize::from(agrees))
                    .map(|entry| {
                        let decision = chip::decision(&line(&entry["decision"])).label;
                        let at = When::read(&entry["at"]).short;
                        format!("{decision}, {at} {}", method(&line(&entry["method"])))
                    })
                    .collect(),
            }
        })
        .collect()
}

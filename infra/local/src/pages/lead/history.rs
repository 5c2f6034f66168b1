//! What happened to a lead: touchpoints and stages.

use serde_json::Value;

use super::super::chip::{self, Chip};
use super::super::read::{When, fields, line, list, source, words};
use super::person::{field_label, shown};
use super::sales::person;

pub(super) struct Touch {
    pub(super) label: String,
    pub(super) tone: &'static str,
    pub(super) at: When,
    pub(super) detail: String,
    pub(super) source: String,
    pub(super) machine: String,
    pub(super) answers: Vec<(String, String)>,
    /// What is worth knowing about the answers.
    pub(super) remarks: Vec<String>,
}

pub(super) struct Change {
    pub(super) stage: Chip,
    pub(super) at: When,
    pub(super) because: String,
}

/// The name of a kind of touchpoint and the tone of its dot.
pub(super) fn kind(name: &str) -> (String, &'static str) {
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
        "preferences_changed" => ("Chose which mails they want", ""),
        "replied" => ("Wrote back to a mail", ""),
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

pub(super) fn touch(given: &Value, known: &Value) -> Touch {
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
        Some(person(&given["person"], known))
            .filter(|name| !name.is_empty())
            .map(|name| format!("to {name}"))
            .unwrap_or_default(),
        line(&given["comment"]),
        Some(person(&given["author"], known))
            .filter(|name| !name.is_empty())
            .map(|name| format!("by {name}"))
            .unwrap_or_default(),
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
                let kept = shown(&name, &answer["value"], known);
                let mut typed = list(&given["typed"]).iter();
                let typed = typed.find(|typed| line(&typed["name"]) == name);
                let typed = typed.map(|typed| shown(&name, &typed["value"], known));
                let value = match typed {
                    Some(typed) => format!("{kept}, typed as “{typed}”"),
                    None => kept,
                };
                (field_label(&name, known), value)
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
        remarks: list(&given["flags"])
            .iter()
            .map(|flag| remark(&line(flag)))
            .collect(),
    }
}

/// A flag of a submission, in words.
fn remark(flag: &str) -> String {
    let text = match flag {
        "role_address" => "An address of a team or a function, not of a person",
        "disposable_address" => "An address of a service for throw-away mailboxes",
        "mixed_scripts" => "An address that mixes alphabets, as look-alikes do",
        "phone_as_typed" => "The phone number stands as it was typed; it may lack its country",
        "unchecked_answers" => {
            "Answers that the form would have refused; nobody could be asked again"
        }
        other => return words(other),
    };
    text.to_owned()
}

pub(super) fn stage_change(change: &Value, doc: &Value) -> Change {
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
pub(super) fn cause_words(cause: &Value) -> Option<String> {
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

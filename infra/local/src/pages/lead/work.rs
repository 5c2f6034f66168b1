//! What was promised to a lead, and what became of it.

use serde_json::Value;

use super::sales::person;

use super::super::chip::{self, Chip};
use super::super::read::{When, counted, line, list, number, words};

pub(super) struct Item {
    pub(super) label: String,
    pub(super) what: String,
    pub(super) state: Chip,
    pub(super) when: String,
    pub(super) reason: String,
    pub(super) mails: Vec<String>,
}

pub(super) fn outbox_item(given: &Value, known: &Value) -> Item {
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
    let label = words(&line(&given["kind"]));
    // Which mail, where the kind does not tell; to whom in sales, or by which channel.
    let template = words(&line(&order["template"]));
    let to = [person(&order["person"], known), line(&order["channel"])];
    Item {
        what: [template]
            .into_iter()
            .filter(|template| *template != label && template != "Alert")
            .chain(to)
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
        label,
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

//! `[[channel]]` of `site.toml`: where news goes besides mail.

use crate::domain::channel::{Channel, ChannelKind, EventType, HUBSPOT, LOCAL_SINK, SALESFORCE};
use crate::domain::destination::Destination;
use crate::runtime::is_secret_name;

use super::names::{Names, Unique, check_id};
use super::reader::{At, Table};

/// Longest id: outbox ids are made of it.
const LONGEST_ID: usize = 24;
const KINDS: [&str; 4] = ["webhook", "slack", "hubspot", "salesforce"];

/// Reads every `[[channel]]`. The names are those that forms may tell of a submission: people and channels, in one list.
pub(super) fn channels(root: Option<&Table<'_>>, people: Option<&Names>) -> (Vec<Channel>, Names) {
    let nobody = Names::new("sales person", None);
    let people = people.unwrap_or(&nobody);
    let mut ids = Unique::default();
    let mut channels = Vec::new();
    for table in root.map_or_else(Vec::new, |root| root.tables("channel", "[[channel]]")) {
        channels.extend(read(&table, &mut ids, people));
        table.finish();
    }
    let told = people.and(channels.iter().map(|c: &Channel| c.id.as_str()));
    (channels, told)
}

fn read(table: &Table<'_>, ids: &mut Unique, people: &Names) -> Option<Channel> {
    let id = table.required_text("id", "a name of your choice, such as `crm`");
    let kind = table.required_text("kind", "webhook, slack, hubspot or salesforce");
    let events = table.texts("events");
    let id_ok = id.as_ref().is_some_and(|id| {
        let free = !people.has(&id.value);
        if !free {
            id.spot.error_help(
                format!("`{}` is the id of a sales person", id.value),
                "forms name both in `notify`, so give the channel another id",
            );
        }
        check_id(id, "channel", LONGEST_ID) && free && ids.insert(&id.value, id.spot, "channel")
    });
    let kind = kind.and_then(|kind| read_kind(table, &kind));
    let events = events.map_or_else(
        || vec![EventType::LeadMql],
        |words| words.iter().filter_map(event).collect(),
    );
    id_ok.then_some(())?;
    Some(Channel {
        id: id?.value,
        events,
        kind: kind?,
    })
}

fn event(word: &At<'_, String>) -> Option<EventType> {
    let found = EventType::ALL.into_iter().find(|e| e.name() == word.value);
    if found.is_none() {
        let known = EventType::ALL.map(EventType::name);
        word.spot.error_near(
            format!("there is no event `{}`", word.value),
            &word.value,
            &known,
        );
    }
    found
}

fn read_kind(table: &Table<'_>, kind: &At<'_, String>) -> Option<ChannelKind> {
    match kind.value.as_str() {
        "webhook" => {
            let url = table.required_text("url", "where to post, an https URL");
            let secret = required_secret(table, "the secret that signs, such as `crm-signing`");
            Some(ChannelKind::Webhook {
                url: checked(&url?)?,
                secret: secret?,
            })
        }
        "slack" if table.has("url") => {
            let url = table.text("url")?;
            if !url.value.starts_with(LOCAL_SINK) {
                url.spot.error_help(
                    "the address of a Slack webhook is a secret and does not belong here",
                    "keep it as a secret and name it: `secret = \"slack-sales\"`",
                );
                return None;
            }
            Some(ChannelKind::Slack {
                secret: None,
                url: Some(url.value),
            })
        }
        "slack" => {
            let secret = required_secret(
                table,
                "the secret that holds the address of the incoming webhook",
            );
            Some(ChannelKind::Slack {
                secret: Some(secret?),
                url: None,
            })
        }
        "hubspot" => {
            let url = url_or(table, HUBSPOT);
            let secret = required_secret(table, "the secret that holds the access token");
            Some(ChannelKind::Hubspot {
                secret: secret?,
                url: url?,
            })
        }
        "salesforce" => {
            let url = url_or(table, SALESFORCE);
            let oid = table.required_text("oid", "the id of your organisation, such as `00D...`");
            let oid = oid?;
            let ok = matches!(oid.value.len(), 15 | 18)
                && oid.value.bytes().all(|b| b.is_ascii_alphanumeric());
            if !ok {
                oid.spot.error_help(
                    format!("`{}` is not the id of an organisation", oid.value),
                    "it has 15 or 18 letters and digits; Setup, Company Information shows it",
                );
                return None;
            }
            Some(ChannelKind::Salesforce {
                oid: oid.value,
                url: url?,
            })
        }
        other => {
            kind.spot.error_near(
                format!("there is no kind of channel `{other}`"),
                other,
                &KINDS,
            );
            None
        }
    }
}

fn required_secret(table: &Table<'_>, why: &str) -> Option<String> {
    let name = table.required_text("secret", why)?;
    if !is_secret_name(&name.value) {
        // Not repeated here: somebody may have put the secret itself.
        name.spot.error_help(
            "`secret` is the name of a secret: a-z, 0-9 and -",
            "the secret itself is kept apart; docs/channels.md tells where",
        );
        return None;
    }
    Some(name.value)
}

fn url_or(table: &Table<'_>, default: &str) -> Option<String> {
    match table.text("url") {
        Some(url) => checked(&url),
        None if table.has("url") => None,
        None => Some(default.to_owned()),
    }
}

/// A URL that may be called from inside, or a sink of the local runner.
fn checked(url: &At<'_, String>) -> Option<String> {
    if url.value.starts_with(LOCAL_SINK) {
        return Some(url.value.clone());
    }
    match Destination::parse(&url.value, &[]) {
        Ok(destination) => Some(destination.as_str().to_owned()),
        Err(error) => {
            url.spot.error_help(
                format!("`url` {error}"),
                "write it as https://host/path; `/local/sink/NAME` is the local runner's sink",
            );
            None
        }
    }
}

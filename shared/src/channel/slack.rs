//! A message to a Slack channel by an incoming webhook, in Block Kit.
//!
//! What visitors typed stands in `plain_text` elements, which Slack shows as they are: no link, no formatting, no `@channel`. The one text
//! that Slack reads as markup is the fallback of notifications, and it is escaped. The answer buttons carry signed links; they open a page
//! and change nothing by themselves.

use serde_json::{Value, json};

use crate::domain::channel::EventType;
use crate::domain::countries::country_name;
use crate::domain::news::{Data, News};
use crate::domain::pii::Pii;
use crate::domain::text::shortened;

use super::message::Message;

/// Limits of Block Kit, in characters.
const HEADER: usize = 150;
const SECTION: usize = 2_900;
const FIELD: usize = 1_900;
/// Most fields of a section.
const FIELDS: usize = 10;
/// Most reasons shown.
const REASONS: usize = 8;

/// The request.
pub fn message(url: &str, news: &News, answer_url: Option<&str>) -> Message {
    let title = title(news);
    let payload = json!({
        "text": escaped(&title),
        "blocks": blocks(news, &title, answer_url),
        "unfurl_links": false,
        "unfurl_media": false,
    });
    Message {
        url: url.to_owned(),
        headers: vec![("content-type", "application/json".into())],
        body: payload.to_string().into_bytes(),
    }
}

fn shown(value: Option<&Pii<String>>) -> String {
    value.map(|v| v.expose().clone()).unwrap_or_default()
}

/// A country's name, where its code is known.
fn country(stored: String) -> String {
    country_name(&stored).map_or(stored, str::to_owned)
}

fn title(news: &News) -> String {
    let data = &news.data;
    let known = Some(shown(data.name.as_ref())).filter(|n| !n.is_empty());
    let who = known.unwrap_or_else(|| shown(data.email.as_ref()));
    let company = shown(data.profile.get("company"));
    let whom = match (who.as_str(), company.as_str()) {
        ("", "") => String::from("somebody"),
        (who, "") => who.to_owned(),
        ("", company) => company.to_owned(),
        (who, company) => format!("{who}, {company}"),
    };
    match news.event {
        EventType::LeadMql => format!("New lead: {whom}"),
        EventType::LeadAccepted => format!("Taken: {whom}"),
        EventType::LeadRejected => format!("Handed back: {whom}"),
        EventType::LeadSql => format!("Qualified by sales: {whom}"),
        EventType::SubmissionCreated => {
            let form = data.submission.as_ref().map(|s| s.form_title.as_str());
            format!("{}: {whom}", form.unwrap_or("New submission"))
        }
        EventType::Test => String::from("A trial message from Lodestone"),
    }
}

/// Text as Slack shows it, whatever it says.
fn plain(text: &str, longest: usize) -> Value {
    // An empty text is an error to Slack.
    let text = Some(shortened(text.trim(), longest)).filter(|t| !t.is_empty());
    json!({ "type": "plain_text", "text": text.as_deref().unwrap_or("–"), "emoji": false })
}

/// Text for the one place that Slack reads as markup: entities, and a break in what would call people together or become a link.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('@', "@\u{200b}")
        .replace("://", ":\u{200b}//")
}

fn blocks(news: &News, title: &str, answer_url: Option<&str>) -> Vec<Value> {
    let data = &news.data;
    let mut blocks = vec![json!({ "type": "header", "text": plain(title, HEADER) })];
    if let Some(action) = &data.action {
        let text = format!("{}\n{}", action.text, action.reason);
        blocks.push(section(&text));
    }
    let fields: Vec<Value> = facts(data)
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .take(FIELDS)
        .map(|(label, value)| plain(&format!("{label}\n{value}"), FIELD))
        .collect();
    if !fields.is_empty() {
        blocks.push(json!({ "type": "section", "fields": fields }));
    }
    if !data.reasons.is_empty() {
        let mut reasons: Vec<_> = data.reasons.iter().collect();
        reasons.sort_by_key(|r| std::cmp::Reverse(r.points.abs()));
        let lines: Vec<String> = reasons
            .into_iter()
            .take(REASONS)
            .map(|r| format!("{:+}  {}", r.points, r.reason))
            .collect();
        let total = data.score.map_or(0, |s| s.total);
        blocks.push(section(&format!("{total} points\n{}", lines.join("\n"))));
    }
    let answers = data.submission.as_ref().map(|s| &s.answers);
    let message = data.profile.get("message");
    if let Some(answers) = answers {
        let lines: Vec<String> = answers
            .iter()
            .map(|a| format!("{}: {}", a.label, a.value.expose()))
            .collect();
        if !lines.is_empty() {
            blocks.push(section(&lines.join("\n")));
        }
    } else if let Some(message) = message {
        blocks.push(section(message.expose()));
    }
    if let Some(url) = answer_url.filter(|_| news.event == EventType::LeadMql) {
        let button = |text: &str, answer: &str, style: Option<&str>| {
            let mut button = json!({
                "type": "button",
                "text": { "type": "plain_text", "text": text, "emoji": false },
                "url": format!("{url}?answer={answer}"),
                "action_id": answer,
            });
            if let Some(style) = style {
                button["style"] = style.into();
            }
            button
        };
        blocks.push(json!({
            "type": "actions",
            "elements": [button("Take this lead", "accept", Some("primary")), button("Not for us", "reject", None)],
        }));
    }
    if let Some(owner) = &data.owner {
        let text = format!("For {} ({})", owner.name, owner.because);
        blocks.push(json!({ "type": "context", "elements": [plain(&text, SECTION)] }));
    }
    blocks
}

fn section(text: &str) -> Value {
    json!({ "type": "section", "text": plain(text, SECTION) })
}

/// What a salesperson looks for first, with what people call it.
fn facts(data: &Data) -> Vec<(String, String)> {
    let profile = |name: &str| shown(data.profile.get(name));
    let mut facts = vec![
        ("Role".to_owned(), profile("job_title")),
        ("Company".to_owned(), profile("company")),
        ("Email".to_owned(), shown(data.email.as_ref())),
        ("Country".to_owned(), country(profile("country"))),
        ("People".to_owned(), profile("employees")),
    ];
    let bant = data.bant.iter();
    facts.extend(bant.map(|b| {
        let value = Some(b.value.expose().clone()).filter(|v| !v.is_empty());
        (
            b.label.clone(),
            value.unwrap_or_else(|| "not known yet".into()),
        )
    }));
    if let Some(source) = &data.first_source {
        facts.push(("Came by".into(), source.clone()));
    }
    facts
}

//! Mails that tell the operator that something stopped, and what to do. Their words are ours: a site whose templates do not know of them
//! hears of it all the same.

use super::header::{mailbox, subject};
use super::mail::{Mail, MailError, Writer};
use crate::domain::endpoint::Endpoint;
use crate::domain::outbox::OutboxItem;
use crate::domain::sales::{Assignee, SalesPerson};
use crate::domain::text::people_time;

/// What a paragraph that is to be typed into a terminal begins with.
const COMMAND: &str = "    ";
/// How such a paragraph looks, by day and by night.
const PRE: &str = "margin:0 0 16px;padding:12px 16px;background:rgba(127,127,127,.16);border-radius:6px;white-space:pre-wrap";

impl Writer<'_> {
    /// A channel was switched off.
    pub fn switched_off(&self, channel: &str, endpoint: &Endpoint) -> Result<Mail, MailError> {
        let since = endpoint.failing_since.map(people_time).unwrap_or_default();
        let text = format!(
            "the channel \"{channel}\" was switched off: messages to it have failed since {since}. The last one failed because {reason}.\n\n\
             Nothing more is sent there. Leads are kept, and alerts by mail go on as before.\n\n\
             What to do: put the receiver right, then run\n\n    lodestone channels --on {channel}",
            reason = endpoint.reason,
        );
        self.to_operator(
            &format!("Channel {channel} was switched off"),
            "Channel switched off",
            &text,
        )
    }

    /// Mails to leads paused themselves.
    pub fn mails_paused(&self, item: &OutboxItem) -> Result<Mail, MailError> {
        let body = item.order.body.as_ref();
        let why = body.ok_or(MailError::Gone("reason"))?.expose();
        let text = format!(
            "mails to leads are paused since {since}: {why}. Going on could cost you the right to send mail at all.\n\n\
             Nothing is lost. Forms go on taking people, alerts to sales go on, and every mail waits and goes out once you lift the pause.\n\n\
             What to do: find the form, campaign or import that these people came by, and put it right. Then run\n\n    \
             lodestone sending lift --reason \"what you found\"\n\n\
             To see how things stand, run\n\n    lodestone sending status",
            since = people_time(item.created_at),
        );
        self.to_operator(
            "Mails to leads are paused",
            "Mails to leads are paused",
            &text,
        )
    }

    /// The person that leads go to which no route matches, else the first of the team.
    fn operator(&self) -> Result<&SalesPerson, MailError> {
        let sales = &self.site.sales;
        let fallback = match &sales.fallback {
            Assignee::Person(id) => sales.person(id),
            Assignee::Group(_) => None,
        };
        fallback
            .or_else(|| sales.team.first())
            .ok_or(MailError::Gone("sales person"))
    }

    fn to_operator(&self, about: &str, title: &str, text: &str) -> Result<Mail, MailError> {
        let person = self.operator()?;
        let (name, business) = (&person.name, &self.site.business.name);
        let text = format!("Hello {name},\n\n{text}\n\n{business}\n");
        let paragraphs: Vec<String> = text
            .trim()
            .split("\n\n")
            .map(|p| match p.strip_prefix(COMMAND) {
                Some(command) => format!("<pre style=\"{PRE}\">{}</pre>", escape_html(command)),
                None => format!("<p style=\"margin:0 0 16px\">{}</p>", escape_html(p)),
            })
            .collect();
        let paragraphs = paragraphs.concat();
        Ok(Mail {
            from: mailbox(&self.site.sender.name, self.from),
            to: person.email.clone(),
            reply_to: None,
            subject: subject(about),
            html: format!(
                "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title>\
                 <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
                 <meta name=\"color-scheme\" content=\"light dark\"><style>:root{{color-scheme:light dark}}</style>\
                 <body style=\"font:16px/1.5 sans-serif;max-width:36em;margin:24px auto;padding:0 16px\">{paragraphs}</body></html>"
            ),
            text,
            headers: Vec::new(),
        })
    }
}

/// Text as HTML.
fn escape_html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

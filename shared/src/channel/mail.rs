//! Writing mails: what each template is given, and the headers of the result.
//!
//! The templates belong to the marketer; the names they may use are fixed here and are the ones the checker tries them with
//! (`site::source::sample`).

use std::collections::BTreeMap;

use minijinja::Environment;
use serde_json::{Value, json};

use super::header::{mailbox, subject};
use crate::domain::form::Form;
use crate::domain::outbox::{Order, OutboxItem};
use crate::domain::pii::Pii;
use crate::domain::text::{people_date_in, people_size, people_time};
use crate::domain::time::Timestamp;
use crate::domain::token::{Claims, Purpose, TokenKeys, nonce_of, scope_of, scope_of_link};
use crate::flow::deliver::{CONFIRM, REMINDER};
use crate::site::Site;
use crate::site::templates::environment_for;

/// A mail, ready to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// `From`, encoded.
    pub from: String,
    /// Whom it goes to.
    pub to: Pii<String>,
    /// `Reply-To`.
    pub reply_to: Option<String>,
    /// Subject.
    pub subject: String,
    /// Plain-text part.
    pub text: String,
    /// HTML part.
    pub html: String,
    /// Further headers.
    pub headers: Vec<(String, String)>,
}

/// Why a mail cannot be written. A class for logs and for the item's reason; templates are checked before, so these are rare.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The order lacks something, or names what the site does not have any more.
    #[error("the site has no {0} any more")]
    Gone(&'static str),
    /// A template failed.
    #[error("template {name} failed: {kind}")]
    Template {
        /// Its name.
        name: String,
        /// Kind of failure; never a value.
        kind: String,
    },
}

/// What mails are written with.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    /// The site in force.
    pub site: &'a Site,
    /// Signs links.
    pub keys: &'a TokenKeys,
    /// Where links lead: `https://…`, no slash at the end.
    pub public_url: &'a str,
    /// Address mail comes from.
    pub from: &'a str,
}

impl Writer<'_> {
    fn form(&self, order: &Order) -> Result<&Form, MailError> {
        let form = order.form.as_deref();
        form.and_then(|id| self.site.forms.get(id))
            .ok_or(MailError::Gone("form"))
    }

    /// A mail to a lead: what they asked for, a request to confirm, a reminder of either, or a follow-up.
    pub fn to_lead(&self, item: &OutboxItem, now: Timestamp) -> Result<Mail, MailError> {
        let order = &item.order;
        let form = self.form(order)?;
        let magnet = order
            .magnet
            .as_deref()
            .map(|id| self.site.magnets.get(id).ok_or(MailError::Gone("magnet")))
            .transpose()?;
        // A reminder ends with the request it reminds of.
        let issued = if order.template == REMINDER {
            item.created_at
        } else {
            now
        };
        let link = |path: &str, purpose| self.link(path, purpose, scope_of(&form.id), item, issued);
        let act = if magnet.is_some() && order.template != CONFIRM {
            ("d", Purpose::Download)
        } else {
            ("c", Purpose::Confirm)
        };
        let action = link(act.0, act.1);
        let leave = link("u", Purpose::Unsubscribe);
        let consents: Vec<&str> = form
            .consents
            .iter()
            .filter(|c| order.confirms.contains(&c.purpose))
            .map(|c| c.text.as_str())
            .collect();
        // A magnet that is followed up is the first mail of several.
        let marketing = !consents.is_empty()
            || order.purpose.is_some()
            || magnet.is_some_and(|m| !m.follow_ups.is_empty());
        let to: BTreeMap<&String, String> = self
            .site
            .links
            .keys()
            .map(|id| {
                (
                    id,
                    self.link("t", Purpose::Click, scope_of_link(id), item, now),
                )
            })
            .collect();
        let expires = act
            .1
            .lifetime_days()
            .map(|days| people_date_in(issued.plus_days(days), &form.language))
            .unwrap_or_default();
        let mut values = json!({
            "business": self.site.business,
            "sender": { "name": self.site.sender.name },
            "form": { "id": form.id, "title": form.title },
            "first_name": order.first_name.expose(),
            "consents": consents,
            "came_back": order.came_back,
            "expires": expires,
            "links": {
                "download": if act.0 == "d" { action.as_str() } else { "" },
                "confirm": if act.0 == "c" { action.as_str() } else { "" },
                "unsubscribe": if marketing { leave.as_str() } else { "" },
                "not_me": leave,
                "preferences": link("p", Purpose::Preferences),
                "accept": "",
                "reject": "",
                "snooze": "",
                "not_mine": "",
                "open": "",
                "to": to,
            },
        });
        values["magnet"] = json!({
            "title": magnet.map(|m| m.title.as_str()).unwrap_or_default(),
            "description": magnet.map(|m| m.description.as_str()).unwrap_or_default(),
            "save_as": magnet.map(|m| m.save_as.as_str()).unwrap_or_default(),
            "size": magnet.map(|m| people_size(m.bytes)).unwrap_or_default(),
            "content_type": magnet.map(|m| m.content_type.as_str()).unwrap_or_default(),
        });
        let template = self
            .site
            .template_for(&order.template, Some(form), order.magnet.as_deref());
        let mut mail = self.render(&template, &values, order.to.clone())?;
        mail.reply_to.clone_from(&self.site.sender.reply_to);
        if marketing {
            mail.headers = vec![
                ("List-Unsubscribe".into(), format!("<{leave}>")),
                (
                    "List-Unsubscribe-Post".into(),
                    "List-Unsubscribe=One-Click".into(),
                ),
            ];
        }
        Ok(mail)
    }

    /// The notice of a new submission.
    pub fn notice(&self, item: &OutboxItem) -> Result<Mail, MailError> {
        let order = &item.order;
        let form = self.form(order)?;
        let person = order
            .person
            .as_deref()
            .and_then(|id| self.site.sales.person(id))
            .ok_or(MailError::Gone("sales person"))?;
        let answers: Vec<Value> = order
            .answers
            .iter()
            .map(|a| json!({ "label": a.label, "value": a.value.expose() }))
            .collect();
        let values = json!({
            "business": self.site.business,
            "sender": { "name": self.site.sender.name },
            "form": { "id": form.id, "title": form.title },
            "answers": answers,
            "submitted_at": people_time(item.created_at),
            "lead_ref": item.lead_id.to_string().chars().take(8).collect::<String>(),
            "links": { "download": "", "confirm": "", "unsubscribe": "", "not_me": "", "accept": "", "reject": "", "snooze": "", "not_mine": "", "open": "" },
        });
        self.render("notice", &values, person.email.clone())
    }

    /// Where sales answers a handoff; `?answer=` picks one.
    pub fn answer_url(&self, item: &OutboxItem, cycle: u32, now: Timestamp) -> String {
        self.link("h", Purpose::Handoff, cycle, item, now)
    }

    fn link(
        &self,
        path: &str,
        purpose: Purpose,
        scope: u32,
        item: &OutboxItem,
        now: Timestamp,
    ) -> String {
        let claims = Claims::new(purpose, scope, item.lead_id, nonce_of(&item.id), now);
        format!("{}/{path}/{}", self.public_url, self.keys.sign(&claims))
    }

    /// Renders a template's three parts.
    pub(super) fn render(
        &self,
        name: &str,
        values: &Value,
        to: Pii<String>,
    ) -> Result<Mail, MailError> {
        let failed = |e: minijinja::Error| MailError::Template {
            name: name.to_owned(),
            kind: e.kind().to_string(),
        };
        let engine = environment_for(name, &self.site.templates).map_err(failed)?;
        let part = |engine: &Environment<'_>, part: &str| {
            engine
                .get_template(&format!("{name}.{part}"))?
                .render(values)
        };
        if !self.site.templates.contains_key(name) {
            return Err(MailError::Gone("template"));
        }
        Ok(Mail {
            from: mailbox(&self.site.sender.name, self.from),
            to,
            reply_to: None,
            subject: subject(&part(&engine, "subject").map_err(failed)?),
            text: part(&engine, "txt").map_err(failed)?,
            html: part(&engine, "html").map_err(failed)?,
            headers: Vec::new(),
        })
    }
}

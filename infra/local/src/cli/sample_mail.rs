//! A mail of the site with made-up people in it: what `preview` shows and `send-test` sends.
//!
//! The site's own magnets, forms and consents stand in it, so that it reads as the real one will.

use anyhow::Context as _;
use serde_json::{Value, json};
use shared::domain::form::Form;
use shared::domain::magnet::Magnet;
use shared::domain::text::{people_date_in, people_size};
use shared::domain::time::Timestamp;
use shared::site::Site;
use shared::site::source::sample::{FOLLOW_UP, MAILS, REMINDER, samples};
use shared::site::templates::environment_for;

/// A day in the future of the made-up people.
const EXPIRES: Timestamp = Timestamp(1_772_964_000_000);

/// A mail as people will read it.
pub(super) struct SampleMail {
    /// Which of the samples: with all that can be known, or with as little as can be.
    pub label: &'static str,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Names of all mails, in the order in which people meet them.
pub(super) fn names(site: &Site) -> Vec<String> {
    let order = ["magnet", "confirm", REMINDER];
    let place = |name: &str| {
        let known = order.iter().position(|m| name.starts_with(m));
        known.unwrap_or(if kind(site, name) == Some(FOLLOW_UP) {
            3
        } else {
            4
        })
    };
    let mails = site.templates.keys().filter(|name| !name.starts_with('_'));
    let mut names: Vec<String> = mails.cloned().collect();
    names.sort_by_key(|name| (place(name), name.clone()));
    names
}

/// The mail rendered with each of its samples.
pub(super) fn render(site: &Site, name: &str) -> anyhow::Result<Vec<SampleMail>> {
    let known = || {
        format!(
            "there is no mail `{name}`; there are {}",
            names(site).join(", ")
        )
    };
    let kind = kind(site, name).with_context(known)?;
    let engine = environment_for(name, &site.templates)?;
    let values = samples(kind, &site.business, &site.sender, &site.links);
    let labels = ["with all that can be known", "with as little as can be"];
    let mut mails = Vec::new();
    for (label, mut values) in labels.into_iter().zip(values) {
        make_it_ours(site, name, &mut values);
        let part = |part: &str| -> anyhow::Result<String> {
            let template = engine.get_template(&format!("{name}.{part}"))?;
            Ok(template.render(&values)?)
        };
        mails.push(SampleMail {
            label,
            subject: part("subject")?,
            text: part("txt")?,
            html: part("html")?,
        });
    }
    Ok(mails)
}

/// What data a mail is given. The site is checked, so a name is a mail's, a follow-up's, or a variant of one.
fn kind(site: &Site, name: &str) -> Option<&'static str> {
    let follow_ups = site.magnets.values().flat_map(|m| &m.follow_ups);
    let follow_ups = follow_ups.map(|f| (f.template.as_str(), FOLLOW_UP));
    let mails = MAILS.into_iter().chain([REMINDER]).map(|m| (m, m));
    let fits = |base: &str| name == base || name.starts_with(&format!("{base}-"));
    follow_ups
        .chain(mails)
        .find(|(base, _)| fits(base))
        .map(|(_, kind)| kind)
}

/// Puts the site's magnet and form in place of the made-up ones.
fn make_it_ours(site: &Site, name: &str, values: &mut Value) {
    let fits = |form: &&Form| {
        let magnet = form.magnet.as_deref();
        let template = |mail: &str| site.template_for(mail, Some(form), magnet) == name;
        let follow_ups = magnet
            .and_then(|id| site.magnets.get(id))
            .map(|m| &m.follow_ups);
        ["magnet", "confirm", REMINDER]
            .iter()
            .any(|mail| template(mail))
            || follow_ups.is_some_and(|all| all.iter().any(|f| template(&f.template)))
    };
    let wants_magnet = values["magnet"]["title"]
        .as_str()
        .is_some_and(|t| !t.is_empty());
    let mut forms = site.forms.values().filter(fits);
    let Some(form) = forms.find(|f| f.magnet.is_some() == wants_magnet) else {
        return;
    };
    values["form"] = json!({ "id": form.id, "title": form.title });
    values["expires"] = json!(people_date_in(EXPIRES, &form.language));
    if values["consents"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
    {
        let texts = form.consents.iter().map(|c| c.text.as_str());
        values["consents"] = texts.collect();
    }
    if let (true, Some(magnet)) = (
        wants_magnet,
        form.magnet.as_deref().and_then(|id| site.magnets.get(id)),
    ) {
        values["magnet"] = magnet_values(magnet);
    }
}

fn magnet_values(magnet: &Magnet) -> Value {
    json!({
        "title": magnet.title,
        "description": magnet.description,
        "save_as": magnet.save_as,
        "size": people_size(magnet.bytes),
        "content_type": magnet.content_type,
    })
}

//! Links in mails to leads: download, confirm, unsubscribe.

use lambda_http::http::StatusCode;
use shared::domain::form::Form;
use shared::domain::guard::Guard;
use shared::domain::lead::Lead;
use shared::domain::magnet::Magnet;
use shared::domain::outbox::Order;
use shared::domain::pii::Pii;
use shared::domain::text::people_size;
use shared::domain::token::{Claims, Purpose, TokenError};
use shared::domain::touchpoint::TouchpointKind;
use shared::edge::http::{Answer, page, see_other};
use shared::edge::pages::{Asked, ConfirmPage, DownloadPage, ExpiredPage, UnsubscribePage};
use shared::flow::capture::is_plain_name;
use shared::flow::links::{
    Named, Press, asks_back, confirmable, follow_up_id, follow_ups, machine_reason, pressed,
    renewed, unsubscribed,
};
use shared::store::StoreError;

use crate::Call;

/// The Download link.
pub(crate) async fn download(call: &Call<'_>, token: &str) -> Result<Answer, StoreError> {
    let claims = match call.verify(Purpose::Download, token) {
        Ok(claims) => claims,
        Err(TokenError::Expired(claims)) => return expired(call, &claims).await,
        Err(_) => return Ok(call.not_ours()),
    };
    let Some(form) = call.form_of(&claims) else {
        return Ok(call.not_ours());
    };
    let Some(magnet) = form
        .magnet
        .as_deref()
        .and_then(|id| call.site.magnets.get(id))
    else {
        return Ok(call.not_ours());
    };
    let store = &call.deps.store;
    let lead = store.lead(claims.subject).await?;
    if call.reads {
        let guard = store.guard(claims.subject).await?;
        let shown = DownloadPage {
            look: call.look(Some(form)),
            title: &magnet.title,
            description: &magnet.description,
            size: people_size(magnet.bytes),
            confirmed: guard.confirmed_at.is_some(),
            consents: asked(form, lead.as_ref()),
            stamp: call.stamp(&claims),
        };
        return Ok(page(StatusCode::OK, &shown, &[call.deps.storage.origin()]));
    }
    let visit = call.visit(&claims);
    let named = named(call);
    let press = Press {
        kind: TouchpointKind::MagnetDownloaded,
        claims: &claims,
        form,
        lead: lead.as_ref(),
        named: &named,
    };
    let order = follow_up_order(call, form, magnet, lead.as_ref());
    let mut followed = followed(call, &claims, magnet).await?;
    loop {
        let outcome = call
            .commit(claims.subject, |guard| {
                pressed(&press, &visit, guard, |download| match &order {
                    Some(order) if !followed => {
                        follow_ups(download, magnet, lead.as_ref(), order, &visit)
                    }
                    _ => Vec::new(),
                })
            })
            .await;
        match outcome {
            // Another link to the same magnet was pressed at the same time: its press brought the follow-ups.
            Err(StoreError::Busy(_)) if !followed => followed = true,
            outcome => break outcome?,
        }
    }
    // The link is made at this moment and good for minutes. A machine gets it too: the file is no secret, only not counted.
    match call
        .deps
        .storage
        .link(magnet, call.deps.storage_clock.now())
    {
        Ok(url) => Ok(see_other(&url)),
        Err(error) => Err(StoreError::Refused(error.to_string())),
    }
}

/// The Confirm link.
pub(crate) async fn confirm(call: &Call<'_>, token: &str) -> Result<Answer, StoreError> {
    let claims = match call.verify(Purpose::Confirm, token) {
        Ok(claims) => claims,
        Err(TokenError::Expired(claims)) => return expired(call, &claims).await,
        Err(_) => return Ok(call.not_ours()),
    };
    let Some(form) = call.form_of(&claims) else {
        return Ok(call.not_ours());
    };
    let store = &call.deps.store;
    let lead = store.lead(claims.subject).await?;
    let guard = store.guard(claims.subject).await?;
    let mailbox = match call.mailbox_of(lead.as_ref()) {
        Some(mailbox) if guard.confirmed_at.is_none() => store.guard(mailbox).await?,
        Some(_) | None => Guard::default(),
    };
    let comes_back = asks_back(&claims, &guard) || asks_back(&claims, &mailbox);
    let ask = || ConfirmPage {
        look: call.look(Some(form)),
        form_title: &form.title,
        consents: asked(form, lead.as_ref()),
        comes_back,
        stamp: call.stamp(&claims),
    };
    if call.reads {
        return Ok(page(StatusCode::OK, &ask(), &[]));
    }
    let visit = call.visit(&claims);
    let named = named(call);
    let press = Press {
        kind: TouchpointKind::AddressConfirmed,
        claims: &claims,
        form,
        lead: lead.as_ref(),
        named: &named,
    };
    call.commit(claims.subject, |guard| {
        pressed(&press, &visit, guard, |_| Vec::new())
    })
    .await?;
    // A press that no person can have made confirms nothing: a person who was that quick is asked once more.
    if machine_reason(&visit).is_some() {
        return Ok(page(StatusCode::OK, &ask(), &[]));
    }
    // Somebody who came back asked for something, and this mail held nothing but the question.
    if comes_back && form.magnet.is_some() {
        let download = call.sign(Purpose::Download, &claims);
        return Ok(see_other(&format!("/d/{download}")));
    }
    let words = call.words(Some(form));
    Ok(call.say(Some(form), words.confirmed_title, words.confirmed))
}

/// The Unsubscribe link, for people and for the one-click button of mail clients (RFC 8058).
pub(crate) async fn unsubscribe(call: &Call<'_>, token: &str) -> Result<Answer, StoreError> {
    let claims = call.verify(Purpose::Unsubscribe, token);
    let form = claims.as_ref().ok().and_then(|c| call.form_of(c));
    if call.reads {
        // A damaged link shows the same page; pressing its button changes nothing and says the same.
        return Ok(page(
            StatusCode::OK,
            &UnsubscribePage {
                look: call.look(form),
                preferences: claims
                    .ok()
                    .map(|c| format!("/p/{}", call.sign(Purpose::Preferences, &c))),
            },
            &[],
        ));
    }
    if let Ok(claims) = claims {
        let visit = call.visit(&claims);
        let lead = call.deps.store.lead(claims.subject).await?;
        let mailbox = call.mailbox_of(lead.as_ref());
        call.commit_with_mailbox(claims.subject, mailbox, |guard, mailbox| {
            unsubscribed(&claims, &visit, guard, mailbox)
        })
        .await?;
    }
    // The same for a damaged link, which tells nothing of its form: so in the language of the business.
    let words = call.words(None);
    Ok(call.say(None, words.unsubscribed_title, words.unsubscribed))
}

/// A genuine link past its end: a button mails a fresh one to the same address, without showing it.
async fn expired(call: &Call<'_>, claims: &Claims) -> Result<Answer, StoreError> {
    let Some(form) = call.form_of(claims) else {
        return Ok(call.not_ours());
    };
    let title = form
        .magnet
        .as_deref()
        .and_then(|id| call.site.magnets.get(id))
        .map_or(form.title.as_str(), |m| &m.title);
    if call.reads {
        return Ok(page(
            StatusCode::OK,
            &ExpiredPage {
                look: call.look(Some(form)),
                title,
            },
            &[],
        ));
    }
    let lead = call.lead(claims.subject).await?;
    // Whether there is still somebody to mail is not said.
    if let Some(order_to_them) = call.order_to(lead.as_ref()) {
        let order = Order {
            template: if form.magnet.is_some() {
                "magnet".into()
            } else {
                "confirm".into()
            },
            form: Some(form.id.clone()),
            magnet: form.magnet.clone(),
            confirms: confirmable(form, lead.as_ref())
                .into_iter()
                .map(|ask| ask.purpose.clone())
                .collect(),
            ..order_to_them
        };
        let visit = call.visit(claims);
        // There already: the same press of the same day, whose mail is on its way.
        call.deps
            .store
            .commit(&renewed(claims, form, order, &visit))
            .await?;
    }
    let words = call.words(Some(form));
    Ok(call.say(Some(form), words.renewed_title, words.renewed))
}

/// What every follow-up has in common; none where there is nobody to mail.
fn follow_up_order(
    call: &Call<'_>,
    form: &Form,
    magnet: &Magnet,
    lead: Option<&Lead>,
) -> Option<Order> {
    if magnet.follow_ups.is_empty() {
        return None;
    }
    let order_to_them = call.order_to(lead)?;
    let name = lead?.profile.get("first_name").map(|v| v.value.to_text());
    Some(Order {
        form: Some(form.id.clone()),
        first_name: Pii::new(name.filter(|n| is_plain_name(n)).unwrap_or_default()),
        ..order_to_them
    })
}

/// Whether the lead has the magnet's follow-ups already, or there are none.
async fn followed(call: &Call<'_>, claims: &Claims, magnet: &Magnet) -> Result<bool, StoreError> {
    for number in 0..magnet.follow_ups.len() {
        let id = follow_up_id(magnet, number);
        let there = call.deps.store.outbox_item(claims.subject, &id).await?;
        if there.is_some() {
            return Ok(true);
        }
    }
    Ok(magnet.follow_ups.is_empty())
}

fn asked<'f>(form: &'f Form, lead: Option<&Lead>) -> Vec<Asked<'f>> {
    confirmable(form, lead)
        .into_iter()
        .map(|ask| Asked {
            purpose: &ask.purpose,
            text: &ask.text,
        })
        .collect()
}

/// What the page named in words.
fn named(call: &Call<'_>) -> Named {
    Named {
        purposes: call.posted("confirms"),
        comes_back: call.field("back").is_some(),
    }
}

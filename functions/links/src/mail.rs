//! Links in mails to leads: download, confirm, unsubscribe.

use lambda_http::http::StatusCode;
use shared::domain::email::EmailAddress;
use shared::domain::form::Form;
use shared::domain::lead::Lead;
use shared::domain::outbox::Order;
use shared::domain::text::people_size;
use shared::domain::token::{Claims, Purpose, TokenError};
use shared::domain::touchpoint::TouchpointKind;
use shared::edge::http::{Answer, page, see_other};
use shared::edge::pages::{Asked, ConfirmPage, DownloadPage, ExpiredPage, UnsubscribePage};
use shared::flow::capture::order_to;
use shared::flow::links::{confirmable, machine_reason, pressed, renewed, unsubscribed};
use shared::store::StoreError;

use crate::{Call, message};

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
    let lead = call.deps.store.lead(claims.subject).await?;
    if call.reads {
        let shown = DownloadPage {
            look: call.look(Some(form)),
            title: &magnet.title,
            description: &magnet.description,
            size: people_size(magnet.bytes),
            consents: asked(form, lead.as_ref()),
            stamp: call.stamp(&claims),
        };
        return Ok(page(StatusCode::OK, &shown, &[call.deps.storage.origin()]));
    }
    let visit = call.visit(&claims);
    let named = named(call);
    call.commit(claims.subject, |guard| {
        pressed(
            TouchpointKind::MagnetDownloaded,
            &claims,
            form,
            lead.as_ref(),
            &named,
            &visit,
            guard,
        )
    })
    .await?;
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
    let lead = call.deps.store.lead(claims.subject).await?;
    let ask = || ConfirmPage {
        look: call.look(Some(form)),
        form_title: &form.title,
        consents: asked(form, lead.as_ref()),
        stamp: call.stamp(&claims),
    };
    if call.reads {
        return Ok(page(StatusCode::OK, &ask(), &[]));
    }
    let visit = call.visit(&claims);
    let named = named(call);
    call.commit(claims.subject, |guard| {
        pressed(
            TouchpointKind::AddressConfirmed,
            &claims,
            form,
            lead.as_ref(),
            &named,
            &visit,
            guard,
        )
    })
    .await?;
    // A press that no person can have made confirms nothing: a person who was that quick is asked once more.
    if machine_reason(&visit).is_some() {
        return Ok(page(StatusCode::OK, &ask(), &[]));
    }
    Ok(message(
        call.site,
        StatusCode::OK,
        "Thank you",
        "Your address is confirmed. You can close this page.",
    ))
}

/// The Unsubscribe link, for people and for the one-click button of mail clients (RFC 8058).
pub(crate) async fn unsubscribe(call: &Call<'_>, token: &str) -> Result<Answer, StoreError> {
    let claims = call.verify(Purpose::Unsubscribe, token);
    if call.reads {
        // A damaged link shows the same page; pressing its button changes nothing and says the same.
        return Ok(page(
            StatusCode::OK,
            &UnsubscribePage {
                look: call.look(None),
            },
            &[],
        ));
    }
    if let Ok(claims) = claims {
        let visit = call.visit(&claims);
        call.commit(claims.subject, |guard| unsubscribed(&claims, &visit, guard))
            .await?;
    }
    Ok(message(
        call.site,
        StatusCode::OK,
        "You are unsubscribed",
        "You will get no more mail from us. You can close this page.",
    ))
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
    let lead = call.deps.store.lead(claims.subject).await?;
    let address = lead
        .as_ref()
        .and_then(|l| l.email.as_ref())
        .and_then(|e| EmailAddress::parse(e.expose()).ok());
    // Whether there is still somebody to mail is not said.
    if let Some(address) = address {
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
            ..order_to(&address, &call.deps.identity)
        };
        let visit = call.visit(claims);
        // There already: the same press of the same day, whose mail is on its way.
        call.deps
            .store
            .commit(&renewed(claims, form, order, &visit))
            .await?;
    }
    Ok(message(
        call.site,
        StatusCode::OK,
        "A fresh link is on its way",
        "Please look into your inbox in a minute.",
    ))
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

/// Purposes that the page named in words.
fn named(call: &Call<'_>) -> Vec<String> {
    call.fields
        .iter()
        .filter(|(name, _)| name == "confirms")
        .map(|(_, value)| value.clone())
        .collect()
}

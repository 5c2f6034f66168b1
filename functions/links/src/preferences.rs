//! The page on which people choose which mails they get.

use lambda_http::http::StatusCode;
use shared::domain::form::{ConsentAsk, Form};
use shared::domain::token::{Claims, Purpose};
use shared::edge::http::{Answer, page};
use shared::edge::pages::{Choosable, PreferencesPage};
use shared::flow::links::{Choice, agreed_to, preferences};
use shared::store::StoreError;

use crate::Call;

/// The Preferences link.
pub(crate) async fn choose(call: &Call<'_>, token: &str) -> Result<Answer, StoreError> {
    let Ok(claims) = call.verify(Purpose::Preferences, token) else {
        return Ok(call.not_ours());
    };
    let form = call.form_of(&claims);
    let store = &call.deps.store;
    let lead = store.lead(claims.subject).await?;
    let guard = store.guard(claims.subject).await?;
    // A post that does not come from our page changes nothing: it may be anybody's, and the page asks again.
    let from_our_page = !call.reads && call.visit(&claims).shown_at.is_some();
    if !from_our_page {
        let choices = asks(call, form).into_iter().map(|ask| Choosable {
            purpose: &ask.purpose,
            text: &ask.text,
            wanted: agreed_to(&ask.purpose, lead.as_ref(), &guard),
        });
        let shown = PreferencesPage {
            look: call.look(form),
            choices: choices.collect(),
            left: guard.suppressed.is_some(),
            unsubscribe: format!("/u/{}", call.sign(Purpose::Unsubscribe, &claims)),
            stamp: call.stamp(&claims),
        };
        return Ok(page(StatusCode::OK, &shown, &[]));
    }
    let choice = Choice {
        wanted: call.posted("wanted"),
        shown: call.posted("shown"),
    };
    let visit = call.visit(&claims);
    call.commit(claims.subject, |guard| {
        preferences(&claims, form, lead.as_ref(), &choice, &visit, guard)
    })
    .await?;
    let words = call.words(form);
    Ok(call.say(form, words.saved_title, words.saved))
}

/// What can be chosen: the consents of the form that the mail came from, then those of others, each purpose once.
fn asks<'c>(call: &'c Call<'_>, form: Option<&'c Form>) -> Vec<&'c ConsentAsk> {
    let all = form.into_iter().chain(call.site.forms.values());
    let mut asks: Vec<&ConsentAsk> = Vec::new();
    for ask in all.flat_map(|f| &f.consents) {
        if !asks.iter().any(|known| known.purpose == ask.purpose) {
            asks.push(ask);
        }
    }
    asks
}

impl Call<'_> {
    /// A link for another purpose to the holder of this one.
    pub(crate) fn sign(&self, purpose: Purpose, claims: &Claims) -> String {
        let other = Claims::new(
            purpose,
            claims.scope,
            claims.subject,
            claims.nonce,
            self.now,
        );
        self.keys.sign(&other)
    }
}

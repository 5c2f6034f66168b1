//! Tracked links: they lead on to a page of the site, whoever follows them.
//!
//! A GET is kept once for each link, mail and day, and earns nothing: machines follow links. The address it leads to carries, behind `#`
//! where no server sees it, what a script of that page may post back when a person does something there.

use lambda_http::http::StatusCode;
use shared::domain::token::{Purpose, TokenError, scope_of_link};
use shared::edge::http::{Answer, answer, see_other};
use shared::flow::Write;
use shared::flow::links::{clicked, is_of_erased};
use shared::store::StoreError;

use crate::Call;

/// What the fragment of the page begins with: `#lodestone=<token>~<stamp>`.
const FRAGMENT: &str = "lodestone";

/// The tracked link.
pub(crate) async fn follow(call: &Call<'_>, token: &str) -> Result<Answer, StoreError> {
    let (claims, fresh) = match call.verify(Purpose::Click, token) {
        Ok(claims) => (claims, true),
        // An old mail still leads where it said; nothing is counted any more.
        Err(TokenError::Expired(claims)) => (claims, false),
        Err(_) => return Ok(call.not_ours()),
    };
    let mut links = call.site.links.iter();
    let Some((id, url)) = links.find(|(id, _)| scope_of_link(id) == claims.scope) else {
        return Ok(call.not_ours());
    };
    // Nothing is kept of somebody who was erased since; and where that cannot be told, nothing either: the reader goes on.
    let guard = call.deps.store.guard(claims.subject).await;
    let fresh = fresh && guard.is_ok_and(|guard| !is_of_erased(&claims, &guard));
    if call.reads {
        if fresh && !call.head {
            let hit = clicked(&claims, id, &call.visit(&claims), true);
            // The reader goes on, whether the visit could be kept or not.
            if let Err(error) = call.deps.store.commit(&[Write::Touchpoint(hit)]).await {
                tracing::warn!(function = "links", error = %error, "a visit was not kept");
            }
        }
        return Ok(see_other(&with_stamp(call, token, url, &claims)));
    }
    if fresh {
        let click = clicked(&claims, id, &call.visit(&claims), false);
        call.deps.store.commit(&[Write::Touchpoint(click)]).await?;
    }
    Ok(answer(
        StatusCode::NO_CONTENT,
        "text/plain; charset=utf-8",
        "",
    ))
}

/// The page's address, with what its script may post back; a page that has a fragment of its own keeps it.
fn with_stamp(
    call: &Call<'_>,
    token: &str,
    url: &str,
    claims: &shared::domain::token::Claims,
) -> String {
    if url.contains('#') {
        return url.to_owned();
    }
    format!("{url}#{FRAGMENT}={token}~{}", call.stamp(claims))
}

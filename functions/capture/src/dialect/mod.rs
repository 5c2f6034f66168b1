//! The ways in which pages and services post: our own, and those of services that a page may have been made for.
//!
//! A landing page moves to us by changing one URL, so each dialect takes what that page sends today and answers what it expects. A
//! dialect reads a request into names and values, finds the form, and words the answer; everything else is in [`crate::submit`].
//! To add one: a file here, a variant of [`Dialect`], its path in [`Dialect::of`], its routes in the template.

use lambda_http::Request;
use shared::edge::http::Answer;
use shared::site::Site;

use crate::Deps;
use crate::answer::{Asker, Refusal};

mod native;

/// Who a request speaks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Ours, and that of the many services whose pages post to an address of their own for each form.
    Native {
        /// The form, as the path names it.
        form: String,
    },
}

impl Dialect {
    /// The dialect spoken at a path.
    pub fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["f", form] => Some(Self::Native {
                form: (*form).to_owned(),
            }),
            _ => None,
        }
    }
}

/// Answers a request in the dialect of its path.
pub async fn answer(deps: &Deps, site: &Site, request: Request) -> Answer {
    match Dialect::of(request.uri().path()) {
        Some(Dialect::Native { form }) => native::answer(deps, site, &form, request).await,
        None => Asker::of(&request).refuse(site, None, &Refusal::FormNotFound),
    }
}

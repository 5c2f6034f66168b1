//! What every dialect does with a post once it is names and values: check it, count the network, write it.
//!
//! Dialects differ in how a post is read and in how it is answered; what happens in between is here, once.

use lambda_http::Request;
use shared::domain::form::Form;
use shared::domain::id::random;
use shared::domain::mailbox::is_for_documentation;
use shared::domain::reserved::stored_name;
use shared::domain::submission::{Checked, Problem, Strictness, check_with};
use shared::domain::touchpoint::TouchpointKind;
use shared::domain::typo;
use shared::edge::http::{header_text, network, source_ip};
use shared::flow::abuse::Verdict;
use shared::flow::capture::Arrival;
use shared::flow::links::agent_class;
use shared::site::Site;

use crate::Deps;
use crate::answer::{Asker, Refusal};
use crate::doubt::{self, Doubted};
use crate::limit::over_limit;
use crate::record::Recorded;
use crate::redirect::PageOrigin;

/// Longest idempotency key in bytes.
const MAX_KEY: usize = 255;

/// Who posts, as the request's headers tell. Read before the body is taken.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// How the answer should look.
    pub asker: Asker,
    /// The page that posts, for redirects.
    pub page: PageOrigin,
    /// The page's origin as its browser names it; empty where it names none.
    pub origin: String,
    referer: Option<String>,
    key: String,
    agent: &'static str,
    ip: Option<String>,
    automated: bool,
}

impl Visitor {
    /// Reads it from a request.
    pub fn of(deps: &Deps, request: &Request) -> Self {
        let header = |name| header_text(request.headers(), name);
        Self {
            asker: Asker::of(request),
            page: PageOrigin::of(request.headers(), &deps.public_url),
            origin: header("origin").to_owned(),
            referer: Some(header("referer").to_owned()).filter(|r| !r.is_empty()),
            key: header("idempotency-key").trim().to_owned(),
            agent: agent_class(header("user-agent")),
            automated: doubt::is_automated(request),
            ip: source_ip(request).map(|ip| deps.identity.pseudonym("network", &network(&ip))),
        }
    }

    /// Whether the form takes posts from this visitor's page at all.
    pub fn may_post(&self, form: &Form) -> Result<(), Refusal> {
        let known = form.allowed_origins.contains(&self.origin);
        if form.strict_origin && !known {
            return Err(Refusal::Origin);
        }
        Ok(())
    }
}

/// A post, read.
#[derive(Clone, Debug)]
pub struct Post<'a> {
    /// The form it is for.
    pub form: &'a Form,
    /// Names and values, in order.
    pub pairs: &'a [(String, String)],
    /// The page it says it came from; without one the `Referer` counts.
    pub page_url: Option<&'a str>,
    /// The sender's own name for this post, where its dialect has one; without it the `Idempotency-Key` header counts.
    pub key: Option<String>,
    /// Whether somebody is there to mend what is wrong.
    pub strictness: Strictness,
    /// A service that has proved itself: many people's posts come from its few addresses, so they are not counted.
    pub proven: bool,
}

impl<'a> Post<'a> {
    /// A post of a page.
    pub fn of_page(form: &'a Form, pairs: &'a [(String, String)]) -> Self {
        Self {
            form,
            pairs,
            page_url: None,
            key: None,
            strictness: Strictness::Refuse,
            proven: false,
        }
    }
}

/// What came of a post.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is stored, or looks as if it were.
    Taken {
        /// Its id.
        id: String,
        /// Where the page wants the visitor to go, unchecked.
        next: Option<String>,
    },
    /// These answers are wrong.
    Problems(Vec<Problem>),
    /// It was refused as a whole.
    Refused(Refusal),
}

/// Takes a post.
pub async fn take(deps: &Deps, site: &Site, visitor: &Visitor, post: Post<'_>) -> Outcome {
    let form = post.form;
    if let Err(refusal) = visitor.may_post(form) {
        return Outcome::Refused(refusal);
    }
    if visitor.key.len() > MAX_KEY {
        return Outcome::Refused(Refusal::LongKey);
    }
    if post.pairs.iter().all(|(_, value)| value.trim().is_empty()) {
        return Outcome::Refused(Refusal::Empty);
    }
    let page_url = post.page_url.or(visitor.referer.as_deref());
    let submission = match check_with(form, post.pairs, page_url, post.strictness) {
        Checked::Fine(submission) => submission,
        Checked::Trapped { next } => return trapped(deps, visitor, &post, next).await,
        Checked::Problems(problems) => return Outcome::Problems(problems),
    };
    // Mail to a domain of documentation goes nowhere; on one machine it is what people try things out with.
    if deps.public_url.starts_with("https:") && is_for_documentation(submission.email.domain()) {
        return Outcome::Problems(vec![Problem::unreachable(form)]);
    }
    let ip = visitor.ip.as_deref().filter(|_| !post.proven);
    if let Some(seconds) = over_limit(deps, ip).await {
        return Outcome::Refused(Refusal::TooMany(seconds));
    }
    let checked = doubt::judge(deps, form, post.pairs, visitor.automated).await;
    let write_id = random("req", deps.entropy.bytes());
    let key = post
        .key
        .or_else(|| Some(visitor.key.clone()).filter(|k| !k.is_empty()))
        .or_else(|| submission.nonce.clone());
    let now = deps.clock.now();
    let arrival = Arrival {
        site,
        form,
        now,
        posted_at: now,
        mails: checked.verdict == Verdict::Clear,
        key: key.as_deref(),
        ip_hash: visitor.ip.clone(),
        agent_class: visitor.agent,
        write_id: &write_id,
    };
    let doubted = Doubted {
        arrival: &arrival,
        submission: &submission,
        pairs: post.pairs,
        page: page_url,
    };
    match doubt::take_up(deps, &doubted, &checked).await {
        Ok(Recorded::As(id)) => Outcome::Taken {
            id,
            next: submission.next,
        },
        Ok(Recorded::KeyReused | Recorded::TicketSpent) => Outcome::Refused(Refusal::KeyReused),
        Err(error) => {
            tracing::error!(function = "capture", form = %form.id, error = %error, "a submission could not be written");
            Outcome::Refused(Refusal::Store(error))
        }
    }
}

/// What a robot gets that stepped into a trap: what everybody gets. The network's limit holds, the same post again has the same id, and the
/// visitor is led where the page says.
async fn trapped(deps: &Deps, visitor: &Visitor, post: &Post<'_>, next: Option<String>) -> Outcome {
    let ip = visitor.ip.as_deref().filter(|_| !post.proven);
    if let Some(seconds) = over_limit(deps, ip).await {
        return Outcome::Refused(Refusal::TooMany(seconds));
    }
    doubt::count(deps, post.form, "trapped").await;
    let pairs = post
        .pairs
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    let content = pairs.collect::<Vec<_>>().join("\0");
    let name = format!("{}\0{content}", post.form.id);
    let id = format!(
        "{}_{}",
        TouchpointKind::FormSubmitted.prefix(),
        deps.identity.pseudonym("trapped", &name)
    );
    Outcome::Taken { id, next }
}

/// The address that was most likely meant, where the typed one has a slip in its domain. Made of what was typed and nothing else.
pub fn did_you_mean(form: &Form, pairs: &[(String, String)]) -> Option<String> {
    let field = form.email_field()?;
    let typed = pairs
        .iter()
        .find(|(name, _)| stored_name(form, name) == field.name)?;
    typo::did_you_mean(&typed.1)
}

//! `links`: the pages behind the signed links of our mails.
//!
//! | path | who | GET shows | POST does |
//! | --- | --- | --- | --- |
//! | `/d/` | lead | what the file is, one button | counts the download, confirms the address and the consents named, leads to the file |
//! | `/c/` | lead | what is confirmed, one button | confirms the address and the consents named |
//! | `/u/` | lead | what unsubscribing means, one button | no more mail, at once |
//! | `/p/` | lead | which mails they get, a box for each | takes back or agrees to single mails |
//! | `/t/` | lead | leads on to a page of the site; a visit worth nothing | counts the click, if a person can have done it |
//! | `/h/` | sales | the lead and its reasons | takes the lead, hands it back, puts it off, passes it on, says what became of it |
//!
//! `POST /sales/verdict` is beside them: a CRM's signed word on a lead.
//!
//! GET and HEAD change nothing: mail scanners fetch links, run scripts and press buttons. A press that no person can have made is kept
//! with its reason and counts for nothing; a later person still counts. All links that are not ours look the same from outside.

use std::sync::Arc;

use lambda_http::http::{Method, StatusCode, header};
use lambda_http::{Body, Request};
use shared::channel::storage::Storage;
use shared::domain::email::EmailAddress;
use shared::domain::form::Form;
use shared::domain::guard::Guard;
use shared::domain::id::{IdentityKey, LeadId};
use shared::domain::lead::Lead;
use shared::domain::outbox::Order;
use shared::domain::time::Timestamp;
use shared::domain::token::{Claims, Purpose, TokenError, TokenKeys, scope_of};
use shared::edge::http::{Answer, header_text, network, page, set, source_ip, store_failure};
use shared::edge::pages::words::{Words, words};
use shared::edge::pages::{Look, MessagePage};
use shared::flow::Write;
use shared::flow::capture::order_to;
use shared::flow::links::Visit;
use shared::runtime::{
    Clock, Lookup, Runtime, SettingsReader, SiteSecrets, StartError, TokenRing, read_key,
};
use shared::site::{Site, SiteHandle};
use shared::store::{Committed, Store, StoreError, Table, Tables};

mod click;
mod handoff;
mod mail;
mod preferences;
mod verdict;

/// Tries at a guard that other writers change meanwhile.
const TRIES: u32 = 6;
/// Most bytes of a posted form: a few hidden fields and a comment.
const MAX_BODY: usize = 16 * 1024;

/// What `links` works with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Facts, guards, handoffs, outbox.
    pub store: Store,
    /// The site in force.
    pub site: SiteHandle,
    /// Secrets that the site names.
    pub secrets: SiteSecrets,
    /// Verifies links, and stamps pages.
    pub keys: TokenRing,
    /// Names networks and mailboxes.
    pub identity: IdentityKey,
    /// The time.
    pub clock: Clock,
    /// Links to files.
    pub storage: Storage,
    /// The time by which storage judges its links: the real one, even where `clock` is a test's.
    pub storage_clock: Clock,
}

impl Deps {
    /// Reads `*_TABLE`, `MAGNETS_BUCKET`, `TOKEN_KEYS_PARAM`, `IDENTITY_KEY_PARAM` and `SITE_SECRETS_PREFIX`.
    pub async fn build(runtime: &Runtime, env: Lookup<'_>) -> Result<Self, StartError> {
        let mut settings = SettingsReader::new(env);
        let tables = Tables::from_env(
            &mut settings,
            &[Table::Touchpoints, Table::Leads, Table::Outbox],
        );
        let bucket = settings.required("MAGNETS_BUCKET");
        let keys_param = settings.required("TOKEN_KEYS_PARAM");
        let identity_param = settings.required("IDENTITY_KEY_PARAM");
        let secrets_prefix = settings.required("SITE_SECRETS_PREFIX");
        settings.finish()?;
        let names = [keys_param.as_str(), identity_param.as_str()];
        let secrets = runtime
            .secrets
            .get(&runtime.aws, &names, runtime.clock.now())
            .await?;
        let keys = TokenRing::new(runtime, &keys_param, &secrets[0])?;
        Ok(Self {
            store: Store::new(&runtime.aws, tables, runtime.entropy.clone()),
            site: runtime.site()?,
            secrets: SiteSecrets::new(runtime, secrets_prefix),
            keys,
            identity: IdentityKey::new(read_key(&identity_param, &secrets[1])?),
            clock: runtime.clock.clone(),
            storage: Storage::new(&runtime.aws, &bucket),
            storage_clock: Clock::system(),
        })
    }
}

/// A request to a signed link, taken apart.
struct Call<'a> {
    deps: &'a Deps,
    /// The keys in force, which hold those of this request's tokens if any set does.
    keys: Arc<TokenKeys>,
    site: &'a Site,
    now: Timestamp,
    /// HEAD: nothing is written at all.
    head: bool,
    /// Reads only: GET and HEAD.
    reads: bool,
    fields: Vec<(String, String)>,
    query: Vec<(String, String)>,
    agent: String,
    ip_hash: Option<String>,
}

/// Answers a request.
pub async fn handle(deps: &Deps, mut request: Request) -> Answer {
    let site = deps.site.get();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    if !reads && *request.method() != Method::POST {
        let words = words(&site.business.language);
        let mut response = message(
            &site,
            &site.business.language,
            StatusCode::METHOD_NOT_ALLOWED,
            words.not_that_way_title,
            words.not_that_way,
        );
        set(&mut response, header::ALLOW, "GET, HEAD, POST");
        return response;
    }
    let path = request.uri().path().to_owned();
    if path == "/sales/verdict" {
        let (parts, body) = request.into_parts();
        let now = deps.clock.now();
        let taken = verdict::take(deps, &site, now, &parts.headers, body.as_ref()).await;
        return taken.unwrap_or_else(|error| {
            tracing::error!(function = "links", error = %error, "a verdict could not be taken");
            let (status, _) = store_failure(&error);
            shared::edge::http::json(status, &serde_json::json!({ "error": "please try again" }))
        });
    }
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let (kind, token) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let head = *request.method() == Method::HEAD;
    let fields = fields(std::mem::take(request.body_mut()));
    let stamp = fields.iter().find(|(name, _)| name == "page");
    let tokens = [token, stamp.map_or("", |(_, stamp)| stamp)];
    let call = Call {
        deps,
        keys: deps.keys.for_tokens(&tokens).await,
        head,
        site: &site,
        now: deps.clock.now(),
        reads,
        query: form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .into_owned()
            .collect(),
        agent: header_text(request.headers(), "user-agent").to_owned(),
        ip_hash: source_ip(&request).map(|ip| deps.identity.pseudonym("network", &network(&ip))),
        fields,
    };
    let outcome = match kind {
        "d" => mail::download(&call, token).await,
        "c" => mail::confirm(&call, token).await,
        "u" => mail::unsubscribe(&call, token).await,
        "p" => preferences::choose(&call, token).await,
        "t" => click::follow(&call, token).await,
        "h" => handoff::answer(&call, token).await,
        _ => Ok(call.not_ours()),
    };
    outcome.unwrap_or_else(|error| {
        tracing::error!(function = "links", link = kind, error = %error, "a link could not be answered");
        let (status, wait) = store_failure(&error);
        let language = &site.business.language;
        let words = words(language);
        let mut response = message(&site, language, status, words.try_again_title, words.try_again);
        if let Some(seconds) = wait {
            set(&mut response, header::RETRY_AFTER, &seconds.to_string());
        }
        response
    })
}

/// Hidden fields of our own pages. Mail clients post other types for one-click; what cannot be read is no fields.
fn fields(body: Body) -> Vec<(String, String)> {
    let bytes = match body {
        Body::Text(text) => text.into_bytes(),
        Body::Binary(bytes) => bytes,
        _ => Vec::new(),
    };
    if bytes.len() > MAX_BODY {
        return Vec::new();
    }
    form_urlencoded::parse(&bytes).into_owned().collect()
}

fn message(site: &Site, language: &str, status: StatusCode, title: &str, text: &str) -> Answer {
    let look = Look {
        business: &site.business,
        language,
    };
    page(
        status,
        &MessagePage {
            look,
            title: title.to_owned(),
            text: text.to_owned(),
            back: None,
        },
        &[],
    )
}

impl Call<'_> {
    /// All values posted under a name.
    fn posted(&self, name: &str) -> Vec<String> {
        let values = self.fields.iter().filter(|(n, _)| n == name);
        values.map(|(_, value)| value.clone()).collect()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    fn asked(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    fn verify(&self, purpose: Purpose, token: &str) -> Result<Claims, TokenError> {
        self.keys.verify(purpose, token, self.now)
    }

    /// The one answer to every link that is not ours, is damaged, or speaks of what is gone.
    fn not_ours(&self) -> Answer {
        let language = &self.site.business.language;
        let words = words(language);
        message(
            self.site,
            language,
            StatusCode::NOT_FOUND,
            words.not_ours_title,
            words.not_ours,
        )
    }

    /// A page that only says something, in the language of a form.
    fn say(&self, form: Option<&Form>, title: &str, text: &str) -> Answer {
        let look = self.look(form);
        message(self.site, look.language, StatusCode::OK, title, text)
    }

    /// The words of a form's language.
    fn words(&self, form: Option<&Form>) -> &'static Words {
        self.look(form).words()
    }

    /// The form a token is limited to.
    fn form_of(&self, claims: &Claims) -> Option<&Form> {
        self.site
            .forms
            .values()
            .find(|f| scope_of(&f.id) == claims.scope)
    }

    fn look<'s>(&'s self, form: Option<&'s Form>) -> Look<'s> {
        let language = form.map_or(self.site.business.language.as_str(), |f| {
            f.language.as_str()
        });
        Look {
            business: &self.site.business,
            language,
        }
    }

    /// A signed stamp of now, for the form of a page: its nonce carries the milliseconds.
    fn stamp(&self, claims: &Claims) -> String {
        let nonce = self.now.0.to_be_bytes();
        self.keys.sign(&Claims::new(
            Purpose::Page,
            claims.scope,
            claims.subject,
            nonce,
            self.now,
        ))
    }

    /// Who pressed, and when the page they pressed on was shown.
    fn visit(&self, claims: &Claims) -> Visit<'_> {
        let stamp = self
            .field("page")
            .and_then(|stamp| self.verify(Purpose::Page, stamp).ok());
        let same = |s: &Claims| s.subject == claims.subject && s.scope == claims.scope;
        Visit {
            now: self.now,
            shown_at: stamp
                .filter(same)
                .map(|s| Timestamp(i64::from_be_bytes(s.nonce))),
            agent: &self.agent,
            ip_hash: self.ip_hash.clone(),
            site_hash: &self.site.hash,
        }
    }

    /// The lead, unless the time it may be kept is over.
    async fn lead(&self, lead_id: LeadId) -> Result<Option<Lead>, StoreError> {
        let lead = self.deps.store.lead(lead_id).await?;
        Ok(lead.filter(|l| !l.is_over(self.now)))
    }

    /// The part of a mail order that says whom it goes to; none where there is nobody to mail.
    fn order_to(&self, lead: Option<&Lead>) -> Option<Order> {
        let address = EmailAddress::parse(lead?.email.as_ref()?.expose()).ok()?;
        Some(order_to(&address, &self.deps.identity))
    }

    /// Under what the guard of the lead's whole mailbox is kept; none for a lead without an address.
    fn mailbox_of(&self, lead: Option<&Lead>) -> Option<LeadId> {
        self.order_to(lead)?.mailbox()
    }

    /// Commits what `decide` makes of the guard, again where another writer was first. A fact that is there already is done.
    async fn commit(
        &self,
        lead_id: LeadId,
        decide: impl Fn(&Guard) -> Vec<Write>,
    ) -> Result<(), StoreError> {
        self.commit_with_mailbox(lead_id, None, |guard, _| decide(guard))
            .await
    }

    /// The same, decided from the guard of the lead's mailbox too.
    async fn commit_with_mailbox(
        &self,
        lead_id: LeadId,
        mailbox: Option<LeadId>,
        decide: impl Fn(&Guard, Option<(LeadId, &Guard)>) -> Vec<Write>,
    ) -> Result<(), StoreError> {
        let store = &self.deps.store;
        for _ in 0..TRIES {
            let guard = store.guard(lead_id).await?;
            let of_mailbox = match mailbox {
                Some(id) => Some((id, store.guard(id).await?)),
                None => None,
            };
            let of_mailbox = of_mailbox.as_ref().map(|(id, guard)| (*id, guard));
            let writes = decide(&guard, of_mailbox);
            // A link of somebody who was erased since: there is nothing to say about them.
            if writes.is_empty() {
                return Ok(());
            }
            if let Committed::Written = store.commit(&writes).await? {
                return Ok(());
            }
        }
        Err(StoreError::Busy("guard"))
    }
}

//! How to start a stack: what the command line and the tests choose.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use shared::runtime::{Aws, Clock, Entropy};

use crate::pump::chaos::Chaos;
use crate::pump::context::{Drive, Invoke};
use crate::stack::{Data, StackOptions};
use crate::template::Surroundings;

/// Puts something between the SDK and the network, such as a fault injector.
/// Called once for each function, with the name of its package.
pub type WrapConnector =
    Box<dyn Fn(&str, SharedHttpConnector) -> SharedHttpConnector + Send + Sync>;
/// Changes how clients are made, such as how they wait between attempts.
pub type AdjustAws = Box<dyn FnOnce(Aws) -> Aws + Send>;

/// Everything that can be chosen.
pub struct Options {
    /// Where requests are answered; port 0 takes a free one.
    pub addr: SocketAddr,
    /// Where data is kept.
    pub data: Data,
    /// The site's folder; a landing page is looked for in `landing/` inside it.
    pub site: PathBuf,
    /// The template.
    pub template: PathBuf,
    /// Values in place of the template's defaults. `Stage`, `PublicUrl` and the limits on mails are set where they
    /// are not here.
    pub parameters: BTreeMap<String, String>,
    /// Stack name, region, account.
    pub surroundings: Surroundings,
    /// Who moves the pumps.
    pub drive: Drive,
    /// How deliveries misbehave, and the seed of a run that is driven step by step.
    pub chaos: Chaos,
    /// The clock that handlers' time is based on.
    pub clock: Clock,
    /// Randomness of handlers, and of new secrets.
    pub entropy: Entropy,
    /// Something between the SDK and the network, for each function.
    pub wrap_connector: Option<WrapConnector>,
    /// Another way to make clients.
    pub adjust_aws: Option<AdjustAws>,
    /// What reaches the open internet, in place of the guarded connector.
    pub outbound: Option<SharedHttpConnector>,
    /// Runs the functions elsewhere than in this process, such as in processes of their own: it gets what Lambda would hand over, and
    /// answers what the function did.
    pub elsewhere: Option<Invoke>,
}

impl Options {
    /// Live, by the system's clock, with data in `folder`.
    pub fn live(addr: SocketAddr, folder: PathBuf, site: PathBuf, template: PathBuf) -> Self {
        Self {
            addr,
            data: Data::Folder(folder),
            site,
            template,
            parameters: BTreeMap::new(),
            surroundings: Surroundings::default(),
            drive: Drive::Live,
            chaos: Chaos::calm(0),
            clock: Clock::system(),
            entropy: Entropy::system(),
            wrap_connector: None,
            adjust_aws: None,
            outbound: None,
            elsewhere: None,
        }
    }

    /// In memory, driven step by step, everything decided by `seed`, on a free port.
    pub fn step(seed: u64, clock: Clock, site: PathBuf, template: PathBuf) -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            data: Data::Memory,
            site,
            template,
            parameters: BTreeMap::new(),
            surroundings: Surroundings::default(),
            drive: Drive::Step,
            chaos: Chaos::calm(seed),
            clock,
            entropy: Entropy::seeded(seed),
            wrap_connector: None,
            adjust_aws: None,
            outbound: None,
            elsewhere: None,
        }
    }
}

impl Options {
    /// What of it makes the stack, whose functions tell people to come to `url`.
    pub(crate) fn stack(&self, url: &str) -> StackOptions {
        let mut parameters = self.parameters.clone();
        // The stand-in for the mail service takes whatever comes.
        let unlimited =
            ["MaxSendRate", "DailySendQuota", "DomainMailsPerHour"].map(|name| (name, "0"));
        for (name, value) in [("Stage", "local"), ("PublicUrl", url)]
            .into_iter()
            .chain(unlimited)
        {
            parameters
                .entry(name.to_owned())
                .or_insert_with(|| value.to_owned());
        }
        StackOptions {
            data: self.data.clone(),
            template: self.template.clone(),
            parameters,
            surroundings: self.surroundings.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
        }
    }
}

/// Credentials that only the stand-ins of this run know, so that no link of another run opens anything here.
pub(super) fn credentials(entropy: &Entropy) -> Credentials {
    let hex = |bytes: [u8; 16]| {
        bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02X}");
            text
        })
    };
    Credentials::new(
        hex(entropy.bytes()),
        hex(entropy.bytes()),
        None,
        None,
        "local",
    )
}

//! Where a message may be sent to over HTTP: a URL that is fit to be called from inside, and the addresses that are.
//!
//! A URL of a webhook is written by people, and a server that calls what people write can be made to call its own insides. So a
//! destination is https on a public name, and whoever connects asks [`is_global`] of every address that the name stands for. Must not
//! resolve names and must not connect.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

/// Longest URL.
const MAX_URL: usize = 2_000;
/// Ports below this, other than that of https, belong to other protocols.
const FIRST_FREE_PORT: u16 = 1_024;

/// A URL that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination(Url);

/// Why a URL may not be called. Never holds the URL: that of a chat channel is a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDestination {
    /// No URL at all.
    #[error("is not a URL")]
    NotAUrl,
    /// Another scheme.
    #[error("does not begin with https://")]
    NotHttps,
    /// A name and a password before the host.
    #[error("has a user name or a password in it")]
    Credentials,
    /// A port of another protocol.
    #[error("names a port that belongs to another protocol")]
    Port,
    /// An address that is not public, written out.
    #[error("names an address that is not on the public internet")]
    NotPublic,
    /// A name that only means something inside.
    #[error("names a host that is not on the public internet")]
    InsideName,
}

impl Destination {
    /// Reads a URL. `exceptions` are origins that are allowed as they are, such as `http://127.0.0.1:8787`: the local runner's own.
    pub fn parse(text: &str, exceptions: &[String]) -> Result<Self, BadDestination> {
        if text.len() > MAX_URL || text.trim() != text {
            return Err(BadDestination::NotAUrl);
        }
        let url = Url::parse(text).map_err(|_| BadDestination::NotAUrl)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadDestination::Credentials);
        }
        let origin = url.origin().ascii_serialization();
        if exceptions.contains(&origin) {
            return Ok(Self(url));
        }
        if url.scheme() != "https" {
            return Err(BadDestination::NotHttps);
        }
        if url.port().is_some_and(|port| port < FIRST_FREE_PORT) {
            return Err(BadDestination::Port);
        }
        match url.host().ok_or(BadDestination::NotAUrl)? {
            Host::Ipv4(ip) if !is_global(ip.into()) => Err(BadDestination::NotPublic),
            Host::Ipv6(ip) if !is_global(ip.into()) => Err(BadDestination::NotPublic),
            Host::Domain(name) if is_inside_name(name) => Err(BadDestination::InsideName),
            Host::Ipv4(_) | Host::Ipv6(_) | Host::Domain(_) => Ok(Self(url)),
        }
    }

    /// The URL, as it is requested.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A name without a dot, or below a name that is never public.
fn is_inside_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    !name.contains('.')
        || [".localhost", ".local", ".internal", ".home.arpa", ".onion"]
            .iter()
            .any(|inside| name.ends_with(inside))
}

/// Blocks of the IANA IPv4 Special-Purpose Address Registry that are not globally reachable, and multicast.
const NOT_GLOBAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),           // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by carriers
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, metadata of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, ended
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, broadcast
];

/// What IANA allocates for global unicast. Everything else is special: loopback, mapped and translated IPv4 (`::ffff:0:0/96`,
/// `64:ff9b::/96`), unique local with `fd00:ec2::254`, link-local, multicast.
const GLOBAL_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Blocks inside it of the IANA IPv6 Special-Purpose Address Registry that are not plainly global, or that carry an IPv4 address.
const NOT_GLOBAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, Teredo, ORCHID, benchmarks
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether an address is global unicast by IANA's registries for special purposes (as of 2025).
pub fn is_global(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => !NOT_GLOBAL_V4.iter().any(|block| in_v4(ip, *block)),
        IpAddr::V6(ip) => {
            in_v6(ip, GLOBAL_V6) && !NOT_GLOBAL_V6.iter().any(|block| in_v6(ip, *block))
        }
    }
}

fn in_v4(ip: Ipv4Addr, (block, bits): (Ipv4Addr, u32)) -> bool {
    (ip.to_bits() ^ block.to_bits()) >> (32 - bits) == 0
}

fn in_v6(ip: Ipv6Addr, (block, bits): (Ipv6Addr, u32)) -> bool {
    (ip.to_bits() ^ block.to_bits()) >> (128 - bits) == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frm_13_no_address_inside_is_global() {
        let inside = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "169.254.170.2",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in inside {
            assert!(!is_global(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn frm_13_public_addresses_are_global() {
        let public = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00:1450::1",
        ];
        for text in public {
            assert!(is_global(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn frm_13_a_url_that_leads_inside_is_refused_however_it_is_written() {
        use BadDestination::{Credentials, InsideName, NotAUrl, NotHttps, NotPublic, Port};
        let refused = [
            ("http://hooks.example.net/x", NotHttps),
            ("ftp://hooks.example.net/x", NotHttps),
            ("file:///etc/passwd", NotHttps),
            ("hooks.example.net/x", NotAUrl),
            (" https://hooks.example.net/x", NotAUrl),
            ("https://", NotAUrl),
            ("https://user@hooks.example.net/", Credentials),
            ("https://hooks.example.net:x@10.0.0.1/", Credentials),
            ("https://hooks.example.net:22/", Port),
            ("https://127.0.0.1/", NotPublic),
            ("https://2130706433/", NotPublic),
            ("https://0x7f.1/", NotPublic),
            ("https://0177.0.0.1/", NotPublic),
            ("https://１２７.0.0.1/", NotPublic),
            ("https://169.254.169.254/latest/meta-data", NotPublic),
            ("https://[::1]/", NotPublic),
            ("https://[::ffff:169.254.169.254]/", NotPublic),
            ("https://[fd00:ec2::254]/", NotPublic),
            ("https://localhost/", InsideName),
            ("https://LOCALHOST./", InsideName),
            ("https://metadata/", InsideName),
            ("https://metadata.google.internal/", InsideName),
            ("https://printer.local/", InsideName),
        ];
        for (url, why) in refused {
            assert_eq!(Destination::parse(url, &[]), Err(why), "{url}");
        }
        for url in [
            "https://hooks.example.net/services/T0/B0/x",
            "https://hooks.example.net:8443/x?y=1",
            "https://8.8.8.8/",
        ] {
            assert!(Destination::parse(url, &[]).is_ok(), "{url}");
        }
    }

    #[test]
    fn an_exception_holds_for_its_very_origin() {
        let own = ["http://127.0.0.1:8787".to_owned()];
        assert!(Destination::parse("http://127.0.0.1:8787/local/sink/crm", &own).is_ok());
        for other in [
            "http://127.0.0.1:8788/",
            "http://127.0.0.2:8787/",
            "https://127.0.0.1:8787/",
        ] {
            assert!(Destination::parse(other, &own).is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn a_mapped_address_is_never_global(bits: u32) {
            prop_assert!(!is_global(Ipv4Addr::from_bits(bits).to_ipv6_mapped().into()));
        }

        #[test]
        fn a_destination_reads_as_itself(path in "[a-z0-9/]{0,20}") {
            let url = format!("https://hooks.example.net/{path}");
            let destination = Destination::parse(&url, &[]).unwrap();
            prop_assert_eq!(Destination::parse(destination.as_str(), &[]).unwrap(), destination);
        }
    }
}

//! The list of hosts that may be reached, as an operator writes it.
//!
//! `example.org` is that name alone, `*.example.org` everything below it and not the name itself; without a port a rule
//! opens 80 and 443.

use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::{Host, HostError, HostName};

/// What a rule without a port opens.
const USUAL_PORTS: [u16; 2] = [80, 443];

/// More rules than that are no list that somebody reads.
const MOST: usize = 1_000;

/// One entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostRule {
    hosts: Hosts,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hosts {
    One(Host),
    /// All below this name.
    Below(HostName),
}

/// The hosts that may be reached; all others may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowList {
    rules: Vec<HostRule>,
}

/// Why an entry, or a list, cannot be used. Reads on after the entry's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There is no entry.
    #[error("is an empty list; write \"none\" for no network")]
    NoRules,
    /// There are too many.
    #[error("has more than {MOST} entries")]
    TooMany,
    /// `https://example.org/`.
    #[error("has `{0}`, which is an address of a page; write the host's name alone")]
    Url(String),
    /// A star that is not the first label, or alone.
    #[error(
        "has `{0}`; a star stands for the first part only and needs two parts behind it, as in `*.example.org`"
    )]
    Star(String),
    /// `example.org:0`.
    #[error("has `{0}`, whose port is no number from 1 to 65535")]
    Port(String),
    /// An address of this machine or of its link.
    #[error("has `{0}`, an address of the machine itself or its link, which is never opened")]
    Own(String),
    /// The word for another kind of network.
    #[error("has `{0}` in a list; write it alone")]
    Word(String),
    /// Not a host.
    #[error("has `{given}`, which {cause}")]
    Host {
        /// As it was written.
        given: String,
        /// Why not.
        cause: HostError,
    },
}

impl HostRule {
    /// Reads one entry.
    pub fn parse(given: &str) -> Result<Self, RuleError> {
        let shown = || given.chars().take(80).collect::<String>();
        if given == "none" || given == "full" {
            return Err(RuleError::Word(shown()));
        }
        if given.contains('/') {
            return Err(RuleError::Url(shown()));
        }
        let (host, port) = split_port(given).ok_or_else(|| RuleError::Port(shown()))?;
        let failed = |cause| RuleError::Host { given: shown(), cause };
        if let Some(base) = host.strip_prefix("*.") {
            return match Host::parse(base) {
                Ok(Host::Name(name)) if name.as_str().contains('.') => {
                    Ok(Self { hosts: Hosts::Below(name), port })
                }
                Ok(_) => Err(RuleError::Star(shown())),
                Err(_) if base.contains('*') => Err(RuleError::Star(shown())),
                Err(cause) => Err(failed(cause)),
            };
        }
        if host.contains('*') {
            return Err(RuleError::Star(shown()));
        }
        let host = Host::parse(&host).map_err(failed)?;
        match host {
            Host::Address(address) if is_own(address) => Err(RuleError::Own(shown())),
            host => Ok(Self { hosts: Hosts::One(host), port }),
        }
    }

    fn allows(&self, host: &Host, port: u16) -> bool {
        let ports = match self.port {
            Some(only) => port == only,
            None => USUAL_PORTS.contains(&port),
        };
        ports && self.names(host)
    }

    fn names(&self, host: &Host) -> bool {
        match (&self.hosts, host) {
            (Hosts::One(one), host) => one == host,
            (Hosts::Below(base), Host::Name(name)) => {
                name.as_str().strip_suffix(base.as_str()).is_some_and(|below| below.ends_with('.'))
            }
            (Hosts::Below(_), Host::Address(_)) => false,
        }
    }
}

impl AllowList {
    /// Reads a list.
    pub fn parse<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, RuleError> {
        let rules = entries.into_iter().map(HostRule::parse).collect::<Result<Vec<_>, _>>()?;
        match rules.len() {
            0 => Err(RuleError::NoRules),
            count if count > MOST => Err(RuleError::TooMany),
            _ => Ok(Self { rules }),
        }
    }

    /// Whether this host may be reached at this port.
    pub fn allows(&self, host: &Host, port: u16) -> bool {
        self.rules.iter().any(|rule| rule.allows(host, port))
    }

    /// Whether some port of this host may be reached.
    pub fn names(&self, host: &Host) -> bool {
        self.rules.iter().any(|rule| rule.names(host))
    }

    /// The entries in their plain form.
    pub fn entries(&self) -> Vec<String> {
        self.rules.iter().map(HostRule::to_string).collect()
    }
}

impl fmt::Display for HostRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.hosts {
            Hosts::One(host) => host.fmt(f)?,
            Hosts::Below(name) => write!(f, "*.{}", name.as_str())?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl Serialize for AllowList {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.entries().serialize(serializer)
    }
}

/// The host's text and the port; `None` when the port is none. IPv6 may stand without brackets where there is no port.
fn split_port(text: &str) -> Option<(String, Option<u16>)> {
    if text.matches(':').count() > 1 && !text.starts_with('[') {
        return Some((format!("[{text}]"), None));
    }
    let end = text.rfind(']').map_or(0, |end| end + 1);
    match text[end..].split_once(':') {
        None => Some((text.to_owned(), None)),
        Some((rest, port)) => Some((format!("{}{rest}", &text[..end]), Some(self::port(port)?))),
    }
}

/// A port in its plain spelling.
pub fn port(text: &str) -> Option<u16> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| plain && *port != 0)
}

/// Addresses that name the machine itself, or what it meets before any router: its metadata service among them.
fn is_own(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            four.octets()[0] == 0
                || four.is_loopback()
                || four.is_link_local()
                || four.is_multicast()
                || four.is_broadcast()
        }
        IpAddr::V6(six) => {
            six.is_loopback() || six.is_unspecified() || six.is_unicast_link_local() || six.is_multicast()
        }
    }
}

//! Names and addresses of hosts as they are compared: normalised once, valid by construction.
//!
//! A name is lower case ASCII without its final dot. Whatever a resolver would read as a number is no name, whichever
//! of the many spellings it has, because a list of names says nothing about numbers.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;

mod rules;

pub use rules::{AllowList, HostRule, RuleError, port};

/// The longest name, in bytes, that DNS can carry.
const LONGEST: usize = 253;

/// A host as it can be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Host {
    /// By a name that has to be looked up.
    Name(HostName),
    /// By an address in its one plain spelling.
    Address(IpAddr),
}

/// A name that was normalised: ASCII, lower case, no final dot, at least one label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostName(String);

/// Why a text is no host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Nothing there.
    #[error("is empty")]
    Empty,
    /// Characters that other names look like.
    #[error("has characters outside ASCII; write the name's ASCII form (`xn--…`)")]
    NotAscii,
    /// `user@host`.
    #[error("has a user name in it")]
    UserInfo,
    /// Digits that a resolver would read as an address.
    #[error("is a number in an unusual spelling; an address is four decimal numbers, or IPv6 in plain form")]
    Number,
    /// An IPv6 address that stands for an IPv4 one, or has a zone.
    #[error("is an IPv6 address that stands for another one")]
    Disguised,
    /// None, or one that is no number from 1 to 65535.
    #[error("has no usable port")]
    Port,
    /// Anything else.
    #[error("is no host name")]
    Malformed,
}

impl HostName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Host {
    /// Reads a name or an address; IPv6 stands in brackets.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        if text.is_empty() {
            return Err(HostError::Empty);
        }
        if text.contains('@') {
            return Err(HostError::UserInfo);
        }
        if !text.is_ascii() {
            return Err(HostError::NotAscii);
        }
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(HostError::Malformed)?;
            return six(inner).map(|address| Self::Address(IpAddr::V6(address)));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() || name.len() > LONGEST || !name.split('.').all(is_label) {
            return Err(HostError::Malformed);
        }
        if ends_in_number(&name) {
            // A final dot makes a name of what a resolver still reads as a number.
            let plain = text.parse::<Ipv4Addr>().map_err(|_| HostError::Number)?;
            return Ok(Self::Address(IpAddr::V4(plain)));
        }
        Ok(Self::Name(HostName(name)))
    }
}

/// Reads `host:port` as it stands in a request; without a port it is the given one, if there is one.
pub fn authority(text: &str, usual: Option<u16>) -> Result<(Host, u16), HostError> {
    if text.contains('@') {
        return Err(HostError::UserInfo);
    }
    let end = text.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match text[end..].split_once(':') {
        None => (text, usual),
        Some((rest, number)) => (&text[..end + rest.len()], port(number)),
    };
    Ok((Host::parse(host)?, port.ok_or(HostError::Port)?))
}

impl Serialize for Host {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(&name.0),
            Self::Address(IpAddr::V4(address)) => address.fmt(f),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// An IPv6 address that is nothing but itself.
fn six(text: &str) -> Result<Ipv6Addr, HostError> {
    let address: Ipv6Addr = text.parse().map_err(|_| HostError::Malformed)?;
    match address.segments() {
        // Mapped, compatible (`::` and `::1` are of these too), NAT64, 6to4.
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0x64, 0xff9b, ..] | [0x2002, ..] => Err(HostError::Disguised),
        _ => Ok(address),
    }
}

/// `_` is no letter of host names, but many names in use have it.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// Whether a resolver might read the name as an IPv4 address: decimal, octal or hexadecimal, in one to four parts
/// (<https://url.spec.whatwg.org/#ends-in-a-number-checker>).
fn ends_in_number(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    let hexadecimal = last.strip_prefix("0x").is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_hexdigit()));
    hexadecimal || last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;

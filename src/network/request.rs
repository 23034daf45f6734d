//! What a session asks the proxy for: a tunnel, or one plain request. Pure.
//!
//! A plain request leaves rewritten: `Host` is the address that was checked, and nothing in it can be read as a second
//! request.

use super::head::{Field, Head, is_token, passed_on, written};
use super::refusal::Refusal;
use crate::hosts::{Host, HostError, authority};

/// A request that is well-formed; whether it is allowed is another question.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Where to.
    pub host: Host,
    /// At which port.
    pub port: u16,
    /// What of it.
    pub kind: Kind,
}

/// What is wanted of the host.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// `CONNECT`.
    Tunnel,
    /// One request.
    Plain {
        /// The head that goes to the server.
        head: Vec<u8>,
        /// Bytes of its body.
        body: u64,
    },
}

impl Request {
    /// Reads a head that ends with its empty line.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let head = Head::parse(bytes).map_err(Refusal::Malformed)?;
        let mut parts = head.line.split(' ');
        let (Some(method), Some(target), Some(version), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refusal::Malformed("a request line of other than three parts"));
        };
        if !is_token(method.as_bytes()) {
            return Err(Refusal::Malformed("such a method"));
        }
        if !matches!(version, "HTTP/1.1" | "HTTP/1.0") {
            return Err(Refusal::Malformed("another version than HTTP/1.1"));
        }
        if head.fields.iter().any(|field| field.is("upgrade")) {
            return Err(Refusal::Malformed("an Upgrade; use https or wss"));
        }
        if method == "CONNECT" {
            tunnel(target, &head.fields)
        } else {
            plain(method, target, version, head.fields)
        }
    }
}

/// The values of the fields of this name.
fn values<'a>(fields: &'a [Field], name: &str) -> Vec<&'a [u8]> {
    fields.iter().filter(|field| field.is(name)).map(|field| field.value.as_slice()).collect()
}

fn tunnel(target: &str, fields: &[Field]) -> Result<Request, Refusal> {
    let (host, port) = authority(target, None).map_err(Refusal::NoHost)?;
    if body_length(fields)? != 0 {
        return Err(Refusal::Malformed("a CONNECT with a body"));
    }
    check_host(fields, &host, port, None)?;
    Ok(Request { host, port, kind: Kind::Tunnel })
}

fn plain(method: &str, target: &str, version: &str, fields: Vec<Field>) -> Result<Request, Refusal> {
    let scheme = target.get(..7).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("http://") {
        return Err(Refusal::Malformed("a target that is neither http://… nor a CONNECT (for https)"));
    }
    let rest = &target[7..];
    if rest.contains(['#', '\\', '<', '>', '"', '{', '}', '|', '^', '`']) {
        return Err(Refusal::Malformed("a target with characters that no URL has"));
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (place, path) = rest.split_at(end);
    let (host, port) = authority(place, Some(80)).map_err(Refusal::NoHost)?;
    check_host(&fields, &host, port, Some(80))?;
    if version == "HTTP/1.1" && values(&fields, "host").is_empty() {
        return Err(Refusal::Malformed("a request without Host"));
    }
    let body = body_length(&fields)?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let shown = if port == 80 { host.to_string() } else { format!("{host}:{port}") };
    let mut sent = vec![Field::new("Host", shown)];
    sent.extend(passed_on(fields).into_iter().filter(|field| !field.is("host") && !field.is("expect")));
    sent.push(Field::new("Connection", "close"));
    let head = written(&format!("{method} {slash}{path} HTTP/1.1"), &sent);
    Ok(Request { host, port, kind: Kind::Plain { head, body } })
}

/// `Host` must say what the request line says, or the two ends could see two hosts.
fn check_host(fields: &[Field], host: &Host, port: u16, usual: Option<u16>) -> Result<(), Refusal> {
    let said = values(fields, "host");
    match said.as_slice() {
        [] => Ok(()),
        [one] => {
            let text = std::str::from_utf8(one).map_err(|_| Refusal::NoHost(HostError::NotAscii))?;
            // Clients leave out the port in `Host` of a CONNECT.
            let (said, at) = authority(text, usual.or(Some(port))).map_err(Refusal::NoHost)?;
            if said == *host && at == port {
                Ok(())
            } else {
                Err(Refusal::Malformed("a Host that differs from the URL"))
            }
        }
        _ => Err(Refusal::Malformed("more than one Host")),
    }
}

fn body_length(fields: &[Field]) -> Result<u64, Refusal> {
    let (lengths, encodings) = (values(fields, "content-length"), values(fields, "transfer-encoding"));
    match (lengths.as_slice(), encodings.is_empty()) {
        ([], true) => Ok(0),
        ([], false) => Err(Refusal::NoLength),
        ([one], true) => {
            let digits = !one.is_empty() && one.len() <= 18 && one.iter().all(u8::is_ascii_digit);
            let number = std::str::from_utf8(one).ok().and_then(|text| text.parse().ok()).filter(|_| digits);
            number.ok_or(Refusal::Malformed("a Content-Length that is no number"))
        }
        (_, true) => Err(Refusal::Malformed("more than one Content-Length")),
        (_, false) => Err(Refusal::Malformed("a Content-Length beside a Transfer-Encoding")),
    }
}

#[cfg(test)]
mod tests;

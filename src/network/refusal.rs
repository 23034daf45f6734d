//! Why the proxy does not do what a session asks for, in words for the agent that reads them.
//!
//! Every text names what was refused and, where configuration can open it, the key. Nothing in it comes from a request
//! but a name that was normalised.

use std::net::IpAddr;

use crate::hosts::{Host, HostError};

/// Why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No rule opens it.
    NotListed {
        /// It.
        host: Host,
        /// The port that was asked for.
        port: u16,
    },
    /// A rule opens the host, and not at this port.
    OtherPort {
        /// It.
        host: Host,
        /// The port that was asked for.
        port: u16,
    },
    /// What was asked for is no host.
    NoHost(HostError),
    /// The name leads to an address that is not of the public internet.
    NotPublic {
        /// The name.
        host: Host,
        /// The first of its addresses that is not.
        address: IpAddr,
    },
    /// The name leads nowhere.
    Unknown {
        /// The name.
        host: Host,
    },
    /// Nobody answers there.
    Unreachable {
        /// It.
        host: Host,
        /// The port that was asked for.
        port: u16,
        /// What the kernel said.
        cause: String,
    },
    /// The request is not HTTP as the proxy takes it.
    Malformed(&'static str),
    /// It has a body of a length that only its end tells.
    NoLength,
    /// The head is too long.
    TooLong,
    /// The head, or a greeting, did not come in time.
    TooSlow,
    /// The session has too many connections open.
    TooMany {
        /// As many as it may have.
        most: u32,
    },
    /// The server has too many connections open.
    Busy,
    /// The session has used up what it may transfer.
    UsedUp(&'static str),
    /// What came through a tunnel is not TLS.
    NotTls,
    /// The greeting names no server.
    Nameless,
    /// The greeting names another server than the tunnel was opened to.
    OtherName,
    /// The greeting has an encrypted part that may name another server.
    HiddenName,
    /// What the server answered is not HTTP.
    Answer(&'static str),
}

impl Refusal {
    /// The status of the answer and its error type by RFC 9209.
    pub fn status(&self) -> (u16, &'static str) {
        match self {
            Self::NotListed { .. } | Self::OtherPort { .. } | Self::NoHost(_) | Self::UsedUp(_) => {
                (403, "http_request_denied")
            }
            Self::NotPublic { .. } => (403, "destination_ip_prohibited"),
            Self::Unknown { .. } => (502, "dns_error"),
            Self::Unreachable { .. } => (502, "destination_unavailable"),
            Self::Malformed(_) => (400, "http_request_error"),
            Self::NoLength => (411, "http_request_error"),
            Self::TooLong => (431, "http_request_error"),
            Self::TooSlow => (408, "connection_read_timeout"),
            Self::TooMany { .. } => (429, "connection_limit_reached"),
            Self::Busy => (503, "connection_limit_reached"),
            Self::NotTls | Self::Nameless | Self::OtherName | Self::HiddenName => (403, "tls_protocol_error"),
            Self::Answer(_) => (502, "http_protocol_error"),
        }
    }

    /// What was refused: a few words that fit into a status line, where clients show them.
    pub fn reason(&self) -> String {
        match self {
            Self::NotListed { host, port } => format!("{host}:{port} is not in sandbox.network"),
            Self::OtherPort { host, port } => {
                format!("{host} is in sandbox.network but not with port {port}")
            }
            Self::NoHost(cause) => format!("the host {cause} (sandbox.network)"),
            Self::NotPublic { host, address } => {
                format!("{host} leads to {address}, which is not public (sandbox.network)")
            }
            Self::Unknown { host } => format!("there is no host {host}"),
            Self::Unreachable { host, port, cause } => format!("{host}:{port} does not answer: {cause}"),
            Self::Malformed(what) => format!("the sandbox's proxy does not take {what}"),
            Self::NoLength => "the sandbox's proxy needs a Content-Length".to_owned(),
            Self::TooLong => "the head is over the limit (network.head)".to_owned(),
            Self::TooSlow => "the request did not come in time".to_owned(),
            Self::TooMany { most } => format!("more than {most} connections at once (network.connections)"),
            Self::Busy => "too many connections in all sessions".to_owned(),
            Self::UsedUp(key) => format!("the session has used up its transfer ({key})"),
            Self::NotTls => "what came through the tunnel is not TLS (sandbox.network)".to_owned(),
            Self::Nameless => "the TLS greeting names no server (sandbox.network)".to_owned(),
            Self::OtherName => "the TLS greeting names another server (sandbox.network)".to_owned(),
            Self::HiddenName => "the TLS greeting hides the server's name (sandbox.network)".to_owned(),
            Self::Answer(what) => format!("the server's answer has {what}"),
        }
    }

    /// What to do about it.
    fn advice(&self) -> &'static str {
        match self {
            Self::NotListed { .. } | Self::OtherPort { .. } => {
                "Only hosts in the list of the configuration key `sandbox.network` can be reached. Work without this one, \
                 or ask whoever runs the server to add it."
            }
            Self::NoHost(_) => {
                "Ask for a host by its name in `sandbox.network`, in ASCII; an address only where the list has it."
            }
            Self::NotPublic { .. } => {
                "Names in `sandbox.network` open public addresses only. Whoever runs the server can list the address \
                 itself."
            }
            Self::Unknown { .. } | Self::Unreachable { .. } => "Check the name, or try again later.",
            Self::Malformed(_) | Self::TooLong | Self::TooSlow => {
                "Use an ordinary HTTP client (urllib, requests, httpx, aiohttp) with HTTP_PROXY and HTTPS_PROXY as they are \
                 set."
            }
            Self::NoLength => "Send the body as bytes, not as a stream, or use https.",
            Self::TooMany { .. } => "Close connections, or work on fewer at a time.",
            Self::Busy => "Try again in a moment.",
            Self::UsedUp(_) => "Work with what is there; whoever runs the server can raise the limit.",
            Self::NotTls | Self::Nameless | Self::OtherName | Self::HiddenName => {
                "Through CONNECT only TLS passes that names the host it was opened for."
            }
            Self::Answer(_) => "The server does not speak HTTP/1.1 as it should; try https.",
        }
    }

    /// The whole answer.
    pub fn answer(&self) -> Vec<u8> {
        let (status, error) = self.status();
        let reason = self.reason();
        let body = format!("Refused: {reason}. {}\n", self.advice());
        let line: String =
            reason.chars().filter(|c| c.is_ascii() && !c.is_ascii_control()).take(200).collect();
        format!(
            "HTTP/1.1 {status} Refused: {line}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
             Proxy-Status: actwright; error={error}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    }
}

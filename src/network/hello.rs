//! The greeting of a TLS client, read as far as to see which server it names (RFC 8446, 4.1.2; RFC 6066, 3). Pure.
//!
//! Only what the proxy judges by is looked at; everything is forwarded as it came.

use super::refusal::Refusal;

/// The longest greeting, in bytes, that is waited for; those in use are under 2 KB.
pub const LONGEST: usize = 32 << 10;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
/// Encrypted Client Hello (RFC 9849).
const ENCRYPTED_HELLO: u16 = 0xfe0d;
const LONGEST_RECORD: usize = 1 << 14;

/// What a greeting says.
#[derive(Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The server that it names.
    pub name: Option<Vec<u8>>,
    /// Whether a part of it is encrypted, and may name another.
    pub is_hidden: bool,
}

/// Reads what has come so far; `None` when more has to come.
pub fn parse(bytes: &[u8]) -> Result<Option<Greeting>, Refusal> {
    let Some(message) = first_message(bytes)? else { return Ok(None) };
    let mut rest = Reader(&message);
    greeting(&mut rest).ok_or(Refusal::NotTls).map(Some)
}

/// The first handshake message, put together from its records.
fn first_message(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    let mut message = Vec::new();
    loop {
        match bytes {
            [] => return Ok(None),
            [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, _] | [HANDSHAKE, 3, _, _] => return Ok(None),
            [HANDSHAKE, 3, _, high, low, rest @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low]));
                if !(1..=LONGEST_RECORD).contains(&length) {
                    return Err(Refusal::NotTls);
                }
                message.extend_from_slice(&rest[..length.min(rest.len())]);
                bytes = rest.get(length..).unwrap_or_default();
            }
            _ => return Err(Refusal::NotTls),
        }
        if message.first().is_some_and(|kind| *kind != CLIENT_HELLO) {
            return Err(Refusal::NotTls);
        }
        if let [_, high, middle, low, rest @ ..] = message.as_slice() {
            let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
            if length > LONGEST {
                return Err(Refusal::NotTls);
            }
            if rest.len() >= length {
                return Ok(Some(rest[..length].to_vec()));
            }
        }
    }
}

/// `None` where the message is not formed as it must be.
fn greeting(hello: &mut Reader<'_>) -> Option<Greeting> {
    // Version and random bytes.
    hello.take(2 + 32)?;
    hello.short_list()?;
    hello.list()?;
    hello.short_list()?;
    let mut found = Greeting { name: None, is_hidden: false };
    if hello.0.is_empty() {
        return Some(found);
    }
    let mut extensions = Reader(hello.list()?);
    if !hello.0.is_empty() {
        return None;
    }
    while !extensions.0.is_empty() {
        let kind = extensions.number()?;
        let content = extensions.list()?;
        match kind {
            SERVER_NAME if found.name.is_some() => return None,
            SERVER_NAME => found.name = Some(name(&mut Reader(content))?),
            ENCRYPTED_HELLO => found.is_hidden = true,
            _ => {}
        }
    }
    Some(found)
}

/// A list of exactly one host name.
fn name(content: &mut Reader<'_>) -> Option<Vec<u8>> {
    let mut names = Reader(content.list()?);
    let kind = names.take(1)?;
    let name = names.list()?;
    (content.0.is_empty() && names.0.is_empty() && kind == [0] && !name.is_empty()).then(|| name.to_vec())
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u16> {
        self.take(2).map(|two| u16::from_be_bytes([two[0], two[1]]))
    }

    /// With a length of one byte.
    fn short_list(&mut self) -> Option<&'a [u8]> {
        let length = self.take(1)?[0];
        self.take(usize::from(length))
    }

    /// With a length of two bytes.
    fn list(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::from(length))
    }
}

#[cfg(test)]
mod tests;

//! Bytes from a pipe made text, a chunk at a time.
//!
//! A character that is split between two chunks waits for its end; a byte that is no UTF-8 becomes the four
//! characters of its escape (`\xff`), so nothing that a program wrote disappears.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The state between two chunks of one stream: at most three bytes.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    held: Vec<u8>,
}

impl Decoder {
    /// Decodes the next chunk.
    pub(super) fn push<'a>(&mut self, bytes: &'a [u8]) -> Cow<'a, str> {
        if self.held.is_empty() {
            if let Ok(text) = std::str::from_utf8(bytes) {
                return Cow::Borrowed(text);
            }
            return Cow::Owned(self.slow(bytes));
        }
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(bytes);
        Cow::Owned(self.slow(&joined))
    }

    /// Escapes what waited for an end that never came.
    pub(super) fn finish(&mut self) -> String {
        let mut text = String::new();
        escape(&std::mem::take(&mut self.held), &mut text);
        text
    }

    fn slow(&mut self, bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len() + 16);
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            text.push_str(chunk.valid());
            if chunks.peek().is_none() && is_unfinished(chunk.invalid()) {
                self.held = chunk.invalid().to_vec();
            } else {
                escape(chunk.invalid(), &mut text);
            }
        }
        text
    }
}

/// Whether more bytes could still make a character of these.
fn is_unfinished(bytes: &[u8]) -> bool {
    !bytes.is_empty() && matches!(std::str::from_utf8(bytes), Err(error) if error.error_len().is_none())
}

fn escape(bytes: &[u8], into: &mut String) {
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(into, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests;

//! A text that is found by characters although it is stored as bytes.
//!
//! A sparse index (one byte offset every 16,384 characters) makes each page one bounded read, however long
//! the text is.

use std::io;
use std::path::Path;

use super::account::Cost;
use super::spool::Spool;

/// Characters between two entries of the index.
const STRIDE: u64 = 16_384;

/// An append-only text.
#[derive(Debug, Default)]
pub(super) struct Text {
    spool: Spool,
    chars: u64,
    /// Byte offset of character `STRIDE * (i + 1)`.
    marks: Vec<u64>,
}

impl Text {
    /// The whole of `text`.
    pub(super) fn of(dir: &Path, text: &str) -> Self {
        let mut made = Self::default();
        made.push(dir, text);
        made
    }

    /// Characters so far.
    pub(super) fn chars(&self) -> u64 {
        self.chars
    }

    /// Bytes of UTF-8 so far.
    pub(super) fn bytes(&self) -> u64 {
        self.spool.len()
    }

    /// What this text uses.
    pub(super) fn cost(&self) -> Cost {
        self.spool.cost()
    }

    /// Whether the disk refused some of it, so that its end cannot be read.
    pub(super) fn is_complete(&self) -> bool {
        self.spool.stored() == self.spool.len()
    }

    /// Appends `text`.
    pub(super) fn push(&mut self, dir: &Path, text: &str) {
        let added = count(text);
        let start = self.spool.len();
        let mut next = STRIDE * (self.marks.len() as u64 + 1);
        let ascii = added == text.len() as u64;
        let (mut at_char, mut at_byte) = (self.chars, 0);
        while next < self.chars + added {
            at_byte +=
                if ascii { (next - at_char) as usize } else { byte_of(&text[at_byte..], next - at_char) };
            at_char = next;
            self.marks.push(start + at_byte as u64);
            next += STRIDE;
        }
        self.chars += added;
        self.spool.append(dir, text.as_bytes());
    }

    /// The characters `from..to`, as far as the text goes.
    pub(super) fn slice(&self, from: u64, to: u64) -> io::Result<String> {
        let to = to.min(self.chars);
        if from >= to {
            return Ok(String::new());
        }
        let (mark_char, start) = self.mark_before(from);
        let end = self.mark_after(to);
        let bytes = self.spool.read(start, end)?;
        let text = valid(&bytes);
        let low = byte_of(text, from - mark_char);
        let high = low + byte_of(&text[low..], to - from);
        Ok(text[low..high].to_owned())
    }

    /// The bytes `from..to`, cut back to whole characters, and where the next read begins.
    pub(super) fn block(&self, from: u64, size: u64) -> io::Result<(String, u64)> {
        let bytes = self.spool.read(from, from.saturating_add(size))?;
        let text = valid(&bytes).to_owned();
        let next = from + text.len() as u64;
        Ok((text, next))
    }

    /// A second text with the same characters.
    pub(super) fn duplicate(&self, dir: &Path) -> io::Result<Self> {
        Ok(Self { spool: self.spool.duplicate(dir)?, chars: self.chars, marks: self.marks.clone() })
    }

    fn mark_before(&self, char_offset: u64) -> (u64, u64) {
        let stride = (char_offset / STRIDE).min(self.marks.len() as u64);
        match stride.checked_sub(1).and_then(|i| self.marks.get(i as usize)) {
            Some(byte) => (stride * STRIDE, *byte),
            None => (0, 0),
        }
    }

    fn mark_after(&self, char_offset: u64) -> u64 {
        let stride = char_offset.div_ceil(STRIDE).max(1);
        self.marks.get(stride as usize - 1).copied().unwrap_or(self.spool.len())
    }
}

/// How many characters `text` has.
pub(super) fn count(text: &str) -> u64 {
    // Continuation bytes are the ones from 0x80 to 0xBF; this form compiles to vector instructions.
    text.bytes().filter(|byte| (*byte as i8) >= -0x40).count() as u64
}

/// The byte offset of character `n`, or the length when there are fewer.
fn byte_of(text: &str, n: u64) -> usize {
    if n as usize >= text.len() {
        return text.len();
    }
    if text.as_bytes()[..n as usize].is_ascii() {
        return n as usize;
    }
    text.char_indices().nth(n as usize).map_or(text.len(), |(at, _)| at)
}

/// The longest valid beginning: only a text cut by a full disk has anything after it.
fn valid(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests;

//! Lines of a kept text that match a pattern.
//!
//! The text is read in blocks and the answer is bounded. A pattern that is no valid regular expression is
//! looked for as it is, and the answer says which of the two was done.

use std::io;

use regex::{Regex, RegexBuilder};

use super::text::count;

/// Bytes read at a time, and the most that is looked at as one line.
const BLOCK: u64 = 64 << 10;

/// Characters of a line that are shown.
const SHOWN: usize = 500;

/// What matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrepResult {
    /// The first matches.
    pub hits: Vec<GrepHit>,
    /// How many lines match, shown or not.
    pub matches: u64,
    /// How many lines there are.
    pub lines: u64,
    /// How the pattern was read.
    pub reading: PatternKind,
}

/// One matching line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrepHit {
    /// Its number, from 1.
    pub line: u64,
    /// The offset of its first character in the text.
    pub offset: u64,
    /// The line, its end cut when it is very long.
    pub text: String,
}

/// How a pattern was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatternKind {
    /// As a regular expression.
    Regex,
    /// As plain text, because it is no valid regular expression.
    Plain,
}

/// Searches a text that `read(byte offset, size)` gives piece by piece; skips `skip` matches, shows `show`.
pub(super) fn search(
    pattern: &str,
    skip: u64,
    show: u64,
    mut read: impl FnMut(u64, u64) -> io::Result<(String, u64)>,
) -> io::Result<GrepResult> {
    let matcher = Matcher::of(pattern);
    let mut result = GrepResult { hits: Vec::new(), matches: 0, lines: 0, reading: matcher.kind() };
    let mut rest = String::new();
    let (mut at, mut offset) = (0, 0);
    loop {
        let (block, next) = read(at, BLOCK)?;
        let ended = block.is_empty();
        at = next;
        rest.push_str(&block);
        let mut used = 0;
        while let Some(length) = next_line(&rest[used..], ended) {
            let piece = &rest[used..used + length];
            used += length;
            let line = piece.strip_suffix('\n').unwrap_or(piece);
            result.lines += 1;
            if matcher.is_match(line) {
                if result.matches >= skip && (result.hits.len() as u64) < show {
                    let text = line.chars().take(SHOWN).collect();
                    result.hits.push(GrepHit { line: result.lines, offset, text });
                }
                result.matches += 1;
            }
            offset += count(piece);
        }
        rest.drain(..used);
        if ended {
            return Ok(result);
        }
    }
}

/// Bytes of the next line with its end; a line longer than a block is taken in pieces.
fn next_line(text: &str, ended: bool) -> Option<usize> {
    match text.find('\n') {
        Some(at) => Some(at + 1),
        None if text.is_empty() => None,
        None if ended || text.len() as u64 >= BLOCK => Some(text.len()),
        None => None,
    }
}

/// A pattern ready to be looked for.
enum Matcher {
    Regex(Regex),
    Plain(String),
}

impl Matcher {
    fn of(pattern: &str) -> Self {
        // The limits bound the memory that a hostile pattern can take; matching is linear in any case.
        match RegexBuilder::new(pattern).size_limit(1 << 20).dfa_size_limit(1 << 20).build() {
            Ok(regex) => Self::Regex(regex),
            Err(_) => Self::Plain(pattern.to_owned()),
        }
    }

    fn is_match(&self, line: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.is_match(line),
            Self::Plain(text) => line.contains(text.as_str()),
        }
    }

    fn kind(&self) -> PatternKind {
        match self {
            Self::Regex(_) => PatternKind::Regex,
            Self::Plain(_) => PatternKind::Plain,
        }
    }
}

#[cfg(test)]
mod tests;

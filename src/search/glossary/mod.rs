//! Queries in other languages, put into English word by word, because most libraries and the small models are English.
//!
//! This is no translator: it knows the words that people use when they look for code, in files of [`words/`](entries). A query
//! is touched only where more of its words are known in another language than say that it is English, so English ones pass as
//! they are.

mod english;
mod entries;
mod pieces;

use entries::{Kind, LANGUAGES, Language, Script};
use pieces::{Piece, pieces};

/// The longest phrase of a glossary, in words.
const PHRASE: usize = 4;

/// The most words of a query that are looked at; what is longer is a text, and stays as it is.
const LONGEST: usize = 60;

/// A query as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// In English, as far as it was known.
    pub text: String,
    /// The language it was read as: two letters, ISO 639-1.
    pub language: &'static str,
    /// Whether at least half of its words that mean something were known.
    pub is_complete: bool,
}

/// Reads a query that is not English, or gives nothing where it is, or where nothing of it is known.
pub fn read(query: &str) -> Option<Reading> {
    let pieces = pieces(query);
    let words = pieces.iter().filter(|piece| piece.is_word()).count();
    if words == 0
        || words > LONGEST
        || pieces.iter().all(|piece| !piece.is_word() || english::has(&piece.plain))
    {
        return None;
    }
    let mut best: Option<Attempt> = None;
    for language in &LANGUAGES {
        if !pieces.iter().any(|piece| piece.script == Some(language.script)) {
            continue;
        }
        let attempt = attempt(language, &pieces);
        // Letters that English lacks decide first, then how much of the query was known, in words as long as may be.
        let rank = |attempt: &Attempt| {
            (attempt.language.script != Script::Latin, attempt.letters, usize::MAX - attempt.known)
        };
        if attempt.is_likely() && best.as_ref().is_none_or(|best| rank(&attempt) > rank(best)) {
            best = Some(attempt);
        }
    }
    best.map(|best| Reading {
        is_complete: best.known >= best.unknown,
        language: best.language.code,
        text: best.text,
    })
}

/// A query read as if it were of one language.
struct Attempt {
    language: &'static Language,
    text: String,
    /// Words that stand in the glossary, those included that say nothing.
    known: usize,
    /// The letters of these.
    letters: usize,
    /// Words of its script that stand nowhere.
    unknown: usize,
    /// Words that mean something in this language and nothing in English.
    foreign: usize,
    /// Words that only hold sentences together, in this language and not in English.
    own_bound: usize,
    /// English words of that kind, and other English ones.
    bound: usize,
    free: usize,
}

impl Attempt {
    fn is_likely(&self) -> bool {
        let own = self.foreign + self.own_bound;
        self.foreign > 0 && own > self.bound && own >= self.free
    }

    fn ends_in_word(&self) -> bool {
        self.text.ends_with(char::is_alphanumeric)
    }

    fn say(&mut self, text: &str, is_apart: bool) {
        if !self.text.is_empty() && is_apart && !self.text.ends_with(' ') {
            self.text.push(' ');
        }
        self.text.push_str(text);
    }

    /// Counts a word of the glossary as a sign of its language. Single letters are no sign of anything.
    fn weigh(&mut self, piece: &Piece, english: &str) {
        if piece.script == Some(Script::Latin) && (piece.plain.len() < 2 || english::has(&piece.plain)) {
            return;
        }
        if english.split(' ').all(|word| word.is_empty() || english::is_bound(word)) {
            self.own_bound += 1;
        } else {
            self.foreign += 1;
        }
    }

    /// Writes down what a word of the glossary means.
    fn take(&mut self, word: &str, english: &str) {
        self.known += 1;
        self.letters += word.chars().count();
        if !english.is_empty() {
            self.say(english, true);
        }
    }
}

fn attempt(language: &'static Language, pieces: &[Piece]) -> Attempt {
    let (text, known, unknown, foreign) = (String::new(), 0, 0, 0);
    let mut attempt =
        Attempt { language, text, known, letters: 0, unknown, foreign, own_bound: 0, bound: 0, free: 0 };
    let mut at = 0;
    while let Some(piece) = pieces.get(at) {
        let is_apart = piece.follows_space;
        let before = at.checked_sub(1).and_then(|at| pieces.get(at));
        if !piece.is_word() {
            // What joins words in one language need not do so in another.
            let after = pieces.get(at + 1).is_some_and(|after| after.is_word() && !after.follows_space);
            let joins =
                matches!(piece.text.as_str(), "'" | "-") && after && before.is_some_and(Piece::is_word);
            if piece.text.is_ascii() && (is_apart || !joins) {
                let is_word = piece.text.starts_with(char::is_alphanumeric);
                attempt.say(&piece.text, is_apart || is_word && attempt.ends_in_word());
            }
            at += 1;
        } else if piece.script == Some(Script::Latin) && !is_apart && before.is_some_and(Piece::is_glue) {
            attempt.say(&piece.text, false);
            at += 1;
        } else if piece.script != Some(language.script) {
            read_other(&mut attempt, piece);
            at += 1;
        } else if matches!(language.kind, Kind::Unspaced | Kind::Agglutinated) {
            read_run(&mut attempt, &piece.plain);
            at += 1;
        } else {
            at += read_words(&mut attempt, &pieces[at..]);
        }
    }
    attempt
}

/// A word of another script: an English one, a name, or something that nobody here reads.
fn read_other(attempt: &mut Attempt, piece: &Piece) {
    if piece.script == Some(Script::Latin) {
        attempt.bound += usize::from(english::is_bound(&piece.plain));
        attempt.say(&piece.text, piece.follows_space || attempt.ends_in_word());
    } else {
        attempt.unknown += 1;
    }
}

/// One word or a phrase at the beginning; tells how many pieces it took.
fn read_words(attempt: &mut Attempt, pieces: &[Piece]) -> usize {
    let (language, Some(first)) = (attempt.language, pieces.first()) else { return 1 };
    let is_english = english::has(&first.plain);
    if language.begins_phrase(&first.plain) {
        let ends = pieces.iter().enumerate().filter(|(_, piece)| piece.is_word()).map(|(at, _)| at);
        let ends: Vec<usize> = ends.take(PHRASE).collect();
        for end in ends.into_iter().skip(1).rev() {
            let words = pieces[..=end].iter().filter(|piece| piece.is_word());
            let of = |text: fn(&Piece) -> &str| words.clone().map(text).collect::<Vec<_>>().join(" ");
            let (plain, folded) = (of(|piece| &piece.plain), of(|piece| &piece.folded));
            if let Some(english) = language.find(&plain).or_else(|| language.find(&folded)) {
                attempt.foreign += 1;
                attempt.take(&plain, english);
                return end + 1;
            }
        }
    }
    let found = language.find(&first.plain).or_else(|| language.find(&first.folded));
    if let Some(english) = found {
        attempt.weigh(first, english);
        attempt.take(&first.plain, english);
    } else if let Some((one, other)) = language.find_compound(&first.folded) {
        attempt.foreign += usize::from(!is_english);
        attempt.take(&first.plain, one);
        attempt.say(other, true);
    } else {
        attempt.bound += usize::from(english::is_bound(&first.plain));
        attempt.free += usize::from(is_english);
        attempt.unknown += usize::from(!is_english);
        // What is of no use to whoever reads English only would but spoil the rest.
        if first.script == Some(Script::Latin) {
            attempt.say(&first.text, first.follows_space || attempt.ends_in_word());
        }
    }
    1
}

/// Words without spaces between them: always the longest that is known.
fn read_run(attempt: &mut Attempt, run: &str) {
    let language = attempt.language;
    let mut rest = run;
    let mut is_unknown = false;
    while let Some(first) = rest.chars().next() {
        // Endings of Korean words look like short words.
        let shortest = if language.kind == Kind::Agglutinated && rest.len() < run.len() { 2 } else { 1 };
        let ends = rest.char_indices().map(|(at, c)| at + c.len_utf8()).take(language.longest);
        let ends: Vec<usize> = ends.skip(shortest - 1).collect();
        let found = ends.into_iter().rev().find_map(|end| Some((language.exact(&rest[..end])?, end)));
        if let Some((english, end)) = found {
            attempt.foreign += usize::from(!english.is_empty());
            attempt.take(&rest[..end], english);
            rest = &rest[end..];
            is_unknown = false;
        } else {
            // Letters of endings stand between words; what is made of others is a word.
            if !is_unknown && pieces::is_meant(first) && shortest == 1 {
                attempt.unknown += 1;
                is_unknown = true;
            }
            rest = &rest[first.len_utf8()..];
        }
    }
}

#[cfg(test)]
mod tests;

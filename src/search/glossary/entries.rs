//! The glossaries: a file for each language, read when a query first needs one.
//!
//! A line is `ENGLISH: WORD WORD`, and means that each of the words is put into English that way; without English before the
//! colon they say nothing by themselves. A word that ends in `-` is a beginning that takes any ending, and `_` stands for a
//! space within a phrase.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use super::pieces;

/// Scripts that a glossary is written in. Chinese characters and kana are one, because Japanese mixes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Han,
    Hangul,
}

/// How a language makes its words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// With spaces between them, and endings.
    Spaced,
    /// So, and one word may be made of two.
    Compounding,
    /// Without spaces.
    Unspaced,
    /// With spaces, and words of their own as endings.
    Agglutinated,
}

/// A language.
#[derive(Debug)]
pub(super) struct Language {
    /// ISO 639-1.
    pub(super) code: &'static str,
    pub(super) script: Script,
    pub(super) kind: Kind,
    /// The longest word, in characters.
    pub(super) longest: usize,
    pub(super) file: &'static str,
    words: OnceLock<Words>,
}

/// The shortest beginning, and the longest ending. A short beginning takes short endings only.
const BEGINNING: usize = 3;
const ENDING: usize = 6;

/// An ending that is no second part of a compound.
const SHORT: usize = 3;

/// The shortest part of a compound.
const PART: usize = 4;

/// What stands between the parts of a compound.
const LINKS: [&str; 5] = ["", "s", "n", "en", "e"];

#[derive(Debug, Default)]
struct Words {
    whole: HashMap<String, &'static str>,
    beginnings: HashMap<String, &'static str>,
    /// The first words of phrases.
    phrases: HashSet<String>,
}

macro_rules! language {
    ($code:literal, $script:ident, $kind:ident) => {
        Language {
            code: $code,
            script: Script::$script,
            kind: Kind::$kind,
            longest: 16,
            file: include_str!(concat!("words/", $code, ".txt")),
            words: OnceLock::new(),
        }
    };
}

/// All of them. Of two that know equally many words the first is taken.
pub(super) static LANGUAGES: [Language; 13] = [
    language!("de", Latin, Compounding),
    language!("fr", Latin, Spaced),
    language!("es", Latin, Spaced),
    language!("pt", Latin, Spaced),
    language!("it", Latin, Spaced),
    language!("nl", Latin, Compounding),
    language!("pl", Latin, Spaced),
    language!("tr", Latin, Spaced),
    language!("ru", Cyrillic, Spaced),
    language!("uk", Cyrillic, Spaced),
    language!("zh", Han, Unspaced),
    language!("ja", Han, Unspaced),
    language!("ko", Hangul, Agglutinated),
];

impl Language {
    fn words(&self) -> &Words {
        self.words.get_or_init(|| self.parsed())
    }

    /// The entries of the file as they stand there: English, word.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.file
            .lines()
            .filter_map(|line| line.split_once(':'))
            .flat_map(|(english, words)| words.split_whitespace().map(move |word| (english.trim(), word)))
    }

    fn parsed(&self) -> Words {
        let mut words = Words::default();
        // What is written with its accents comes first, because some words differ by nothing else.
        let spellings: [fn(&str) -> String; 3] = [str::to_owned, pieces::folded, without_umlauts];
        for spelling in spellings {
            for (english, word) in self.entries() {
                let (word, map) = match word.strip_suffix('-') {
                    Some(word) => (word, &mut words.beginnings),
                    None => (word, &mut words.whole),
                };
                let word = spelling(&if self.script == Script::Han {
                    pieces::simple(word)
                } else {
                    word.to_owned()
                });
                let word = word.replace(['_', '-', '\'', '/'], " ");
                if let Some((first, _)) = word.split_once(' ') {
                    words.phrases.insert(first.to_owned());
                }
                map.entry(word).or_insert(english);
            }
        }
        words
    }

    /// Whether a phrase begins with this word.
    pub(super) fn begins_phrase(&self, word: &str) -> bool {
        self.words().phrases.contains(word)
    }

    /// What this very word or phrase is in English.
    pub(super) fn exact(&self, word: &str) -> Option<&'static str> {
        self.words().whole.get(word).copied()
    }

    /// What a word or phrase is in English, whatever its ending; a compound is none word.
    pub(super) fn find(&self, word: &str) -> Option<&'static str> {
        let near = self.exact(word).or_else(|| self.begun(word, SHORT));
        if near.is_some() || self.find_compound(word).is_some() {
            return near;
        }
        self.begun(word, ENDING)
    }

    fn begun(&self, word: &str, longest: usize) -> Option<&'static str> {
        let beginnings = &self.words().beginnings;
        let letters = word.chars().count();
        let shortest = letters.saturating_sub(longest).max(BEGINNING);
        let mut end = word.len();
        for count in (shortest..=letters).rev() {
            if let Some(english) = beginnings.get(word.get(..end)?)
                && letters - count <= self.longest_ending(count)
            {
                return Some(english);
            }
            end = word.get(..end)?.char_indices().next_back()?.0;
            // An ending is one of the last word.
            if word.get(end..)?.starts_with(' ') {
                break;
            }
        }
        None
    }

    /// The longest ending of a beginning of so many letters.
    fn longest_ending(&self, count: usize) -> usize {
        if self.script == Script::Latin && count == BEGINNING { 2 } else { count + 1 }
    }

    /// What the two parts of a compound are in English.
    pub(super) fn find_compound(&self, word: &str) -> Option<(&'static str, &'static str)> {
        if self.kind != Kind::Compounding || word.contains(' ') {
            return None;
        }
        let words = self.words();
        let says = |english: &&str| !english.is_empty();
        let cuts =
            word.char_indices().map(|(at, _)| at).skip(PART).filter_map(|cut| word.split_at_checked(cut));
        let cuts: Vec<(&str, &str)> = cuts.filter(|(_, other)| other.chars().count() >= PART).collect();
        cuts.into_iter().rev().find_map(|(one, other)| {
            let one = *words
                .beginnings
                .get(one)
                .or_else(|| words.whole.get(one))
                .filter(|english| says(english))?;
            let others = LINKS.iter().filter_map(|link| other.strip_prefix(link));
            let mut others = others.filter(|other| other.chars().count() >= PART);
            let other = others.find_map(|other| {
                self.exact(other).filter(|english| says(english)).or_else(|| self.begun(other, SHORT))
            })?;
            Some((one, other))
        })
    }
}

/// With the letters that stand for umlauts where a keyboard has none.
fn without_umlauts(word: &str) -> String {
    word.replace('ä', "ae").replace('ö', "oe").replace('ü', "ue").replace('ß', "ss")
}

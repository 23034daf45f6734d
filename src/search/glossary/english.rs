//! Which words are English: those that no English sentence is without, those of the glossaries' English side, and some that
//! look like words of other languages.

use std::collections::HashSet;
use std::sync::OnceLock;

use super::entries::LANGUAGES;
use crate::search::words::stem;

/// Words that hold sentences together.
const BOUND: &str = "a about after all also an and any are as at be been before being both but by can could did do does each \
                     every for from get given had has have how if in into is it its make more most my no not of on only \
                     or other our out over should so some such than that the their them then there these they this \
                     those through to under until up use using was we were what when where whether which while who \
                     whose why will with within without would you your";

/// Endings that hardly any other language has.
const ENDINGS: [&str; 7] = ["ed", "ly", "ness", "ity", "ical", "izer", "ization"];

/// Words that look like those of other languages, a line for each letter.
const ALIKE: &str = include_str!("english.txt");

struct Words {
    bound: HashSet<&'static str>,
    whole: HashSet<&'static str>,
    stems: HashSet<String>,
}

fn words() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| {
        let bound: HashSet<&str> = BOUND.split_whitespace().collect();
        let sides = LANGUAGES.iter().flat_map(|language| language.entries()).map(|(english, _)| english);
        let mut whole: HashSet<&str> = sides.flat_map(str::split_whitespace).collect();
        whole.extend(ALIKE.split_whitespace());
        whole.extend(&bound);
        let stems = whole.iter().map(|word| stem(word)).collect();
        Words { bound, whole, stems }
    })
}

/// Whether a word holds English sentences together.
pub(super) fn is_bound(word: &str) -> bool {
    words().bound.contains(word)
}

/// Whether a word is a known English one, or a form of one.
pub(super) fn has(word: &str) -> bool {
    let words = words();
    if word.len() > 5 && ENDINGS.iter().any(|ending| word.ends_with(ending)) && !word.ends_with("ied") {
        return true;
    }
    // Other languages end their forms of the same words with a vowel.
    words.whole.contains(word) || word.is_ascii() && !word.ends_with('e') && words.stems.contains(&stem(word))
}

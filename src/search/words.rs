//! Text to words: identifiers whole and in their parts, endings taken off, words that say nothing left out of queries.
//!
//! Scripts that put no spaces between words are taken in pairs of characters, which overlap: so any part of a text is found
//! without a dictionary.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Another number for every other way to take texts apart; what was kept of the words of before is made anew.
pub const EDITION: i64 = 2;

/// Words that say nothing about what is meant.
const STOP: &str = "a about after all an and any are as at be before but by can do does each every for from get given \
                    has have how i if in into is it its let like make me my need no not of off on only or other our \
                    out over please should show so some such than that the their them then there these they this \
                    those to up use used using via want was we what when where which while who will with would you your";

/// The longest text that is taken apart, in bytes; what is longer adds nothing to its meaning.
const LONGEST: usize = 64 * 1024;

/// The longest word that is one, in characters.
const LONGEST_WORD: usize = 64;

/// What is taken of a script without spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grams {
    /// Pairs and single characters, so that both are found.
    All,
    /// Pairs; a single character only where it stands alone.
    Pairs,
}

/// The words of a text in order: lower case, identifiers whole (`parse_logs`) and in parts (`parse`, `log`), without the
/// commonest endings and without accents.
pub fn words(text: &str) -> Vec<String> {
    taken_apart(text, Grams::All)
}

fn taken_apart(text: &str, grams: Grams) -> Vec<String> {
    let mut found = Vec::new();
    let text = &text[..text.floor_char_boundary(LONGEST)];
    if text.is_ascii() {
        take_runs(text, grams, &mut found);
    } else {
        take_runs(&folded(text), grams, &mut found);
    }
    found
}

/// Accents of letters taken off, and letters of other widths made the usual ones. Marks that make another letter stay.
fn folded(text: &str) -> String {
    text.nfkd().filter(|c| !('\u{300}'..='\u{36f}').contains(c)).nfc().collect()
}

fn take_runs(text: &str, grams: Grams, found: &mut Vec<String>) {
    for run in text.split(|c: char| !c.is_alphanumeric() && c != '_' && !is_combining_mark(c)) {
        let run = run.trim_start_matches(|c| c == '_' || is_combining_mark(c));
        let mut rest = run.trim_end_matches('_');
        while let Some(first) = rest.chars().next() {
            let kind = is_unspaced(first);
            let end = rest.find(|c| is_unspaced(c) != kind && !is_combining_mark(c)).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            if kind {
                take_grams(piece, grams, found);
            } else {
                take_word(piece.trim_matches('_'), found);
            }
            rest = after;
        }
    }
}

fn take_word(run: &str, found: &mut Vec<String>) {
    if run.is_empty() || run.chars().count() > LONGEST_WORD {
        return;
    }
    let parts = parts(run);
    if parts.len() > 1 {
        found.push(run.to_lowercase());
    }
    found.extend(parts.iter().map(|part| stem(part)));
}

fn take_grams(run: &str, grams: Grams, found: &mut Vec<String>) {
    let letters: Vec<char> = run.chars().collect();
    if grams == Grams::All || letters.len() == 1 {
        found.extend(letters.iter().map(char::to_string));
    }
    found.extend(letters.windows(2).map(|pair| pair.iter().collect::<String>()));
}

/// Whether a character is of a script that puts no spaces between words, or puts them between words with their endings.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        // Thai, Lao, Burmese, Khmer.
        '\u{0e01}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17d3}'
        // Korean.
        | '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}'
        // Japanese and Chinese.
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{312f}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// The words of a text as one line for an index of full text.
pub fn index(text: &str) -> String {
    words(text).join(" ")
}

/// The words of a query, each once; words that say nothing count only where there are no others.
pub(super) fn wanted(query: &str) -> Vec<String> {
    let mut all = Vec::new();
    for word in taken_apart(query, Grams::Pairs) {
        if !all.contains(&word) {
            all.push(word);
        }
    }
    let said: Vec<String> = all.iter().filter(|word| !is_stop(word)).cloned().collect();
    if said.is_empty() { all } else { said }
}

fn is_stop(word: &str) -> bool {
    STOP.split_whitespace().any(|stop| stop == word || stem(stop) == word)
}

/// `parseHTTPLogs_v2` in its parts, lower case: `parse`, `http`, `logs`, `v2`.
pub fn parts(run: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for piece in run.split('_').filter(|piece| !piece.is_empty()) {
        let letters: Vec<char> = piece.chars().collect();
        let mut part = String::new();
        for (at, c) in letters.iter().enumerate() {
            let before = at.checked_sub(1).map(|at| letters[at]);
            let after = letters.get(at + 1);
            let starts = c.is_uppercase()
                && before.is_some_and(|before| {
                    before.is_lowercase()
                        || before.is_uppercase() && after.is_some_and(|after| after.is_lowercase())
                });
            if starts && !part.is_empty() {
                parts.push(std::mem::take(&mut part));
            }
            part.extend(c.to_lowercase());
        }
        if !part.is_empty() {
            parts.push(part);
        }
    }
    parts
}

/// The word without the endings of plurals and verbs. Not a dictionary: two forms of one word become the same text, and that
/// text need be no word.
pub(super) fn stem(word: &str) -> String {
    if word.len() < 4 || !word.is_ascii() {
        return word.to_owned();
    }
    let mut base = word.to_owned();
    if let Some(rest) = word.strip_suffix("ies").filter(|rest| rest.len() > 1) {
        base = format!("{rest}y");
    } else if ["sses", "shes", "ches", "xes", "zes"].iter().any(|end| word.ends_with(end)) {
        base.truncate(base.len() - 2);
    } else if word.ends_with('s') && !["ss", "us", "is"].iter().any(|end| word.ends_with(end)) {
        base.truncate(base.len() - 1);
    }
    for ending in ["ing", "ed", "er", "or", "ion"] {
        if let Some(rest) = base.strip_suffix(ending)
            && rest.len() > 3
            && rest.contains(['a', 'e', 'i', 'o', 'u', 'y'])
        {
            let doubled = rest
                .as_bytes()
                .last_chunk::<2>()
                .is_some_and(|[one, two]| one == two && !b"lsz".contains(one));
            base = rest[..rest.len() - usize::from(doubled)].to_owned();
            break;
        }
    }
    if base.len() > 4 && base.ends_with('e') {
        base.truncate(base.len() - 1);
    }
    base
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_count_whole_and_in_parts() {
        let check = |text: &str, expected: &[&str]| assert_eq!(words(text), expected, "{text}");
        check("parse_logs", &["parse_logs", "pars", "log"]);
        check("getHTTPResponse", &["gethttpresponse", "get", "http", "respons"]);
        check("__init__ x1", &["init", "x1"]);
        check("Grüße, Welt!", &["gruße", "welt"]);
        check("", &[]);
    }

    #[test]
    fn accents_and_widths_make_no_other_word() {
        for (one, other) in [
            ("données", "donnees"),
            ("e\u{301}tat", "état"),
            ("ｃｓｖ", "csv"),
            ("ÜBER", "über"),
            ("ﾌｧｲﾙ", "ファイル"),
        ] {
            assert_eq!(words(one), words(other), "{one}");
        }
        // が is another letter than か; й is written as one character or as two.
        assert_ne!(words("が"), words("か"));
        assert_eq!(words("файл"), words("фа\u{438}\u{306}л"));
        assert_eq!(words("हिन्दी"), ["हिन्दी"]);
    }

    #[test]
    fn scripts_without_spaces_are_taken_in_pairs() {
        assert_eq!(words("解析日志"), ["解", "析", "日", "志", "解析", "析日", "日志"]);
        assert_eq!(wanted("日志解"), ["日志", "志解"]);
        assert_eq!(wanted("表"), ["表"]);
        assert_eq!(wanted("CSV文件的行"), ["csv", "文件", "件的", "的行"]);
        assert_eq!(wanted("ファイル"), ["ファ", "ァイ", "イル"]);
        assert_eq!(wanted("파일을 읽기"), ["파일", "일을", "읽기"]);
        let long = "字".repeat(30_000);
        assert!(words(&long).contains(&"字字".to_owned()));
    }

    #[test]
    fn forms_of_a_word_meet() {
        for forms in [
            "parse parses parsed parsing parser",
            "file files",
            "query queries",
            "match matches matched matching",
            "count counts counted counting counter",
            "extract extracts extracting extraction extractor",
            "split splits splitting",
            "merge merged merging",
        ] {
            let stems: Vec<String> = forms.split(' ').map(stem).collect();
            assert!(stems.iter().all(|each| *each == stems[0]), "{stems:?}");
        }
    }

    #[test]
    fn empty_words_are_left_out_unless_there_are_no_others() {
        assert_eq!(wanted("how do I get the tables of a page"), ["tabl", "page"]);
        assert_eq!(wanted("what is it"), ["what", "is", "it"]);
        assert_eq!(wanted("logs log LOGS"), ["log"]);
    }
}

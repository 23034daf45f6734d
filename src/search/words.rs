//! Text to words: identifiers whole and in their parts, endings taken off, words that say nothing left out of queries.

/// Words that say nothing about what is meant.
const STOP: &str = "a about after all an and any are as at be before but by can do does each every for from get given \
                    has have how i if in into is it its let like make me my need no not of off on only or other our \
                    out over please should show so some such than that the their them then there these they this \
                    those to up use used using via want was we what when where which while who will with would you your";

/// The longest text that is taken apart, in bytes; what is longer adds nothing to its meaning.
const LONGEST: usize = 64 * 1024;

/// The words of a text in order: lower case, identifiers whole (`parse_logs`) and in parts (`parse`, `log`), without the
/// commonest endings.
pub fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    for run in text[..end].split(|c: char| !c.is_alphanumeric() && c != '_') {
        let run = run.trim_matches('_');
        if run.is_empty() || run.len() > 64 {
            continue;
        }
        let parts = parts(run);
        if parts.len() > 1 {
            found.push(run.to_lowercase());
        }
        found.extend(parts.iter().map(|part| stem(part)));
    }
    found
}

/// The words of a text as one line for an index of full text.
pub fn index(text: &str) -> String {
    words(text).join(" ")
}

/// The words of a query, each once; words that say nothing count only where there are no others.
pub(super) fn wanted(query: &str) -> Vec<String> {
    let mut all = Vec::new();
    for word in words(query) {
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
fn stem(word: &str) -> String {
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
        check("Grüße, Welt!", &["grüße", "welt"]);
        check("", &[]);
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

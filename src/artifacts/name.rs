//! The name of an artifact, valid by construction: segments between slashes that are no path, hide nothing and look like no
//! other name.
//!
//! No file is ever called by it in the store, but code and people make files of it, and a model reads it.

use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// An artifact's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ArtifactName(String);

/// The longest name, in bytes.
const LONGEST: usize = 255;

/// The most segments.
const SEGMENTS: usize = 16;

/// What may stand in a name beside letters and digits.
const SIGNS: &str = " -_.,+=()[]{}#&~'!^$%";

/// What some systems take for devices, whatever follows a dot.
const DEVICES: &str = "con prn aux nul com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 \
                       lpt9";

/// Letters that look like Latin ones, each before its double.
const DOUBLES: &str =
    "аaеeоoрpсcуyхxіiјjѕsԁdһhӏlԛqԝwвbкkмmнhтtгrαaοoρpνvιiκkτtυuεeηnγyχxβbωwıiɑaɡgοoօoսuհhոnցgզq";

/// Why a text is no name of an artifact. The words are for an agent.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing.
    #[error("an artifact needs a name, such as reports/2026/sales.csv")]
    Empty,
    /// Too long.
    #[error("the name {given:?}… is {bytes} bytes long; at most {LONGEST} are allowed")]
    TooLong {
        /// Its beginning.
        given: String,
        /// Its length.
        bytes: usize,
    },
    /// Too deep.
    #[error("the name {given:?} has more than {SEGMENTS} parts between slashes")]
    TooDeep {
        /// Its beginning.
        given: String,
    },
    /// A path that leads elsewhere.
    #[error(
        "{given:?} is no name for an artifact: {why}; a name is made of parts between single slashes, such as \
         reports/2026/sales.csv"
    )]
    Path {
        /// What was given, shortened.
        given: String,
        /// What of it is wrong.
        why: &'static str,
    },
    /// A character that has no place there.
    #[error("{given:?} is no name for an artifact: it holds {what}; use letters, digits and - _ . instead")]
    Character {
        /// What was given, shortened.
        given: String,
        /// What it is.
        what: String,
    },
    /// Letters of several alphabets that look alike.
    #[error(
        "{given:?} mixes Latin letters with others that look like them (such as {letter:?}); write it in one alphabet"
    )]
    Mixed {
        /// What was given, shortened.
        given: String,
        /// One of the others.
        letter: char,
    },
    /// A name that systems have taken.
    #[error("{given:?} is no name for an artifact: `{part}` is the name of a device on some systems")]
    Reserved {
        /// What was given, shortened.
        given: String,
        /// The part.
        part: String,
    },
}

impl ArtifactName {
    /// Reads a name; what can be written in two ways becomes one.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let given = || text.chars().take(60).collect::<String>();
        if text.len() > LONGEST {
            return Err(NameError::TooLong { given: given(), bytes: text.len() });
        }
        let name: String = text.nfc().collect();
        if let Some(bad) = name.chars().find(|letter| !is_allowed(*letter)) {
            return Err(NameError::Character { given: given(), what: described(bad) });
        }
        // What has a plainer form, such as a wide or joined letter, is a look-alike of it.
        if let Some(bad) = name.chars().find(|letter| letter.nfc().ne(letter.nfkc())) {
            return Err(NameError::Character { given: given(), what: described(bad) });
        }
        if name.len() > LONGEST {
            return Err(NameError::TooLong { given: given(), bytes: name.len() });
        }
        if name.split('/').count() > SEGMENTS {
            return Err(NameError::TooDeep { given: given() });
        }
        for part in name.split('/') {
            if let Some(why) = wrong(part) {
                return Err(NameError::Path { given: given(), why });
            }
            let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
            if DEVICES.split_whitespace().any(|device| device == stem) {
                return Err(NameError::Reserved { given: given(), part: part.to_owned() });
            }
            let has_latin = part.chars().any(|letter| letter.is_ascii_alphabetic());
            let double = part.chars().find(|letter| plain(*letter).is_some());
            if let Some(letter) = double.filter(|_| has_latin) {
                return Err(NameError::Mixed { given: given(), letter });
            }
        }
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name as it looks: case aside, and look-alikes of Latin letters as these.
    pub fn folded(&self) -> String {
        let lower = self.0.to_lowercase();
        lower.nfkc().map(|letter| plain(letter).unwrap_or(letter)).collect()
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_allowed(letter: char) -> bool {
    letter == '/'
        || SIGNS.contains(letter)
        || letter.is_ascii_alphanumeric()
        || (!letter.is_ascii()
            && (letter.is_alphanumeric() || is_combining_mark(letter))
            && !is_filler(letter))
}

/// Letters that show nothing.
fn is_filler(letter: char) -> bool {
    matches!(letter, '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' | '\u{34f}' | '\u{17b4}' | '\u{17b5}')
        || matches!(letter, '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// The Latin letter that this one looks like.
fn plain(letter: char) -> Option<char> {
    let lower = letter.to_lowercase().next().unwrap_or(letter);
    let mut pairs = DOUBLES.chars();
    while let (Some(double), Some(latin)) = (pairs.next(), pairs.next()) {
        if double == lower {
            return Some(latin);
        }
    }
    None
}

/// Why a part between slashes cannot be one.
fn wrong(part: &str) -> Option<&'static str> {
    if part.is_empty() {
        return Some("it begins or ends with a slash, or has two in a row");
    }
    if part == "." || part == ".." {
        return Some("`.` and `..` lead to other places");
    }
    if part.starts_with(['-', '~', ' ']) || part.starts_with(is_combining_mark) {
        return Some("a part must not begin with a dash, a tilde, a blank or a mark");
    }
    if part.ends_with(['.', ' ']) {
        return Some("a part must not end with a dot or a blank");
    }
    None
}

fn described(letter: char) -> String {
    let what = match letter {
        '\0' => "a NUL character",
        '\\' => "a backslash",
        letter if letter.is_control() => "a control character",
        '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}' => "an invisible character",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => {
            "a character that turns the direction of text"
        }
        letter if letter.is_ascii() => return format!("the character {letter:?}"),
        letter if is_filler(letter) || letter.is_whitespace() => "an invisible character",
        _ => "a character that is easily taken for another",
    };
    format!("{what} (U+{:04X})", u32::from(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_what_is_none() {
        for good in
            ["a", "reports/2026/sales.csv", "a b", "naïve.txt", "отчёт/май", "数据", ".hidden", "x(1)"]
        {
            assert_eq!(ArtifactName::parse(good).map(|name| name.to_string()), Ok(good.to_owned()));
        }
        assert_eq!(ArtifactName::parse("cafe\u{301}").unwrap().as_str(), "café");
        let check = |given: &str, expected: &str| {
            let words = ArtifactName::parse(given).unwrap_err().to_string();
            assert!(words.contains(expected), "{given:?}: {words}");
        };
        check("", "needs a name");
        check(&"x".repeat(5000), "is 5000 bytes long");
        check(&"é".repeat(200), "400 bytes");
        check(&"a/".repeat(20), "more than 16 parts");
        for path in ["/etc/passwd", "a//b", "a/", "/"] {
            check(path, "slash");
        }
        for path in ["..", "../x", "a/../b", ".", "a/./b"] {
            check(path, "lead to other places");
        }
        check("~/x", "must not begin");
        check("-rf", "must not begin");
        check("a.", "must not end");
        check("a\0b", "a NUL character");
        check("a\nb", "a control character");
        check("a\u{85}b", "a control character");
        check("..\\x", "a backslash");
        check("a@3", "'@'");
        check("a:b", "':'");
        check("a?b", "'?'");
        check("a\u{202e}b", "direction");
        check("a\u{200b}b", "invisible");
        check("a\u{feff}", "invisible");
        check("a\u{a0}b", "invisible");
        check("\u{3164}", "invisible");
        check("a\u{2215}b", "easily taken");
        check("ｆull", "easily taken");
        check("ﬁle", "easily taken");
        check("pаypal", "mixes Latin letters");
        for device in ["nul", "CON", "a/Aux.txt", "com1.tar.gz"] {
            check(device, "device");
        }
    }

    #[test]
    fn look_alikes_fold_to_the_same() {
        let folded = |name: &str| ArtifactName::parse(name).unwrap().folded();
        assert_eq!(folded("Report"), folded("rePORT"));
        assert_eq!(folded("сору"), folded("copy"));
        assert_eq!(folded("É"), folded("é"));
        assert_ne!(folded("a"), folded("b"));
    }
}

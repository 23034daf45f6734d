//! Finding known values in whatever goes back, in every spelling in which they may come, also when a stream cuts them in two.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Shorter spellings are not masked: they would turn up by chance and say more by being hidden.
pub const SHORTEST: usize = 6;

/// What stands in the place of a secret.
const MASK: &[u8] = b"***";

/// All spellings of all secrets, ready to be looked for in one pass.
#[derive(Default)]
pub struct Mask {
    /// In order.
    spellings: Vec<String>,
    finder: Option<AhoCorasick>,
    longest: usize,
}

impl Mask {
    /// Of these values.
    pub fn of<'a>(values: impl Iterator<Item = &'a String>) -> Self {
        let mut spellings: Vec<String> = values.flat_map(|value| spellings(value)).collect();
        spellings.sort_unstable();
        spellings.dedup();
        let longest = spellings.iter().map(String::len).max().unwrap_or_default();
        // A secret that holds another one is masked as a whole.
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&spellings);
        // It is only refused for more spellings than memory can hold.
        let finder = finder.ok().filter(|_| !spellings.is_empty());
        Self { spellings, finder, longest }
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.finder.is_none()
    }

    /// The text without secrets; `None` when it has none.
    pub fn text(&self, text: &str) -> Option<String> {
        let masked = self.bytes(text.as_bytes())?;
        // Spellings are whole characters, and so is what stands between them.
        Some(String::from_utf8_lossy(&masked).into_owned())
    }

    /// The same without a copy where it has none, for texts may be large.
    pub fn owned(&self, text: String) -> String {
        self.text(&text).unwrap_or(text)
    }

    /// The same of bytes.
    pub fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let finder = self.finder.as_ref()?;
        finder.find(bytes)?;
        let mut masked = Vec::with_capacity(bytes.len());
        let mut from = 0;
        for found in finder.find_iter(bytes) {
            masked.extend_from_slice(&bytes[from..found.start()]);
            masked.extend_from_slice(MASK);
            from = found.end();
        }
        masked.extend_from_slice(&bytes[from..]);
        Some(masked)
    }

    /// Takes the next piece of a stream after what `held` kept of those before; gives what can be passed on. What may be the
    /// beginning of a secret stays in `held`.
    pub fn piece(&self, held: &mut Vec<u8>, piece: &[u8]) -> Vec<u8> {
        held.extend_from_slice(piece);
        let Some(finder) = &self.finder else { return std::mem::take(held) };
        let mut passed = Vec::with_capacity(held.len());
        let mut from = 0;
        loop {
            let found = finder.find(&held[from..]).map(|found| (from + found.start(), from + found.end()));
            let (start, end) = found.unwrap_or((held.len(), held.len()));
            // Where a secret is found its beginning may also be that of a longer one.
            if let Some(open) = self.open(held, from, start) {
                passed.extend_from_slice(&held[from..open]);
                held.drain(..open);
                return passed;
            }
            passed.extend_from_slice(&held[from..start]);
            if start == end {
                held.clear();
                return passed;
            }
            passed.extend_from_slice(MASK);
            from = end;
        }
    }

    /// The first place from `from` to `last` at which the rest of `bytes` is the beginning of a longer spelling.
    fn open(&self, bytes: &[u8], from: usize, last: usize) -> Option<usize> {
        let first = from.max((bytes.len() + 1).saturating_sub(self.longest));
        let is_open = |at: &usize| {
            let rest = &bytes[*at..];
            // They are in order, so those that begin with the rest stand together, the rest itself first.
            let from = self.spellings.partition_point(|spelling| spelling.as_bytes() <= rest);
            let next = self.spellings.get(from);
            !rest.is_empty() && next.is_some_and(|spelling| spelling.as_bytes().starts_with(rest))
        };
        (first..=last.min(bytes.len())).find(is_open)
    }
}

/// The spellings in which a value may come back.
fn spellings(value: &str) -> Vec<String> {
    let percent = |byte: u8, upper: bool| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        other if upper => format!("%{other:02X}"),
        other => format!("%{other:02x}"),
    };
    let mut forms = vec![value.to_owned()];
    forms.extend([true, false].map(|upper| value.bytes().map(|byte| percent(byte, upper)).collect()));
    // Inside of JSON that is text.
    let quoted = serde_json::Value::from(value).to_string();
    forms.push(quoted[1..quoted.len() - 1].to_owned());
    for before in 0..3 {
        // In base64 a text looks different at each of three places; its first and last characters there also hold bits of
        // what stands beside it.
        let bytes = [&vec![0; before], value.as_bytes()].concat();
        let (from, to) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        for encoded in [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)] {
            forms.extend(encoded.get(from..to).map(str::to_owned));
        }
    }
    forms.retain(|form| form.len() >= SHORTEST);
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(values: &[&str]) -> Mask {
        let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
        Mask::of(values.iter())
    }

    #[test]
    fn a_stream_is_masked_wherever_it_is_cut() {
        let check = |values: &[&str], text: &str| {
            let mask = mask(values);
            let expected = mask.text(text).unwrap_or_else(|| text.to_owned());
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let mut held = Vec::new();
                    let mut passed = Vec::new();
                    for piece in [&text[..first], &text[first..second], &text[second..]] {
                        passed.extend(mask.piece(&mut held, piece.as_bytes()));
                    }
                    passed.extend(mask.bytes(&held).unwrap_or(held));
                    assert_eq!(String::from_utf8(passed).unwrap(), expected, "{first} {second} {text}");
                }
            }
        };
        check(&["s3cret/value"], "key=s3cret/value, s3cret%2Fvalue s3cret/valu s3cret/values3cret/value");
        check(&["abcdef", "abcdefghij"], "xabcdefghijx abcdefgx abcdef abcdefabcdefghi");
        check(&["aaaaaab"], "aaaaaaaaaabaaaaaa");
        check(&["abcabcabd", "bcabcabcab"], "abcabcabcabd abcabcabcabcab");
        check(&[], "nothing to hide");
    }

    #[test]
    fn little_is_held_back() {
        let mask = mask(&["s3cret/value"]);
        let mut held = Vec::new();
        assert_eq!(mask.piece(&mut held, b"plain s3cr"), b"plain ");
        assert_eq!(held, b"s3cr");
        assert_eq!(mask.piece(&mut held, b"ew"), b"s3crew");
        assert!(held.is_empty());
    }
}

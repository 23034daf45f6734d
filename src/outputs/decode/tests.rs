//! Tests of decoding: the result is the same wherever the chunks were cut.

use super::*;

fn check(bytes: &[u8], expected: &str) {
    for size in 1..=bytes.len().max(1) {
        let mut decoder = Decoder::default();
        let mut text = String::new();
        for chunk in bytes.chunks(size) {
            text.push_str(&decoder.push(chunk));
        }
        text.push_str(&decoder.finish());
        assert_eq!(text, expected, "chunks of {size}");
    }
}

#[test]
fn cuts_do_not_matter() {
    check(b"", "");
    check("a é 漢 🦀 z".as_bytes(), "a é 漢 🦀 z");
    check(b"a\xffb", "a\\xffb");
    check(b"\xf0\x9f\xa6", "\\xf0\\x9f\\xa6");
    check(b"\xe6\xbc\xc3\xa9", "\\xe6\\xbcé");
    check(b"\xed\xa0\x80", "\\xed\\xa0\\x80");
    check(b"\x00\x1b[31m", "\0\u{1b}[31m");
}

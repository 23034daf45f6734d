//! Tests of searching: line numbers, offsets and bounds.

use super::*;

fn check(text: &str, pattern: &str, expected: &[(u64, u64, &str)]) -> GrepResult {
    let read = |at: u64, _: u64| {
        let piece: String = text[at as usize..].chars().take(3).collect();
        let next = at + piece.len() as u64;
        Ok((piece, next))
    };
    let result = search(pattern, 0, 100, read).unwrap();
    let hits: Vec<_> = result.hits.iter().map(|hit| (hit.line, hit.offset, hit.text.as_str())).collect();
    assert_eq!(hits, expected, "{pattern} in {text:?}");
    result
}

#[test]
fn finds_lines() {
    check("one\ntwo\nthree", "t", &[(2, 4, "two"), (3, 8, "three")]);
    check("é\n\nérreur: 1\n", r"^é\w+: \d$", &[(3, 3, "érreur: 1")]);
    check("", "x", &[]);
    check("\n\n", "^$", &[(1, 0, ""), (2, 1, "")]);
    let plain = check("a[b\n", "[b", &[(1, 0, "a[b")]);
    assert_eq!(plain.reading, PatternKind::Plain);
    let huge = check("x\n", r"(\w{100}){100}{100}", &[]);
    assert_eq!(huge.reading, PatternKind::Plain);
}

#[test]
fn skips_shows_and_counts() {
    let text = "hit\n".repeat(50);
    let read = |at: u64, size: u64| {
        let end = (at + size).min(text.len() as u64);
        Ok((text[at as usize..end as usize].to_owned(), end))
    };
    let result = search("hit", 10, 5, read).unwrap();
    assert_eq!((result.matches, result.lines, result.hits.len()), (50, 50, 5));
    assert_eq!(result.hits[0].line, 11);
}

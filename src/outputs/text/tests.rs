//! Tests of texts: character offsets are exact for every mix of character widths.

use super::*;

fn check(unit: &str, repeats: usize, chunk: usize) {
    let dir = std::env::temp_dir();
    let whole: Vec<char> = unit.chars().cycle().take(unit.chars().count() * repeats).collect();
    let mut text = Text::default();
    for piece in whole.chunks(chunk) {
        text.push(&dir, &piece.iter().collect::<String>());
    }
    let total = whole.len() as u64;
    assert_eq!(text.chars(), total);
    for from in [0, 1, STRIDE - 1, STRIDE, STRIDE + 1, total / 2, total.saturating_sub(3), total, total + 9] {
        for length in [0, 1, 100, STRIDE, 3 * STRIDE] {
            let low = from.min(total) as usize;
            let high = (from + length).min(total) as usize;
            let expected: String = whole[low..high.max(low)].iter().collect();
            assert_eq!(text.slice(from, from + length).unwrap(), expected, "{unit} {from}+{length}");
        }
    }
}

#[test]
fn slices_by_characters() {
    check("abc", 50_000, 1000);
    check("aé漢🦀", 40_000, 997);
    check("漢", 40_000, 1);
    check("", 0, 1);
    check("🦀x", 3, 2);
}

#[test]
fn blocks_never_split_a_character() {
    let dir = std::env::temp_dir();
    let text = Text::of(&dir, "é漢🦀");
    let mut at = 0;
    let mut seen = String::new();
    while at < text.bytes() {
        let (piece, next) = text.block(at, 4).unwrap();
        assert!(next > at);
        seen.push_str(&piece);
        at = next;
    }
    assert_eq!(seen, "é漢🦀");
}

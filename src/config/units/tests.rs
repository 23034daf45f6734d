//! Every form of a size and a duration, good and bad.

use super::*;

fn size(text: &str, expected: Option<u64>) {
    assert_eq!(text.parse::<Size>().ok().map(|size| size.0), expected, "{text}");
}

fn span(text: &str, millis: Option<u128>) {
    assert_eq!(text.parse::<Span>().ok().map(|span| span.0.as_millis()), millis, "{text}");
}

#[test]
fn sizes() {
    size("0", Some(0));
    size("2000000000", Some(2_000_000_000));
    size("2GB", Some(2_000_000_000));
    size("2 gb", Some(2_000_000_000));
    size("512MiB", Some(536_870_912));
    size("1.5kB", Some(1_500));
    size("18446744073709551615", Some(u64::MAX));
    for bad in ["", "GB", "-1", "2XB", "1.2.3GB", "18446744073709551616", "99999999TB", "nan", "٣GB"] {
        size(bad, None);
    }
}

#[test]
fn spans() {
    span("60", Some(60_000));
    span("0.25", Some(250));
    span("250ms", Some(250));
    span("30m", Some(1_800_000));
    span("2 h", Some(7_200_000));
    for bad in ["", "m", "-1", "1y", "inf", "1e99999d", "99999999999999999999999d"] {
        span(bad, None);
    }
}

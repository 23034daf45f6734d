//! Tests of the scanner: the id of the message itself, wherever it stands and however the bytes are cut.

use super::*;

fn check(line: &str, expected: Option<RequestId>) {
    for size in [1, 2, 7, line.len().max(1)] {
        let mut scanner = IdScanner::default();
        for piece in line.as_bytes().chunks(size) {
            scanner.feed(piece);
        }
        assert_eq!(scanner.id(), expected, "{line} in pieces of {size}");
    }
}

fn number(n: i64) -> Option<RequestId> {
    Some(RequestId::Number(n))
}

#[test]
fn finds_the_outermost_id() {
    check(r#"{"id":7,"method":"x"}"#, number(7));
    check(r#"{ "method" : "x" , "id" : 7 }"#, number(7));
    check(r#"{"params":{"id":1,"a":[{"id":2}]},"id":3}"#, number(3));
    check(r#"{"params":{"id":1}}"#, None);
    check(r#"{"id":"a\"b,}","x":1}"#, Some(RequestId::String("a\"b,}".into())));
    check(r#"{"x":"\"id\":9","id":4}"#, number(4));
    check(r#"{"x":"\\","id":4}"#, number(4));
    check(r#"{"id":null}"#, None);
    check(r#"{"id":[1]}"#, None);
    check(r#"{"id":{}}"#, None);
    check(r#"{"id":1.5}"#, None);
    check("", None);
    check("]]}}", None);
    check(&format!(r#"{{"id":5,"x":{}"#, "[".repeat(100_000)), number(5));
    check(&format!(r#"{{"id":"{}"}}"#, "x".repeat(2 * MAX_ID)), None);
}

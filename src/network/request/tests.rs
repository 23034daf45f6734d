//! Requests as clients send them, and requests that two readers could read in two ways.

use super::*;

fn parsed(text: &str) -> Result<Request, Refusal> {
    Request::parse(text.as_bytes())
}

/// The head that goes to the server, and the length of the body.
fn rewritten(text: &str) -> (String, u64) {
    match parsed(text).unwrap().kind {
        Kind::Plain { head, body } => (String::from_utf8(head).unwrap(), body),
        Kind::Tunnel => panic!("{text:?} is a tunnel"),
    }
}

fn refused(text: &str, words: &str) {
    let refusal = parsed(text).unwrap_err();
    assert!(refusal.reason().contains(words), "{text:?} gave {}", refusal.reason());
}

#[test]
fn tunnels_as_clients_ask_for_them() {
    for text in [
        "CONNECT example.org:443 HTTP/1.0\r\n\r\n",
        "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n",
        "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\nProxy-Connection: keep-alive\r\n\r\n",
        "CONNECT EXAMPLE.org.:443 HTTP/1.1\r\nHost: example.ORG:443\r\n\r\n",
    ] {
        let request = parsed(text).unwrap();
        assert_eq!((request.host.to_string().as_str(), request.port), ("example.org", 443), "{text:?}");
        assert_eq!(request.kind, Kind::Tunnel);
    }
}

#[test]
fn a_plain_request_is_rewritten_for_its_server() {
    let (head, body) = rewritten(
        "POST http://user.example/a/b?c=d HTTP/1.1\r\nHost: user.example\r\nAccept: */*\r\nContent-Length: 5\r\n\
         Proxy-Authorization: Basic eA==\r\nProxy-Connection: keep-alive\r\nConnection: keep-alive, X-Own\r\n\
         X-Own: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\nExpect: 100-continue\r\nCookie: a=b\r\n\r\n",
    );
    let expected = "POST /a/b?c=d HTTP/1.1\r\nHost: user.example\r\nAccept: */*\r\nContent-Length: 5\r\n\
                    Cookie: a=b\r\nConnection: close\r\n\r\n";
    assert_eq!((head.as_str(), body), (expected, 5));
    let (head, _) = rewritten("GET HTTP://A.example:8080 HTTP/1.1\r\nHost: a.example:8080\r\n\r\n");
    assert_eq!(head, "GET / HTTP/1.1\r\nHost: a.example:8080\r\nConnection: close\r\n\r\n");
    let (head, _) = rewritten("GET http://a.example?q HTTP/1.1\r\nHost: a.example:80\r\n\r\n");
    assert_eq!(head, "GET /?q HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n");
    let (head, _) = rewritten(
        "PUT http://a.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: content-length\r\nContent-Length: 3\r\n\r\n",
    );
    assert!(head.contains("Content-Length: 3\r\n"), "{head}");
}

#[test]
fn what_could_be_read_in_two_ways_is_refused() {
    let get = |fields: &str| format!("GET http://a.example/ HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n\r\n");
    for (fields, words) in [
        ("Content-Length: 3\r\nTransfer-Encoding: chunked", "beside a Transfer-Encoding"),
        ("Transfer-Encoding: chunked", "needs a Content-Length"),
        ("Transfer-Encoding: identity", "needs a Content-Length"),
        ("Content-Length: 3\r\nContent-Length: 3", "more than one Content-Length"),
        ("Content-Length: 3, 3", "a Content-Length that is no number"),
        ("Content-Length: +3", "a Content-Length that is no number"),
        ("Content-Length: 0x3", "a Content-Length that is no number"),
        ("Content-Length:", "a Content-Length that is no number"),
        ("Content-Length: 9999999999999999999", "a Content-Length that is no number"),
        ("Content-Length : 3", "a field name with other characters"),
        ("X: a\r\n folded", "a folded line"),
        ("X: a\nY: b", "a line that ends in LF alone"),
        ("X: a\rY: b", "a CR within a line"),
        ("X: a\0b", "a NUL"),
        ("X: a\u{1}b", "a control character"),
        ("no colon", "a field without a colon"),
        (": empty", "a field name with other characters"),
        ("Host: a.example", "more than one Host"),
        ("Upgrade: websocket", "an Upgrade"),
        ("Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings", "an Upgrade"),
    ] {
        refused(&get(fields), words);
    }
    assert!(parsed(&get("X: a")).is_ok(), "the same without any of it is fine");
    refused(&get(&vec!["X: y"; 300].join("\r\n")), "so many fields");
}

#[test]
fn what_the_request_line_may_not_be() {
    for (text, words) in [
        ("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", "a target that is neither"),
        ("GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "a target that is neither"),
        ("GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "a target that is neither"),
        ("GET http://a.example/ HTTP/2.0\r\nHost: a.example\r\n\r\n", "another version"),
        (
            "GET http://a.example/ b HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "a request line of other than three parts",
        ),
        (
            "GET  http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "a request line of other than three parts",
        ),
        ("GET http://a.example/\r\n\r\n", "a request line of other than three parts"),
        ("G@T http://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "such a method"),
        ("GET http://a.example/#x HTTP/1.1\r\nHost: a.example\r\n\r\n", "characters that no URL has"),
        (
            "GET http://a.example\\@b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "characters that no URL has",
        ),
        ("GET http://a.example/ HTTP/1.1\r\n\r\n", "a request without Host"),
        ("GET http://a.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", "a Host that differs"),
        ("GET http://a.example/ HTTP/1.1\r\nHost: a.example:81\r\n\r\n", "a Host that differs"),
        ("GET http://a.example:81/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "a Host that differs"),
        ("GET http://a@b.example/ HTTP/1.1\r\nHost: b.example\r\n\r\n", "has a user name in it"),
        ("GET http://2130706433/ HTTP/1.1\r\nHost: 2130706433\r\n\r\n", "is a number in an unusual spelling"),
        ("GET http://\u{435}.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n", "other characters than ASCII"),
        ("GET http:///x HTTP/1.1\r\nHost: a.example\r\n\r\n", "is empty"),
        ("CONNECT a.example HTTP/1.1\r\n\r\n", "has no usable port"),
        ("CONNECT a.example: HTTP/1.1\r\n\r\n", "has no usable port"),
        ("CONNECT a.example:443/ HTTP/1.1\r\n\r\n", "has no usable port"),
        ("CONNECT a.example:443 HTTP/1.1\r\nHost: b.example:443\r\n\r\n", "a Host that differs"),
        ("CONNECT a.example:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "a CONNECT with a body"),
        ("CONNECT user@a.example:443 HTTP/1.1\r\n\r\n", "has a user name in it"),
        ("CONNECT [::ffff:1.1.1.1]:443 HTTP/1.1\r\n\r\n", "stands for another one"),
        ("CONNECT https://a.example:443 HTTP/1.1\r\n\r\n", "has no usable port"),
    ] {
        refused(text, words);
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let whole = "POST http://a.example/ HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\n";
    for at in 0..whole.len() {
        let _ = Request::parse(&whole.as_bytes()[..at]);
        for byte in [0, b'\n', b'\r', b' ', b':', 0x7f, 0xff] {
            let mut bytes = whole.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = Request::parse(&bytes);
        }
    }
}

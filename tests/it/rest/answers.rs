//! What comes back: by media type, by status, again after a pause, too late, too large, or cut off.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{client, failure, value};
use crate::support::api::{Api, Request, reply, reply_json};
use crate::support::{Client, text};

/// A GET of each path, and a POST and a PUT of `/busy` and `/drops`.
fn api(server: &Api, paths: &[&str], more: &str) -> Client {
    let mut endpoints: Vec<Value> =
        paths.iter().map(|path| json!({"name": path.trim_matches('/'), "path": path})).collect();
    for (name, path) in [("busy", "/busy"), ("drops", "/drops")] {
        for method in ["POST", "PUT", "DELETE"] {
            endpoints.push(json!({"name": format!("{method}_{name}"), "method": method, "path": path}));
        }
    }
    let file = format!(
        "name: api\ntype: rest\nbase_url: {}\nendpoints: {}\n{more}\n",
        server.url(),
        Value::Array(endpoints)
    );
    client(&[("api.yaml", file)], &[])
}

fn kinds(request: &Request) -> Vec<u8> {
    let typed = |media_type: &str, body: &[u8]| reply(200, &[("Content-Type", media_type)], body);
    match request.path() {
        "/json" => typed("application/json", b"{\"a\": [1, 2.50, 12345678901234567890]}"),
        "/problem" => typed("application/vnd.x+json; charset=utf-8", b"[]"),
        "/text" => typed("text/plain; charset=utf-8", "{\"é\": 1}".as_bytes()),
        "/latin" => typed("text/html; charset=ISO-8859-1", b"caf\xe9"),
        "/image" => typed("image/png", b"\x89PNG\x00"),
        "/broken" => typed("application/json", b"{\"a\": "),
        "/nothing" => reply(204, &[], b""),
        "/untyped" => reply(200, &[], b"\x00\x01"),
        "/gzip" => {
            reply(200, &[("Content-Type", "application/json"), ("Content-Encoding", "gzip")], b"\x1f\x8b\x08")
        }
        "/gone" => reply(404, &[("Content-Type", "application/json")], b"{\"message\": \"no such item\"}"),
        "/page" => reply(500, &[("Content-Type", "text/html")], &b"<h1>oh</h1>".repeat(300)),
        "/bare" => reply(418, &[], b""),
        _ => reply(400, &[], b""),
    }
}

#[test]
fn an_answer_becomes_what_its_media_type_says() {
    let server = Api::start(kinds);
    let paths =
        ["/json", "/problem", "/text", "/latin", "/image", "/broken", "/nothing", "/untyped", "/gzip"];
    let mut client = api(&server, &paths, "");
    let mut check = |expression: &str, expected: Value| {
        assert_eq!(value(&mut client, expression), expected, "{expression}")
    };
    check("tools.api.json()['a'] == [1, 2.5, 12345678901234567890]", json!(true));
    check("tools.api.problem()", json!([]));
    check("tools.api.text()", json!("{\"é\": 1}"));
    check("tools.api.latin()", json!("café"));
    check(
        "[list(tools.api.image()), tools.api.image().media_type]",
        json!([[0x89, 0x50, 0x4e, 0x47, 0], "image/png"]),
    );
    check("tools.api.broken()", json!("{\"a\": "));
    check("tools.api.nothing()", Value::Null);
    check(
        "[list(tools.api.untyped()), tools.api.untyped().media_type]",
        json!([[0, 1], "application/octet-stream"]),
    );
    let (_, shown) = failure(&mut client, "tools.api.gzip");
    assert!(shown.contains("the answer is encoded as `gzip`, which was not asked for"), "{shown}");
    assert!(server.heard().iter().all(|request| request.header("accept-encoding").is_none()));
}

#[test]
fn a_status_of_failure_raises_with_status_and_body() {
    let server = Api::start(kinds);
    let mut client = api(&server, &["/gone", "/page", "/bare"], "");
    let gone = value(&mut client, "attempt(tools.api.gone)");
    assert_eq!(gone["status"], 404);
    assert_eq!(gone["body"], json!({"message": "no such item"}));
    assert_eq!(gone["kind"], "failed");
    let words = gone["failed"].as_str().unwrap();
    assert!(
        words.contains("tools.api.gone: status 404 Not Found: {\"message\":\"no such item\"}"),
        "{words}"
    );
    let page = value(&mut client, "attempt(tools.api.page)");
    assert_eq!((page["status"].as_u64(), page["body"].as_str().unwrap().len()), (Some(500), 3_300));
    assert!(page["failed"].as_str().unwrap().len() < 1_200);
    assert_eq!(server.targets().iter().filter(|target| target.contains("/page")).count(), 1);
    let bare = value(&mut client, "attempt(tools.api.bare)");
    assert_eq!(bare["failed"], "tools.api.bare: status 418 I'm a teapot");
}

#[test]
fn what_is_safe_to_repeat_is_tried_again_and_nothing_else() {
    let server = Api::start(|request| match (request.path(), request.before) {
        ("/busy", 0) => reply(503, &[], b""),
        ("/busy", 1) => reply(429, &[("Retry-After", "1")], b""),
        ("/much", _) => reply(429, &[("Retry-After", "3600")], b"slow down"),
        ("/always", _) => reply(502, &[], b""),
        ("/drops", 0) => Vec::new(),
        _ => reply_json(&json!(request.before)),
    });
    let mut client = api(&server, &["/busy", "/much", "/always", "/drops"], "");
    let started = Instant::now();
    assert_eq!(value(&mut client, "tools.api.busy()"), 2);
    assert!(started.elapsed() >= Duration::from_millis(1_300), "{:?}", started.elapsed());
    assert_eq!(server.targets(), ["GET /busy"; 3]);
    for (method, tries) in [("PUT", 3), ("DELETE", 3), ("POST", 1)] {
        let result = value(&mut client, &format!("attempt(tools.api.{method}_busy)"));
        assert_eq!(server.targets().len(), tries, "{method}: {result}");
        assert_eq!(result["status"] == 503, tries == 1, "{method}: {result}");
    }
    assert_eq!(value(&mut client, "tools.api.drops()"), 1);
    server.heard();
    let (kind, shown) = failure(&mut client, "tools.api.POST_drops");
    assert!(kind == "unavailable" && shown.contains("the server cannot be reached"), "{kind} {shown}");
    assert_eq!(server.targets(), ["POST /drops"]);
    assert_eq!(value(&mut client, "attempt(tools.api.always)")["status"], 502);
    assert_eq!(server.targets().len(), 3);
    let started = Instant::now();
    assert_eq!(value(&mut client, "attempt(tools.api.much)")["status"], 429);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(server.targets().len(), 1);
}

#[test]
fn an_answer_that_comes_too_late_or_not_whole_is_an_error() {
    let server = Api::start(|request| match request.path() {
        "/hang" => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec(),
        "/cut" => b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec(),
        "/garbage" => b"no http\r\n\r\n".to_vec(),
        _ => {
            std::thread::sleep(Duration::from_secs(5));
            Vec::new()
        }
    });
    let mut client = api(&server, &["/hang", "/cut", "/garbage", "/late"], "timeout: 0.5\nretries: 0");
    for (path, kind, words) in [
        ("hang", "timeout", "the answer did not come to its end in time"),
        ("late", "timeout", "no answer within 0.5 s (`timeout` in its file)"),
        ("cut", "failed", "the answer broke off"),
        ("garbage", "unavailable", "the server cannot be reached"),
    ] {
        let (is, shown) = failure(&mut client, &format!("tools.api.{path}"));
        assert!(is == kind && shown.contains(words), "{path}: {is} {shown}");
    }
    assert_eq!(server.targets().len(), 4);
}

#[test]
fn a_hundred_megabytes_arrive_as_bytes_and_more_is_refused() {
    const MANY: usize = 100_000_000;
    let server = Api::start(|request| match request.path() {
        "/large" => reply(200, &[("Content-Type", "application/zip")], &vec![0x9f; MANY]),
        "/text" => reply(200, &[("Content-Type", "text/csv")], &vec![b'x'; MANY]),
        "/unsaid" => [b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), vec![b'x'; 140_000_000]].concat(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n".to_vec(),
    });
    let mut client = api(&server, &["/large", "/text", "/unsaid", "/lying"], "");
    let before = peak(client.pid());
    let shown = value(
        &mut client,
        "(lambda got: [len(got), got.media_type, got.count(b'\\x9f')])(tools.api.large())",
    );
    assert_eq!(shown, json!([MANY, "application/zip", MANY]));
    assert_eq!(value(&mut client, "len(tools.api.text())"), MANY);
    let grown = peak(client.pid()) - before;
    println!("a hundred megabytes took {grown} MB of the host");
    assert!(grown < 330, "the host grew by {grown} MB");
    for path in ["unsaid", "lying"] {
        let (_, shown) = failure(&mut client, &format!("tools.api.{path}"));
        assert!(shown.contains("the answer is larger than 128 MB"), "{shown}");
    }
    assert_eq!(text(&client.run("1 + 1")), "[result: int]\n2");
}

/// The most memory that a process has had, in MB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1000
}

#[test]
fn a_hundred_calls_overlap() {
    let server = Api::start(|request| {
        std::thread::sleep(Duration::from_millis(300));
        reply_json(&json!(request.target))
    });
    let endpoint = json!([{"name": "get", "path": "/items/{n}", "params": {"n": {"type": "integer"}}}]);
    let file = json!({"name": "api", "type": "rest", "base_url": server.url(), "endpoints": endpoint});
    let mut client = client(&[("api.json", file.to_string())], &[]);
    client.run("async def all(n): return await asyncio.gather(*(tools.api.get(i) for i in range(n)))\nimport asyncio, time");
    value(&mut client, "tools.api.get(1)");
    let started = Instant::now();
    let answers = value(&mut client, "await all(100)");
    assert_eq!(answers.as_array().unwrap().len(), 100);
    assert_eq!(answers[99], "/items/99");
    // One after the other they would take half a minute.
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

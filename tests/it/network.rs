//! The list of hosts that sessions may reach, tried from inside through the real program.
//!
//! Every refusal stands beside the same request to the same server that is allowed. Names lead to servers on the
//! loopback by the variable that is for tests alone.

use std::process::Command;

mod limits;
mod shown;
mod twins;

use crate::support::web::Server;
use crate::support::{Client, Wire, report};

/// What every cell below may use.
const TOOLS: &str = include_str!("network/tools.py");

/// A server with this list, names that lead to servers of the test, and these settings.
fn start(list: &str, names: &[(&str, &Server)], settings: &str) -> Client {
    let names: Vec<String> =
        names.iter().map(|(name, server)| format!("{name}={}", server.address)).collect();
    let base = tempfile::tempdir().unwrap();
    std::fs::write(base.path().join("actwright.toml"), settings).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.arg("serve").arg("--base").arg(base.path()).args(["--network", list, "--log", "error"]);
    command.env("ACTWRIGHT_TEST_NETWORK_RESOLVE", names.join(","));
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    assert_eq!(report(&client.run(TOOLS))["status"], "ok");
    client
}

/// The value of an expression that gives a text.
fn value(client: &mut Client, code: &str) -> String {
    let result = client.run(code);
    let text = report(&result)["result_json"].as_str();
    text.unwrap_or_else(|| panic!("{code}: {}", report(&result))).to_owned()
}

fn check(client: &mut Client, cases: &[(&str, &str)]) {
    for (code, expected) in cases {
        assert_eq!(value(client, code), *expected, "{code}");
    }
}

#[test]
fn a_listed_host_answers_and_every_other_is_refused() {
    let server = Server::http();
    let names =
        [("a.example", &server), ("b.example", &server), ("x.b.example", &server), ("c.example", &server)];
    let mut client = start("a.example,*.b.example:8443,localhost", &names, "");
    check(
        &mut client,
        &[
            ("fetch('http://a.example/x?y=z')", "/x?y=z "),
            ("fetch('http://a.example/x', b'body')", "/x body"),
            ("fetch('http://A.EXAMPLE/x')", "/x "),
            ("fetch('http://a.example./x')", "/x "),
            ("fetch('http://x.b.example:8443/x')", "/x "),
            ("get('b.example:8443')", "403 Refused: b.example:8443 is not in sandbox.network"),
            ("get('x.b.example')", "403 Refused: x.b.example is in sandbox.network but not with port 80"),
            ("get('c.example')", "403 Refused: c.example:80 is not in sandbox.network"),
            ("get('a.example.c.example')", "403 Refused: a.example.c.example:80 is not in sandbox.network"),
            ("get('aa.example')", "403 Refused: aa.example:80 is not in sandbox.network"),
            ("get('xn--.example')", "403 Refused: the host is no host name (sandbox.network)"),
            ("get('a.example:8080')", "403 Refused: a.example is in sandbox.network but not with port 8080"),
        ],
    );
    assert_eq!(
        value(&mut client, "fetch('http://c.example/')"),
        "403 Refused: c.example:80 is not in sandbox.network. Only hosts in the list of the configuration key \
         `sandbox.network` can be reached. Work without this one, or ask whoever runs the server to add it.\n"
    );
    assert_eq!(server.heard().len(), 5, "only what was allowed came to the server");
}

#[test]
fn look_alikes_user_names_and_numbers_do_not_pass() {
    let server = Server::http();
    let mut client = start("a.example,10.1.2.3", &[("a.example", &server), ("10.1.2.3", &server)], "");
    let port = server.address.port();
    check(
        &mut client,
        &[
            ("get('a.example')", "200 OK"),
            ("get('10.1.2.3')", "200 OK"),
            (
                "get('\\xe1.example')",
                "400 Refused: the sandbox's proxy does not take a first line with other characters than ASCII",
            ),
            ("get('xn--1ca.example')", "403 Refused: xn--1ca.example:80 is not in sandbox.network"),
            ("get('a.example@c.example')", "403 Refused: the host has a user name in it (sandbox.network)"),
            ("get('c.example@a.example')", "403 Refused: the host has a user name in it (sandbox.network)"),
            ("get('a%2eexample')", "403 Refused: the host is no host name (sandbox.network)"),
            ("get('10.1.2.4')", "403 Refused: 10.1.2.4:80 is not in sandbox.network"),
        ],
    );
    let numbers = [
        "167838211",
        "0x0a010203",
        "0xa.1.2.3",
        "012.1.2.3",
        "10.1.515",
        "10.66051",
        "10.1.2.3.",
        "2130706433",
    ];
    for number in numbers {
        let refused = value(&mut client, &format!("get('{number}')"));
        assert!(
            refused.starts_with("403 Refused: the host is a number in an unusual spelling"),
            "{number}: {refused}"
        );
    }
    for address in ["[::ffff:10.1.2.3]", "[::1]", "[64:ff9b::a01:203]", "[2002:a01:203::]"] {
        let refused = value(&mut client, &format!("get('{address}')"));
        assert!(
            refused.starts_with("403 Refused: the host is an IPv6 address that stands"),
            "{address}: {refused}"
        );
    }
    let local = format!("get('127.0.0.1:{port}')");
    assert_eq!(
        value(&mut client, &local),
        format!("403 Refused: 127.0.0.1:{port} is not in sandbox.network")
    );
    assert_eq!(server.heard().len(), 2);
}

#[test]
fn a_name_that_leads_to_the_machine_itself_is_refused() {
    let server = Server::http();
    let mut client = start("localhost,a.example", &[("a.example", &server)], "");
    let refused = value(&mut client, "get('localhost')");
    assert!(
        refused.starts_with("403 Refused: localhost leads to ") && refused.contains("which is not public"),
        "{refused}"
    );
    let mut client = start("localhost,a.example", &[("localhost", &server)], "");
    assert_eq!(value(&mut client, "get('localhost')"), "200 OK");
    let unknown = value(&mut client, "get('a.example')");
    assert_eq!(unknown, "502 Refused: there is no host a.example");
}

#[test]
fn only_the_proxy_leads_out() {
    let server = Server::http();
    let mut client = start("a.example", &[("a.example", &server)], "");
    let port = server.address.port();
    let direct = format!(
        "try: socket.create_connection(('127.0.0.1', {port}), 3)\nexcept OSError as e: why = str(e)\nwhy"
    );
    assert_eq!(value(&mut client, "fetch('http://a.example/x')"), "/x ");
    assert_eq!(value(&mut client, &direct), "[Errno 111] Connection refused");
    let result = client.run("socket.create_connection(('192.0.2.1', 80), 3)");
    let error = &report(&result)["error"];
    assert_eq!(error["message"], "[Errno 101] Network is unreachable");
    assert!(error["hints"][0].as_str().unwrap().contains("HTTP_PROXY"), "{error}");
    let result = client.run("urllib.request.urlopen('https://b.example/')");
    let error = &report(&result)["error"];
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("403 Refused: b.example:443 is not in sandbox.network"), "{message}");
    assert!(error["hints"][0].as_str().unwrap().contains("`sandbox.network`"), "{error}");
    assert_eq!(server.heard().len(), 1);
    // Outside the same address answers, so it was the walls that refused it.
    assert!(std::net::TcpStream::connect(server.address).is_ok());
}

#[test]
fn a_redirect_is_a_request_like_any_other() {
    let server = Server::http();
    let mut client = start("a.example,b.example", &[("a.example", &server), ("b.example", &server)], "");
    check(&mut client, &[("fetch('http://a.example/to/http://b.example/end')", "/end ")]);
    let refused = value(&mut client, "fetch('http://a.example/to/http://c.example/end')");
    assert!(refused.starts_with("403 Refused: c.example:80 is not in sandbox.network"), "{refused}");
    let refused = value(&mut client, "fetch('http://a.example/to/http://169.254.169.254/latest')");
    assert!(refused.starts_with("403 Refused: 169.254.169.254:80 is not in sandbox.network"), "{refused}");
    assert_eq!(server.heard().len(), 4);
}

#[test]
fn a_tunnel_greets_the_host_that_it_was_opened_for() {
    let server = Server::echo();
    let mut client = start("a.example,10.1.2.3:443", &[("a.example", &server), ("10.1.2.3", &server)], "");
    let passed = value(&mut client, "tunnel('a.example', greeting('a.example'))");
    assert!(passed.starts_with("heard "), "{passed}");
    let passed = value(&mut client, "tunnel('A.example.', greeting('a.example'))");
    assert!(passed.starts_with("heard "), "{passed}");
    let passed = value(&mut client, "tunnel('10.1.2.3', greeting(None))");
    assert!(passed.starts_with("heard "), "{passed}");
    assert_eq!(server.heard().len(), 3);
    check(
        &mut client,
        &[
            ("tunnel('a.example', greeting('b.example'))", "access denied"),
            ("tunnel('a.example', greeting('x.a.example'))", "access denied"),
            ("tunnel('a.example', greeting(None))", "access denied"),
            ("tunnel('10.1.2.3', greeting('a.example'))", "access denied"),
            ("tunnel('a.example', b'GET / HTTP/1.1\\r\\nHost: b.example\\r\\n\\r\\n')", "access denied"),
            ("tunnel('a.example', b'SSH-2.0-x\\r\\n')", "access denied"),
            (
                "tunnel('a.example', b'x', 22)",
                "403 Refused: a.example is in sandbox.network but not with port 22",
            ),
            ("tunnel('b.example', b'x')", "403 Refused: b.example:443 is not in sandbox.network"),
        ],
    );
    assert_eq!(server.heard(), Vec::<String>::new(), "nothing of what was refused came to the server");
}

#[test]
fn one_request_is_one_request() {
    let server = Server::http();
    let mut client = start("a.example", &[("a.example", &server)], "");
    let cases = [
        ("", "200 OK"),
        ("X: y\\r\\n", "200 OK"),
        ("Content-Length: 0\\r\\n", "200 OK"),
        (
            "Content-Length: 3\\r\\nTransfer-Encoding: chunked\\r\\n",
            "a Content-Length beside a Transfer-Encoding",
        ),
        ("Transfer-Encoding: chunked\\r\\n", "needs a Content-Length"),
        ("Content-Length: 3\\r\\nContent-Length: 4\\r\\n", "more than one Content-Length"),
        ("X: y\\r\\n folded\\r\\n", "a folded line"),
        ("X: y\\n", "a line that ends in LF alone"),
        ("Host: b.example\\r\\n", "more than one Host"),
        ("Upgrade: websocket\\r\\nConnection: Upgrade\\r\\n", "an Upgrade"),
    ];
    for (fields, words) in cases {
        let answered = value(&mut client, &format!("get('a.example', fields='{fields}')"));
        assert!(answered.contains(words), "{fields}: {answered}");
    }
    assert_eq!(server.heard().len(), 3);
    let second = "GET http://a.example/second HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n";
    let pipelined = value(&mut client, &format!("get('a.example', fields='\\r\\n{second}')"));
    assert!(pipelined.contains("does not take a second request on one connection"), "{pipelined}");
    let host = "said('GET http://a.example/ HTTP/1.1\\r\\nHost: b.example\\r\\n\\r\\n')";
    assert!(value(&mut client, host).contains("a Host that differs from the URL"));
    assert_eq!(server.heard().len(), 0);
    // With a body as long as it says, the rest is a second request, and is cut off.
    let body = "ask('POST http://a.example/ HTTP/1.1\\r\\nHost: a.example\\r\\nContent-Length: 3\\r\\n\\r\\nabc').decode()";
    assert!(value(&mut client, body).ends_with("/ abc"));
    let more = body.replace("abc'", &format!("abc{second}'"));
    assert!(value(&mut client, &more).contains("a second request on one connection"));
    assert_eq!(server.heard().len(), 1);
}

#[test]
fn only_what_concerns_the_server_comes_to_it_and_only_an_answer_comes_back() {
    let server = Server::http();
    let mut client = start("a.example", &[("a.example", &server)], "");
    let fields = "Proxy-Authorization: Basic c2VjcmV0\\r\\nConnection: keep-alive, X-Own\\r\\nX-Own: 1\\r\\nX-Other: 2\\r\\n";
    let answer = value(
        &mut client,
        &format!("ask('GET http://a.example/ HTTP/1.1\\r\\nHost: a.example\\r\\n{fields}\\r\\n').decode()"),
    );
    assert_eq!(answer, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n/ ");
    assert_eq!(
        server.heard(),
        ["GET / HTTP/1.1\r\nHost: a.example\r\nX-Other: 2\r\nConnection: close\r\n\r\n"]
    );
    check(
        &mut client,
        &[
            ("fetch('http://a.example/hints')", "after"),
            ("get('a.example', '/gate')", "502 Refused: the server's answer has a change of protocol"),
            (
                "get('a.example', '/bare')",
                "502 Refused: the server's answer has a line that ends in LF alone",
            ),
        ],
    );
}

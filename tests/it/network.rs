//! The list of hosts that sessions may reach, tried from inside through the real program.
//!
//! Every refusal stands beside the same request to the same server that is allowed. Names lead to servers on the
//! loopback by the variable that is for tests alone.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::web::Server;
use crate::support::{Client, Wire, report};

/// What every cell below may use.
const TOOLS: &str = r#"
import http.client, socket, ssl, urllib.error, urllib.request

def ask(data):
    """What the proxy answers to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", 3128), 10) as made:
        made.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        answer = b""
        while True:
            try:
                more = made.recv(65536)
            except ConnectionResetError:
                return answer + b"(reset)"
            if not more:
                return answer
            answer += more

def said(data):
    return ask(data).split(b"\r\n")[0].decode()[len("HTTP/1.1 "):]

def get(host, path="/", fields=""):
    return said(f"GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")

def fetch(url, data=None):
    """By urllib, as an agent would."""
    try:
        with urllib.request.urlopen(url, data, 10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        return f"{type(error).__name__}: {error}"

def greeting(name):
    """The first bytes of a TLS client for this server."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    context.verify_mode = ssl.CERT_REQUIRED if name else ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()

def tunnel(host, first, port=443):
    """Opens a tunnel and says this in it; what comes back after the proxy's own answer."""
    with socket.create_connection(("127.0.0.1", 3128), 10) as made:
        made.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = made.recv(65536)
        if not answer.startswith(b"HTTP/1.1 200 "):
            return answer.split(b"\r\n")[0].decode()[len("HTTP/1.1 "):]
        made.sendall(first)
        answer = made.recv(65536)
        return "access denied" if answer == bytes([21, 3, 3, 0, 2, 2, 49]) else answer.decode()
"#;

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

#[test]
fn limits_end_what_goes_over_them() {
    let server = Server::http();
    let settings = "[network]\nsent = 5000\nreceived = 5000\nhead = 2000\nidle_timeout = \"300ms\"\nconnections = 2\n\
                    rate = 1000\nsession_received = 20000\n";
    let mut client = start("a.example", &[("a.example", &server)], settings);
    let length = |client: &mut Client, count: u32| {
        value(
            client,
            &format!(
                "str(len(ask('GET http://a.example/big/{count} HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n')) > {count})"
            ),
        )
    };
    assert_eq!(length(&mut client, 4_000), "True");
    assert_eq!(length(&mut client, 6_000), "False");
    check(
        &mut client,
        &[
            ("fetch('http://a.example/', b'x' * 4000)[:4]", "/ xx"),
            ("str(fetch('http://a.example/', b'x' * 6000)[:4] != '/ xx')", "True"),
            ("get('a.example', fields='X: ' + 'y' * 1000 + '\\r\\n')", "200 OK"),
            (
                "get('a.example', fields='X: ' + 'y' * 5000 + '\\r\\n')",
                "431 Refused: the head is over the limit (network.head)",
            ),
        ],
    );
    let started = Instant::now();
    let half = value(
        &mut client,
        "ask('GET http://a.example/slow HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n').decode()[-4:]",
    );
    assert!(half.ends_with("half") || half == "set)", "{half}");
    assert!(started.elapsed() < Duration::from_secs(8), "it was cut after {:?}", started.elapsed());
    let held = "held = [socket.create_connection(('127.0.0.1', 3128)) for _ in range(2)]\n\
                first = get('a.example')\nfor each in held: each.close()\nimport time; time.sleep(0.3)\n\
                first + ' / ' + get('a.example')";
    let answered = value(&mut client, held);
    assert_eq!(answered, "429 Refused: more than 2 connections at once (network.connections) / 200 OK");
    for _ in 0..4 {
        length(&mut client, 4_000);
    }
    assert_eq!(
        value(&mut client, "get('a.example')"),
        "403 Refused: the session has used up its transfer (network.session_received)"
    );
    // Another session has an account of its own.
    let session = client.new_session();
    client.run_in(&session, TOOLS);
    assert_eq!(report(&client.run_in(&session, "get('a.example')"))["result_json"], "200 OK");
}

#[test]
fn new_connections_are_paced() {
    let server = Server::http();
    let mut took = Vec::new();
    for rate in [4, 1000] {
        let mut client =
            start("a.example", &[("a.example", &server)], &format!("[network]\nrate = {rate}\n"));
        let started = Instant::now();
        assert_eq!(value(&mut client, "','.join({get('a.example') for _ in range(10)})"), "200 OK");
        took.push(started.elapsed());
    }
    // Four at once, one of them the probe's, then four in a second.
    assert!(took[0] > Duration::from_millis(1200), "{took:?}");
    assert!(took[1] < Duration::from_millis(1000), "{took:?}");
}

#[test]
fn the_network_outlives_a_rollback_and_open_connections_do_not() {
    let server = Server::http();
    let mut client = start("a.example", &[("a.example", &server)], "");
    let open = "made = socket.create_connection(('127.0.0.1', 3128)); made.settimeout(5)\n\
                made.sendall(b'GET http://a.example/slow HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n')\n\
                fetch('http://a.example/x')";
    assert_eq!(value(&mut client, open), "/x ");
    let result = client.run("import os; os._exit(3)");
    assert_eq!(report(&result)["state"], "rolled_back", "{}", report(&result));
    assert_eq!(value(&mut client, "fetch('http://a.example/y')"), "/y ");
    let rest = "data = b''\ntry:\n  while True:\n    more = made.recv(4096)\n    if not more: break\n    data += more\n\
                except ConnectionError: pass\n'over'";
    assert_eq!(value(&mut client, rest), "over");
    assert_eq!(report(&client.run("undo_me = 1"))["status"], "ok");
    client.call("undo_run", json!({}));
    assert_eq!(value(&mut client, "fetch('http://a.example/z')"), "/z ");
    client.call("reset_session", json!({}));
    client.run(TOOLS);
    assert_eq!(value(&mut client, "fetch('http://a.example/w')"), "/w ");
}

/// A program that is run as one cell; what the audit says of it.
fn audited(program: &str, server: &Server) -> String {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("cell.py");
    std::fs::write(&file, [TOOLS, program].concat()).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["run", file.to_str().unwrap(), "--network", "a.example,10.1.2.3"]);
    command.args(["--log", "error,audit=info"]).env("ACTWRIGHT_BASE", base.path()).env("NO_COLOR", "1");
    command.env("ACTWRIGHT_TEST_NETWORK_RESOLVE", format!("a.example={}", server.address));
    let ended = command.stdin(Stdio::null()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

#[test]
fn each_connection_leaves_a_record_without_secrets() {
    let server = Server::http();
    let said = audited(
        "fetch('http://a.example/secret-path?secret-query', b'secret-body')\n\
         get('secret-user:secret-word@a.example')\nget('c.example', fields='Cookie: secret-cookie\\r\\n')\n",
        &server,
    );
    let records: Vec<&str> = said.lines().filter(|line| line.contains("audit: connection")).collect();
    assert_eq!(records.len(), 3, "{said}");
    let place = format!("host=\"a.example\" port=80 address=\"{}\"", server.address);
    assert!(records[0].contains("verdict=\"allowed\"") && records[0].contains(&place), "{said}");
    assert!(records[1].contains("verdict=\"refused\" host=\"-\" port=0"), "{said}");
    assert!(
        records[2].contains("host=\"c.example\" port=80")
            && records[2].contains("reason=\"c.example:80 is not in")
    );
    for record in &records {
        assert!(
            record.contains(" sent=") && record.contains(" received=") && record.contains(" ms="),
            "{record}"
        );
    }
    assert!(said.contains("session=s_"), "the worker's session is named: {said}");
    assert!(!said.contains("secret"), "{said}");
}

fn refused_start(arguments: &[&str], resolve: &str) -> String {
    let base = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.arg("config").args(arguments).env("ACTWRIGHT_BASE", base.path());
    command.env("ACTWRIGHT_TEST_NETWORK_RESOLVE", resolve);
    let ended = command.output().unwrap();
    assert_eq!(ended.status.code(), Some(1), "{arguments:?}");
    String::from_utf8_lossy(&ended.stderr).into_owned()
}

#[test]
fn a_list_that_nothing_would_enforce_is_refused() {
    for (level, words) in [("restricted", "which has no sockets"), ("off", "where nothing would enforce it")]
    {
        let said = refused_start(&["--network", "a.example", "--sandbox", level], "");
        assert!(
            said.contains("`sandbox.network` (set by `--network`) can't be a list") && said.contains(words),
            "{said}"
        );
    }
    for resolve in ["a.example=10.0.0.1:80", "a.example=127.0.0.1", "a.example", "127.1=127.0.0.1:1"] {
        let said = refused_start(&[], resolve);
        assert!(said.contains("it takes `name=127.0.0.1:port` alone, for tests"), "{said}");
    }
}

#[test]
fn doctor_shows_that_the_proxy_is_the_only_way() {
    let base = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command
        .args(["doctor", "--json", "--network", "a.example,*.b.example"])
        .env("ACTWRIGHT_BASE", base.path());
    let ended = command.output().unwrap();
    let report: Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(report["ok"], true, "{report}");
    let checks = report["checks"].as_array().unwrap();
    let proven =
        |name: &str| checks.iter().find(|check| check["name"] == name).unwrap()["how_proven"].clone();
    assert_eq!(
        proven("no network but the proxy"),
        "connect 192.0.2.1: ENETUNREACH; connect 127.0.0.1:3128 (the proxy) works"
    );
    assert_eq!(proven("network"), "through the proxy to a.example, *.b.example");
}

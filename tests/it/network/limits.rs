//! What ends a connection that was allowed: limits, the pace of new ones, a session that goes back.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{TOOLS, check, start, value};
use crate::support::web::Server;
use crate::support::{Client, report};

#[test]
fn limits_end_what_goes_over_them() {
    let server = Server::http();
    let settings = "[network]\nsent = 5000\nreceived = 5000\nhead = 2000\nidle_timeout = \"1s\"\nconnections = 4\n\
                    rate = 1000\nsession_received = 60000\n";
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
            // An answer without a length would look whole when it is cut, if its end looked like any other.
            ("str(len(fetch('http://a.example/unsized/3000')))", "3000"),
            ("fetch('http://a.example/unsized/100000').split(':')[0]", "ConnectionResetError"),
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
    assert_eq!(
        half, "set)",
        "what is cut ends by a reset, so that half an answer does not look like a whole one"
    );
    assert!(started.elapsed() < Duration::from_secs(8), "it was cut after {:?}", started.elapsed());
    let held = "import time\nheld = [socket.create_connection(('127.0.0.1', 3128)) for _ in range(4)]\n\
                first = get('a.example')\nfor each in held: each.close()\nsecond, until = '', time.monotonic() + 10\n\
                while not second.startswith('200') and time.monotonic() < until: second = get('a.example')\n\
                first + ' / ' + second";
    let answered = value(&mut client, held);
    assert_eq!(answered, "429 Refused: more than 4 connections at once (network.connections) / 200 OK");
    for _ in 0..15 {
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
    assert!(took[1] < took[0], "{took:?}");
}

#[test]
fn the_network_outlives_a_rollback_and_open_connections_do_not() {
    let server = Server::http();
    // A copy after every cell, also where the machine is so busy that one takes long.
    let mut client = start("a.example", &[("a.example", &server)], "[sessions]\ncheckpoints = \"always\"\n");
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

/// Descriptors that the server has open.
fn descriptors(client: &Client) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", client.pid())).unwrap().count()
}

#[test]
fn connections_end_with_their_session() {
    let server = Server::http();
    let mut client = start("a.example", &[("a.example", &server)], "");
    let before = descriptors(&client);
    let session = client.new_session();
    client.run_in(&session, TOOLS);
    let hold = "held = []\nfor _ in range(12):\n  made = socket.create_connection(('127.0.0.1', 3128), 5)\n  \
                made.sendall(b'GET http://a.example/slow HTTP/1.1\\r\\nHost: a.example\\r\\n\\r\\n')\n  \
                held.append((made, made.recv(5)))\nlen(held)";
    assert_eq!(report(&client.run_in(&session, hold))["result"], "12");
    let during = descriptors(&client);
    assert!(during >= before + 24, "{before} before, {during} while twelve connections are open");
    client.call("close_session", json!({"session": session}));
    let until = Instant::now() + Duration::from_secs(10);
    // One ready session more or less may be on its way.
    while descriptors(&client) > before + 10 {
        assert!(Instant::now() < until, "{before} before, {} after", descriptors(&client));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(value(&mut client, "fetch('http://a.example/x')"), "/x ");
}

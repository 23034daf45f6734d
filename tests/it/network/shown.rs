//! What an operator sees of the list: records, refusals at the start, the doctor's proof.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::TOOLS;
use crate::support::web::Server;

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
    // A record is made when its connection has ended on both sides, so they may come in another order.
    for words in [
        ["verdict=\"allowed\"", &place],
        ["verdict=\"refused\" host=\"-\" port=0", "has a user name in it"],
        ["host=\"c.example\" port=80", "reason=\"c.example:80 is not in"],
    ] {
        let fits = |record: &&&str| words.iter().all(|word| record.contains(word));
        assert_eq!(records.iter().filter(fits).count(), 1, "{words:?}: {said}");
    }
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

//! Twins of a session with a list of hosts: each has a proxy of its own, and what was open before is not theirs.

use serde_json::json;

use super::start;
use crate::support::web::Server;
use crate::support::{report, text};

#[test]
fn each_twin_reaches_the_listed_hosts_by_itself() {
    let server = Server::http();
    let names = [("a.example", &server), ("c.example", &server)];
    let mut client = start("a.example", &names, "[sessions]\ncheckpoints = \"always\"\n");
    let opened = client.run("import socket\nopened = socket.create_connection(('127.0.0.1', 3128))");
    assert_eq!(report(&opened)["status"], "ok", "{opened}");
    let forked = client.call("fork_session", json!({"n": 2}));
    assert!(text(&forked).contains("(socket)"), "{forked}");
    let handles: Vec<String> =
        text(&forked).split_whitespace().filter(|word| word.starts_with("s_")).map(str::to_owned).collect();
    assert_eq!(handles.len(), 3, "{forked}");
    for (index, session) in handles.iter().enumerate() {
        let code = format!(
            "fetch('http://a.example/{index}') + get('c.example') + str(opened.fileno() > 2) \
             + str(opened.connect_ex(('127.0.0.1', 3128)))"
        );
        let result = client.run_in(session, &code);
        let expected = format!("'/{index} 403 Refused: c.example:80 is not in sandbox.networkTrue9'");
        assert_eq!(report(&result)["result"], expected, "{result}");
    }
    // One that ends takes its own listener along and no other.
    client.call("close_session", json!({"session": handles[1]}));
    for session in [&handles[0], &handles[2]] {
        let result = client.run_in(session, "fetch('http://a.example/again')");
        assert_eq!(report(&result)["result"], "'/again '", "{result}");
    }
}

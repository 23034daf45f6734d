//! What was acknowledged is kept: over `kill -9` at any moment, and with two servers on one base directory.

use serde_json::json;

use super::{said, value};
use crate::support::{Client, Wire, text};

/// Rounds of `kill -9`; `ACTWRIGHT_TEST_KILL_ROUNDS` asks for more.
const ROUNDS: usize = 40;

fn serve(base: tempfile::TempDir) -> Client {
    let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
    client.initialize("2025-11-25");
    client
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let rounds = std::env::var("ACTWRIGHT_TEST_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut base = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(String, i64)> = Vec::new();
    for round in 0..rounds {
        let mut client = serve(base);
        // Several are under way when the server is killed; those that were answered must be there.
        let sent: Vec<_> = (0..8)
            .map(|n| {
                let name = format!("skill_{}", (round + n) % 11);
                let source = format!("def run():\n    return {round}\n#{}", "x".repeat(500 * n));
                let arguments = json!({"name": name, "source": source});
                (name, client.send("tools/call", json!({"name": "create_skill", "arguments": arguments})))
            })
            .collect();
        let wanted = round % 8;
        for (name, id) in sent.iter().take(wanted + 1) {
            let answer = client.answer(id).unwrap();
            let version = text(&answer).split_once("saved version ").unwrap().1.split_once(':').unwrap().0;
            acknowledged.push((name.clone(), version.parse().unwrap()));
        }
        client.kill();
        base = client.part();
        let path = base.path().join("store.db");
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_actwright"))
            .args(["store", "check", "--base"])
            .arg(base.path())
            .output()
            .unwrap();
        assert!(output.status.success() && path.exists(), "round {round}: {output:?}");
    }
    let mut client = serve(base);
    for (name, version) in acknowledged {
        let got = said(&mut client, "get_skill", json!({"name": name, "version": version}));
        assert!(got.contains(&format!("[stored, version {version}]")), "{name} {version}: {got}");
    }
}

#[test]
fn two_servers_share_one_base() {
    let base = tempfile::tempdir().unwrap();
    let path = base.path().to_owned();
    let mut one = serve(base);
    let second = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.arg("serve").arg("--base").arg(&path);
    let mut other = Client::spawn_command(second, Wire::Pipes, command);
    other.initialize("2025-11-25");
    let save = |client: &mut Client, n: usize| {
        let arguments = json!({"name": "shared", "source": format!("def run(): return {n}")});
        client.send("tools/call", json!({"name": "create_skill", "arguments": arguments}))
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for n in 0..20 {
        first.push(save(&mut one, n));
        second.push(save(&mut other, n));
    }
    let mut versions: Vec<i64> = Vec::new();
    for (client, ids) in [(&mut one, first), (&mut other, second)] {
        for id in ids {
            let answer = client.answer(&id).unwrap();
            let version = text(&answer).split_once("saved version ").unwrap().1.split_once(':').unwrap().0;
            versions.push(version.parse().unwrap());
        }
    }
    versions.sort_unstable();
    assert_eq!(versions, (1..=40).collect::<Vec<i64>>());
    assert_eq!(value(&mut other, "skills.create('from_other', 'def run(): return 7')['version']"), "1");
    assert_eq!(value(&mut one, "skills.from_other()"), "7");
    assert!(said(&mut one, "search_skills", json!({"query": "from other"})).contains("skills.from_other()"));
}

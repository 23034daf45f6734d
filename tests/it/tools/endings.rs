//! How commands end: with their timeout, with their cell, with their session, with the server. Looked at from outside.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{heard, over, raised, scripted, value};
use crate::support::processes::{Process, await_end, await_that, below_named};
use crate::support::{Client, report};

/// Long enough for a machine that does much else.
const SOON: Duration = Duration::from_secs(10);

/// A program that starts a child that ignores SIGTERM and one in a session of its own, and waits with them.
const FAMILY: &str = r#"
import os, signal, sys, time
mark = sys.argv[1]
if len(sys.argv) == 2:
    for how in ("ignores", "setsid", "double"):
        if os.fork() == 0:
            if how == "ignores":
                for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                    signal.signal(number, signal.SIG_IGN)
            elif how == "setsid":
                os.setsid()
            elif os.fork():
                os._exit(0)
            os.execvp("python3", ["python3", "-Ic", "import time\ntime.sleep(300)", mark, how])
    print("ready", flush=True)
    time.sleep(300)
"#;

/// A client with that program as a command, its mark, and this timeout.
fn family(mark: &str, timeout: &str) -> Client {
    let yaml = format!(
        "name: family\ncommand: python3\nargs: [\"-I\", \"family.py\", \"{mark}\"]\ntimeout: {timeout}\n"
    );
    over(&[("tools/family.yaml", &yaml), ("family.py", FAMILY)])
}

/// The whole family: the program and three children, and the process that tends them.
fn await_family(client: &Client, mark: &str) -> Vec<Process> {
    let mut found = Vec::new();
    await_that("the family runs", || {
        found = below_named(client.pid(), mark);
        found.iter().filter(|process| process.command.contains("sleep")).count() == 3
    });
    found
}

#[test]
fn a_timeout_ends_everything_that_a_command_has_started() {
    let mut client = family("family-timeout", "1.5");
    let id = client.begin("run_code", json!({"code": "try:\n    tools.family()\nexcept TimeoutError as e:\n    r = type(e).__name__, e.kind, str(e)\nr"}), "t");
    let processes = await_family(&client, "family-timeout");
    let result = client.answer(&id).unwrap();
    insta::assert_snapshot!(report(&result)["result"].as_str().unwrap(), @"('ToolTimeoutError', 'timeout', 'tools.family: it took longer than 1.5 s and was ended (`timeout` in its file)')");
    await_end(&processes, SOON);
}

#[test]
fn the_end_of_the_program_is_the_end_of_what_it_left_behind() {
    let yaml = "name: leaves\ncommand: python3\nargs: [\"-Ic\", \"import subprocess\\nsubprocess.Popen(['sleep', '298.25'], start_new_session=True)\"]\n";
    let mut client = over(&[("tools/leaves.yaml", yaml)]);
    let started = Instant::now();
    assert_eq!(value(&mut client, "tools.leaves()"), "''");
    assert!(started.elapsed() < SOON);
    await_that("nothing is left", || below_named(client.pid(), "298.25").is_empty());
}

#[test]
fn cancelling_the_cell_ends_its_commands() {
    let mut client = family("family-cancel", "100");
    let id = client.begin("run_code", json!({"code": "tools.family()"}), "t");
    let processes = await_family(&client, "family-cancel");
    client.cancel(&id);
    await_end(&processes, SOON);
    assert_eq!(value(&mut client, "1 + 1"), "2");
}

#[test]
fn cancelling_a_direct_call_ends_its_command() {
    let mut client = family("family-direct", "100");
    let id = client.begin("call_tool", json!({"name": "family", "arguments": {}}), "t");
    let processes = await_family(&client, "family-direct");
    client.cancel(&id);
    await_end(&processes, SOON);
}

#[test]
fn closing_the_session_ends_its_commands() {
    let mut client = family("family-close", "100");
    let session = client.new_session();
    let id = client.begin_in(&session, "tools.family()");
    let processes = await_family(&client, "family-close");
    client.call("close_session", json!({"session": session}));
    await_end(&processes, SOON);
    let _ = client.answer(&id);
}

#[test]
fn a_server_that_is_killed_leaves_no_command_and_no_upstream() {
    for how in ["kill", "finish"] {
        let mark = format!("family-{how}");
        let yaml = format!(
            "name: family\ncommand: python3\nargs: [\"-I\", \"family.py\", \"{mark}\"]\ntimeout: 100\n"
        );
        let mut client = over(&[
            ("tools/family.yaml", &yaml),
            ("family.py", FAMILY),
            ("mcp.json", &scripted("up", "stays")),
        ]);
        assert_eq!(value(&mut client, "tools.up.add(1)"), "'2'");
        client.begin("run_code", json!({"code": "tools.family()"}), "t");
        let mut processes = await_family(&client, &mark);
        let upstream = below_named(client.pid(), "scripted.py");
        assert!(!upstream.is_empty());
        processes.extend(upstream);
        if how == "kill" {
            client.kill();
        } else {
            assert!(client.finish().success());
        }
        await_end(&processes, SOON);
    }
}

#[test]
fn a_rollback_gives_up_the_calls_of_the_process_that_was_lost() {
    let mut client = over(&[("mcp.json", &scripted("up", "good"))]);
    value(&mut client, "x = tools.up.add(1)\nimport os, signal, threading\nx");
    let code = "t = threading.Thread(target=lambda: tools.up.slow(60), daemon=True)\nt.start()\nimport time\ntime.sleep(0.5)\nos.kill(os.getpid(), signal.SIGKILL)";
    let result = client.run(code);
    assert_eq!(report(&result)["state"], "rolled_back", "{result}");
    await_that("the upstream is told", || {
        heard(&client, "up").iter().any(|line| line == "notifications/cancelled")
    });
    // Numbers of calls begin again in the copy: no answer of before may come for them.
    assert_eq!(
        value(&mut client, "x, [tools.up.add(n) for n in range(5)]"),
        "('2', ['1', '2', '3', '4', '5'])"
    );
}

#[test]
fn an_interrupted_call_is_cancelled_and_the_session_goes_on() {
    let mut client = over(&[("mcp.json", &scripted("up", "good"))]);
    value(&mut client, "kept = 5");
    for code in [
        "tools.up.slow(60)",
        "await tools.up.slow(60)",
        "import asyncio\nawait asyncio.gather(tools.up.slow(60), tools.up.slow(60))",
    ] {
        let before = heard(&client, "up").iter().filter(|line| line.starts_with("tools/call slow")).count();
        let id = client.begin("run_code", json!({"code": code}), "t");
        let cancelled = heard(&client, "up").iter().filter(|line| *line == "notifications/cancelled").count();
        await_that("the call has begun", || {
            heard(&client, "up").iter().filter(|line| line.starts_with("tools/call slow")).count() > before
        });
        client.cancel(&id);
        await_that("the upstream is told", || {
            heard(&client, "up").iter().filter(|line| *line == "notifications/cancelled").count() > cancelled
        });
        assert_eq!(value(&mut client, "kept, tools.up.add(1)"), "(5, '2')", "after {code}");
    }
}

#[test]
fn a_call_does_not_count_against_the_cells_time_but_has_an_end() {
    let base =
        [("mcp.json", scripted("up", "good")), ("actwright.toml", "[limits]\nmax_timeout = 4\n".to_owned())];
    let base: Vec<(&str, &str)> = base.iter().map(|(path, text)| (*path, text.as_str())).collect();
    let mut client = over(&base);
    value(&mut client, "tools.up.add(1)");
    let mut run =
        |code: &str, timeout: f64| client.call("run_code", json!({"code": code, "timeout": timeout}));
    let slept = run("tools.up.slow(1.5)", 0.7);
    assert_eq!(report(&slept)["status"], "ok", "{slept}");
    let slept = run("await tools.up.slow(1.5)", 0.7);
    assert_eq!(report(&slept)["status"], "ok", "{slept}");
    let spun = run("tools.up.slow(0.2)\nwhile True: pass", 0.7);
    assert_eq!(report(&spun)["status"], "timeout", "{spun}");
    let started = Instant::now();
    let endless = run("tools.up.slow(60)", 0.7);
    assert_eq!(report(&endless)["status"], "timeout", "{endless}");
    assert!(started.elapsed() < Duration::from_secs(12), "{:?}", started.elapsed());
    let threads = run(
        "import threading\nthreading.Thread(target=lambda: tools.up.slow(60), daemon=True).start()\nwhile True: pass",
        0.7,
    );
    assert_eq!(report(&threads)["status"], "timeout", "{threads}");
    let (kind, _) = raised(&mut client, "tools.up.add('x')");
    assert_eq!(kind, "ToolArgumentError");
}

//! How sessions end: idle for too long, in the way of newer ones, reset or closed by a call; and what later calls on
//! them are told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::processes::{await_end, await_that, below_named};
use crate::support::{Client, report, text};

const SLOW: &str = "import subprocess, time\nsubprocess.Popen(['sleep', '7301'])\nprint('begun', flush=True)\ntime.sleep(60)";

/// A text with the parts that differ from run to run blanked: handles and ages.
fn masked(text: &str, names: &[(&str, &str)]) -> String {
    let mut masked = text.to_owned();
    for (handle, name) in names {
        masked = masked.replace(handle, name);
    }
    masked.replace(" 0 s", " N s").replace(" 1 s", " N s").replace(" 2 s", " N s")
}

fn list(client: &mut Client) -> String {
    text(&client.call("list_sessions", json!({}))).to_owned()
}

#[test]
fn an_idle_session_expires_and_later_calls_are_told() {
    let mut client = Client::configured("[sessions]\nidle_timeout = \"1s\"", &[]);
    let other = client.new_session();
    client.run("x = 1");
    await_that("both expire", || list(&mut client) == "no sessions; run_code starts one");
    let result = client.run_in(&other, "1");
    assert_eq!(result["isError"], true);
    insta::assert_snapshot!(masked(text(&result), &[(&other, "HANDLE")]), @r#"[error] session `HANDLE` is gone: it was idle for N s (sessions.idle_timeout). Its variables are lost; pass session="new" to start another"#);
    // The default session starts anew by itself, and says so once.
    let result = client.run("'x' in globals()");
    assert_eq!((&report(&result)["result"], &report(&result)["cell"]), (&json!("False"), &json!(1)));
    insta::assert_snapshot!(masked(text(&result), &[]), @r"
    [result: bool]
    False
    [note] this is a new default session: the one before is gone, it was idle for N s (sessions.idle_timeout), and its variables are lost
    ");
    assert_eq!(text(&client.run("1")), "[result: int]\n1");
}

#[test]
fn a_session_that_is_used_or_runs_does_not_expire() {
    let mut client = Client::configured("[sessions]\nidle_timeout = \"1s\"", &[]);
    client.run("x = 5");
    assert_eq!(report(&client.run("import time; time.sleep(2.5); x"))["result"], "5");
    for _ in 0..8 {
        client.listen(Duration::from_millis(300));
        assert_eq!(report(&client.run("x"))["result"], "5");
    }
}

#[test]
fn calls_that_race_with_expiry_never_fail_on_the_default_session() {
    let mut client = Client::configured("[sessions]\nidle_timeout = \"1s\"", &[]);
    let end = Instant::now() + Duration::from_secs(8);
    let mut pause = 985;
    while Instant::now() < end {
        let result = client.run("1");
        assert_eq!(report(&result)["result"], "1", "{result}");
        client.listen(Duration::from_millis(pause));
        pause += 10;
    }
}

#[test]
fn the_least_recently_used_session_makes_room() {
    let mut client = Client::configured("[sessions]\nmax = 3", &[]);
    let made: Vec<String> = (0..3).map(|_| client.new_session()).collect();
    client.run_in(&made[0], "x = 'used last'");
    let newest = client.new_session();
    let result = client.run_in(&made[1], "1");
    assert_eq!(result["isError"], true);
    insta::assert_snapshot!(masked(text(&result), &[(&made[1], "HANDLE")]), @r#"[error] session `HANDLE` is gone: it was the least recently used of 3 sessions and made room for a new one (sessions.max). Its variables are lost; pass session="new" to start another"#);
    assert_eq!(report(&client.run_in(&made[0], "x"))["result"], "'used last'");
    for living in [&made[2], &newest] {
        assert_eq!(report(&client.run_in(living, "1"))["result"], "1");
    }
}

#[test]
fn when_all_are_busy_another_one_is_refused_and_nothing_is_evicted() {
    let mut client = Client::configured("[sessions]\nmax = 2", &[]);
    let sessions = [client.new_session(), client.new_session()];
    let ids: Vec<_> = sessions.iter().map(|session| client.begin_in(session, SLOW)).collect();
    await_that("both run", || list(&mut client).matches(": running").count() == 2);
    for target in [json!({"code": "1", "session": "new"}), json!({"code": "1"})] {
        let result = client.call("run_code", target);
        assert_eq!(
            text(&result),
            "[error] all 2 sessions are running a cell; wait for one to end or close one (sessions.max)"
        );
    }
    client.cancel(&ids[0]);
    await_that("one is free", || list(&mut client).matches(": running").count() == 1);
    assert_eq!(report(&client.run("1"))["result"], "1");
    assert!(text(&client.run_in(&sessions[0], "1")).contains("made room"));
    assert_eq!(list(&mut client).lines().count(), 2);
}

#[test]
fn many_new_sessions_at_once_stay_within_the_cap() {
    let mut client = Client::configured("[sessions]\nmax = 4", &[]);
    for _ in 0..5 {
        let ids: Vec<_> = (0..12).map(|n| client.begin_in("new", &format!("{n}"))).collect();
        for (n, id) in ids.iter().enumerate() {
            let result = client.answer(id).unwrap();
            let refused = text(&result).contains("all 4 sessions are running");
            assert!(refused || report(&result)["result"] == json!(n.to_string()), "{result}");
        }
        assert!(list(&mut client).lines().count() <= 4, "{}", list(&mut client));
    }
}

#[test]
fn what_never_was_is_not_what_is_gone() {
    let mut client = Client::start();
    let never = format!("s_{:032x}", 7);
    for tool in ["run_code", "reset_session", "close_session"] {
        let arguments = if tool == "run_code" {
            json!({"code": "1", "session": never})
        } else {
            json!({"session": never})
        };
        let result = client.call(tool, arguments);
        assert_eq!(result["isError"], true);
        assert_eq!(
            text(&result),
            format!(
                "[error] no session `{never}`. Call list_sessions for those that live, or pass session=\"new\" to start one"
            )
        );
    }
    for tool in ["reset_session", "close_session"] {
        assert_eq!(
            text(&client.call(tool, json!({}))),
            "[error] there is no default session yet; run_code makes it"
        );
    }
    assert_eq!(list(&mut client), "no sessions; run_code starts one");
}

/// The answer of a call that a reset or close has ended, and of one that waited behind it.
fn ended_by(client: &mut Client, tool: &str, arguments: &Value, session: &str) -> (Value, Value) {
    let running = client.begin_in(session, SLOW);
    client.await_print("begun");
    client.notifications.clear();
    let sleeper = below_named(client.pid(), "sleep 7301");
    assert!(!sleeper.is_empty());
    let ending = client.send("tools/call", json!({"name": tool, "arguments": arguments}));
    let after = client.begin_in(session, "'x' in globals()");
    assert!(client.answer(&ending).unwrap()["isError"] != json!(true));
    let answers = (client.answer(&running).unwrap(), client.answer(&after).unwrap());
    await_end(&sleeper, Duration::from_secs(2));
    answers
}

#[test]
fn a_reset_ends_what_runs_and_the_next_call_starts_empty() {
    let mut client = Client::start();
    let session = client.new_session();
    client.run_in(&session, "x = 1");
    let (running, after) = ended_by(&mut client, "reset_session", &json!({"session": session}), &session);
    insta::assert_snapshot!(masked(text(&running), &[(&session, "HANDLE")]), @r"
    [cancelled] the session was reset or closed while the cell ran; the session was reset: its variables are gone, the next run starts empty
    [stdout]
    begun
    [session: HANDLE cell 3]
    ");
    assert_eq!((&report(&after)["result"], &report(&after)["session"]), (&json!("False"), &json!(session)));
    assert_eq!(report(&after)["notes"], json!([]));
}

#[test]
fn a_close_ends_what_runs_and_the_handle() {
    let mut client = Client::start();
    let session = client.new_session();
    let (running, after) = ended_by(&mut client, "close_session", &json!({"session": session}), &session);
    assert_eq!(report(&running)["status"], "cancelled");
    insta::assert_snapshot!(masked(text(&after), &[(&session, "HANDLE")]), @r#"[error] session `HANDLE` is gone: it was closed by close_session. Its variables are lost; pass session="new" to start another"#);
    assert_eq!(list(&mut client), "no sessions; run_code starts one");
}

#[test]
fn closing_the_default_session_leaves_room_for_the_next_without_a_word() {
    let mut client = Client::start();
    client.run("x = 1");
    let first = report(&client.run("x"))["session"].clone();
    client.call("close_session", json!({}));
    let result = client.run("'x' in globals()");
    assert_eq!(text(&result), "[result: bool]\nFalse");
    assert_ne!(report(&result)["session"], first);
    let (id, next) = (client.begin("run_code", json!({"code": SLOW}), "t"), json!({"code": "2"}));
    client.await_print("begun");
    client.call("close_session", json!({}));
    assert_eq!(report(&client.answer(&id).unwrap())["status"], "cancelled");
    assert_eq!(text(&client.call("run_code", next)), "[result: int]\n2");
}

#[test]
fn the_list_of_sessions() {
    let mut client = Client::start();
    client.run("1");
    let handle = report(&client.run("1"))["session"].as_str().unwrap().to_owned();
    let busy = client.new_session();
    let idle = client.new_session();
    let id = client.begin_in(&busy, SLOW);
    let waiting = client.begin_in(&busy, "2");
    client.await_print("begun");
    client.run_in(&idle, "import os; os._exit(3)");
    let names = [(handle.as_str(), "DEFAULT"), (&busy, "BUSY"), (&idle, "LOST")];
    insta::assert_snapshot!(masked(&list(&mut client), &names), @r"
    DEFAULT (default): idle, 2 cells, made N s ago, idle N s
    BUSY: running, 2 cells, made N s ago, idle N s, 1 call waiting
    LOST: idle, 2 cells, made N s ago, idle N s
    ");
    client.cancel(&id);
    client.answer(&waiting).unwrap();
}

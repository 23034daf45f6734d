//! A session survives its cells: rollback after a kill or a crash, undo, dry runs, and copies that never leak.

use serde_json::{Value, json};

use crate::support::{Client, report, text};

/// Two variables of different kinds and a seeded generator, and what they must be after every disaster.
const BEFORE: &str =
    "import random\nx = [1, {'k': 'v'}]\nrandom.seed(7)\nexpected = random.Random(7).random()";
const INTACT: &str = "(x, random.random() == expected)";

fn state(result: &Value) -> (String, String) {
    let run = report(result);
    (run["status"].as_str().unwrap().to_owned(), run["state"].as_str().unwrap().to_owned())
}

/// Runs a disaster after `BEFORE` and looks at what is left.
fn check(disaster: &str, status: &str) {
    let mut client = Client::start();
    client.run(BEFORE);
    let code = format!("x.append('lost')\n{disaster}");
    let result = client.call("run_code", json!({"code": code, "timeout": 1}));
    assert_eq!(state(&result), (status.to_owned(), "rolled_back".to_owned()), "{disaster}: {result}");
    assert_eq!(report(&result)["checkpoint"]["kept"], true, "{disaster}");
    let after = client.run(INTACT);
    assert_eq!(report(&after)["result"], "([1, {'k': 'v'}], True)", "{disaster}: {after}");
}

#[test]
fn every_variable_is_as_before_a_cell_that_was_killed() {
    check("import itertools\nsum(itertools.repeat(1))", "timeout");
    check(
        "import time\nwhile True:\n    try:\n        time.sleep(0.01)\n    except BaseException: pass",
        "timeout",
    );
}

#[test]
fn every_variable_is_as_before_a_cell_that_crashed() {
    for disaster in [
        "import os; os._exit(3)",
        "import os; os.abort()",
        "import ctypes; ctypes.string_at(0)",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import os; os.execv('/bin/true', ['true'])",
        "import os; os.closerange(3, 5000)",
    ] {
        check(disaster, "lost");
    }
}

#[test]
fn one_disaster_after_another() {
    let mut client = Client::start();
    client.run(BEFORE);
    for _ in 0..5 {
        let result = client.run("x.append('lost'); import os; os._exit(1)");
        assert_eq!(state(&result), ("lost".to_owned(), "rolled_back".to_owned()));
    }
    assert_eq!(report(&client.run(INTACT))["result"], "([1, {'k': 'v'}], True)");
}

#[test]
fn what_a_session_was_doing_goes_on_working_after_a_rollback() {
    let mut client = Client::start();
    let busy = "import asyncio, sqlite3, subprocess, sys, threading\n\
                log = open('log.txt', 'w'); log.write('one\\n'); log.flush()\n\
                db = sqlite3.connect(':memory:'); db.execute('create table t(a)'); db.execute('insert into t values (7)')\n\
                stop = threading.Event(); threading.Thread(target=stop.wait, daemon=True).start()\n\
                async def later():\n    await asyncio.sleep(0.01)\n    return 'awaited'\n\
                task = asyncio.ensure_future(later())";
    client.run(busy);
    let result = client.run("import os; os._exit(1)");
    assert_eq!(state(&result), ("lost".to_owned(), "rolled_back".to_owned()), "{result}");
    let notes = report(&result)["notes"].to_string();
    assert!(notes.contains("had 2 threads"), "{notes}");
    for (code, value) in [
        ("log.write('two\\n'); log.flush(); open('log.txt').read()", "'one\\ntwo\\n'"),
        ("db.execute('select a from t').fetchall()", "[(7,)]"),
        ("threading.active_count()", "1"),
        ("await task", "'awaited'"),
        ("await asyncio.gather(*[later() for _ in range(3)])", "['awaited', 'awaited', 'awaited']"),
        ("asyncio.run(later())", "'awaited'"),
        ("subprocess.run(['echo', 'hi'], capture_output=True).stdout", "b'hi\\n'"),
    ] {
        let result = client.run(code);
        assert_eq!(report(&result)["result"], value, "{code}: {result}");
    }
}

#[test]
fn code_that_waits_for_its_children_never_meets_a_copy() {
    let mut client = Client::start();
    client.run("import os");
    let result =
        client.run("try:\n    met = os.wait()\nexcept ChildProcessError:\n    met = None\nrepr(met)");
    assert_eq!(report(&result)["result"], "'None'", "{result}");
}

#[test]
fn undo_takes_the_variables_back() {
    let mut client = Client::start();
    for code in ["a = 1", "a = 2", "a = 3"] {
        client.run(code);
    }
    let undone = client.call("undo_run", json!({}));
    assert!(text(&undone).contains("1 more can be undone"), "{undone}");
    assert_eq!(report(&client.run("a"))["result"], "2");
    let undone = client.call("undo_run", json!({"steps": 2}));
    assert_eq!(undone["isError"], false, "{undone}");
    assert_eq!(report(&client.run("a"))["result"], "1");
    let refused = client.call("undo_run", json!({"steps": 9}));
    assert_eq!(refused["isError"], true);
    assert!(text(&refused).contains("9 cells cannot be undone"), "{refused}");
    assert_eq!(report(&client.run("a"))["result"], "1");
}

/// Ends the newest copy from inside, as only code that looks for copies does.
const END_NEWEST: &str = r"
def parent(pid):
    with open(f'/proc/{pid}/stat') as file:
        return int(file.read().rpartition(')')[2].split()[1])
others = {int(name) for name in os.listdir('/proc') if name.isdigit()} - {1, os.getpid()}
newest = max(pid for pid in others if parent(pid) == 1)
assert os.getppid() == 1
os.kill(newest, 9)
";

#[test]
fn an_undo_that_finds_its_copy_gone_says_where_the_session_stands() {
    let mut client = Client::start();
    client.run("import os");
    for code in ["a = 1", "a = 2", "a = 3"] {
        client.run(code);
    }
    let ended = client.run(END_NEWEST);
    assert_eq!(report(&ended)["status"], "ok", "{ended}");
    let undone = client.call("undo_run", json!({}));
    assert_eq!(undone["isError"], true, "{undone}");
    assert!(
        text(&undone).contains("as they were after cell 3, counted from the session's first"),
        "{undone}"
    );
    assert_eq!(report(&client.run("a"))["result"], "2");
    client.run("a = 4");
    assert_eq!(client.call("undo_run", json!({}))["isError"], false);
    assert_eq!(report(&client.run("a"))["result"], "2");
}

#[test]
fn a_copy_that_ends_as_it_wakes_makes_room_for_an_older_one() {
    let mut client = Client::start();
    let end = "os.register_at_fork(after_in_child=lambda: os._exit(3))";
    for code in ["import os", "a = 1", "a = 2", end, "a = 3"] {
        client.run(code);
    }
    let undone = client.call("undo_run", json!({}));
    assert_eq!(undone["isError"], true, "{undone}");
    assert!(
        text(&undone).contains("as they were after cell 3, counted from the session's first"),
        "{undone}"
    );
    assert_eq!(report(&client.run("a"))["result"], "2");
    client.run(end);
    let dry = client.call("run_code", json!({"code": "a = 4", "keep": false}));
    assert_eq!(report(&dry)["state"], "rolled_back", "{dry}");
    assert!(report(&dry)["notes"].to_string().contains("as they were after cell"), "{dry}");
    assert_eq!(report(&client.run("a"))["result"], "2");
}

#[test]
fn a_dry_run_leaves_no_trace_in_the_variables() {
    let mut client = Client::start();
    let first = client.call("run_code", json!({"code": "a = 1; a", "keep": false}));
    assert_eq!((&report(&first)["result"], &report(&first)["state"]), (&json!("1"), &json!("rolled_back")));
    assert_eq!(report(&client.run("'a' in globals()"))["result"], "False");
    client.run("a = 1");
    let dry = client.call("run_code", json!({"code": "a += 1; a", "keep": false}));
    assert_eq!((&report(&dry)["result"], &report(&dry)["state"]), (&json!("2"), &json!("rolled_back")));
    assert_eq!(report(&client.run("a"))["result"], "1");
}

#[test]
fn copies_never_leak() {
    let mut client = Client::start();
    client.run("import os");
    let count = "len([name for name in os.listdir('/proc') if name.isdigit()])";
    for _ in 0..200 {
        client.run("x = 1");
    }
    // The supervisor, the live process, as many copies as are kept, and some that are on their way out.
    let alive: usize = report(&client.run(count))["result"].as_str().unwrap().parse().unwrap();
    assert!(alive <= 2 + 4 + 6, "{alive} processes");
}

#[test]
fn without_checkpoints_the_reply_says_what_was_lost() {
    let mut client = Client::configured("[sessions]\ncheckpoints = \"off\"\n", &[]);
    client.run(BEFORE);
    let result = client.run("import os; os._exit(1)");
    assert_eq!(state(&result), ("lost".to_owned(), "reset".to_owned()));
    assert_eq!(report(&result)["checkpoint"], json!({"kept": false, "why": "checkpoints are switched off"}));
    assert_eq!(report(&client.run("'x' in globals()"))["result"], "False");
}

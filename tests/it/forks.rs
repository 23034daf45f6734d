//! Live twins of a session: what they have of it, what they cannot have, and how they go on and end.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::processes::{Process, await_end, await_that, below, share_of_memory};
use crate::support::{Client, pandas, report, text};

mod isolation;
mod refusals;

/// Copies whatever they cost: what a busy machine has to say about that is no part of these tests.
const ALWAYS: &str = "[sessions]\ncheckpoints = \"always\"\n";

fn always() -> Client {
    Client::configured(ALWAYS, &[])
}

/// Handles in a reply of `fork_session`: the session's own, then its twins'.
fn handles(result: &Value) -> Vec<String> {
    assert_eq!(result["isError"], false, "{result}");
    let words = text(result);
    let handles = words.split_whitespace().filter(|word| word.starts_with("s_") && word.len() == 34);
    handles.map(str::to_owned).collect()
}

/// Forks the default session; gives its handle and those of its twins.
fn fork(client: &mut Client, n: u64) -> Vec<String> {
    let forked = client.call("fork_session", json!({"n": n}));
    let handles = handles(&forked);
    assert_eq!(handles.len() as u64, n + 1, "{forked}");
    handles
}

fn run_in(client: &mut Client, session: &str, code: &str) -> Value {
    client.call("run_code", json!({"code": code, "session": session}))
}

/// The value of an expression in a session, which must not fail.
fn value(client: &mut Client, session: &str, code: &str) -> String {
    let result = run_in(client, session, code);
    assert_eq!(report(&result)["status"], "ok", "{code}: {result}");
    report(&result)["result"].as_str().unwrap_or_default().to_owned()
}

fn prepare(client: &mut Client, code: &str) {
    let prepared = client.run(code);
    assert_eq!(report(&prepared)["status"], "ok", "{prepared}");
}

#[test]
fn twins_go_on_from_the_same_state_and_part() {
    let mut client = always();
    prepare(&mut client, "x = [1]\nopen('note', 'w').write('one')\ndef grow(y): x.append(y); return x");
    let all = fork(&mut client, 2);
    for (index, session) in all.iter().enumerate() {
        let code = format!("grow({index}); open('note', 'a').write('{index}'); (x, open('note').read())");
        assert_eq!(value(&mut client, session, &code), format!("([1, {index}], 'one{index}')"));
    }
    for (index, session) in all.iter().enumerate() {
        let expected = format!("([1, {index}], 'one{index}')");
        assert_eq!(value(&mut client, session, "x, open('note').read()"), expected);
    }
    let more = client.call("fork_session", json!({"session": all[1], "n": 1}));
    assert!(text(&more).contains("goes on, and one twin beside it from the same state"), "{more}");
    let listed = client.call("list_sessions", json!({}));
    let listed = text(&listed);
    assert!(all.iter().all(|session| listed.contains(session.as_str())), "{listed}");
}

/// The example of the page that is read first, line by line: a tool, a session, code, and what it gives.
#[test]
fn an_agent_tries_three_variants_and_keeps_one() {
    let readme = include_str!("../../README.md");
    let section = readme.split("### Several from one").nth(1).unwrap();
    let block = section.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let mut client = always();
    let mut family = Vec::new();
    let mut checked = 0;
    for line in block.lines() {
        let (told, result) = line.split_once("  # ").unwrap_or((line, ""));
        let (tool, rest) = told.split_once(' ').unwrap();
        let (session, code) = match rest.trim().strip_prefix("session: ") {
            Some(rest) => (rest.chars().next(), rest[1..].trim()),
            None => (None, rest.trim()),
        };
        if tool == "fork_session" {
            family = fork(&mut client, code.strip_prefix("n: ").unwrap().parse().unwrap());
            continue;
        }
        let mut arguments = json!({});
        if let Some(letter) = session {
            arguments["session"] = json!(family[letter as usize - 'A' as usize]);
        }
        if tool == "run_code" {
            arguments["code"] = json!(code);
        }
        let answer = client.call(tool, arguments);
        assert_eq!(answer["isError"], false, "{line}: {answer}");
        if !result.is_empty() {
            assert_eq!(report(&answer)["result"], result.trim(), "{line}");
            checked += 1;
        }
    }
    assert_eq!(checked, 4);
}

#[test]
fn each_twin_has_its_own_limits_rollback_and_undo() {
    let mut client = always();
    prepare(&mut client, "x = 1");
    let all = fork(&mut client, 1);
    let undone = client.call("undo_run", json!({"session": all[1]}));
    assert!(text(&undone).contains("1 cells cannot be undone"), "{undone}");
    for session in &all {
        assert_eq!(value(&mut client, session, "x += 1; x"), "2");
        let crashed = run_in(&mut client, session, "x = 99; import os; os._exit(3)");
        assert_eq!(report(&crashed)["state"], "rolled_back", "{crashed}");
        let stopped = client.call("run_code", json!({
            "code": "import itertools; x = 77; sum(itertools.repeat(1))", "session": session, "timeout": 0.3,
        }));
        assert_eq!(report(&stopped)["status"], "timeout", "{stopped}");
        assert_eq!(report(&stopped)["state"], "rolled_back", "{stopped}");
        assert_eq!(value(&mut client, session, "x"), "2");
        let undone = client.call("undo_run", json!({"session": session, "steps": 2}));
        assert_eq!(undone["isError"], false, "{undone}");
        assert_eq!(value(&mut client, session, "x"), "1");
    }
}

#[test]
fn open_files_are_opened_again_with_their_positions() {
    let mut client = always();
    prepare(
        &mut client,
        "import os, tempfile\nos.mkdir('deep'); os.chdir('deep')\n\
         log = open('log', 'w+'); log.write('abcdef'); log.flush(); log.seek(2)\n\
         more = open('log', 'a'); system = open(os.__file__); line = system.readline()\n\
         unnamed = tempfile.TemporaryFile('w+'); unnamed.write('secret'); unnamed.flush()\n\
         place = os.open('.', os.O_RDONLY)",
    );
    let all = fork(&mut client, 1);
    for (index, session) in all.iter().enumerate() {
        let looked = value(
            &mut client,
            session,
            "os.path.basename(os.getcwd()), log.read(2), log.tell(), unnamed.seek(0), unnamed.read()",
        );
        assert_eq!(looked, "('deep', 'cd', 4, 0, 'secret')");
        let written = format!("more.write('{index}'); more.flush(); log.read(), os.listdir(place)");
        assert_eq!(value(&mut client, session, &written), format!("('ef{index}', ['log'])"));
        let content = format!("unnamed.write('{index}'); unnamed.seek(0); unnamed.read()");
        assert_eq!(value(&mut client, session, &content), format!("'secret{index}'"));
        assert_eq!(
            value(&mut client, session, "system.readline() != line, log.fileno() >= 3"),
            "(True, True)"
        );
    }
}

#[test]
fn a_database_goes_on_in_each_on_its_own_copy() {
    let mut client = always();
    prepare(
        &mut client,
        "import sqlite3\nmemory = sqlite3.connect(':memory:'); memory.execute('create table t(a)')\n\
         file = sqlite3.connect('kept.db'); file.execute('create table t(a)')\n\
         file.execute('insert into t values (7)'); file.commit()",
    );
    let all = fork(&mut client, 1);
    for (index, session) in all.iter().enumerate() {
        let write = format!(
            "for db in (memory, file):\n    db.execute('insert into t values (?)', ({index},)); db.commit()\n\
             file.execute('select a from t').fetchall(), memory.execute('select a from t').fetchall()"
        );
        assert_eq!(value(&mut client, session, &write), format!("([(7,), ({index},)], [({index},)])"));
    }
    for (index, session) in all.iter().enumerate() {
        let read = "sqlite3.connect('kept.db').execute('select a from t').fetchall()";
        assert_eq!(value(&mut client, session, read), format!("[(7,), ({index},)]"));
    }
}

#[test]
fn the_loop_and_its_tasks_go_on_in_each() {
    let mut client = always();
    prepare(
        &mut client,
        "import asyncio\ngate = asyncio.Event()\nasync def waiter():\n    await gate.wait()\n    return 'let in'\n\
         waiting = asyncio.ensure_future(waiter())\nawait asyncio.sleep(0)",
    );
    for session in fork(&mut client, 1) {
        let opened = "gate.set()\nawait asyncio.sleep(0.01)\nawait waiting";
        assert_eq!(value(&mut client, &session, opened), "'let in'");
        assert_eq!(value(&mut client, &session, "asyncio.run(asyncio.sleep(0, 5))"), "5");
    }
}

#[test]
fn what_is_random_differs() {
    let mut client = Client::configured(ALWAYS, &["--python", pandas::python().to_str().unwrap()]);
    prepare(
        &mut client,
        "import random, ssl, uuid, numpy\nrandom.seed(7); numpy.random.seed(7)\n\
         drawn = ssl.RAND_bytes(4)\ndef draw(): return (random.random(), numpy.random.rand(), ssl.RAND_bytes(16), \
         uuid.uuid4().hex, repr(random.SystemRandom().random()))",
    );
    let mut all = fork(&mut client, 2);
    // A twin's twin has its mother's number in its own namespace.
    let again = client.call("fork_session", json!({"session": all[1]}));
    all.extend(handles(&again).into_iter().skip(1));
    let drawn: Vec<Vec<String>> = all
        .iter()
        .map(|session| {
            let all = value(&mut client, session, "'|'.join(map(str, draw()))");
            all.trim_matches(['\'', '"']).split('|').map(str::to_owned).collect()
        })
        .collect();
    for kind in 0..5 {
        let mut values: Vec<_> = drawn.iter().map(|draws| &draws[kind]).collect();
        values.sort();
        values.dedup();
        assert_eq!(values.len(), all.len(), "{kind}: {drawn:?}");
    }
}

#[test]
fn a_large_frame_is_shared_until_it_is_written() {
    let mut client = Client::configured(ALWAYS, &["--python", pandas::python().to_str().unwrap()]);
    prepare(
        &mut client,
        "import numpy, pandas\nframe = pandas.DataFrame(numpy.arange(26_214_400.0).reshape(-1, 16))",
    );
    let held = |client: &Client| -> u64 {
        below(client.pid()).iter().filter_map(|process| share_of_memory(process.pid)).sum()
    };
    let mut before = 0;
    await_that("the frame is there, and its copy", || {
        before = held(&client);
        before > 200 << 20
    });
    let all = fork(&mut client, 3);
    for session in &all {
        assert_eq!(value(&mut client, session, "float(frame.iloc[-1, -1])"), "26214399.0");
    }
    let after = held(&client);
    assert!(after < before + (120 << 20), "{before} bytes before, {after} after");
    let written = value(&mut client, &all[1], "frame.iloc[0, 0] = -1.0; float(frame.iloc[0, 0])");
    assert_eq!(written, "-1.0");
    assert_eq!(value(&mut client, &all[2], "float(frame.iloc[0, 0])"), "0.0");
}

#[test]
fn twins_have_twins_and_all_end_by_themselves() {
    let mut client = always();
    prepare(&mut client, "names = ['first']");
    let mut family = fork(&mut client, 1);
    for generation in 0..3 {
        let last = family.last().unwrap().clone();
        assert_eq!(
            value(&mut client, &last, &format!("names.append({generation}); len(names)")),
            format!("{}", generation + 2)
        );
        let forked = client.call("fork_session", json!({"session": last}));
        family.extend(handles(&forked).into_iter().skip(1));
    }
    assert_eq!(value(&mut client, family.last().unwrap(), "names"), "['first', 0, 1, 2]");
    // One of the middle ends, and those that come from it live.
    client.call("close_session", json!({"session": family[1]}));
    client.call("close_session", json!({"session": family[0]}));
    assert_eq!(value(&mut client, family.last().unwrap(), "names.append(3); len(names)"), "5");
    let with_family = below(client.pid());
    for session in &family[2..] {
        client.call("close_session", json!({"session": session}));
    }
    let rest = || below(client.pid()).into_iter().filter(|process| process.depth > 2).count();
    await_that("only a session in waiting is left", || rest() <= 2);
    assert!(with_family.len() > below(client.pid()).len());
}

#[test]
fn what_kills_one_costs_only_that_one() {
    let mut client = always();
    prepare(&mut client, "x = 5");
    let all = fork(&mut client, 2);
    for session in &all {
        assert_eq!(value(&mut client, session, "x"), "5");
    }
    // A supervisor of a twin stands below the one that holds the family.
    let supervisors: Vec<Process> = below(client.pid())
        .into_iter()
        .filter(|process| process.depth == 4 && has_children(process))
        .collect();
    assert_eq!(supervisors.len(), 3, "{supervisors:?}");
    supervisors[0].signal("KILL");
    await_end(&below(supervisors[0].pid), Duration::from_secs(2));
    let answers: Vec<_> =
        all.iter().map(|session| report(&run_in(&mut client, session, "x"))["status"].clone()).collect();
    assert_eq!(answers.iter().filter(|status| **status == "ok").count(), 2, "{answers:?}");
    let lost = all.iter().zip(&answers).find(|(_, status)| **status != "ok").unwrap().0;
    assert_eq!(value(&mut client, lost, "1 + 1"), "2");
    // The frame that holds what is left of the family takes it along, and every handle starts anew.
    let frames = below(client.pid()).into_iter().filter(|process| process.depth == 3);
    let frame = frames.into_iter().find(|process| below(process.pid).iter().any(has_children)).unwrap();
    let doomed = below(frame.pid);
    frame.signal("KILL");
    await_end(&doomed, Duration::from_secs(2));
    for session in &all {
        run_in(&mut client, session, "1");
        assert_eq!(value(&mut client, session, "1 + 1"), "2");
    }
}

fn has_children(process: &Process) -> bool {
    !below(process.pid).is_empty()
}

#[test]
fn a_killed_server_leaves_no_twin() {
    let mut client = always();
    prepare(&mut client, "import os\nx = 5");
    for session in fork(&mut client, 2) {
        value(&mut client, &session, "x");
    }
    let all = below(client.pid());
    assert!(all.len() > 8, "{all:?}");
    client.kill();
    await_end(&all, Duration::from_secs(2));
}

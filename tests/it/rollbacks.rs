//! Every way to lose a cell against everything a session may hold: what was there is there again, or the reply says that
//! it is not.

use serde_json::{Value, json};

use crate::support::{Client, pandas, report};

/// A way to end badly: the code, and the status and state of its reply. Where Pythons differ there are two.
struct Disaster {
    name: &'static str,
    code: &'static str,
    ends: &'static [(&'static str, &'static str)],
}

/// Seconds for those that end by running into time, and for those that end by themselves.
const SOON: u64 = 1;
const AMPLE: u64 = 20;

impl Disaster {
    fn timeout(&self) -> u64 {
        if self.ends[0].0 == "timeout" { SOON } else { AMPLE }
    }
}

const DISASTERS: [Disaster; 8] = [
    Disaster { name: "a loop in Python", code: "while True: pass", ends: &[("timeout", "kept")] },
    Disaster {
        name: "a loop in C that hears no signal",
        code: "import itertools\nsum(itertools.repeat(1))",
        ends: &[("timeout", "rolled_back")],
    },
    Disaster {
        name: "code that swallows every exception",
        code: "import time\nwhile True:\n    try:\n        time.sleep(0.01)\n    except (KeyboardInterrupt, BaseException): pass",
        ends: &[("timeout", "rolled_back")],
    },
    Disaster {
        name: "SIGSEGV",
        code: "import ctypes; ctypes.string_at(0)",
        ends: &[("lost", "rolled_back")],
    },
    Disaster { name: "os._exit", code: "import os; os._exit(3)", ends: &[("lost", "rolled_back")] },
    Disaster { name: "abort", code: "import os; os.abort()", ends: &[("lost", "rolled_back")] },
    Disaster {
        name: "the memory limit",
        code: "def hoard():\n    hoarded = []\n    while True: hoarded.append(bytearray(16 << 20))\nhoard()",
        ends: &[("raised", "kept")],
    },
    Disaster {
        name: "a stack overflow",
        code: "import ctypes, sys\n\
               before = sys.getrecursionlimit(); sys.setrecursionlimit(10**8)\n\
               @ctypes.CFUNCTYPE(None)\ndef deeper(): deeper()\n\
               try: deeper()\nfinally: sys.setrecursionlimit(before)",
        // Newer Pythons count what C takes of the stack.
        ends: &[("lost", "rolled_back"), ("ok", "kept"), ("raised", "kept")],
    },
];

/// Goes through all disasters in one session, and looks after each one at what is left: pairs of an expression and its
/// value.
fn survive(client: &mut Client, prepare: &str, intact: &[(&str, &str)]) {
    let prepared = client.run(prepare);
    assert_eq!(report(&prepared)["status"], "ok", "{prepared}");
    for disaster in &DISASTERS {
        let code = format!("marks = ['lost']\n{}", disaster.code);
        client.run("marks = []");
        let result = client.call("run_code", json!({"code": code, "timeout": disaster.timeout()}));
        let run = report(&result);
        let end = (run["status"].as_str().unwrap(), run["state"].as_str().unwrap());
        assert!(disaster.ends.contains(&end), "{}: {result}", disaster.name);
        assert_eq!(run["checkpoint"]["kept"], true, "{}: {result}", disaster.name);
        if end.1 == "rolled_back" {
            let notes = run["notes"].to_string();
            assert!(notes.contains("threads, child processes and open connections are lost"), "{notes}");
            assert_eq!(report(&client.run("marks"))["result"], "[]", "{}", disaster.name);
        }
        for (code, value) in intact {
            let after = client.run(code);
            assert_eq!(report(&after)["result"], *value, "{}, {code}: {after}", disaster.name);
        }
    }
}

/// Copies whatever they cost: what a busy machine has to say about that is no part of these tests.
const ALWAYS: &str = "[sessions]\ncheckpoints = \"always\"\n";

fn always() -> Client {
    Client::configured(ALWAYS, &[])
}

fn with_pandas(settings: &str) -> Client {
    Client::configured(settings, &["--python", pandas::python().to_str().unwrap()])
}

#[test]
fn a_small_heap_survives_every_disaster() {
    let prepare = "import random\nx = [1, {'k': 'v'}]\nrandom.seed(7)\nstate = random.getstate()";
    survive(&mut always(), prepare, &[("(x, random.getstate() == state)", "([1, {'k': 'v'}], True)")]);
}

#[test]
fn pandas_survives_every_disaster() {
    let prepare = "import numpy, pandas\nframe = pandas.DataFrame({'a': range(1000), 'b': ['x'] * 1000})\n\
                   numpy.random.seed(7)\nstate = numpy.random.get_state()[1].tolist()";
    let intact = [
        ("int(frame['a'].sum()), frame['b'].nunique()", "(499500, 1)"),
        ("float(frame.groupby('b')['a'].mean().iloc[0])", "499.5"),
        ("numpy.random.get_state()[1].tolist() == state", "True"),
    ];
    survive(&mut with_pandas(ALWAYS), prepare, &intact);
}

#[test]
fn a_large_frame_survives_every_disaster_when_copies_are_forced() {
    let prepare =
        "import numpy, pandas\nframe = pandas.DataFrame(numpy.arange(26_214_400.0).reshape(-1, 16))";
    let intact = [("frame.shape, float(frame.iloc[-1, -1])", "((1638400, 16), 26214399.0)")];
    survive(&mut with_pandas(ALWAYS), prepare, &intact);
}

#[test]
fn a_frame_too_large_to_copy_is_lost_and_the_reply_says_why() {
    let mut client = with_pandas("");
    client.run("import numpy, pandas\nsmall = 1");
    let made = client.run("frame = pandas.DataFrame(numpy.ones((2_300_000, 16)))");
    assert_eq!(report(&made)["checkpoint"]["kept"], true, "made from a small state: {made}");
    let result = client.run("frame.iloc[0, 0] = 2\nimport os; os._exit(1)");
    let run = report(&result);
    assert_eq!(run["checkpoint"]["kept"], false, "{result}");
    let why = run["checkpoint"]["why"].as_str().unwrap();
    assert!(why.contains("copies are made up to 256 MB"), "{why}");
    // The copy from before the frame is still there; the reply says how far back that is.
    assert_eq!((&run["status"], &run["state"]), (&json!("lost"), &json!("rolled_back")), "{result}");
    assert!(run["notes"].to_string().contains("the copy was made after cell 1"), "{result}");
    assert_eq!(report(&client.run("small, 'frame' in globals()"))["result"], "(1, False)");
}

#[test]
fn live_databases_survive_every_disaster() {
    let prepare = "import sqlite3\n\
                   db = sqlite3.connect(':memory:'); db.execute('create table t(a)'); db.execute('insert into t values (7)')\n\
                   file = sqlite3.connect('kept.db'); file.execute('create table t(a)')\n\
                   file.execute('insert into t values (8)'); file.commit()";
    let intact = [
        ("db.execute('select a from t').fetchall()", "[(7,)]"),
        ("file.execute('select a from t').fetchall()", "[(8,)]"),
        ("file.execute('update t set a = 8').rowcount, file.commit()", "(1, None)"),
    ];
    survive(&mut always(), prepare, &intact);
}

#[test]
fn open_files_survive_every_disaster() {
    let prepare = "log = open('log.txt', 'w+'); log.write('one'); log.flush()\n\
                   held = open('log.txt'); first = held.read(1)";
    let intact = [
        ("log.seek(0), log.read(), log.tell()", "(0, 'one', 3)"),
        ("held.seek(1), held.read()", "(1, 'ne')"),
        ("log.closed, held.closed", "(False, False)"),
    ];
    survive(&mut always(), prepare, &intact);
}

#[test]
fn tasks_of_asyncio_survive_every_disaster() {
    let prepare = "import asyncio\n\
                   async def later():\n    await asyncio.sleep(0.01)\n    return 'awaited'\n\
                   done = asyncio.ensure_future(later()); await done\n\
                   gate = asyncio.Event()\n\
                   async def waiter():\n    await gate.wait()\n    return 'let in'\n\
                   waiting = asyncio.ensure_future(waiter())\nawait asyncio.sleep(0)";
    let intact = [
        ("done.result(), waiting.done()", "('awaited', False)"),
        ("await later()", "'awaited'"),
        ("await asyncio.gather(later(), later())", "['awaited', 'awaited']"),
    ];
    let mut client = always();
    survive(&mut client, prepare, &intact);
    // The task of before all that goes on where it was.
    assert_eq!(report(&client.run("gate.set()\nawait waiting"))["result"], "'let in'");
}

/// Threads cannot be copied: each disaster starts from a session that has one, and each reply says that it is gone.
#[test]
fn a_thread_that_is_lost_is_said_to_be() {
    let mut client = always();
    client.run("import threading\nx = 1");
    for disaster in DISASTERS.iter().filter(|disaster| disaster.ends == [("lost", "rolled_back")]) {
        client.run(
            "stop = threading.Event(); thread = threading.Thread(target=stop.wait, daemon=True); thread.start()",
        );
        let run = client.run(disaster.code);
        let notes = report(&run)["notes"].to_string();
        assert!(notes.contains("had 2 threads, of which the copy has one"), "{}: {notes}", disaster.name);
        assert_eq!(report(&client.run("x, thread.is_alive()"))["result"], "(1, False)", "{}", disaster.name);
    }
}

/// The text of a report's `checkpoint` when there can be none.
fn refusal(result: &Value) -> String {
    report(result)["checkpoint"]["why"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_first_cell_has_nothing_to_go_back_to_and_says_so() {
    let mut client = Client::start();
    let result = client.run("import os; os._exit(1)");
    assert_eq!(report(&result)["state"], "reset", "{result}");
    assert!(refusal(&result).contains("nothing to keep before the first cell"), "{result}");
}

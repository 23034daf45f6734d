//! What cells do to their own process, and what the cells after them find.

use serde_json::{Value, json};

use crate::support::{Client, report};

/// Runs the cells in one session and compares the named fields of the last one's report.
fn check(client: &mut Client, what: &str, cells: &[&str], expected: &Value) {
    let session = client.new_session();
    let mut last = Value::Null;
    for cell in cells {
        last = client.run_in(&session, cell);
    }
    for (field, value) in expected.as_object().unwrap() {
        let found = field.split('.').fold(report(&last), |part, key| &part[key]);
        assert_eq!(found, value, "{what}: {field} of {}", report(&last));
    }
    client.call("close_session", json!({"session": session}));
}

#[test]
fn damage_stays_in_the_cell_that_did_it() {
    let mut client = Client::start();
    let cases = [
        (
            "standard descriptors that were closed are there again",
            &[
                "import os; os.close(0); os.close(1); os.close(2)",
                "import os; print('out'); os.system('echo child')",
            ][..],
            json!({"status": "ok", "result": "0", "stdout": "out\nchild\n"}),
        ),
        (
            "C code's unfinished line leaves with its cell",
            &["import ctypes; c = ctypes.CDLL(None); c.printf(b'line\\npart')"],
            json!({"stdout": "line\npart", "result": "9"}),
        ),
        (
            "C code's unfinished line stays out of the next cell",
            &["import ctypes; c = ctypes.CDLL(None); c.printf(b'part')", "print('own')"],
            json!({"stdout": "own\n"}),
        ),
        (
            "deleted builtins come back",
            &["import builtins; del builtins.print; builtins.len = None", "print(len('ab'))"],
            json!({"status": "ok", "stdout": "2\n"}),
        ),
        (
            "an error of any size is told",
            &["raise ValueError('e' * 10_000_000)"],
            json!({"status": "raised", "error.type": "ValueError", "error.line": 1, "state": "kept"}),
        ),
        (
            "a type's name of any size is told",
            &["class A: pass\nA.__qualname__ = 'N' * 10_000_000\nA", "5"],
            json!({"result": "5", "state": "kept"}),
        ),
        (
            "a process that closes its connection is told apart from an exit",
            &["import os; os.closerange(3, 4096)"],
            json!({"status": "lost", "error.message": "the session's process lost its connection to the server"}),
        ),
        (
            "a signal without a handler is named",
            &["import os, signal; os.kill(os.getpid(), signal.SIGALRM)"],
            json!({
                "status": "lost",
                "error.message": "the session's process was ended by SIGALRM (an alarm without a handler)",
            }),
        ),
    ];
    for (what, cells, expected) in cases {
        check(&mut client, what, cells, &expected);
    }
}

#[test]
fn the_shell_finds_what_scripts_rely_on() {
    let mut client = Client::start();
    let cases = [
        (
            "standard streams by their names",
            "echo one; echo two > /dev/stderr; echo three > /dev/stdout; echo four | tee /dev/stderr > /dev/null; cat /dev/stdin",
            json!({"status": "ok", "result": "0", "stdout": "one\nthree\n", "stderr": "two\nfour\n"}),
        ),
        (
            "temporary files",
            "f=$(mktemp) && echo here > $f && cat $f && test -d \"$TMPDIR\"",
            json!({"status": "ok", "result": "0", "stdout": "here\n", "stderr": ""}),
        ),
    ];
    for (what, script, expected) in cases {
        check(&mut client, what, &[&format!("import os; os.system({script:?})")], &expected);
    }
    let by_name =
        "for name in '/dev/stdout', '/dev/stderr', '/dev/fd/1':\n    print(name, file=open(name, 'w'))";
    let shown = json!({"status": "ok", "stdout": "/dev/stdout\n/dev/fd/1\n", "stderr": "/dev/stderr\n"});
    check(&mut client, "Python opens them as well", &[by_name], &shown);
    let home = "import os, tempfile\nos.path.samefile(os.environ['HOME'], '.'), os.environ['TMPDIR'] == tempfile.gettempdir()";
    check(&mut client, "the environment", &[home], &json!({"result": "(True, True)"}));
}

#[test]
fn os_write_and_print_keep_their_order() {
    let mut client = Client::start();
    let code = "import os, sys\nfor n in range(400):\n    print(n)\n    os.write(2, b'e%d\\n' % n)\n    \
                sys.stdout.buffer.write(b'b\\n')\n    os.write(1, b'o\\n')\n    print('s', file=sys.stderr)";
    let run = client.run(code);
    let expected: String = (0..400).map(|n| format!("{n}\ne{n}\nb\no\ns\n")).collect();
    assert_eq!(report(&run)["output"], expected);
}

#[test]
fn a_session_without_memory_left_tells_so_and_goes_on() {
    let mut client = Client::configured("[limits]\nmemory = \"200MB\"", &[]);
    let full = "kept = []\nwhile True: kept.append(bytearray(1_000_000))";
    let to_the_last_byte = "rest = []\nwhile True: rest = [rest]";
    let out_of_memory = json!({"status": "raised", "error.type": "MemoryError", "state": "kept"});
    check(&mut client, "full", &[full], &out_of_memory);
    check(&mut client, "to the last byte", &[full, to_the_last_byte], &out_of_memory);
    let told =
        json!({"status": "raised", "error.type": "ZeroDivisionError", "error.line": 1, "state": "kept"});
    check(&mut client, "the next cell", &[full, to_the_last_byte, "1 / 0"], &told);
    check(&mut client, "room again", &[full, "del kept", "1 + 1"], &json!({"result": "2", "state": "kept"}));
}

#[test]
fn an_interrupt_that_code_swallows_is_still_a_timeout() {
    let mut client = Client::start();
    client.run("kept = 1");
    let cases = [
        ("try: time.sleep(60)\nexcept KeyboardInterrupt: print('caught')\n'done'", json!("'done'")),
        ("try: time.sleep(60)\nfinally: time.sleep(60)", Value::Null),
        (
            "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool: pool.submit(time.sleep, 4).result()",
            Value::Null,
        ),
    ];
    for (code, result) in cases {
        let code = format!("import time\n{code}");
        let answer = client.call("run_code", json!({"code": code, "timeout": 0.3}));
        let run = report(&answer);
        assert_eq!((&run["status"], &run["state"]), (&json!("timeout"), &json!("kept")), "{run}");
        assert_eq!(run["result"], result, "{run}");
    }
    assert_eq!(report(&client.run("kept"))["result"], "1");
}

#[test]
fn a_timeout_leaves_the_processes_of_earlier_cells_alone() {
    let mut client = Client::start();
    for _ in 0..5 {
        client.run("import subprocess, time; earlier = subprocess.Popen(['sleep', '7402'])");
        let code = "own = subprocess.Popen(['sleep', '7403']); time.sleep(60)";
        client.call("run_code", json!({"code": code, "timeout": 0.1}));
        let run = client.run("earlier.poll(), own.wait()");
        assert_eq!(report(&run)["result"], "(None, -2)");
        client.run("earlier.kill(); earlier.wait()");
    }
}

#[test]
fn threads_of_an_earlier_cell_never_print_into_a_later_one() {
    let mut client = Client::start();
    client.run(
        "import sys, threading\nstop = False\ndef chat():\n    while not stop:\n        print('<earlier>')\n        \
         sys.stdout.buffer.write(b'<earlier>')\nfor _ in range(4): threading.Thread(target=chat).start()",
    );
    for n in 0..30 {
        let run = client.run(&format!("for _ in range(10): print('own {n}')"));
        assert_eq!(report(&run)["stdout"], format!("own {n}\n").repeat(10));
    }
    client.run("stop = True");
}

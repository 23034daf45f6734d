//! Why a session cannot be forked, each in words, and that nothing has changed then.

use std::time::Duration;

use serde_json::json;

use super::{ALWAYS, always, fork, handles, prepare, value};
use crate::support::{Client, report, text};

/// Refused with these words after this cell, and not any more after that one.
fn refused(client: &mut Client, cell: &str, words: &str, mended: &str) {
    prepare(client, cell);
    let refusal = client.call("fork_session", json!({}));
    assert_eq!(refusal["isError"], true, "{cell}: {refusal}");
    assert!(text(&refusal).contains(words), "{cell}: {refusal}");
    assert!(text(&refusal).contains("Nothing has changed"), "{cell}: {refusal}");
    prepare(client, "assert x == 1");
    prepare(client, mended);
    let forked = client.call("fork_session", json!({}));
    for twin in &handles(&forked)[1..] {
        client.call("close_session", json!({"session": twin}));
    }
}

#[test]
fn threads_children_and_shared_memory_are_named() {
    let mut client = always();
    prepare(&mut client, "import ctypes, mmap, os, subprocess, threading\nx = 1");
    refused(
        &mut client,
        "stop = threading.Event(); thread = threading.Thread(target=stop.wait); thread.start()",
        "it has 2 threads",
        "stop.set(); thread.join()",
    );
    refused(
        &mut client,
        "child = subprocess.Popen(['sleep', '60'])",
        "it has 1 child processes",
        "child.kill(); child.wait()",
    );
    refused(
        &mut client,
        "shared = mmap.mmap(-1, 4096)",
        "it shares memory by a map (/dev/zero",
        "shared.close()",
    );
    refused(
        &mut client,
        "f = open('m', 'w+b'); f.truncate(4096); mapped = mmap.mmap(f.fileno(), 4096)",
        "it shares memory by a map (/own/session/m)",
        "mapped.close()",
    );
    refused(
        &mut client,
        "f = os.memfd_create('m'); os.ftruncate(f, 4096); mapped = mmap.mmap(f, 4096)",
        "it shares memory by a map (/memfd:m",
        "mapped.close()",
    );
    let attach = "libc = ctypes.CDLL(None, use_errno=True); libc.shmat.restype = ctypes.c_void_p\n\
                  segment = libc.shmget(77, 4096, 0o1600); address = libc.shmat(segment, None, 0)\n\
                  assert segment >= 0 and address < 2**63";
    refused(&mut client, attach, "it shares memory by a map (/SYSV", "libc.shmdt(ctypes.c_void_p(address))");
    refused(
        &mut client,
        "closed = ctypes.CDLL(None).prctl(4, 0)",
        "stop the session's copy",
        "ctypes.CDLL(None).prctl(4, 1)",
    );
}

#[test]
fn what_has_no_state_or_no_copy_of_it_is_not_forked() {
    let mut client = always();
    let none = client.call("fork_session", json!({}));
    assert!(text(&none).contains("there is no default session yet"), "{none}");
    prepare(&mut client, "x = 1");
    client.call("reset_session", json!({}));
    let reset = client.call("fork_session", json!({}));
    assert!(text(&reset).contains("it has no variables yet; run a cell first"), "{reset}");

    let mut off = Client::configured("[sessions]\ncheckpoints = \"off\"\n", &[]);
    prepare(&mut off, "x = 1");
    let refused = off.call("fork_session", json!({}));
    assert!(text(&refused).contains("checkpoints are switched off; whoever runs the server"), "{refused}");
}

#[test]
fn other_levels_say_what_to_do_instead() {
    for level in ["restricted", "off"] {
        let mut flags = vec!["--sandbox", level];
        if level == "restricted" && std::path::Path::new("/usr/bin/python3").exists() {
            flags.extend(["--python", "/usr/bin/python3"]);
        }
        let mut client = Client::configured(ALWAYS, &flags);
        prepare(&mut client, "x = 1");
        let refused = client.call("fork_session", json!({}));
        assert!(text(&refused).contains("only sandbox.level \"full\" has; save what matters"), "{refused}");
        assert_eq!(report(&client.run("x"))["result"], "1");
    }
}

#[test]
fn numbers_are_bounded() {
    let mut client = Client::configured("[sessions]\ncheckpoints = \"always\"\nmax = 4\n", &[]);
    prepare(&mut client, "x = 1");
    for n in [json!(0), json!(9), json!("2")] {
        let refused = client.call("fork_session", json!({"n": n}));
        assert_eq!(refused["isError"], true, "{refused}");
    }
    let refused = client.call("fork_session", json!({"n": 4}));
    assert!(text(&refused).contains("there is room for 3 more of 4 sessions (sessions.max)"), "{refused}");
    let all = fork(&mut client, 3);
    assert_eq!(value(&mut client, &all[3], "x"), "1");
}

#[test]
fn a_session_at_work_is_not_forked() {
    let mut client = always();
    prepare(&mut client, "import time\nx = 1");
    let running = client.begin("run_code", json!({"code": "time.sleep(1); x"}), "t");
    let refused = client.call("fork_session", json!({}));
    assert!(text(&refused).contains("is running a cell; try again when it has ended"), "{refused}");
    let answer = client.answer(&running).unwrap();
    assert_eq!(report(&answer)["result"], "1");
}

/// Code may prepare what the fork will meet; what it prepares costs it the fork and nobody anything else.
#[test]
fn a_prepared_session_gets_no_twin_that_is_not_proven() {
    let prepared = [
        // What is put into a copy's line before its time wakes the copy, which then has nobody to talk to.
        (include_str!("line.py"), "there is no copy of its present state"),
        // A process that stands in for a copy, by the words that a copy is announced with.
        (include_str!("impostor.py"), "the copy does not wait as it should"),
    ];
    for (cell, words) in prepared {
        let mut client = always();
        prepare(&mut client, cell);
        std::thread::sleep(Duration::from_millis(600));
        let refused = client.call("fork_session", json!({}));
        assert!(text(&refused).contains(words), "{refused}");
        assert!(text(&refused).contains("Nothing has changed"), "{refused}");
        assert_eq!(report(&client.run("1 + 1"))["result"], "2");
        let other = client.call("run_code", json!({"code": "2 + 2", "session": "new"}));
        assert_eq!(report(&other)["result"], "4");
    }
}

//! Many calls at once: on one session they queue, on several they run side by side, and nobody reads another's output.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::dice::Dice;
use crate::support::processes::{await_end, await_that, below_named};
use crate::support::{Client, report, text};

/// A cell that prints a token many times on both streams, in small and large pieces, and gives it back.
fn chatter(token: &str) -> String {
    format!(
        "import sys, threading\n\
         def talk(stream, sign):\n\
         \x20   for n in range(60):\n\
         \x20       stream.write(sign + '{token}\\n')\n\
         \x20       if n % 7 == 0: stream.flush()\n\
         other = threading.Thread(target=talk, args=(sys.stderr, '!'))\n\
         other.start(); talk(sys.stdout, '.'); other.join()\n\
         '{token}'"
    )
}

fn must_be_own(result: &Value, token: &str) {
    let run = report(result);
    assert_eq!(run["result"], json!(format!("'{token}'")), "{run}");
    for (stream, sign) in [("stdout", '.'), ("stderr", '!')] {
        assert_eq!(run[stream], json!(format!("{sign}{token}\n").repeat(60)), "{stream} of {token}");
    }
}

#[test]
fn eight_calls_at_once_each_get_their_own() {
    let mut client = Client::start();
    let sessions: Vec<String> = (0..8).map(|_| client.new_session()).collect();
    let one = vec![sessions[0].clone(); 8];
    for targets in [&sessions, &one] {
        let sent: Vec<_> = targets
            .iter()
            .enumerate()
            .map(|(n, session)| (client.begin_in(session, &chatter(&format!("t{n}"))), session))
            .collect();
        for (n, (id, session)) in sent.iter().enumerate() {
            let result = client.answer(id).unwrap();
            must_be_own(&result, &format!("t{n}"));
            assert_eq!(report(&result)["session"], json!(session));
        }
    }
}

#[test]
fn outputs_never_mix_in_any_order_of_calls() {
    let seed = u64::from(std::process::id());
    let mut dice = Dice::new(seed);
    println!("seed {seed}");
    let mut client = Client::start();
    let sessions: Vec<String> = (0..6).map(|_| client.new_session()).collect();
    let mut open: Vec<(Value, String)> = Vec::new();
    for n in 0..120 {
        let token = format!("k{n}x{}", dice.below(1 << 40));
        let id = client.begin_in(dice.one_of::<String>(&sessions), &chatter(&token));
        open.push((id, token));
        while open.len() > 12 || (!open.is_empty() && dice.below(3) == 0) {
            let at = usize::try_from(dice.below(open.len() as u64)).unwrap();
            let (id, token) = open.swap_remove(at);
            must_be_own(&client.answer(&id).unwrap(), &token);
        }
    }
    for (id, token) in open {
        must_be_own(&client.answer(&id).unwrap(), &token);
    }
}

#[test]
fn calls_on_one_session_run_in_the_order_of_their_coming() {
    let mut client = Client::start();
    client.run("seen = []");
    let mut dice = Dice::new(7);
    let ids: Vec<_> = (0..30)
        .map(|n| {
            let code =
                format!("import time; time.sleep({} / 1000); seen.append({n}); len(seen)", dice.below(8));
            client.send("tools/call", json!({"name": "run_code", "arguments": {"code": code}}))
        })
        .collect();
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(report(&client.answer(id).unwrap())["result"], json!((n + 1).to_string()));
    }
    assert_eq!(report(&client.run("seen == list(range(30))"))["result"], "True");
}

#[test]
fn a_slow_session_holds_up_no_other() {
    let mut client = Client::start();
    let (slow, quick) = (client.new_session(), client.new_session());
    let code = "import time\nprint('begun', flush=True)\nt = time.monotonic()\nwhile time.monotonic() - t < 20: pass";
    let id = client.begin_in(&slow, code);
    client.await_print("begun");
    for n in 0..20 {
        assert_eq!(report(&client.run_in(&quick, &format!("{n} + 1")))["result"], json!((n + 1).to_string()));
    }
    // A new one as well.
    assert_eq!(report(&client.run_in("new", "'here'"))["result"], "'here'");
    assert_eq!(
        client.call("list_sessions", json!({}))["content"][0]["text"]
            .as_str()
            .unwrap()
            .matches(": running")
            .count(),
        1
    );
    client.cancel(&id);
    assert_eq!(report(&client.run_in(&slow, "1"))["result"], "1");
}

#[test]
fn a_hundred_sessions_at_once_all_answer() {
    let mut client = Client::start();
    let code = "import os, threading\nheld = bytearray(1 << 20)\nprint(os.getpid() > 0, end='')\n";
    let ids: Vec<_> = (0..100).map(|n| client.begin_in("new", &format!("{code}{n}"))).collect();
    let mut handles = HashSet::new();
    for (n, id) in ids.iter().enumerate() {
        let result = client.answer(id).unwrap();
        let run = report(&result);
        assert_eq!((&run["result"], &run["stdout"]), (&json!(n.to_string()), &json!("True")), "{result}");
        handles.insert(run["session"].as_str().unwrap().to_owned());
    }
    assert_eq!(handles.len(), 100, "each has its own handle");
    let ids: Vec<_> = handles.iter().map(|handle| (client.begin_in(handle, "len(held)"), handle)).collect();
    for (id, handle) in &ids {
        let result = client.answer(id).unwrap();
        assert_eq!(
            (&report(&result)["result"], &report(&result)["session"]),
            (&json!("1048576"), &json!(handle))
        );
    }
}

#[test]
fn a_cancelled_cell_takes_its_children_along() {
    let mut client = Client::start();
    let earlier = "import subprocess\nkept = subprocess.Popen(['sleep', '7101'])\nvalue = 5";
    client.run(earlier);
    // The kernel counts ages of processes in steps of 10 ms.
    std::thread::sleep(Duration::from_millis(30));
    let code = "import os, signal, time\n\
                os.system('(trap \"\" INT TERM; sleep 7102) & (setsid sleep 7102 &)')\n\
                print('begun', flush=True)\ntime.sleep(60)";
    let id = client.begin("run_code", json!({"code": code}), "t");
    client.await_print("begun");
    let (kept, gone) = (below_named(client.pid(), "sleep 7101"), below_named(client.pid(), "sleep 7102"));
    assert!(kept.len() == 1 && gone.len() >= 2, "{kept:?} {gone:?}");
    client.cancel(&id);
    let result = client.run("value, kept.poll()");
    assert_eq!(report(&result)["result"], "(5, None)", "{result}");
    await_end(&gone, Duration::from_secs(2));
    assert!(kept[0].lives(), "a child of a cell that ended by itself stays");
}

#[test]
fn a_timeout_takes_the_cells_children_and_leaves_those_of_earlier_cells() {
    let mut client = Client::start();
    client.run("import subprocess, time\nkept = subprocess.Popen(['sleep', '7201'])\nvalue = 5");
    std::thread::sleep(Duration::from_millis(30));
    // The second does not heed the interrupt, so its process is killed.
    let heeds = "subprocess.Popen(['sleep', '7202'])\ntime.sleep(60)";
    let result = client.call("run_code", json!({"code": heeds, "timeout": 1}));
    assert_eq!((&report(&result)["status"], &report(&result)["state"]), (&json!("timeout"), &json!("kept")));
    await_that("the timed out cell's child ends", || below_named(client.pid(), "sleep 7202").is_empty());
    assert_eq!(report(&client.run("value, kept.poll()"))["result"], "(5, None)");

    let stubborn = "subprocess.Popen(['sleep', '7203'])\nwhile True:\n    try:\n        time.sleep(60)\n    except BaseException: pass";
    let result = client.call("run_code", json!({"code": stubborn, "timeout": 1}));
    assert_eq!(
        (&report(&result)["status"], &report(&result)["state"]),
        (&json!("timeout"), &json!("rolled_back"))
    );
    await_that("nothing of the killed process is left", || below_named(client.pid(), "sleep 72").is_empty());
    assert_eq!(report(&client.run("value"))["result"], "5");
}

#[test]
fn a_fork_bomb_ends_with_its_cell() {
    let mut client = Client::start();
    let bomb = "import os, time\nprint('begun', flush=True)\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.001)";
    let result = client.call("run_code", json!({"code": bomb, "timeout": 2}));
    assert_eq!(report(&result)["status"], "timeout", "{result}");
    let survivor = client.run("40 + 2");
    assert_eq!(report(&survivor)["result"], "42", "{survivor}");
    // A supervisor and the session's process, and the same of the one kept ready.
    await_that("the bomb is gone", || below_named(client.pid(), "").len() < 10);
}

#[test]
fn a_queued_call_that_is_cancelled_never_runs() {
    let mut client = Client::start();
    client.run("seen = []");
    let first = client.begin(
        "run_code",
        json!({"code": "import time\nprint('begun', flush=True)\ntime.sleep(0.5)"}),
        "t",
    );
    client.await_print("begun");
    let queued = client.begin("run_code", json!({"code": "seen.append('cancelled')"}), "u");
    let last = client.begin("run_code", json!({"code": "seen.append('last'); seen"}), "v");
    client.cancel(&queued);
    client.answer(&first).unwrap();
    let result = client.answer(&last).unwrap();
    assert_eq!(report(&result)["result"], "['last']");
    // After the end it means nothing any more.
    client.cancel(&last);
    client.cancel(&queued);
    assert_eq!(report(&client.run("len(seen)"))["result"], "1");
}

#[test]
fn after_a_timeout_the_queue_goes_on() {
    let mut client = Client::start();
    client.run("n = 0");
    let start = Instant::now();
    let slow = client.send(
        "tools/call",
        json!({"name": "run_code", "arguments": {"code": "import time\nn += 1\ntime.sleep(60)", "timeout": 0.3}}),
    );
    let next: Vec<_> = (0..3)
        .map(|_| client.send("tools/call", json!({"name": "run_code", "arguments": {"code": "n += 1; n"}})))
        .collect();
    assert!(text(&client.answer(&slow).unwrap()).starts_with("[timeout] "));
    for (at, id) in next.iter().enumerate() {
        assert_eq!(report(&client.answer(id).unwrap())["result"], json!((at + 2).to_string()));
    }
    assert!(start.elapsed() < Duration::from_secs(15));
}

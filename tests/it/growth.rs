//! What a long day does to the server: nothing that grows with the number of cells.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::processes::{below, descriptors, memory, share_of_memory};
use crate::support::{Client, report};

#[test]
fn outputs_do_not_stay_in_memory() {
    let mut client = Client::start();
    let run = |client: &mut Client, times: usize| {
        for _ in 0..times {
            let result = client.run("print('x' * 100_000)");
            assert_eq!(report(&result)["truncated"][0]["total"], 100_001, "{result}");
        }
    };
    run(&mut client, 300);
    let before = memory(client.pid());
    run(&mut client, 2_000);
    let grown = memory(client.pid()).saturating_sub(before);
    println!("{before} bytes, then {grown} more");
    // All of it would be 200 MB.
    assert!(grown < 60 << 20, "{before} bytes, then {grown} more");
}

#[test]
fn descriptors_do_not_grow_with_cells() {
    let mut client = Client::start();
    // The server's, and the most that any process of the sandbox holds: copies of a session come and go.
    let count = |client: &Client| {
        let all = below(client.pid());
        let most = all.iter().filter_map(|process| descriptors(process.pid)).max();
        (descriptors(client.pid()).unwrap(), most.unwrap(), all.len())
    };
    // The store is opened once, a moment after the start or when it is needed.
    client.call("list_skills", json!({}));
    for _ in 0..100 {
        client.run("1 + 1");
    }
    let before = count(&client);
    for round in 0..50 {
        let ids: Vec<_> = (0..100)
            .map(|_| client.send("tools/call", json!({"name": "run_code", "arguments": {"code": "1+1"}})))
            .collect();
        for id in ids {
            assert_eq!(report(&client.answer(&id).unwrap())["result"], "2", "round {round}");
        }
    }
    let after = count(&client);
    // Some are open for a moment only.
    let fine = after.0 <= before.0 + 2 && after.1 <= before.1 + 2 && after.2 <= before.2 + 2;
    assert!(fine, "{before:?} became {after:?}");
}

#[test]
fn ten_thousand_cells_leave_no_copies_and_no_memory_behind() {
    let mut client = Client::configured("[sessions]\ncopies = 3\npool = 0\n", &[]);
    let run = |client: &mut Client, cells: usize| {
        for cell in 0..cells {
            let result = client.run("x = list(range(100))");
            assert_eq!(report(&result)["status"], "ok", "cell {cell}: {result}");
        }
    };
    // As many as without copies, and three.
    let most = processes_without_copies(&mut Client::configured(
        "[sessions]\ncheckpoints = \"off\"\npool = 0\n",
        &[],
    )) + 3;
    run(&mut client, 1_000);
    // On a busy machine copies are left out for a while; their memory must not count as grown later.
    let patience = Instant::now() + Duration::from_secs(60);
    while below(client.pid()).len() < most && Instant::now() < patience {
        run(&mut client, 1);
    }
    let before = memory_of_sandbox(client.pid());
    run(&mut client, 10_000);
    // What is on its way out gets its time, which on a busy machine is long. The last copy may come after the last
    // reply, and the oldest goes only then: one look decides, not a second one after it.
    let patience = Instant::now() + Duration::from_secs(60);
    let alive = loop {
        let alive = below(client.pid()).len();
        if alive <= most || Instant::now() >= patience {
            break alive;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(alive <= most, "{alive} processes, and {most} are right: {:#?}", doings(client.pid()));
    let grown = memory_of_sandbox(client.pid()).saturating_sub(before);
    println!("{before} bytes, then {grown} more");
    assert!(grown < 4 << 20, "{before} bytes, then {grown} more");
}

/// How many processes a server and one session are when nothing is copied.
fn processes_without_copies(client: &mut Client) -> usize {
    client.run("1");
    below(client.pid()).len()
}

/// What each process does at this moment.
fn doings(server: u32) -> Vec<String> {
    let read =
        |pid: u32, name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
    let all = below(server).into_iter();
    all.map(|process| {
        let pid = process.pid;
        let [stat, place, call] = ["stat", "wchan", "syscall"].map(|name| read(pid, name));
        format!("{} in {place}, call {call}, {stat}", process.command)
    })
    .collect()
}

/// The share of everything below the server; the server itself remembers the outputs that can still be read.
fn memory_of_sandbox(server: u32) -> u64 {
    below(server).into_iter().filter_map(|process| share_of_memory(process.pid)).sum()
}

/// Megabytes that go through an artifact, and that host and session may take more meanwhile.
const THROUGH: usize = 256;
const MORE: u64 = 64 << 20;

#[test]
fn what_goes_through_an_artifact_does_not_gather_in_memory() {
    let mut client = Client::start();
    let write = format!(
        "with artifacts.open('large', 'wb') as file:\n    for n in range({THROUGH}):\n        file.write(n.to_bytes(8, 'little') * (1 << 17))"
    );
    let read = "import hashlib\nfound = hashlib.sha256()\nwith artifacts.open('large', 'rb') as file:\n    while piece := file.read(1 << 20):\n        found.update(piece)\nassert found.hexdigest() == artifacts.get('large')['sha256']";
    let file =
        "import os\nassert os.path.getsize(artifacts.to_file('large', 'out')) == size\nos.unlink('out')";
    client.run(&format!("size = {}", THROUGH << 20));
    let pid = client.pid();
    let all = move || {
        let others = below(pid).iter().filter_map(|process| share_of_memory(process.pid)).sum::<u64>();
        share_of_memory(pid).unwrap_or(0) + others
    };
    for code in [&write, read, file] {
        let before = all();
        let id = client.send("tools/call", json!({"name": "run_code", "arguments": {"code": code}}));
        let (over, watched) = std::sync::mpsc::channel::<()>();
        let watch = std::thread::spawn(move || {
            let mut most = 0;
            while let Err(std::sync::mpsc::RecvTimeoutError::Timeout) =
                watched.recv_timeout(Duration::from_millis(20))
            {
                most = most.max(all());
            }
            most
        });
        assert_eq!(report(&client.answer(&id).unwrap())["status"], "ok", "{code}");
        drop(over);
        let more = watch.join().unwrap().saturating_sub(before);
        println!("{} MB more while {THROUGH} MB went through", more >> 20);
        assert!(more < MORE, "{more} bytes more than {before}: {code}");
    }
}

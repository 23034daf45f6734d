//! What a long day does to the server: nothing that grows with the number of cells.

use serde_json::json;

use crate::support::processes::{below, descriptors, memory};
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
    // A process may hold one or two more for a moment, and copies come and go.
    let most = |counts: &[Option<usize>]| counts.iter().flatten().max().copied();
    assert!(after.len() <= before.len() + 8, "{before:?} became {after:?}");
    assert!(most(&after) <= most(&before).map(|count| count + 2), "{before:?} became {after:?}");
}

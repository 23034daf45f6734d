//! Calls that overlap for real, many at once, and how many at once.

use std::time::{Duration, Instant};

use super::{over, scripted, value};
use crate::support::processes::below_named;

#[test]
fn a_hundred_calls_overlap() {
    let mut client = over(&[("mcp.json", &scripted("up", "good"))]);
    value(&mut client, "tools.up.slow(0)");
    for code in [
        "import asyncio\nlen(await asyncio.gather(*[tools.up.slow(0.5) for _ in range(100)]))",
        "from concurrent.futures import ThreadPoolExecutor\nlen(list(ThreadPoolExecutor(40).map(lambda _: tools.up.slow(0.5), range(100))))",
    ] {
        let started = Instant::now();
        assert_eq!(value(&mut client, code), "100");
        // One after the other they would take fifty seconds, and side by side one or two on a machine that is not busy.
        assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
    }
}

#[test]
fn two_thousand_calls_at_once_are_answered() {
    let mut client = over(&[("mcp.json", &scripted("up", "good"))]);
    let code = "import asyncio\nr = await asyncio.gather(*[tools.up.add(n) for n in range(2000)])\nr == [str(n + 1) for n in range(2000)]";
    assert_eq!(value(&mut client, code), "True");
    let code = "r = await asyncio.gather(*[tools.up.slow(0.2) for n in range(2000)])\nset(r)";
    assert_eq!(value(&mut client, code), "{'slept'}");
}

#[test]
fn many_commands_at_once_wait_for_their_turn() {
    let yaml =
        "name: nap\ncommand: sleep\ntimeout: 100\nschema: {positional: [{name: seconds, type: string}]}\n";
    let mut client = over(&[("tools/nap.yaml", yaml)]);
    let id = client.begin(
        "run_code",
        serde_json::json!({"timeout": 110, "code": "import asyncio\nlen(await asyncio.gather(*[tools.nap('0.321') for _ in range(400)]))"}),
        "t",
    );
    // A busy machine begins late; it is looked at until enough has been seen, and for a while after.
    let (mut most, mut looks) = (0, 0);
    let patience = Instant::now() + Duration::from_secs(100);
    while looks < 20 && Instant::now() < patience {
        most = most.max(below_named(client.pid(), "sleep 0.321").len());
        looks += usize::from(most > 4);
        std::thread::sleep(Duration::from_millis(50));
    }
    let result = client.answer(&id).unwrap();
    assert_eq!(crate::support::report(&result)["result"], "400", "{result}");
    // Each is seen with its tender.
    assert!(most > 4 && most <= 80, "{most} processes at once");
}

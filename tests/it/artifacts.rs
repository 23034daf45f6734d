//! Artifacts as an agent meets them: saved and loaded by code and by tools of their own, kept over everything.

use serde_json::{Value, json};

use crate::support::{Client, Wire, raised, report, said, text, value};

/// Rounds of `kill -9`; `ACTWRIGHT_TEST_KILL_ROUNDS` asks for more.
const ROUNDS: usize = 50;

#[test]
fn code_saves_and_loads() {
    let mut client = Client::start();
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("artifacts.save('a/b', {'x': [1, (2, 3)]})['version']", "1");
    check("artifacts.save('a/b', 'new', metadata={'tags': ['t']}, description='d')['version']", "2");
    check("artifacts.load('a/b'), artifacts.load('a/b', version=1)", "('new', {'x': [1, (2, 3)]})");
    check("artifacts.get('a/b')['metadata'], artifacts.exists('a/c')", "({'tags': ['t']}, False)");
    check("[each['name'] for each in artifacts.list('a/', tag='t')], artifacts.list('b')", "(['a/b'], [])");
    check(
        "big = b'0123456789' * 500_000; artifacts.save('big', big)['size'], artifacts.load('big') == big",
        "(5000000, True)",
    );
    check("f = artifacts.open('big', 'rb'); f.seek(-3, 2), f.read()", "(4999997, b'789')");
    check("open('/session/f.txt', 'w').write('x'); artifacts.save_file('/session/f.txt')['name']", "'f.txt'");
    check("artifacts.delete('a/b'), artifacts.exists('a/b'), len(artifacts.history('a/b'))", "(3, False, 3)");
    check(
        "artifacts.save('short', 1, ttl=0.01); import time; time.sleep(0.05); artifacts.exists('short')",
        "False",
    );
    let result = client.run("artifacts.save('linked', 'x', description='what it is'); None");
    assert!(text(&result).contains("[saved artifact linked [version 1, "), "{}", text(&result));
    assert_eq!(report(&result)["artifacts"][0]["uri"], "artifact://linked");
    assert_eq!(result["content"][1]["uri"], "artifact://linked");
    assert_eq!(report(&client.run("1"))["artifacts"], Value::Null);
    let mut check = |code: &str, kind: &str, words: &str| {
        let (found, message) = raised(&mut client, code);
        assert!(found == kind && message.contains(words), "{code}: {found}: {message}");
    };
    check("artifacts.load('bg')", "ArtifactNotFoundError", "nearest: 'big'");
    check("artifacts.load('a/b')", "ArtifactNotFoundError", "was deleted (version 3)");
    check("artifacts.save('../x', 1)", "ArtifactNameError", "lead to other places");
    check("artifacts.save('a\\0', 1)", "ArtifactNameError", "NUL");
    check("artifacts.save('x' * 5000, 1)", "ArtifactNameError", "5000 bytes");
    check("artifacts.save('BIG', 1)", "ArtifactNameError", "'big' is there already and looks the same");
    check("artifacts.save('o', object())", "ArtifactTypeError", "cannot be saved");
    check("artifacts.save('o', 1, ttl=-1)", "ArtifactNameError", "ttl must be");
    check("artifacts.load('big', version=7)", "ArtifactNotFoundError", "has no version 7");
}

#[test]
fn tools_and_resources_say_the_same() {
    let mut client = Client::start();
    let saved = said(&mut client, "save_artifact", json!({"name": "n 1", "data": {"a": [1, 2.5, null]}}));
    assert!(saved.starts_with("saved version 1: n 1 [version 1, application/json, "), "{saved}");
    assert_eq!(value(&mut client, "artifacts.load('n 1')"), "{'a': [1, 2.5, None]}");
    value(&mut client, "artifacts.save('text', 'héllo')");
    let loaded = client.call("load_artifact", json!({"name": "text"}));
    assert_eq!(loaded["content"][1]["text"], "héllo");
    said(&mut client, "save_artifact", json!({"name": "raw", "base64": "/wA="}));
    assert_eq!(value(&mut client, "artifacts.load('raw')"), "b'\\xff\\x00'");
    let link = client.call("load_artifact", json!({"name": "raw"}));
    assert_eq!(link["content"][1]["uri"], "artifact://raw");
    let list = said(&mut client, "list_artifacts", json!({"limit": 2}));
    assert!(list.contains("n 1 [version 1") && list.contains("next: cursor=\"raw\""), "{list}");
    let refused = said(&mut client, "save_artifact", json!({"name": "x"}));
    assert!(refused.contains("needs the argument `data`"), "{refused}");
    let nothing = said(&mut client, "save_artifact", json!({"name": "nothing", "data": null}));
    assert!(
        nothing.starts_with("saved version 1: nothing [version 1, application/json, 4 bytes]"),
        "{nothing}"
    );
    assert_eq!(value(&mut client, "repr(artifacts.load('nothing'))"), "'None'");
    let refused = said(&mut client, "save_artifact", json!({"name": "x", "data": 1, "base64": "AA=="}));
    assert!(refused.contains("give either `data` or `base64`, not both"), "{refused}");
    value(&mut client, "artifacts.save('ascii', b'0123456789')");
    let read = client.request("resources/read", json!({"uri": "artifact://ascii?offset=2&limit=3"})).unwrap();
    let contents = &read["contents"][0];
    // What was saved as bytes stays bytes, whatever they happen to spell.
    assert_eq!((contents["blob"].as_str(), contents.get("text")), (Some("MjM0"), None));
    let refused = said(&mut client, "save_artifact", json!({"name": "x", "base64": "?"}));
    assert!(refused.contains("bytes in base64"), "{refused}");
    let read = client.request("resources/read", json!({"uri": "artifact://text?offset=0&limit=2"})).unwrap();
    let contents = &read["contents"][0];
    assert_eq!(
        (contents["text"].as_str(), contents["_meta"]["actwright/total"].as_i64()),
        (Some("h"), Some(6))
    );
    assert_eq!(contents["_meta"]["actwright/next"], "artifact://text?version=1&offset=1");
    let listed = client.request("resources/list", json!({})).unwrap();
    let uris: Vec<&str> =
        listed["resources"].as_array().unwrap().iter().filter_map(|each| each["uri"].as_str()).collect();
    assert!(uris.contains(&"artifact://n%201") && uris.contains(&"artifact://raw"), "{uris:?}");
    let deleted = said(&mut client, "delete_artifact", json!({"name": "raw"}));
    assert!(deleted.contains("is deleted (version 2)"), "{deleted}");
    let gone = said(&mut client, "load_artifact", json!({"name": "raw"}));
    assert!(gone.contains("was deleted"), "{gone}");
}

#[test]
fn clients_hear_of_artifacts_that_come_and_go() {
    let mut client = Client::start();
    let hears = |client: &mut Client| {
        client.notifications.clear();
        client.notification(|message| message["method"] == "notifications/resources/list_changed");
    };
    value(&mut client, "1");
    // The first look tells what there is; only a later one can find a change.
    client.listen(std::time::Duration::from_secs(1));
    assert!(client.notifications.is_empty(), "{:?}", client.notifications);
    value(&mut client, "artifacts.save('short', 1, ttl=3)['version']");
    hears(&mut client);
    // Its time is over.
    hears(&mut client);
    assert_eq!(value(&mut client, "artifacts.list()"), "[]");
    said(&mut client, "save_artifact", json!({"name": "x", "data": 1}));
    hears(&mut client);
    said(&mut client, "delete_artifact", json!({"name": "x"}));
    hears(&mut client);
    // Another program on the same base directory.
    let file = client.base().join("file");
    std::fs::write(&file, "x").unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["artifacts", "put", "y"]).arg(&file).arg("--base").arg(client.base());
    assert!(command.output().unwrap().status.success());
    hears(&mut client);
    client.notifications.clear();
    client.listen(std::time::Duration::from_secs(2));
    assert!(client.notifications.is_empty(), "{:?}", client.notifications);
}

/// Saves from code go in pieces; the cell prints the number of each when it is answered.
#[test]
fn no_piece_of_what_was_acknowledged_is_lost_when_the_server_is_killed() {
    let rounds = std::env::var("ACTWRIGHT_TEST_KILL_ROUNDS").map_or(ROUNDS / 5, |text| text.parse().unwrap());
    let mut base = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(usize, usize)> = Vec::new();
    for round in 0..rounds {
        let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
        client.initialize("2025-11-25");
        let code = format!(
            "import os, time\nfor n in range(60):\n    with artifacts.open(f'p/{round}-{{n}}', 'wb') as file:\n        for at in range(3):\n            file.write(bytes([({round} * 7 + n + at) % 256]) * 700_000)\n    print(n, flush=True)\n    time.sleep(0.01)"
        );
        let arguments =
            json!({"name": "run_code", "arguments": {"code": code}, "_meta": {"progressToken": "p"}});
        client.send("tools/call", arguments);
        // Not every number is passed on, but what comes after it was saved after it.
        let number =
            |message: &Value| message["params"]["message"].as_str()?.lines().last()?.parse::<usize>().ok();
        let last = client.notification(|message| number(message).is_some_and(|n| n >= round % 5));
        acknowledged.extend((0..=number(&last).unwrap()).map(|n| (round, n)));
        client.kill();
        base = client.part();
    }
    let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
    client.initialize("2025-11-25");
    for (round, n) in acknowledged {
        let code = format!(
            "artifacts.load('p/{round}-{n}') == b''.join(bytes([({round} * 7 + {n} + at) % 256]) * 700_000 for at in range(3))"
        );
        assert_eq!(value(&mut client, &code), "True", "{round}-{n}");
    }
    value(&mut client, "artifacts.save('last', 1)");
    let left = std::fs::read_dir(client.base().join("artifacts/incoming")).unwrap().count();
    assert_eq!(left, 0, "what was not finished leaves nothing");
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed() {
    let rounds = std::env::var("ACTWRIGHT_TEST_KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut base = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(String, i64, String)> = Vec::new();
    let serve = |base| {
        let mut client = Client::spawn_in(base, Wire::Pipes, &[]);
        client.initialize("2025-11-25");
        client
    };
    for round in 0..rounds {
        let mut client = serve(base);
        let sent: Vec<_> = (0..8)
            .map(|n| {
                let name = format!("a/{}", (round + n) % 11);
                let data = format!("{round}-{n} ").repeat(1 + 20_000 * (n % 3));
                let arguments = json!({"name": name, "data": data});
                (
                    name,
                    data,
                    client.send("tools/call", json!({"name": "save_artifact", "arguments": arguments})),
                )
            })
            .collect();
        for (name, data, id) in sent.into_iter().take(round % 8 + 1) {
            let answer = client.answer(&id).unwrap();
            let version = text(&answer).split_once("saved version ").unwrap().1.split_once(':').unwrap().0;
            acknowledged.push((name, version.parse().unwrap(), data));
        }
        client.kill();
        base = client.part();
    }
    let mut client = serve(base);
    for (name, version, data) in acknowledged {
        let code = format!(
            "import hashlib\nartifacts.get({name:?}, version={version})['sha256'] == hashlib.sha256(artifacts.load({name:?}, version={version}).encode()).hexdigest(), len(artifacts.load({name:?}, version={version}))"
        );
        assert_eq!(value(&mut client, &code), format!("(True, {})", data.len()));
    }
    value(&mut client, "artifacts.save('last', 1)");
    let left = std::fs::read_dir(client.base().join("artifacts/incoming")).unwrap().count();
    assert_eq!(left, 0, "what was not finished leaves nothing");
}

#[test]
fn tables_and_arrays_come_back_equal() {
    let python = crate::support::pandas::python();
    let mut client = Client::spawn(Wire::Pipes, &["--python", python.to_str().unwrap()]);
    client.initialize("2025-11-25");
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check(
        "import numpy as np, pandas as pd\nartifacts.save('n', np.arange(6, dtype='<f4').reshape(2, 3)); b = artifacts.load('n'); b.dtype.str, b.tolist()",
        "('<f4', [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])",
    );
    check(
        "big = np.arange(1_000_000); artifacts.save('n', big); (artifacts.load('n') == big).all().item()",
        "True",
    );
    check("artifacts.save('n', np.float32(1.5)); type(artifacts.load('n')).__name__", "'float32'");
    check(
        "f = pd.DataFrame({'i': [1, 2, 3], 'f': [0.1, float('nan'), 3], 's': ['a', '', 'x,\\n\"'], 'b': [True, False, True], 'o': [1, 'a', None], 't': pd.date_range('2026', periods=3, tz='Europe/Berlin'), 'd': pd.to_timedelta([1, 2, None], unit='s'), 'c': pd.Categorical(['x', 'y', None]), 'I': pd.array([1, None, 3], dtype='Int64')})\ndef same(v):\n    artifacts.save('t', v)\n    (pd.testing.assert_frame_equal if isinstance(v, pd.DataFrame) else pd.testing.assert_series_equal)(artifacts.load('t'), v)\n    return artifacts.get('t')['form']\nsame(f)",
        "'DataFrame.csv'",
    );
    check(
        "same(f.set_index('s')), same(f.set_index(['i', 's'])), same(f[['i']].rename(columns={'i': 7}))",
        "('DataFrame.csv', 'DataFrame.csv', 'DataFrame.csv')",
    );
    check(
        "same(f['t']), same(pd.Series([1, 2])), same(pd.Series([1.5], index=['k'], name='n')), same(f.iloc[:0])",
        "('Series.csv', 'Series.csv', 'Series.csv', 'DataFrame.csv')",
    );
    let (kind, words) = raised(&mut client, "artifacts.save('n', np.array([object()]))");
    assert!(kind == "ArtifactTypeError" && words.contains("without pickle"), "{kind}: {words}");
}

/// Fills a table of values and says what of it does not hold.
const FIDELITY: &str = include_str!("artifacts/fidelity.py");

/// Runs the table in a session; gives how many rows it has.
pub fn check_fidelity(client: &mut Client) -> usize {
    value(client, &format!("{FIDELITY}\ncount, found = all_tried()"));
    assert_eq!(value(client, "found"), "[]");
    value(client, "count").parse().unwrap()
}

#[test]
fn arrays_and_tables_come_back_equal_or_say_as_what() {
    let python = crate::support::pandas::python();
    let mut client = Client::spawn(Wire::Pipes, &["--python", python.to_str().unwrap()]);
    client.initialize("2025-11-25");
    assert!(check_fidelity(&mut client) > 140);
}

#[test]
fn the_command_line_moves_bytes() {
    let base = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_actwright"))
            .arg("artifacts")
            .args(arguments)
            .arg("--base")
            .arg(base.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), said, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (from, to) = (base.path().join("from"), base.path().join("to"));
    std::fs::write(&from, vec![7; 3_000_000]).unwrap();
    let (from, to) = (from.to_str().unwrap(), to.to_str().unwrap());
    assert_eq!(
        run(&["put", "x/y", from, "--description", "seven"]).1,
        "saved x/y [version 1, application/octet-stream, 3000000 bytes]  seven\n"
    );
    assert!(run(&["get", "x/y", to]).0);
    assert_eq!(std::fs::read(to).unwrap(), vec![7; 3_000_000]);
    let again = run(&["get", "x/y", to]);
    assert!(
        !again.0 && again.2.contains("is already there\nhint: name a file that does not exist"),
        "{again:?}"
    );
    let small = base.path().join("small");
    std::fs::write(&small, "x").unwrap();
    let put = ["put", "small", small.to_str().unwrap(), "--tag", "t", "--metadata", r#"{"k": [1]}"#];
    assert!(run(&put).0);
    let shown: Value =
        serde_json::from_str(&run(&["list", "--tag", "t", "--prefix", "sm", "--json"]).1).unwrap();
    assert_eq!(shown[0]["metadata"], json!({"k": [1], "tags": ["t"]}));
    let wrong = run(&["put", "small", small.to_str().unwrap(), "--metadata", "[1]"]);
    assert!(!wrong.0 && wrong.2.contains("`--metadata` is no object of JSON"), "{wrong:?}");
    assert!(run(&["show", "small", "--version", "1"]).0 && !run(&["show", "small", "--version", "2"]).0);
    let pipe = base.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let waits_for_nobody = run(&["put", "pipe", pipe.to_str().unwrap()]);
    assert!(!waits_for_nobody.0 && waits_for_nobody.2.contains("is no file"), "{waits_for_nobody:?}");
    assert!(run(&["rm", "small"]).0 && run(&["gc"]).0);
    assert!(run(&["list"]).1.starts_with("x/y [version 1"));
    let shown: Value = serde_json::from_str(&run(&["show", "x/y", "--json"]).1).unwrap();
    assert_eq!((&shown["size"], &shown["version"]), (&json!(3_000_000), &json!(1)));
    assert_eq!(
        run(&["du"]).1,
        "1 artifacts, 1 versions: 3000000 bytes on the disk, 3000000 bytes of content\n"
    );
    assert_eq!(run(&["rm", "x/y"]).1, "deleted x/y\n");
    assert!(run(&["history", "x/y"]).1.ends_with("2 deleted by command line\n"));
    assert_eq!(run(&["gc"]).1, "gave up 1 versions, 3000000 bytes; removed 1 files\n");
    let gone = run(&["show", "x/z"]);
    assert!(!gone.0 && gone.2.contains("hint: `actwright artifacts list` shows all"), "{gone:?}");
}

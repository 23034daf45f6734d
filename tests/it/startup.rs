//! Starts that cannot go well and ends of every kind: the server answers all the same, says what is wrong, and goes
//! without leaving anything.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::processes::{Process, await_end, await_that, below, below_named, signal};
use crate::support::{Client, Wire, report, text, value};

/// Generous, for a busy machine; what would be wrong takes tens of seconds.
const SOON: Duration = Duration::from_secs(6);

const BUSY: &str = "import subprocess, time\nsubprocess.Popen(['sleep', '7601'])\nprint('begun', flush=True)\ntime.sleep(60)";

/// Opens, lists the tools, and gives what `run_code` says.
fn refusal(mut client: Client) -> String {
    client.initialize("2025-11-25");
    let tools = client.request("tools/list", json!({})).unwrap();
    assert_eq!(tools["tools"].as_array().unwrap().len(), 24);
    let result = client.run("open('/tmp/ran', 'w')");
    assert_eq!(result["isError"], true, "{result}");
    assert!(below_named(client.pid(), "").iter().all(|process| !process.command.contains("__launch")));
    text(&result).to_owned()
}

fn must_say(text: &str, words: &[&str]) {
    for words in words {
        assert!(text.contains(words), "{words:?} is not in {text}");
    }
}

#[test]
fn without_a_python_every_call_says_so() {
    let client = Client::spawn(Wire::Pipes, &["--python", "/nonexistent/python3"]);
    must_say(
        &refusal(client),
        &[
            "no Python session could be started",
            "/nonexistent/python3, which does not exist",
            "`--python`",
            "Nothing was run",
        ],
    );
    let base = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["serve", "--base"]).arg(base.path()).env_clear().env("PATH", "/nonexistent");
    let client = Client::spawn_command(base, Wire::Pipes, command);
    must_say(&refusal(client), &["no Python found", "no `python3` on `PATH`", "actwright doctor"]);
}

#[test]
fn what_is_no_python_is_named() {
    let directory = tempfile::tempdir().unwrap();
    for (name, script, words) in [
        ("talks", "echo hello", "does not answer as Python does"),
        ("fails", "echo broken >&2; exit 3", "fails (exit status: 3): broken"),
    ] {
        let path = directory.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let client = Client::spawn(Wire::Pipes, &["--python", path.to_str().unwrap()]);
        must_say(&refusal(client), &[words, path.to_str().unwrap()]);
    }
}

#[test]
fn a_python_that_hangs_does_not_keep_the_server_from_ending() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("python3");
    fs::write(&path, "#!/bin/sh\nexec sleep 25\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    let mut client = Client::spawn(Wire::Pipes, &["--python", path.to_str().unwrap()]);
    client.initialize("2025-11-25");
    client.send("tools/call", json!({"name": "run_code", "arguments": {"code": "1"}}));
    let start = Instant::now();
    client.finish();
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn a_base_directory_that_cannot_be_written_is_named() {
    let base = tempfile::tempdir().unwrap();
    let file = base.path().join("file");
    fs::write(&file, "").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["serve", "--base"]).arg(file.join("below"));
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    let result = client.run("1");
    must_say(text(&result), &["cannot make the base directory", "file/below", "--base DIR"]);
    assert_eq!(client.finish().code(), Some(1));
}

#[test]
fn a_configuration_that_cannot_be_read_is_said_to_the_client() {
    let client = Client::configured("[sessionz]\nmax = 1", &[]);
    must_say(&refusal(client), &["line 1: unknown key `sessionz`", "did you mean `sessions`?"]);
}

#[test]
fn where_no_sandbox_can_be_built_nothing_runs() {
    let base = tempfile::tempdir().unwrap();
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" serve --base \"$1\"";
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "sh", "-c", script]);
    command.arg(env!("CARGO_BIN_EXE_actwright")).arg(base.path());
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    assert!(client.request("tools/list", json!({})).is_ok());
    for _ in 0..2 {
        let result = client.run("print('ran')");
        assert_eq!(result["isError"], true);
        must_say(text(&result), &["make a user namespace", "Nothing was run", "actwright doctor"]);
        assert!(!text(&result).contains("[stdout]"));
    }
}

/// Runs what follows without the right to make user namespaces, as in many a container.
const WITHOUT_NAMESPACES: &str = r#"
import ctypes, os, struct, sys
def step(code, yes, no, value):
    return struct.pack("HBBI", code, yes, no, value)
load, equal, any_bit, answer = 0x20, 0x15, 0x45, 0x06
rules = [
    step(load, 0, 0, 0), step(equal, 0, 3, {"x86_64": 272, "aarch64": 97}[os.uname().machine]),
    step(load, 0, 0, 16), step(any_bit, 0, 1, 0x10000000),
    step(answer, 0, 0, 0x00050001), step(answer, 0, 0, 0x7FFF0000),
]
code = ctypes.create_string_buffer(b"".join(rules))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"#;

fn without_namespaces(arguments: &[&str]) -> Command {
    let mut command = Command::new("python3");
    command.args(["-c", WITHOUT_NAMESPACES, env!("CARGO_BIN_EXE_actwright")]).args(arguments);
    if std::path::Path::new("/usr/bin/python3").exists() {
        // Root hands level `restricted` over to a user who may not reach one in root's home.
        command.args(["--python", "/usr/bin/python3"]);
    }
    command
}

#[test]
fn sandbox_full_or_restricted_comes_up_without_namespaces_and_says_what_it_is() {
    let base = tempfile::tempdir().unwrap();
    let place = base.path().to_str().unwrap().to_owned();
    let refused = without_namespaces(&["doctor", "--base", &place]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1), "level full is not given up unasked");
    let seen = without_namespaces(&["doctor", "--base", &place, "--sandbox", "full-or-restricted"]).output();
    let seen = String::from_utf8(seen.unwrap().stdout).unwrap();
    must_say(&seen, &["sandbox: full-or-restricted", "sessions are at level `restricted`", "user namespace"]);

    let mut client = Client::spawn_command(
        base,
        Wire::Pipes,
        without_namespaces(&["serve", "--base", &place, "--sandbox", "full-or-restricted"]),
    );
    client.initialize("2025-11-25");
    let result = client.run("import socket\ntry: socket.socket()\nexcept OSError as e: print(e)");
    assert_eq!(report(&result)["status"], "ok", "{result}");
    must_say(&report(&result)["output"].to_string(), &["not permitted"]);
    must_say(&report(&result)["notes"].to_string(), &["level `restricted`", "user namespace"]);
    let result = client.run("1 + 1");
    assert_eq!((&report(&result)["result"], &report(&result)["notes"]), (&json!("2"), &json!([])));
    let forked = client.call("fork_session", json!({}));
    must_say(text(&forked), &["twins need namespaces"]);
}

#[test]
fn sandbox_full_or_restricted_is_full_where_that_can_be_had() {
    let mut client = Client::configured("", &["--sandbox", "full-or-restricted"]);
    let result = client.run("import socket; socket.socket().close()");
    assert_eq!((&report(&result)["status"], &report(&result)["notes"]), (&json!("ok"), &json!([])));
}

/// A server in the middle of a cell, and all that is below it.
fn busy(wire: Wire) -> (Client, Vec<Process>) {
    let mut client = Client::spawn(wire, &[]);
    client.initialize("2025-11-25");
    client.begin("run_code", json!({"code": BUSY}), "t");
    client.await_print("begun");
    let all = below(client.pid());
    assert!(all.iter().any(|process| process.command.contains("sleep 7601")), "{all:?}");
    (client, all)
}

#[test]
fn signals_end_the_server_in_order() {
    for name in ["TERM", "INT", "HUP"] {
        let (mut client, all) = busy(Wire::Pipes);
        signal(client.pid(), name);
        assert_eq!(client.ended(SOON).code(), Some(0), "SIG{name}");
        await_end(&all, Duration::from_secs(2));
        // Also before anybody has said a word, or while Python starts.
        let mut client = Client::spawn(Wire::Pipes, &[]);
        client.initialize("2025-11-25");
        let all = below(client.pid());
        signal(client.pid(), name);
        assert_eq!(client.ended(SOON).code(), Some(0), "SIG{name}");
        await_end(&all, Duration::from_secs(2));
    }
}

#[test]
fn the_end_of_input_in_the_middle_of_a_cell_leaves_nothing() {
    for wire in [Wire::Pipes, Wire::SocketPairs] {
        let (mut client, all) = busy(wire);
        client.close_input();
        assert_eq!(client.ended(SOON).code(), Some(0));
        await_end(&all, Duration::from_secs(2));
    }
}

#[test]
fn a_client_that_stops_reading_and_goes_ends_the_server() {
    let base = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["serve", "--base"]).arg(base.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut input = server.stdin.take().unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let about = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    writeln!(input, "{}", json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": about}))
        .unwrap();
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    writeln!(input, "{}", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).unwrap();
    let call = |id: u32, code: &str| {
        let params = json!({"name": "run_code", "arguments": {"code": code, "session": "new"}});
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params}).to_string()
    };
    writeln!(input, "{}", call(2, BUSY)).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while below_named(server.id(), "sleep 7601").is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
    let all = below(server.id());
    drop(output);
    // The input stays open; the answer to this one finds nobody.
    writeln!(input, "{}", call(3, "1 + 1")).unwrap();
    let start = Instant::now();
    while server.try_wait().unwrap().is_none() {
        if start.elapsed() > SOON {
            server.kill().unwrap();
            panic!("the server does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    await_end(&all, Duration::from_secs(2));
}

#[test]
fn a_client_that_ends_the_input_gets_the_answers_of_short_cells_first() {
    let mut client = Client::spawn(Wire::Pipes, &[]);
    client.initialize("2025-11-25");
    let ids: Vec<_> = (0..10)
        .map(|n| client.send("tools/call", json!({"name": "run_code", "arguments": {"code": n.to_string()}})))
        .collect();
    client.close_input();
    for (n, id) in ids.iter().enumerate() {
        assert_eq!(report(&client.answer(id).unwrap())["result"], json!(n.to_string()));
    }
}

/// The one file of compiled code in a cache directory.
fn compiled_code(cache: &Path) -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir(cache.join("actwright/python"))
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "code"))
        .collect();
    assert!(found.len() < 2, "{found:?}");
    found.pop().unwrap_or_default()
}

/// Kept code is the sum of what it is for, its own sum, and itself.
fn is_sound(kept: &Path) -> bool {
    let bytes = fs::read(kept).unwrap();
    bytes.len() > 64 && Sha256::digest(&bytes[64..]).as_slice() == &bytes[32..64]
}

/// Starts a server with this cache and runs one cell.
fn run_with_cache(cache: &Path) {
    let base = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_actwright"));
    command.args(["serve", "--base"]).arg(base.path());
    command.env("XDG_CACHE_HOME", cache);
    let mut client = Client::spawn_command(base, Wire::Pipes, command);
    client.initialize("2025-11-25");
    assert_eq!(value(&mut client, "len([1, 2])"), "2");
    await_that("the code is kept", || compiled_code(cache).is_file());
}

#[test]
fn the_python_side_is_compiled_once_for_all_base_directories() {
    let cache = tempfile::tempdir().unwrap();
    run_with_cache(cache.path());
    let kept = compiled_code(cache.path());
    let first = (fs::read(&kept).unwrap(), fs::metadata(&kept).unwrap().modified().unwrap());
    run_with_cache(cache.path());
    assert_eq!(first, (fs::read(&kept).unwrap(), fs::metadata(&kept).unwrap().modified().unwrap()));
}

#[test]
fn compiled_code_that_is_damaged_or_of_another_python_is_not_loaded() {
    let cache = tempfile::tempdir().unwrap();
    run_with_cache(cache.path());
    let kept = compiled_code(cache.path());
    let sound = fs::read(&kept).unwrap();
    for damage in [sound.len() / 2, sound.len() - 1] {
        let mut damaged = sound.clone();
        damaged[damage] ^= 0xff;
        fs::write(&kept, damaged).unwrap();
        run_with_cache(cache.path());
        await_that("it is made again", || is_sound(&kept));
    }
    fs::write(&kept, b"").unwrap();
    run_with_cache(cache.path());
    await_that("it is made again", || is_sound(&kept));
    // What it is for and its own sum are right; only the interpreter itself can tell that it is not for it.
    let foreign = b"\x01\x02\r\nno code at all";
    fs::write(&kept, [&sound[..32], &Sha256::digest(foreign), foreign].concat()).unwrap();
    run_with_cache(cache.path());
}

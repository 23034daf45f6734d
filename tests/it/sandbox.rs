//! Runs the escape suite with the real program, and looks from outside at what a killed server leaves behind.
//!
//! `.ci/run user_tests` runs these once more as an ordinary user, whose sandbox is built differently from root's.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// At least so many attempts must be refused; as an ordinary user fewer of them have a control.
const HELD: u64 = 200;

/// The classes, each of which must have something to show.
const CLASSES: [&str; 9] =
    ["files", "processes", "kernel", "network", "resources", "protocol", "python", "sessions", "shared"];

fn binary() -> PathBuf {
    let named = std::env::var_os("BINARY_UNDER_TEST").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_actwright").into())
}

/// The program on a base directory of its own, with a clean environment.
fn actwright(base: &Path, level: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).args(["--sandbox", level]).env_clear();
    for name in ["PATH", "HOME", "TMPDIR"] {
        command.envs(std::env::var_os(name).map(|value| (name, value)));
    }
    if level == "restricted" && is_root() {
        // Root hands these sessions to a user who may not reach an interpreter in root's home.
        command.args(["--python", "/usr/bin/python3"]);
    }
    command.env("ACTWRIGHT_BASE", base).stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn every_attempt_is_refused(level: &str) {
    let base = tempfile::tempdir().unwrap();
    let ended = actwright(base.path(), level, &["doctor", "--attack", "--json"]).output().unwrap();
    let words = String::from_utf8_lossy(&ended.stderr);
    let report: Value =
        serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {words}"));
    let attempts = report["attempts"].as_array().unwrap();
    let wrong: Vec<&Value> =
        attempts.iter().filter(|each| each["verdict"] != "held" && each["verdict"] != "absent").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!((report["ok"].as_bool(), ended.status.code()), (Some(true), Some(0)), "{words}");
    assert_eq!(report["level"], level);
    assert!(report["held"].as_u64().unwrap() >= HELD, "only {} held", report["held"]);
    for class in CLASSES {
        assert!(
            attempts.iter().any(|each| each["class"] == class && each["verdict"] == "held"),
            "nothing held in {class}"
        );
    }
}

#[test]
fn sandbox_full_refuses_every_attempt() {
    every_attempt_is_refused("full");
}

#[test]
fn sandbox_restricted_refuses_every_attempt() {
    every_attempt_is_refused("restricted");
}

#[test]
fn sandbox_off_has_nothing_to_attack() {
    let base = tempfile::tempdir().unwrap();
    let ended = actwright(base.path(), "off", &["doctor", "--attack"]).output().unwrap();
    let words = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(
        words,
        "error: level `off` has no walls to attack\nhint: name a level to attack, such as `--sandbox full`\n"
    );
}

/// Reads every environment that can be read, and all that the interpreter knows.
const HUNT: &str = r#"
import gc, os
wanted = "".join(["secret-", "of-", "the-host"])
found = []
try:
    processes = os.listdir("/proc")
except OSError:
    processes = ["self"]
for name in processes:
    try:
        with open(f"/proc/{name}/environ", "rb") as environ:
            found += [name] if wanted.encode() in environ.read() else []
    except OSError:
        pass
for each in gc.get_objects():
    if isinstance(each, dict):
        found += ["memory" for value in list(each.values()) if isinstance(value, str) and value == wanted and value is not wanted]
print("found" if found else "nothing")
"#;

fn hunt(level: &str) -> String {
    let base = tempfile::tempdir().unwrap();
    let program = base.path().join("hunt.py");
    std::fs::write(&program, HUNT).unwrap();
    let mut command = actwright(base.path(), level, &["run", program.to_str().unwrap()]);
    let ended = command.env("HOST_SECRET", "secret-of-the-host").output().unwrap();
    String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr)
}

#[test]
fn sandbox_shows_nothing_of_the_servers_environment() {
    // The control: without the sandbox the same hunt finds it.
    assert_eq!(hunt("off"), "found\n");
    assert_eq!(hunt("full"), "nothing\n");
    assert_eq!(hunt("restricted"), "nothing\n");
}

/// Looks around the directory of its interpreter, and starts it once more.
const LOOK_AROUND: &str = r#"
import os, subprocess, sys
place = os.path.dirname(os.path.dirname(sys.argv0))
try:
    print(open(os.path.join(place, "secret.txt")).read())
except OSError as error:
    print(type(error).__name__)
print(subprocess.run([sys.executable, "-I", "-c", "print(6 * 7)"], capture_output=True, text=True).stdout.strip())
"#;

/// An interpreter may be reached over a link in somebody's home; that does not make the home a part of Python.
fn a_link_shows_nothing_beside_it(level: &str, expected: &str) {
    let home = tempfile::tempdir().unwrap();
    let reachable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(home.path(), reachable).unwrap();
    std::fs::write(home.path().join("secret.txt"), "secret").unwrap();
    std::fs::create_dir(home.path().join("bin")).unwrap();
    let link = home.path().join("bin/python3");
    std::os::unix::fs::symlink(interpreter(), &link).unwrap();
    let base = tempfile::tempdir().unwrap();
    let program = base.path().join("look.py");
    let named = format!("{:?}", link.to_str().unwrap());
    std::fs::write(&program, LOOK_AROUND.replace("sys.argv0", &named)).unwrap();
    let mut command = Command::new(binary());
    command.args(["run", program.to_str().unwrap(), "--sandbox", level, "--python", link.to_str().unwrap()]);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("ACTWRIGHT_BASE", base.path());
    let ended = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert_eq!(said, expected);
}

/// The system's own where there is one: every user may run it, and it can be linked to from anywhere.
fn interpreter() -> PathBuf {
    let system = PathBuf::from("/usr/bin/python3");
    if system.exists() {
        return system;
    }
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|place| place.join("python3")).find(|file| file.exists()).unwrap()
}

#[test]
fn sandbox_full_shows_nothing_beside_a_link_to_the_interpreter() {
    a_link_shows_nothing_beside_it("off", "secret\n42\n");
    a_link_shows_nothing_beside_it("full", "FileNotFoundError\n42\n");
}

#[test]
fn sandbox_restricted_shows_nothing_beside_a_link_to_the_interpreter() {
    a_link_shows_nothing_beside_it("restricted", "PermissionError\n42\n");
}

/// Leaves processes behind in three ways and then waits.
const LEAVE: &str = r#"
import subprocess, sys, time
mark = "MARK"
sleep = "import time; time.sleep(120)"
deaf = "import signal, time; [signal.signal(n, signal.SIG_IGN) for n in (1, 2, 3, 13, 15)]; time.sleep(120)"
away = "import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); time.sleep(120)"
for code in (sleep, deaf, away):
    subprocess.Popen([sys.executable, "-I", "-S", "-c", code, mark], start_new_session=True)
time.sleep(0.5)
print("left", flush=True)
time.sleep(120)
"#;

/// Kills the server with -9 and looks for what its session had started.
fn nothing_outlives_a_killed_server(level: &str) {
    let base = tempfile::tempdir().unwrap();
    let mark = format!("left-by-{level}-{}-{:?}", std::process::id(), Instant::now());
    let mark: String = mark.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect();
    let mut command = actwright(base.path(), level, &["run", "-"]);
    let mut server = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    server.stdin.take().unwrap().write_all(LEAVE.replace("MARK", &mark).as_bytes()).unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let before = with_words(&mark);
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(line, "left\n");
    assert!(before >= 3, "only {before} processes were seen, so there is nothing to look for");
    let until = Instant::now() + Duration::from_secs(5);
    while with_words(&mark) > 0 {
        assert!(
            Instant::now() < until,
            "{} processes outlive the server at level {level}",
            with_words(&mark)
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// How many processes have this on their command line. It only looks.
fn with_words(words: &str) -> usize {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.filter(|line| String::from_utf8_lossy(line).contains(words)).count()
}

#[test]
fn sandbox_full_leaves_nothing_when_the_server_is_killed() {
    nothing_outlives_a_killed_server("full");
}

#[test]
fn sandbox_restricted_leaves_nothing_when_the_server_is_killed() {
    nothing_outlives_a_killed_server("restricted");
}

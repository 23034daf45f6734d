//! Drives the real binary as a person at a terminal does: good input, bad input, exit codes and words.
//!
//! Each test has a base directory of its own and a clean environment, so that nothing of the machine's
//! configuration takes part.

// Clippy takes only test functions for tests, not what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A base directory that goes away with the test.
struct Base(PathBuf);

impl Base {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("actwright-cli-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        // pyenv's `python3` is a script that needs HOME.
        command.env("HOME", std::env::var_os("HOME").unwrap_or_default());
        command.env("ACTWRIGHT_BASE", &self.0).stdin(Stdio::null());
        command
    }

    fn actwright(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.command(arguments).output().unwrap())
    }
}

impl Drop for Base {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The program that is tested: cargo's, or a copy that another user can reach.
fn binary() -> PathBuf {
    let named = std::env::var_os("BINARY_UNDER_TEST").map(PathBuf::from);
    named.unwrap_or_else(|| env!("CARGO_BIN_EXE_actwright").into())
}

/// What a command left behind.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    fn must(&self, code: i32, stdout: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), stdout), "{self:?}");
    }

    /// Failed with these words on stderr and nothing on stdout.
    fn must_refuse(&self, code: i32, words: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(code), ""), "{self:?}");
        for words in words {
            assert!(self.stderr.contains(words), "{words:?} is not in {}", self.stderr);
        }
    }
}

#[test]
fn version_and_help() {
    let base = Base::new("version");
    let ended = base.actwright(&["--version"]);
    ended.must(0, &format!("actwright {}\n", env!("CARGO_PKG_VERSION")));
    let help = base.actwright(&["--help"]).stdout;
    for command in
        ["serve", "run", "repl", "doctor", "demo", "config", "tools", "skills", "store", "completions"]
    {
        assert!(help.contains(&format!("  {command}")), "{help}");
    }
    assert!(!help.contains("__launch"), "{help}");
}

#[test]
fn config_shows_each_value_with_its_origin() {
    let base = Base::new("config");
    base.file("actwright.toml", "[limits]\nmemory = \"1GB\"\n");
    let output = base.command(&["config", "--timeout", "5"]).env("ACTWRIGHT_FILES", "100").output().unwrap();
    let ended = Ended::from(output);
    for line in [
        "limits.memory = 1000000000  # file",
        "limits.timeout = 5  # flag",
        "limits.files = 100  # environment",
        "limits.processes = 64  # default",
    ] {
        assert!(ended.stdout.lines().any(|shown| shown == line), "{line} is not in {}", ended.stdout);
    }
    let json: Value = serde_json::from_str(&base.actwright(&["config", "--json"]).stdout).unwrap();
    assert_eq!(json["limits.memory"]["value"], 1_000_000_000);
    assert_eq!(json["limits.memory"]["where"], "actwright.toml, line 2");
}

#[test]
fn a_wrong_configuration_is_refused_by_every_command_that_runs_code() {
    let base = Base::new("wrong");
    base.file("actwright.toml", "\n[limits]\nmemroy = 1\n");
    let words = ["actwright.toml, line 3: unknown key `memroy`", "\nhint: did you mean `memory`?"];
    base.actwright(&["config"]).must_refuse(1, &words);
    base.actwright(&["serve"]).must_refuse(1, &words);
    base.actwright(&["doctor"]).must_refuse(1, &words);
    base.actwright(&["run", "-"]).must_refuse(125, &words);
}

#[test]
fn bad_flags_name_what_is_allowed() {
    let base = Base::new("flags");
    for (arguments, words) in [
        (&["config", "--sandbox", "ful"][..], "did you mean `full`?"),
        (&["config", "--memory", "0"], "allowed are 64000000 to"),
        (&["config", "--python", "/no/such/python"], "which does not exist"),
        (&["config", "--log", "lo=u=d"], "is no filter"),
    ] {
        base.actwright(arguments).must_refuse(1, &[words]);
    }
    base.actwright(&["config", "--memory", "lots"]).must_refuse(2, &["is not a size"]);
    base.actwright(&["no-such-command"]).must_refuse(2, &["unrecognized subcommand"]);
    let off = base.command(&["config"]).env("ACTWRIGHT_SANDBOX", "off").output().unwrap();
    Ended::from(off)
        .must_refuse(1, &["only the command line can say that", "hint: start with `--sandbox off`"]);
}

#[test]
fn completions_for_every_shell() {
    let base = Base::new("completions");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = base.actwright(&["completions", shell]);
        assert!(ended.code == Some(0) && ended.stdout.contains("doctor"), "{shell}: {ended:?}");
    }
    base.actwright(&["completions", "cmd"]).must_refuse(2, &["invalid value 'cmd'"]);
}

#[test]
fn run_prints_output_and_value_apart_from_errors() {
    let base = Base::new("run");
    let file = base.file("cell.py", "import sys\nprint('out')\nprint('err', file=sys.stderr)\n6 * 7\n");
    let ended = base.actwright(&["run", &file]);
    ended.must(0, "out\n42\n");
    assert_eq!(ended.stderr, "err\n");
}

#[test]
fn run_ends_with_the_code_of_the_cell() {
    let base = Base::new("codes");
    for (source, code, words) in [
        ("import sys; sys.exit(7)", 7, ""),
        ("import sys; sys.exit(0)", 0, ""),
        ("import sys; sys.exit('no input')", 1, "no input"),
        ("1 / 0", 1, "ZeroDivisionError"),
        ("def f(:", 1, "SyntaxError"),
        ("import os; os._exit(3)", 125, ""),
    ] {
        let file = base.file("cell.py", source);
        let ended = base.actwright(&["run", &file]);
        assert_eq!(ended.code, Some(code), "{source}: {ended:?}");
        assert!(ended.stderr.contains(words), "{source}: {ended:?}");
    }
}

#[test]
fn run_reads_stdin_and_prints_json() {
    let base = Base::new("json");
    let mut child = base
        .command(&["run", "-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"print('out')\n[1, 2]\n").unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    let json: Value =
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    assert_eq!(json["status"], "ok");
    assert_eq!(json["stdout"], "out\n");
    assert_eq!(json["result"], "[1, 2]");
}

#[test]
fn run_stops_at_the_timeout_and_keeps_the_output() {
    let base = Base::new("timeout");
    let file = base.file("cell.py", "print('before', flush=True)\nwhile True: pass\n");
    let start = Instant::now();
    base.actwright(&["run", &file, "--timeout", "1"]).must(124, "before\n");
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
}

#[test]
fn an_interrupt_stops_the_cell() {
    let base = Base::new("interrupt");
    let file = base.file("cell.py", "print('before', flush=True)\nwhile True: pass\n");
    let mut child =
        base.command(&["run", &file]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut seen = [0; 7];
    std::io::Read::read_exact(&mut stdout, &mut seen).unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn run_refuses_what_is_no_cell() {
    let base = Base::new("refuse");
    let binary = base.file("binary.py", b"x = 1\n\xff\xfe\n");
    let large = base.file("large.py", "#".repeat(9_000_000));
    let missing = base.0.join("missing.py");
    for (path, words) in [
        (binary.as_str(), "is not UTF-8: line 2"),
        (large.as_str(), "`limits.source`"),
        (missing.to_str().unwrap(), "cannot open"),
        (base.0.to_str().unwrap(), "Is a directory"),
        ("/dev/zero", "`limits.source`"),
    ] {
        base.actwright(&["run", path]).must_refuse(125, &[words]);
    }
}

#[test]
fn the_repl_keeps_state_between_lines() {
    let base = Base::new("repl");
    let mut child = base
        .command(&["repl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let typed = b"x = 20\n1 / 0\nx + 1\n:nonsense\n:timeout 5\n:reset\n:sessions\n:quit\n";
    child.stdin.take().unwrap().write_all(typed).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.lines().any(|line| line == "21"), "{ended:?}");
    for words in ["ZeroDivisionError", "no command `:nonsense`", "cells may run 5s", "no variables"] {
        assert!(ended.stderr.contains(words), "{words:?} is not in {ended:?}");
    }
}

#[test]
fn the_repl_forks_and_goes_from_one_session_to_another() {
    let base = Base::new("repl-fork");
    std::fs::write(base.0.join("actwright.toml"), "[sessions]\ncheckpoints = \"always\"\n").unwrap();
    let mut child = base
        .command(&["repl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut typed = child.stdin.take().unwrap();
    typed.write_all(b":session\nx = 20\n:fork 2\n").unwrap();
    let mut said = String::new();
    let mut errors = std::io::BufReader::new(child.stderr.take().unwrap());
    while !said.contains("goes on too; `:session S` goes to one of them") {
        assert!(errors.read_line(&mut said).unwrap() > 0, "{said}");
    }
    let twin = said.lines().find(|line| line.starts_with("s_")).unwrap().to_owned();
    let lines = [
        ":session s_",
        "x += 1",
        &format!(":session {}", &twin[..12]),
        "x + 100",
        ":session",
        ":fork 9",
        ":session s_nobody",
        ":quit",
    ];
    typed.write_all(format!("{}\n", lines.join("\n")).as_bytes()).unwrap();
    errors.read_to_string(&mut said).unwrap();
    let ended = Ended::from(child.wait_with_output().unwrap());
    assert!(ended.stdout.lines().any(|line| line == "120"), "{ended:?}");
    for words in ["no session yet", "3 sessions begin with `s_`", "at most 8", "no session `s_nobody`"] {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
    assert_eq!(said.lines().filter(|line| *line == twin).count(), 2, "{said}");
}

#[test]
fn doctor_reports_as_table_and_as_json() {
    let base = Base::new("doctor");
    let ended = base.actwright(&["doctor"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("\npython\n") && ended.stdout.contains("limits of a session"), "{ended:?}");
    let json: Value = serde_json::from_str(&base.actwright(&["doctor", "--json"]).stdout).unwrap();
    assert_eq!(json["ok"], true);
    assert!(json["checks"].as_array().unwrap().iter().all(|check| check["how_proven"].is_string()), "{json}");
}

#[test]
fn doctor_fails_with_the_fix_where_there_is_no_python() {
    let base = Base::new("no-python");
    let output = base.command(&["doctor"]).env("PATH", base.0.join("empty")).env("HOME", &base.0).output();
    let ended = Ended::from(output.unwrap());
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stdout.contains("FAILED") && ended.stdout.contains("fix: "), "{ended:?}");
}

#[test]
fn serve_keeps_a_base_directory_to_its_owner() {
    use std::os::unix::fs::PermissionsExt;
    let outer = Base::new("mode");
    let base = outer.0.join("new/base");
    let ended = outer.actwright(&["serve", "--base", base.to_str().unwrap()]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{ended:?}");
    assert_eq!(Path::new(&base).metadata().unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn the_demo_gives_what_it_promises() {
    let base = Base::new("demo");
    let ended = base.actwright(&["demo"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("('B', 87.0)"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("FAILED"), "{}", ended.stdout);
}

//! Killed at any moment, nothing of it stays: no process, no mount, no directory, and the next start works.
//!
//! Killed is only what this test has started, found below its own server.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::dice::Dice;
use crate::support::processes::{
    Process, await_end, await_that, below, commands_with, is_first_of_its_namespace,
};
use crate::support::{Client, Era, Wire, report, text};

/// On a busy machine even a killed process waits for its turn to end. What would be left behind runs for most of a day.
const SOON: Duration = Duration::from_secs(20);

/// The processes of a server by what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    Launcher,
    Zygote,
    Supervisor,
    Live,
}

const ROLES: [Role; 5] = [Role::Server, Role::Launcher, Role::Zygote, Role::Supervisor, Role::Live];

/// How far below its launcher each stands.
fn depth(role: Role) -> usize {
    match role {
        Role::Server | Role::Launcher => 0,
        Role::Zygote => 1,
        Role::Supervisor => 2,
        Role::Live => 3,
    }
}

fn of_role(client: &Client, role: Role) -> Vec<Process> {
    // The server has other children for a moment, like the interpreter that it asks what it is.
    let launchers = below(client.pid()).into_iter().filter(|process| process.depth == 1);
    let launchers: Vec<_> = launchers.filter(|process| process.command.contains("__launch")).collect();
    if role == Role::Launcher {
        return launchers;
    }
    let all = launchers.iter().flat_map(|launcher| below(launcher.pid));
    let all = all.filter(|process| process.depth == depth(role));
    // Who makes a supervisor stands in its place for a moment, and what that one has made outlives it as it should.
    all.filter(|process| role != Role::Supervisor || is_first_of_its_namespace(process.pid)).collect()
}

/// The child of the server that a process is below, or is.
fn first_below(all: &[Process], process: &Process) -> u32 {
    let above = all.iter().find(|other| other.pid == process.parent);
    above.map_or(process.pid, |parent| first_below(all, parent))
}

fn mounts() -> BTreeSet<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").unwrap();
    // Other tests come and go; a mount point of ours would be named after us or lie in a place of ours.
    table
        .lines()
        .filter(|line| line.contains("actwright") || line.contains("/session"))
        .map(str::to_owned)
        .collect()
}

/// Control groups of this server, in whichever hierarchy.
fn groups(server: u32) -> Vec<PathBuf> {
    let name = format!("actwright-{server}-");
    let (mut found, mut open) = (Vec::new(), vec![PathBuf::from("/sys/fs/cgroup")]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let is_ours = entry.file_name().to_string_lossy().starts_with(&name);
                if is_ours { &mut found } else { &mut open }.push(entry.path());
            }
        }
    }
    found
}

fn await_no_groups(server: u32) {
    await_that(&format!("no control group is left: {:?}", groups(server)), || groups(server).is_empty());
}

/// Everything in a directory and below, without the configuration and what each start makes.
fn content(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_room = [
            "tmp",
            "cache",
            "cache/outputs",
            "packages",
            "packages/work",
            "packages/sets",
            "packages/in-use",
            "packages/replaced",
            "packages/servers",
            "workspaces",
            "store.db",
            "store.db-wal",
            "store.db-shm",
        ]
        .iter()
        .any(|name| path.ends_with(name));
        if !is_room && !path.ends_with("actwright.toml") {
            found.push(path.to_str().unwrap().to_owned());
        }
        if path.is_dir() {
            found.extend(content(&path));
        }
    }
    found
}

/// At this level, with a Python that level `restricted` can start too: root hands over to a user who may not reach
/// one in root's home.
fn flags(level: &str) -> Vec<&str> {
    let mut flags = vec!["--sandbox", level];
    if level == "restricted" && Path::new("/usr/bin/python3").exists() {
        flags.extend(["--python", "/usr/bin/python3"]);
    }
    flags
}

fn start(base: tempfile::TempDir, level: &str) -> Client {
    // So that there is a zygote more, and trials of what it imports.
    let settings = "[packages]\npreload = [\"sqlite3\", \"xml\"]\n";
    fs::write(base.path().join("actwright.toml"), settings).unwrap();
    let mut client = Client::spawn_in(base, Wire::Pipes, &flags(level));
    client.initialize("2025-11-25");
    client
}

/// A cell that writes without end and has started children of every kind. The number is the children's mark.
fn load(mark: &str) -> String {
    format!(
        "import os, subprocess, threading, time\n\
         subprocess.Popen(['sleep', '{mark}'])\n\
         os.system('(trap \"\" HUP INT TERM; setsid sleep {mark}) &')\n\
         print('begun', flush=True)\n\
         while True:\n\
         \x20   print('x' * 5000)\n\
         \x20   subprocess.run(['true'])"
    )
}

/// So often each level is hit.
const ROUNDS: usize = 100;

fn kill_at_random_moments(level: &str, seed: u64) {
    let begun = Instant::now();
    println!("seed {seed}");
    let mut dice = Dice::new(seed);
    let mut hits = BTreeMap::new();
    let before = mounts();
    let mut base = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let mark = format!("7400{}.{}{seed}{round}", if level == "full" { 1 } else { 2 }, std::process::id());
        let mut client = start(base, level);
        let running: Vec<Value> = (0..3).map(|_| client.begin_in("new", &load(&mark))).collect();
        // From the first moment of the start to the middle of the work, which the slow tenth of all rounds sees.
        let is_slow = round % 10 == 0;
        let within = if is_slow { 900 } else { 200 };
        std::thread::sleep(Duration::from_millis(dice.below(within)));
        let role = *dice.one_of(&ROLES);
        let all = below(client.pid());
        let candidates = of_role(&client, role);
        if role == Role::Server {
            *hits.entry("Server").or_insert(0) += 1;
            client.kill();
            await_end(&all, SOON);
            await_no_groups(client.pid());
        } else if !candidates.is_empty() {
            *hits.entry("a part").or_insert(0) += 1;
            let target = dice.one_of::<Process>(&candidates);
            let mut doomed = below(target.pid);
            doomed.push(target.clone());
            target.signal("KILL");
            await_end(&doomed, SOON);
            // Whatever was hit, the server goes on.
            let mut answer = client.run("20 + 22");
            if report(&answer)["status"] == "lost" {
                // It was given to a session that was born at the very moment of the kill, and says so; but only once.
                answer = client.run("20 + 22");
            }
            assert_eq!(report(&answer)["result"], "42", "{role:?}: {answer}");
            if is_slow {
                running.iter().for_each(|id| client.cancel(id));
                let answer = client.run("20 + 22");
                assert_eq!(report(&answer)["result"], "42", "{role:?}: {answer}");
            }
        }
        let (server, all) = (client.pid(), below(client.pid()));
        base = client.part();
        await_end(&all, SOON);
        await_no_groups(server);
        let marked = || commands_with(&mark);
        await_that(&format!("no child of a cell is left after {role:?}: {:?}", marked()), || {
            marked().is_empty()
        });
        assert_eq!(mounts(), before, "{role:?}");
    }
    // The next start cleans what a killed one could not.
    let mut client = start(base, level);
    assert_eq!(report(&client.run("1 + 1"))["result"], "2");
    let base = client.part();
    assert_eq!(content(base.path()), Vec::<String>::new());
    println!("{ROUNDS} rounds at level {level} in {:?}, hit: {hits:?}", begun.elapsed());
}

#[test]
fn killed_at_random_moments_nothing_is_left_of_level_full() {
    kill_at_random_moments("full", 11);
}

#[test]
fn killed_at_random_moments_nothing_is_left_of_level_restricted() {
    kill_at_random_moments("restricted", 12);
}

/// Two sessions with a variable and a child each, and the parts of the first one.
fn two_sessions(level: &str) -> (Client, [String; 2], [String; 2]) {
    let mut client = Client::open(Wire::Pipes, Era::Initialize("2025-11-25"), &flags(level));
    let marks = [0, 1].map(|n| format!("7500{n}.{}", client.pid()));
    let sessions = [0, 1].map(|n| {
        let session = client.new_session();
        let code = format!("import subprocess; x = {n}; subprocess.Popen(['sleep', '{}']); x", marks[n]);
        assert_eq!(report(&client.run_in(&session, &code))["result"], json!(n.to_string()));
        session
    });
    (client, sessions, marks)
}

/// The process of this role that one session's child belongs to.
fn owner(client: &Client, role: Role, mark: &str) -> Process {
    let owners = of_role(client, role);
    let owns = |process: &&Process| below(process.pid).iter().any(|child| child.command.contains(mark));
    owners.iter().find(owns).unwrap().clone()
}

#[test]
fn a_killed_part_of_one_session_costs_only_that_session() {
    for level in ["full", "restricted"] {
        for role in [Role::Supervisor, Role::Live] {
            let (mut client, sessions, marks) = two_sessions(level);
            let victim = owner(&client, role, &marks[0]);
            let doomed = below(victim.pid);
            victim.signal("KILL");
            await_end(&doomed, SOON);
            await_that("its children are gone", || commands_with(&marks[0]).is_empty());
            let result = client.run_in(&sessions[0], "'x' in globals()");
            let run = report(&result);
            // A supervisor takes the copies along; without the live process the session goes on from one.
            let (left, state, words) = match role {
                Role::Live => ("True", "kept", "it went on from a copy"),
                _ => ("False", "reset", "all variables from before are lost"),
            };
            assert_eq!(
                (&run["result"], &run["state"]),
                (&json!(left), &json!(state)),
                "{level} {role:?}: {result}"
            );
            assert!(text(&result).contains(words), "{}", text(&result));
            // Said once, and the other session has noticed nothing.
            let next = client.run_in(&sessions[0], "1");
            assert_eq!((&report(&next)["state"], &report(&next)["notes"]), (&json!("kept"), &json!([])));
            assert_eq!(report(&client.run_in(&sessions[1], "x"))["result"], "1");
            assert_eq!(commands_with(&marks[1]).len(), 1);
        }
    }
}

#[test]
fn a_killed_part_in_the_middle_of_a_cell_is_said_in_its_reply() {
    for level in ["full", "restricted"] {
        for role in [Role::Launcher, Role::Zygote, Role::Supervisor, Role::Live] {
            let (mut client, sessions, marks) = two_sessions(level);
            let id = client.begin_in(&sessions[0], "import time\nprint('begun', flush=True)\ntime.sleep(60)");
            client.await_print("begun");
            owner(&client, role, &marks[0]).signal("KILL");
            let result = client.answer(&id).unwrap();
            let run = report(&result);
            let state = if matches!(role, Role::Live) { "rolled_back" } else { "reset" };
            assert_eq!((&run["status"], &run["state"]), (&json!("lost"), &json!(state)), "{level} {role:?}");
            assert_eq!(run["stdout"], "begun\n");
            assert_eq!(report(&client.run_in(&sessions[0], "1"))["result"], "1");
            assert_eq!(report(&client.run_in("new", "2"))["result"], "2");
        }
    }
}

#[test]
fn a_killed_zygote_costs_only_its_own_sessions() {
    for level in ["full", "restricted"] {
        let (mut client, sessions, marks) = two_sessions(level);
        let zygote = owner(&client, Role::Zygote, &marks[0]);
        let doomed = below(zygote.pid);
        zygote.signal("KILL");
        await_end(&doomed, SOON);
        for session in &sessions {
            let result = client.run_in(session, "'x' in globals()");
            assert_eq!(report(&result)["result"], "False", "{result}");
            assert!(text(&result).contains("all variables from before are lost"), "{}", text(&result));
        }
        assert_ne!(owner_of_first(&client).pid, zygote.pid);
    }
}

fn owner_of_first(client: &Client) -> Process {
    of_role(client, Role::Zygote).remove(0)
}

#[test]
fn killed_at_once_all_parts_but_the_launcher_leave_nothing() {
    // Children that are orphans already, in process groups of their own, and one that makes more of its kind.
    let busy = |mark: &str| {
        format!(
            "import os, subprocess\n\
             for _ in range(8):\n\
             \x20   os.system('(setsid sleep {mark}) & (setsid setsid sh -c \"sleep {mark}; true\") &')\n\
             subprocess.Popen(['sh', '-c', 'while :; do (sleep {mark} & sleep 0.05; kill $!) & sleep 0.02; done'])\n\
             print('begun', flush=True)\n\
             while True:\n\
             \x20   subprocess.run(['true'])"
        )
    };
    let together: [&[Role]; 4] = [
        &[Role::Supervisor, Role::Zygote],
        &[Role::Server, Role::Supervisor],
        &[Role::Server, Role::Zygote, Role::Supervisor],
        &[Role::Zygote, Role::Supervisor, Role::Live],
    ];
    for level in ["full", "restricted"] {
        for (round, roles) in together.iter().cycle().take(12).enumerate() {
            let mut client = start(tempfile::tempdir().unwrap(), level);
            let mark = format!("7600{}.{}{round}", u8::from(level == "full"), client.pid());
            for _ in 0..2 {
                client.begin_in("new", &busy(&mark));
                client.await_print("begun");
            }
            let mut all = below(client.pid());
            let hit: Vec<_> = roles.iter().flat_map(|role| of_role(&client, *role)).collect();
            if roles.contains(&Role::Server) {
                client.kill();
            } else {
                // A server that lives on may just have begun another zygote, of which nothing is hit.
                let struck: BTreeSet<u32> = hit.iter().map(|process| first_below(&all, process)).collect();
                all = all
                    .iter()
                    .filter(|process| struck.contains(&first_below(&all, process)))
                    .cloned()
                    .collect();
            }
            let mut kill = std::process::Command::new("kill");
            let hit = hit.iter().map(|process| process.pid.to_string());
            // One may be gone with another before its turn comes.
            let _ = kill.arg("-KILL").args(hit).output().unwrap();
            await_end(&all, SOON);
            await_that(&format!("nothing is left at {level} after {roles:?}"), || {
                commands_with(&mark).is_empty()
            });
            if roles.contains(&Role::Server) {
                await_no_groups(client.pid());
            }
        }
    }
}

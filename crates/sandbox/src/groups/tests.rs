//! Places and groups on trees of plain files, and what is written into them.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Controller, Groups, Most, Place, Version, own_name, places};

const MOST: Most = Most { memory: 1_000_000_000, processes: 75 };

fn paths(place: &Place) -> (&Path, &Path) {
    (&place.own, &place.top)
}

#[test]
fn each_hierarchy_of_version_one_is_found_by_its_controller() {
    let membership = "4:memory:/jobs/7\n2:cpu,cpuacct:/\n1:name=systemd:/init.scope\n0::/\n";
    let mounts = "\
        33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
        42 31 0:39 / /sys rw,relatime - sysfs sysfs rw\n";
    let found = places(membership, mounts);
    let names: Vec<_> = found.iter().map(|place| (place.version, place.controllers.clone())).collect();
    // What systemd keeps for itself has nothing to hold anybody to.
    let expected = [
        (Version::Two, vec![]),
        (Version::One, vec![Controller::Processor]),
        (Version::One, vec![Controller::Memory]),
    ];
    assert_eq!(names, expected);
    let memory = found.iter().find(|place| place.controllers == [Controller::Memory]).unwrap();
    assert_eq!(
        paths(memory),
        (Path::new("/sys/fs/cgroup/memory/jobs/7"), Path::new("/sys/fs/cgroup/memory"))
    );
    assert_eq!(memory.parents(), std::slice::from_ref(&memory.own));
}

#[test]
fn in_version_two_what_lies_above_may_serve_too() {
    let mounts = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
    let found = places("0::/user.slice/user@1000.service/app.slice/term.scope\n", mounts);
    let above: Vec<PathBuf> = found[0].parents();
    let ends: Vec<_> = above.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(ends, ["term.scope", "app.slice", "user@1000.service", "user.slice", "cgroup"]);
}

#[test]
fn a_mounted_part_is_a_part_and_what_is_outside_of_it_is_no_place() {
    let part = "30 24 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
    let found = places("0::/docker/abc/job\n", part);
    assert_eq!(paths(&found[0]), (Path::new("/sys/fs/cgroup/job"), Path::new("/sys/fs/cgroup")));
    assert_eq!(places("0::/docker/other\n", part), []);
    // Seen from a namespace that it is not in.
    let whole = "30 24 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n";
    assert_eq!(places("0::/../other\n", whole), []);
    assert_eq!(places("", whole), []);
    let blank = "30 24 0:26 / /mnt/my\\040groups rw - cgroup2 cgroup rw\n";
    assert_eq!(places("0::/\n", blank)[0].own, Path::new("/mnt/my groups"));
}

/// A directory as the kernel shows a group of version two.
fn group(directory: &Path, offered: &str, used: &str) {
    fs::create_dir_all(directory).unwrap();
    fs::write(directory.join("cgroup.controllers"), offered).unwrap();
    fs::write(directory.join("cgroup.subtree_control"), used).unwrap();
    fs::write(directory.join("cgroup.procs"), "").unwrap();
}

fn two(own: PathBuf, top: &Path) -> Place {
    Place { version: Version::Two, controllers: Vec::new(), own, top: top.to_owned() }
}

fn read(directory: &Path, name: &str) -> String {
    fs::read_to_string(directory.join(name)).unwrap()
}

/// Plain files refuse nothing, so a directory in a file's place stands for what the kernel refuses.
fn busy(directory: &Path) {
    fs::remove_file(directory.join("cgroup.subtree_control")).unwrap();
    fs::create_dir(directory.join("cgroup.subtree_control")).unwrap();
}

#[test]
fn the_nearest_group_that_can_be_used_is() {
    let top = tempfile::tempdir().unwrap();
    let service = top.path().join("user@1000.service");
    let slice = service.join("app.slice");
    let scope = slice.join("term.scope");
    group(&service, "cpu memory pids io", "memory pids");
    group(&slice, "memory pids", "");
    group(&scope, "memory pids", "");
    // The scope has processes of its own, the client's among them.
    busy(&scope);
    let groups = Groups::make(&[two(scope, top.path())], "actwright-1-2").unwrap();
    let server = slice.join("actwright-1-2");
    // Plain files keep what was written last.
    assert_eq!(read(&slice, "cgroup.subtree_control"), "+pids");
    assert_eq!(read(&server, "cgroup.subtree_control"), "+pids");
    let session = groups.session(MOST).unwrap();
    let directory =
        fs::read_dir(&server).unwrap().flatten().find(|entry| entry.path().is_dir()).unwrap().path();
    assert_eq!(read(&directory, "memory.max"), (MOST.memory + (64 << 20)).to_string());
    assert_eq!(read(&directory, "pids.max"), MOST.processes.to_string());
    assert!(!directory.join("cpu.weight").exists());
    assert!(session.has(Controller::Memory) && !session.has(Controller::Processor));
    assert!(session.words().starts_with("memory, pids in "), "{}", session.words());
    fs::write(directory.join("cgroup.procs"), "").unwrap();
    assert!(!session.is_entered());
    fs::write(directory.join("cgroup.procs"), "17\n18\n").unwrap();
    assert!(session.is_entered());
    assert_eq!(session.entrances().unwrap().len(), 1);
    fs::write(directory.join("memory.events"), "low 0\noom 3\noom_kill 2\noom_group_kill 0\n").unwrap();
    assert_eq!(session.killed_for_memory(), 2);
}

#[test]
fn all_sessions_share_what_one_process_has_on_every_processor() {
    let top = tempfile::tempdir().unwrap();
    let own = top.path().join("server.service");
    group(&own, "cpu memory pids", "");
    Groups::make(&[two(own.clone(), top.path())], "actwright-1-2").unwrap();
    let weight: usize = read(&own.join("actwright-1-2"), "cpu.weight").parse().unwrap();
    assert_eq!(weight % 100, 0);
    assert!((100..=10_000).contains(&weight));
}

#[test]
fn in_a_unit_of_its_own_a_server_steps_aside_and_among_others_it_does_not() {
    let top = tempfile::tempdir().unwrap();
    let own = top.path().join("server.service");
    group(&own, "memory pids", "");
    let me = std::process::id().to_string();
    fs::write(own.join("cgroup.procs"), format!("{me}\n")).unwrap();
    Groups::make(&[two(own.clone(), top.path())], "actwright-1-2").unwrap();
    assert_eq!(read(&own.join("actwright"), "cgroup.procs"), me);

    let shared = top.path().join("session.scope");
    group(&shared, "memory pids", "");
    // The first process of the machine is nobody's child.
    fs::write(shared.join("cgroup.procs"), format!("1\n{me}\n")).unwrap();
    Groups::make(&[two(shared.clone(), top.path())], "actwright-1-3").unwrap();
    assert!(!shared.join("actwright").exists());
}

#[test]
fn where_nothing_can_be_made_the_reason_is_said() {
    assert!(Groups::make(&[], "actwright-1-2").unwrap_err().to_string().contains("no control groups"));
    let top = tempfile::tempdir().unwrap();
    group(top.path(), "memory", "");
    busy(top.path());
    let error = Groups::make(&[two(top.path().to_owned(), top.path())], "actwright-1-2").unwrap_err();
    assert!(error.to_string().contains(top.path().to_str().unwrap()), "{error}");
    assert!(!top.path().join("actwright-1-2").exists());
}

#[test]
fn groups_of_servers_that_have_ended_are_removed_and_others_are_not() {
    let top = tempfile::tempdir().unwrap();
    let place = Place {
        version: Version::One,
        controllers: vec![Controller::Processes],
        own: top.path().to_owned(),
        top: top.path().to_owned(),
    };
    // Nobody has this number: the kernel gives none above four million.
    let ended = top.path().join("actwright-4999999-17");
    fs::create_dir_all(ended.join("session-1")).unwrap();
    let alive = top.path().join(own_name());
    fs::create_dir(&alive).unwrap();
    for other in ["actwright", "actwright-x-1", "user.slice"] {
        fs::create_dir(top.path().join(other)).unwrap();
    }
    Groups::make(&[place], "actwright-1-2").unwrap();
    assert!(!ended.exists());
    let mut left: Vec<_> = fs::read_dir(top.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let mut expected = vec!["actwright".to_owned(), "actwright-1-2".to_owned(), own_name()];
    expected.extend(["actwright-x-1".to_owned(), "user.slice".to_owned()]);
    expected.sort();
    assert_eq!(left, expected);
}

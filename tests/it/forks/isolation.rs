//! Twins are as far from each other as any two sessions: what was made before the fork leads nowhere.

use serde_json::json;

use super::{always, fork, prepare, run_in, value};
use crate::support::{Client, report, text};

#[test]
fn namespaces_are_their_own_and_show_nobody_else() {
    let mut client = always();
    prepare(&mut client, "import os");
    let before = value_of_default(&mut client, SPACES);
    let all = fork(&mut client, 2);
    let mut seen: Vec<String> = before.split(' ').map(str::to_owned).collect();
    for session in &all {
        let spaces = value(&mut client, session, SPACES);
        seen.extend(spaces.trim_matches('\'').split(' ').map(str::to_owned));
        let pids = value(
            &mut client,
            session,
            "sorted(int(name) for name in os.listdir('/proc') if name.isdigit())",
        );
        // Its supervisor, itself, and its frozen copies.
        assert!(pids.starts_with("[1, 3") && pids.matches(',').count() <= 6, "{pids}");
        assert_eq!(value(&mut client, session, "os.getppid()"), "1");
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((count, seen.len()), (28, 28), "{seen:?}");
}

const SPACES: &str = "' '.join(os.readlink('/proc/self/ns/' + name) for name in \
                      ('user', 'mnt', 'pid', 'net', 'ipc', 'uts', 'cgroup'))";

fn value_of_default(client: &mut Client, code: &str) -> String {
    let result = client.run(code);
    report(&result)["result"].as_str().unwrap().trim_matches('\'').to_owned()
}

#[test]
fn what_was_open_between_them_is_closed_and_said_to_be() {
    let mut client = always();
    prepare(
        &mut client,
        "import os, select, socket\nread, write = os.pipe(); one, other = socket.socketpair()\n\
         memory = os.memfd_create('m'); event = os.eventfd(0) if hasattr(os, 'eventfd') else memory\n\
         port = socket.create_server(('127.0.0.1', 0)); watch = select.epoll()",
    );
    let forked = client.call("fork_session", json!({}));
    let said = text(&forked);
    for what in ["(pipe)", "(socket)", "memfd", "(eventpoll)"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    for session in super::handles(&forked) {
        let tried = "def refused(call, *given):\n    try: call(*given)\n    except OSError as error: return error.errno\n\
                     [refused(os.write, write, b'x'), refused(os.read, read, 1), refused(os.write, memory, b'x'),\n\
                     refused(one.send, b'x'), refused(other.recv, 1), refused(port.accept)]";
        assert_eq!(value(&mut client, &session, tried), "[9, 9, 9, 9, 9, 9]");
        // A number that is still held by its owner is nobody else's, and closing it closes nothing of ours.
        let held = "new = open('new', 'w'); one.close(); other.close(); port.close(); watch.close()\n\
                    for number in {read, write, memory, event}: os.close(number)\nnew.write('x'), new.close()";
        assert_eq!(value(&mut client, &session, held), "(1, None)");
    }
}

#[test]
fn names_and_signals_of_one_mean_nothing_to_the_other() {
    let mut client = always();
    prepare(
        &mut client,
        "import ctypes, os, signal, socket\nlibc = ctypes.CDLL(None, use_errno=True)\n\
         segment = libc.shmget(77, 4096, 0o1600)\nopen('/dev/shm/shared', 'w').write('before')\nos.mkfifo('fifo')\n\
         def refused(call, *given):\n    try: call(*given)\n    except OSError as error: return error.errno\n\
         def connect(family, address):\n    s = socket.socket(family); s.settimeout(2); return refused(s.connect, address)",
    );
    let all = fork(&mut client, 1);
    let (one, other) = (&all[0], &all[1]);
    let opened = value(
        &mut client,
        one,
        "abstract = socket.socket(socket.AF_UNIX); abstract.bind('\\0twin'); abstract.listen()\n\
         named = socket.socket(socket.AF_UNIX); named.bind('named'); named.listen()\n\
         port = socket.create_server(('127.0.0.1', 4711)); pipe = os.open('fifo', os.O_RDONLY | os.O_NONBLOCK)\n\
         open('/dev/shm/shared', 'w').write('after')\nconnect(socket.AF_UNIX, '\\0twin'), os.getpid()",
    );
    assert_eq!(opened, "(None, 3)");
    let tried = value(
        &mut client,
        other,
        "connect(socket.AF_UNIX, '\\0twin'), connect(socket.AF_UNIX, 'named'), \
         connect(socket.AF_INET, ('127.0.0.1', 4711)), refused(os.open, 'fifo', os.O_WRONLY | os.O_NONBLOCK), \
         open('/dev/shm/shared').read(), libc.shmget(77, 4096, 0)",
    );
    assert_eq!(tried, "(111, 2, 111, 6, 'before', -1)");
    // Everything that can be signalled is killed, which is the twin itself and nobody else.
    let killed =
        run_in(&mut client, other, "os.kill(-1, signal.SIGKILL); os.kill(os.getpid(), signal.SIGKILL)");
    assert_eq!(report(&killed)["status"], "lost", "{killed}");
    assert_eq!(value(&mut client, one, "port.fileno() > 2, os.getpid()"), "(True, 3)");
}

#[test]
fn no_call_leads_from_one_to_the_other() {
    let mut client = always();
    let calls = if cfg!(target_arch = "x86_64") {
        "{'ptrace': 101, 'setns': 308, 'unshare': 272, 'process_vm_readv': 310, 'kcmp': 312, 'pidfd_getfd': 438}"
    } else {
        "{'ptrace': 117, 'setns': 268, 'unshare': 97, 'process_vm_readv': 270, 'kcmp': 272, 'pidfd_getfd': 438}"
    };
    prepare(
        &mut client,
        &format!(
            "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n\
             def tried(number, *given): return libc.syscall(number, *given), ctypes.get_errno()\n\
             space = os.open('/proc/self/ns/user', os.O_RDONLY)\ncalls = {calls}"
        ),
    );
    for session in fork(&mut client, 1) {
        let all = value(&mut client, &session, "{tried(number, 0, 0, 0, 0, 0) for number in calls.values()}");
        assert_eq!(all, "{(-1, 38)}");
        let status = value(
            &mut client,
            &session,
            "[line.split()[1] for line in open('/proc/self/status') if line.startswith(('Cap', 'NoNewPrivs', 'Seccomp:'))]",
        );
        let nothing = "'0000000000000000', ".repeat(5);
        assert_eq!(status, format!("[{nothing}'1', '2']"));
    }
}

#[test]
fn each_has_the_whole_workspace_for_itself() {
    let settings = format!("{}[limits]\nworkspace = \"8MiB\"\n", super::ALWAYS);
    let mut client = Client::configured(&settings, &[]);
    prepare(&mut client, "kept = open('kept', 'wb').write(bytes(2 << 20))");
    for session in fork(&mut client, 2) {
        assert_eq!(value(&mut client, &session, "open('more', 'wb').write(bytes(5 << 20))"), "5242880");
        let full = run_in(&mut client, &session, "open('most', 'wb').write(bytes(3 << 20))");
        assert_eq!(report(&full)["error"]["type"], "OSError", "{full}");
    }
}

#[test]
fn each_has_its_own_share_of_processes_and_memory() {
    let settings = format!("{}[limits]\nprocesses = 20\nmemory = \"512MB\"\n", super::ALWAYS);
    let mut client = Client::configured(&settings, &[]);
    prepare(&mut client, "import subprocess");
    let all = fork(&mut client, 1);
    for session in &all {
        let started = "children = [subprocess.Popen(['sleep', '60']) for _ in range(15)]; len(children)";
        assert_eq!(value(&mut client, session, started), "15");
        assert_eq!(value(&mut client, session, "held = bytearray(300 << 20); len(held)"), "314572800");
    }
    for session in &all {
        let more =
            run_in(&mut client, session, "more = [subprocess.Popen(['sleep', '60']) for _ in range(15)]");
        assert_eq!(report(&more)["error"]["type"], "BlockingIOError", "{more}");
        let much = run_in(&mut client, session, "more = bytearray(300 << 20)");
        assert_eq!(report(&much)["error"]["type"], "MemoryError", "{much}");
        assert_eq!(
            value(&mut client, session, "len(held), sum(child.poll() is None for child in children)"),
            "(314572800, 15)"
        );
    }
}

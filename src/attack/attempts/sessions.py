"""Attempts of one session on another that lives beside it, and on the time after its own end."""

import contextlib
import ctypes
import json
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

from attack import Absent, Refused, expect_token, libc, reaches, read, syscall, target

PTRACE_SEIZE = 0x4206

_kept = []
_planted = {}


def _sleeper():
    """A process of the session that the runner can tell by its command line."""
    code = "import time; time.sleep(60)"
    made = subprocess.Popen([sys.executable, "-I", "-S", "-c", code, target.mark], stdout=subprocess.DEVNULL)
    _kept.append(made)
    time.sleep(0.2)
    return made


def prepare_process():
    """A victim with a process, a file and a variable."""
    _sleeper()
    with open("secret.txt", "w", encoding="utf-8") as made:
        made.write(target.token)
    return json.dumps({"workspace": os.getcwd()})


def _serve(listener):
    while True:
        connection, _ = listener.accept()
        connection.sendall(target.token.encode())
        connection.close()


def prepare_listeners():
    tcp = socket.create_server(("127.0.0.1", 0))
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0{target.mark}")
    abstract.listen()
    pathname = socket.socket(socket.AF_UNIX)
    pathname.bind("listener")
    pathname.listen()
    for listener in (tcp, abstract, pathname):
        threading.Thread(target=_serve, args=[listener], daemon=True).start()
    return json.dumps({"port": tcp.getsockname()[1], "workspace": os.getcwd()})


def _take(family, address):
    with socket.socket(family) as made:
        made.settimeout(3)
        made.connect(address)
        return expect_token(made.recv(100))


def reach_loopback():
    return _take(socket.AF_INET, ("127.0.0.1", target.victim["told"]["port"]))


def reach_abstract():
    return _take(socket.AF_UNIX, f"\0{target.mark}")


def reach_pathname():
    # The whole path may be longer than a socket's address can be.
    os.chdir(target.victim["told"]["workspace"])
    return _take(socket.AF_UNIX, "listener")


def _victim():
    if not target.victim["pids"]:
        raise Absent("the other session's process was not seen")
    return target.victim["pids"][0]


def signal_process():
    os.kill(_victim(), signal.SIGURG)
    return "the other session took a signal"


def kill_group():
    os.killpg(_victim(), 0)
    return "the other session may be signalled"


def prepare_group():
    code = "import os, time; os.setpgid(0, 0); time.sleep(60)"
    _kept.append(subprocess.Popen([sys.executable, "-I", "-S", "-c", code, target.mark]))
    time.sleep(0.3)
    return json.dumps({})


def trace_process():
    syscall("ptrace", PTRACE_SEIZE, _victim(), 0, 0)
    return "the other session is traced"


def read_process_memory():
    os.close(os.open(f"/proc/{_victim()}/mem", os.O_RDONLY))
    return "opened"


def read_process_environment():
    return f"{len(read(f'/proc/{_victim()}/environ'))} bytes"


def limit_process():
    resource.prlimit(_victim(), resource.RLIMIT_CORE, (0, 0))
    return "set a limit of the other session"


def slow_process():
    os.setpriority(os.PRIO_PROCESS, _victim(), 1)
    return "slowed the other session"


def read_workspace_by_process():
    return expect_token(read(f"/proc/{_victim()}/cwd/secret.txt"))


def read_workspace():
    """By its path on the host, where it has one; in its own place there is another workspace."""
    path = os.path.join(target.victim["told"]["workspace"], "secret.txt")
    return expect_token(read(path))


def list_workspaces():
    """Next to its own."""
    beside = os.path.dirname(target.victim["told"]["workspace"])
    mine = os.path.basename(os.getcwd())
    others = [name for name in os.listdir(beside) if name.startswith("actwright") and name != mine]
    if not others:
        raise Refused("not there")
    return f"{len(others)} other workspaces"


def change_workspace():
    path = os.path.join(target.victim["told"]["workspace"], "secret.txt")
    os.chmod(path, 0)
    return "closed the other session's file"


def prepare_segment():
    key = int(target.token[:7], 16)
    made = libc.shmget(key, 4096, 0o1666)
    if made == -1:
        raise OSError(ctypes.get_errno(), "shmget")
    return json.dumps({"key": key})


def read_segment():
    segment = libc.shmget(target.victim["told"]["key"], 0, 0)
    if segment == -1:
        raise OSError(ctypes.get_errno(), "shmget")
    libc.shmctl(segment, 0, None)
    return "the other session's segment"


def prepare_shared_file():
    with open(f"/dev/shm/{target.mark}", "w", encoding="utf-8") as shared:
        shared.write(target.token)
    return json.dumps({})


def read_shared_file():
    try:
        return expect_token(read(f"/dev/shm/{target.mark}"))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(f"/dev/shm/{target.mark}")


# One of two twins on the other: what they had when they were one, and what the other does since.


def rest():
    return json.dumps({})


def plant_descriptors():
    reader, writer = os.pipe()
    os.write(writer, target.token.encode())
    one, other = socket.socketpair()
    one.sendall(target.token.encode())
    memory = os.memfd_create("planted")
    os.write(memory, target.token.encode())
    _planted.update(pipe=reader, pair=other.fileno(), memory=memory, held=(writer, one, other))
    return json.dumps({})


def twin_pipe():
    return expect_token(os.read(_planted["pipe"], 100))


def twin_pair():
    return expect_token(os.read(_planted["pair"], 100))


def twin_memory_file():
    return expect_token(os.pread(_planted["memory"], 100, 0))


def plant_position():
    with open("shared", "w", encoding="utf-8") as made:
        made.write(target.token)
    _planted["file"] = os.open("shared", os.O_RDONLY)
    return json.dumps({})


def move_position():
    os.lseek(_planted["file"], 5, os.SEEK_SET)
    return json.dumps({})


def twin_position():
    if os.lseek(_planted["file"], 0, os.SEEK_CUR) != 5:
        raise Refused("other position")
    return "the other's position"


def plant_map():
    made = _planted["map"] = mmap.mmap(-1, 4096)
    made[: len(target.token)] = target.token.encode()
    return json.dumps({})


def twin_map():
    return expect_token(bytes(_planted["map"]))


def twin_segment():
    return read_segment()


def twin_loopback():
    return reach_loopback()


def twin_abstract():
    return reach_abstract()


def twin_signal():
    return signal_process()


def twin_trace():
    return trace_process()


def twin_memory():
    return read_process_memory()


def twin_file():
    return expect_token(read("secret.txt"))


def plant_namespace():
    _planted["namespace"] = os.open("/proc/self/ns/net", os.O_RDONLY)
    return json.dumps({})


def twin_namespace():
    return reaches("setns", _planted["namespace"], 0)


def _fill_line():
    """In a process that was just copied: its end of the line to the copy, filled before anybody else speaks."""
    reader, _ = os.pipe()
    for number in range(3, 1024):
        with contextlib.suppress(OSError):
            held = socket.socket(fileno=os.dup(number))
            _kept.append(held)
            if held.type == socket.SOCK_SEQPACKET:
                socket.send_fds(held, [b"d"], [reader], socket.MSG_DONTWAIT)


def plant_line():
    os.register_at_fork(after_in_parent=_fill_line)
    return json.dumps({})


def twin_line():
    return "a twin was furnished with what it had planted"


def first_in_line():
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    one.sendall(target.token.encode())
    one.sendall(b"what comes later")
    return expect_token(other.recv(100))


# What should not outlive its session: each leaves processes behind that carry the mark, in another way.


def _leave(code):
    subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, target.mark],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(0.2)
    return "left a process"


SLEEP = "import time; time.sleep(90)"
DEAF = (
    "import signal, time\n"
    "for number in range(1, 32):\n"
    "    if number not in (9, 19): signal.signal(number, signal.SIG_IGN)\n"
    "time.sleep(90)"
)
DAEMON = (
    "import os, time\n"
    "if os.fork(): os._exit(0)\n"
    "os.setsid()\n"
    "if os.fork(): os._exit(0)\n"
    "os.closerange(0, 100)\n"
    "time.sleep(90)"
)
RESTLESS = (
    "import os, time\n"
    "until = time.monotonic() + 90\n"
    "while time.monotonic() < until:\n"
    "    if os.fork(): os._exit(0)\n"
    "    time.sleep(0.002)"
)
STOPPED = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"


def outlive_closing():
    return _leave(SLEEP)


def outlive_closing_deaf():
    return _leave(DEAF)


def outlive_closing_as_daemon():
    return _leave(DAEMON)


def outlive_closing_stopped():
    return _leave(STOPPED)


def outlive_closing_by_forking_on():
    """Never the same process for longer than two milliseconds."""
    return _leave(RESTLESS)


def outlive_reset():
    return _leave(DAEMON)


def outlive_exit():
    _leave(DAEMON)
    os._exit(1)


def outlive_timeout():
    _leave(DEAF)
    _leave(DAEMON)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        time.sleep(1)


def _flood():
    """Says to every socket of packets, as fast as it can, that a copy is there."""
    said = b"\x81\xa6Parked\x92\x03\x01"
    sockets = []
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            made = socket.socket(fileno=os.dup(int(name)))
            if made.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_SEQPACKET:
                sockets.append(made)
    until = time.monotonic() + 60
    while sockets and time.monotonic() < until:
        for made in sockets:
            with contextlib.suppress(OSError):
                made.send(said, socket.MSG_DONTWAIT)


def outlive_timeout_behind_a_flood():
    """Whoever should end the session is kept busy by it."""
    _leave(DAEMON)
    for _ in range(16):
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _flood()
            os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _flood()
    time.sleep(60)


def outlive_closing_behind_a_flood():
    left = _leave(DAEMON)
    for _ in range(16):
        if os.fork() == 0:
            _flood()
            os._exit(0)
    return left


def outlive_interrupt():
    _leave(DAEMON)
    time.sleep(60)


def outlive_cancelling():
    _leave(DEAF)
    time.sleep(60)

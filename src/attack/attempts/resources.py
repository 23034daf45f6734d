"""Attempts to use up more of the machine than a session's share, each bounded by itself too."""

import builtins
import contextlib
import ctypes
import mmap
import os
import resource
import signal
import sys
import threading
import time

from attack import Refused, libc, target

MEGABYTE = 1 << 20


def _forks(most):
    children = []
    try:
        for _ in range(most):
            child = os.fork()
            if child == 0:
                time.sleep(10)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
        for child in children:
            os.waitpid(child, 0)
    return f"{most} processes at once"


def fork_many():
    return _forks(500)


def fork_twice():
    return _forks(2)


def fork_in_turns():
    """Children that make children: the limit is for all of them together."""
    reader, writer = os.pipe()
    first = os.fork()
    if first == 0:
        os.setpgid(0, 0)
        try:
            for _ in range(9):
                os.fork()
            os.write(writer, b".")
            time.sleep(3)
        finally:
            os._exit(0)
    os.close(writer)
    made, until = 0, time.monotonic() + 2
    os.set_blocking(reader, False)
    while time.monotonic() < until:
        with contextlib.suppress(BlockingIOError):
            made += len(os.read(reader, 4096))
        time.sleep(0.05)
    with contextlib.suppress(OSError):
        os.killpg(first, signal.SIGKILL)
    os.waitpid(first, 0)
    if made < 500:
        raise Refused("EAGAIN")
    return f"{made} processes at once"


def _threads(most):
    end = threading.Event()
    made = []
    try:
        for _ in range(most):
            thread = threading.Thread(target=end.wait, daemon=True)
            thread.start()
            made.append(thread)
    finally:
        end.set()
        for thread in made:
            thread.join()
    return f"{most} threads at once"


def start_many_threads():
    return _threads(500)


def start_two_threads():
    return _threads(2)


def _files(most):
    opened = []
    try:
        for _ in range(most):
            opened.append(os.open("/dev/null", os.O_RDONLY))
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return f"{most} files at once"


def open_many_files():
    return _files(5000)


def open_ten_files():
    return _files(10)


def allocate_much():
    return f"{len(bytearray(3000 * MEGABYTE))} bytes"


def allocate_little():
    return f"{len(bytearray(10 * MEGABYTE))} bytes"


def _map(size):
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as made:
        made[0] = 1
    return f"{size} bytes"


def map_much():
    return _map(3000 * MEGABYTE)


def map_little():
    return _map(MEGABYTE)


def grow_heap():
    """Below Python's own bookkeeping."""
    libc.malloc.restype = ctypes.c_void_p
    place = libc.malloc(ctypes.c_size_t(3000 * MEGABYTE))
    if not place:
        raise OSError(ctypes.get_errno(), "malloc")
    libc.free(ctypes.c_void_p(place))
    return "three gigabytes"


def grow_heap_a_little():
    libc.malloc.restype = ctypes.c_void_p
    libc.free(ctypes.c_void_p(libc.malloc(ctypes.c_size_t(MEGABYTE))))
    return "a megabyte"


def _sparse(size):
    with open("sparse", "wb") as made:
        made.truncate(size)
    os.unlink("sparse")
    return f"a file of {size} bytes"


def make_sparse_file():
    return _sparse(1 << 40)


def make_small_sparse_file():
    return _sparse(MEGABYTE)


def write_beyond_limit():
    with open("far", "wb") as made:
        made.seek(target.workspace_limit + MEGABYTE)
        made.write(b"x")
    return "a file beyond the limit"


def _fill(directory, most):
    """In several files, so that the limit on one is not what stops it."""
    piece, written, names = b"x" * MEGABYTE, 0, []
    try:
        for number in range(most // (4 * MEGABYTE) + 1):
            names.append(os.path.join(directory, f"fill-{number}"))
            with open(names[-1], "wb", buffering=0) as made:
                for _ in range(4):
                    if written < most:
                        written += made.write(piece)
    finally:
        for name in names:
            with contextlib.suppress(OSError):
                os.unlink(name)
    return f"{written} bytes in {directory}"


def fill_workspace():
    return _fill(".", 64 * MEGABYTE)


def fill_temporary():
    return _fill("/tmp", 64 * MEGABYTE)


def fill_shared_memory():
    return _fill("/dev/shm", 64 * MEGABYTE)


def write_a_megabyte():
    return _fill(".", MEGABYTE)


def _names(most):
    os.mkdir("names")
    try:
        for number in range(most):
            os.mknod(f"names/{number}")
    finally:
        for name in os.listdir("names"):
            os.unlink(f"names/{name}")
        os.rmdir("names")
    return f"{most} files"


def make_many_names():
    return _names(210_000)


def make_ten_names():
    return _names(10)


def raise_own_limits():
    _, most = resource.getrlimit(resource.RLIMIT_NPROC)
    try:
        resource.setrlimit(resource.RLIMIT_NPROC, (most + 100, most + 100))
    except ValueError:
        raise Refused("EPERM") from None
    return "a higher limit"


def allow_core_dumps():
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (MEGABYTE, MEGABYTE))
    except ValueError:
        raise Refused("EPERM") from None
    return "cores of a megabyte"


def _lock(size):
    place = mmap.mmap(-1, size)
    address = ctypes.addressof(ctypes.c_char.from_buffer(place))
    if libc.mlock(ctypes.c_void_p(address), ctypes.c_size_t(size)) != 0:
        raise OSError(ctypes.get_errno(), "mlock")
    return f"{size} bytes locked"


def lock_memory():
    return _lock(64 * MEGABYTE)


def lock_a_page():
    return _lock(4096)


def _queue(messages, size):
    # Flags, most messages, their size, messages now, and room that the kernel keeps.
    attributes = (ctypes.c_long * 8)(0, messages, size, 0)
    name = ctypes.c_char_p(f"/{target.mark}"[:200].encode())
    queue = libc.mq_open(name, os.O_CREAT | os.O_RDWR, 0o600, attributes)
    if queue == -1:
        raise OSError(ctypes.get_errno(), "mq_open")
    os.close(queue)
    libc.mq_unlink(name)
    return f"a queue of {messages} messages"


def make_large_queue():
    return _queue(10, 8192)


def make_small_queue():
    return _queue(1, 64)


def recurse_for_ever():
    sys.setrecursionlimit(10**7)

    def deeper(depth):
        return deeper(depth + 1) + 1

    return deeper(1)


def recurse_a_little():
    def deeper(rest):
        return deeper(rest - 1) if rest else "came back"

    return deeper(50)


def print_much():
    line = "x" * 1023 + "\n"
    for _ in range(64 * 1024):
        sys.stdout.write(line)
    return "64 megabytes"


def print_much_below_python():
    line = b"x" * 65535 + b"\n"
    for _ in range(1024):
        os.write(1, line)
    return "64 megabytes"


def print_a_line():
    print("a line")
    return "a line"


def spin():
    until = time.monotonic() + 60
    while time.monotonic() < until:
        pass
    return "a minute"


def spin_and_swallow():
    """Ignores the interrupt, and every exception that it makes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(BaseException):
            time.sleep(0.01)
    return "a minute"


def spin_a_moment():
    time.sleep(0.01)
    return "a moment"


def stop_oneself():
    """A stopped process takes no interrupt."""
    os.kill(os.getpid(), signal.SIGSTOP)
    return "went on by itself"


def crash():
    ctypes.string_at(8)
    return "read nothing"


def leave():
    os._exit(0)


def kill_oneself():
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(5)
    return "survived"


def kill_everybody():
    """Everybody that it may: only the session's own, or the witness will not answer."""
    if not target.inside or os.getppid() != 1:
        raise RuntimeError("only in a process namespace of its own")
    child = os.fork()
    if child == 0:
        time.sleep(10)
        os._exit(0)
    os.kill(-1, signal.SIGKILL)
    os.waitpid(child, 0)
    raise Refused("its own only")


def keep_much():
    with builtins.artifacts.open("attack/much", "wb") as file:
        for _ in range(40):
            file.write(os.urandom(1 << 20))
    return "40 MB are kept"


def keep_little():
    return builtins.artifacts.save("attack/little", b"x")["version"]

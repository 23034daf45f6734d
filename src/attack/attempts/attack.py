"""What every attempt has at hand: raw system calls, where the canaries are, and how to report what happened.

The runner makes this a module of the session. An attempt is a function: it returns a piece of evidence when
it got what it wanted, and raises what refused it.
"""

import ctypes
import errno
import os
import platform
import select
import signal
import time
import types

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

# Where the canaries are; filled in by the runner.
target = types.SimpleNamespace(token="", arm="")

CLONE_NEWTIME, CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS = 0x80, 0x20000, 0x2000000, 0x4000000
CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x8000000, 0x10000000, 0x20000000, 0x40000000

# Numbers on x86-64 and on aarch64; None where an architecture does not have the call.
NUMBERS = {
    "acct": (163, 89), "add_key": (248, 217), "adjtimex": (159, 171), "bpf": (321, 280),
    "capset": (126, 91), "clock_settime": (227, 112), "clone": (56, 220), "clone3": (435, 435),
    "delete_module": (176, 106), "fanotify_init": (300, 262), "finit_module": (313, 273),
    "fsmount": (432, 432), "fsopen": (430, 430), "init_module": (175, 105), "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27), "io_uring_setup": (425, 425), "ioctl": (16, 29),
    "ioperm": (173, None), "iopl": (172, None), "kcmp": (312, 272), "kexec_file_load": (320, 294),
    "kexec_load": (246, 104), "keyctl": (250, 219), "landlock_create_ruleset": (444, 444),
    "memfd_secret": (447, 447), "modify_ldt": (154, None), "mount": (165, 40),
    "mount_setattr": (442, 442), "move_mount": (429, 429), "move_pages": (279, 239),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265), "open_tree": (428, 428),
    "openat2": (437, 437), "perf_event_open": (298, 241), "pidfd_getfd": (438, 438),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pivot_root": (155, 41),
    "process_madvise": (440, 440), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "ptrace": (101, 117), "quotactl": (179, 60), "reboot": (169, 142), "request_key": (249, 218),
    "seccomp": (317, 277), "setns": (308, 268), "settimeofday": (164, 170), "statmount": (457, 457),
    "swapon": (167, 224), "syslog": (103, 116), "umount2": (166, 39), "unshare": (272, 97),
    "userfaultfd": (323, 282), "ioprio_set": (251, 30),
}  # fmt: skip


class Refused(Exception):
    """The sandbox refused in a way that has no number; the message is the name of the refusal."""


class Absent(Exception):
    """This machine has nothing to attack here, sandbox or not."""


def number(name):
    """The number of a system call on this machine."""
    column = {"x86_64": 0, "aarch64": 1}.get(platform.machine())
    found = None if column is None else NUMBERS[name][column]
    if found is None:
        raise Absent(f"no system call {name} on {platform.machine()}")
    return found


def _argument(value):
    return ctypes.c_long(value) if isinstance(value, int) else value


def syscall(name, *arguments):
    """Makes a raw system call."""
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number(name)), *[_argument(value) for value in arguments])
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return result


def reaches(name, *arguments):
    """Makes a call with arguments that do nothing: whatever the kernel answers, it has looked at them.

    Only "no such call" is a refusal; outside, that means that the kernel was built without it.
    """
    try:
        syscall(name, *arguments)
    except OSError as error:
        if error.errno == errno.ENOSYS:
            if not target.inside:
                raise Absent(f"this kernel has no {name}") from None
            raise
        return f"the kernel answered {name} with {errno.errorcode[error.errno]}"
    return f"the kernel answered {name}"


def own_namespaces(flags):
    """Best effort: inside it must not work, and the attempt goes on without."""
    try:
        syscall("unshare", CLONE_NEWUSER | flags)
    except OSError as error:
        if not target.inside:
            raise Absent(f"no user namespaces outside either: {error.strerror}") from None


def told(function):
    """Runs an attempt and puts into words what came of it."""
    try:
        return {"outcome": "done", "by": "", "detail": str(function())[:200]}
    except Absent as error:
        return {"outcome": "absent", "by": "", "detail": str(error)[:200]}
    except Refused as error:
        return {"outcome": "refused", "by": str(error), "detail": ""}
    except OSError as error:
        name = errno.errorcode.get(error.errno, type(error).__name__)
        return {"outcome": "refused", "by": name, "detail": str(error)[:200]}
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return {"outcome": "refused", "by": type(error).__name__, "detail": str(error)[:200]}


def in_child(function):
    """An attempt that changes its process, or dies of it, in a child that is watched for eight seconds."""

    def run():
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            report = told(function)
            os.write(writer, "\n".join(report.values()).encode("utf-8", "replace"))
            os._exit(0)
        os.close(writer)
        try:
            words = _read_until(reader, time.monotonic() + 8)
        finally:
            os.close(reader)
            if words is None:
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
        if words is None:
            raise Refused("timeout")
        if os.WIFSIGNALED(status):
            raise Refused(signal.Signals(os.WTERMSIG(status)).name)
        outcome, by, detail = words.decode("utf-8", "replace").split("\n", 2)
        if outcome == "done":
            return detail
        if outcome == "absent":
            raise Absent(detail)
        code = getattr(errno, by, None)
        raise OSError(code, detail) if code else Refused(by)

    run.__name__ = function.__name__
    return run


def _read_until(reader, deadline):
    taken = b""
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([reader], [], [], left)[0]:
            return None
        piece = os.read(reader, 4096)
        if not piece:
            return taken
        taken += piece


def read(path):
    """The beginning of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return os.read(descriptor, 4096)
    finally:
        os.close(descriptor)


def expect_token(content):
    """Only the canary's own content counts."""
    if target.token.encode() not in content:
        raise Refused("other content")
    return f"read the canary: {len(content)} bytes"

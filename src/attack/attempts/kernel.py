"""Attempts on the kernel, by calls that a session has no business with."""

import ctypes
import fcntl
import mmap
import os
import platform
import shutil
import signal
import subprocess

from attack import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    Absent,
    Refused,
    in_child,
    libc,
    own_namespaces,
    reaches,
    syscall,
    target,
)

TIOCSTI, TIOCLINUX = 0x5412, 0x541C
PR_SET_MM, PR_SET_MM_EXE_FILE = 35, 13


def enter_namespace():
    return reaches("setns", -1, 0)


def _unshare(flags):
    syscall("unshare", CLONE_NEWUSER | flags)
    return "namespaces of its own, with every right in them"


@in_child
def unshare_user():
    return _unshare(0)


@in_child
def unshare_mounts():
    return _unshare(CLONE_NEWNS)


@in_child
def unshare_network():
    return _unshare(CLONE_NEWNET)


@in_child
def unshare_others():
    return _unshare(CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)


@in_child
def unshare_time():
    return _unshare(CLONE_NEWTIME)


def _clone(flags):
    child = syscall("clone", flags | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "a child in namespaces of its own"


@in_child
def clone_user():
    return _clone(CLONE_NEWUSER)


@in_child
def clone_network():
    return _clone(CLONE_NEWUSER | CLONE_NEWNET)


@in_child
def clone_mounts():
    return _clone(CLONE_NEWUSER | CLONE_NEWNS)


@in_child
def clone_user_with_high_bits():
    """The kernel looks at the low half of the flags only; a filter that compares them all would not match."""
    return _clone(CLONE_NEWUSER | 1 << 40)


@in_child
def clone3_user():
    arguments = (ctypes.c_uint64 * 11)()
    arguments[0], arguments[4] = CLONE_NEWUSER, signal.SIGCHLD
    child = syscall("clone3", arguments, ctypes.sizeof(arguments))
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return "a child in namespaces of its own"


def add_key():
    nothing = ctypes.c_char_p(b"")
    return reaches("add_key", nothing, nothing, 0, 0, -99)


def request_key():
    return reaches("request_key", 0, 0, 0, 0)


def control_keys():
    return reaches("keyctl", 9999, 0, 0, 0, 0)


def load_bpf():
    return reaches("bpf", -1, 0, 0)


def open_performance_counter():
    return reaches("perf_event_open", 0, -1, -1, -1, 0)


def set_up_ring():
    return reaches("io_uring_setup", 0, 0)


def handle_page_faults():
    return reaches("userfaultfd", -1)


def load_module():
    return reaches("init_module", 0, 0, 0)


def load_module_file():
    return reaches("finit_module", -1, 0, 0)


def unload_module():
    return reaches("delete_module", 0, 0)


def load_kernel():
    return reaches("kexec_load", 0, 0, 0, 0xFFFFFFFF)


def load_kernel_file():
    return reaches("kexec_file_load", -1, -1, 0, 0, 0xFFFFFFFF)


def restart():
    return reaches("reboot", 0, 0, 0, 0)


def set_time_of_day():
    return reaches("settimeofday", 1, 0)


def set_clock():
    return reaches("clock_settime", 9999, 0)


def adjust_clock():
    return reaches("adjtimex", 0)


def raise_port_level():
    return reaches("iopl", 99)


def allow_ports():
    return reaches("ioperm", -1, 1, 1)


def change_segments():
    return reaches("modify_ldt", 0, 0, 0)


def read_kernel_log():
    return reaches("syslog", 10, 0, 0)


def add_filter():
    return reaches("seccomp", 99, 0, 0)


def add_rules():
    return reaches("landlock_create_ruleset", 0, 0, 1)


def secret_memory():
    return reaches("memfd_secret", -1)


@in_child
def disable_randomisation():
    if libc.personality(ctypes.c_ulong(0x0040000)) == -1:
        raise OSError(ctypes.get_errno(), "personality")
    return "every later program is at a known address"


@in_child
def make_all_executable():
    if libc.personality(ctypes.c_ulong(0x0400000)) == -1:
        raise OSError(ctypes.get_errno(), "personality")
    return "whatever may be read may be run"


def pretend_another_program():
    """With the right, the kernel complains about the descriptor; without, about the right."""
    ctypes.set_errno(0)
    libc.prctl(PR_SET_MM, ctypes.c_ulong(PR_SET_MM_EXE_FILE), ctypes.c_ulong(9999), ctypes.c_ulong(0), 0)
    if ctypes.get_errno() == 1:
        raise OSError(1, "prctl")
    return "the kernel looked at the descriptor"


@in_child
def take_capabilities():
    own_namespaces(0)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    wanted = (ctypes.c_uint32 * 6)(0x200000, 0x200000, 0, 0, 0, 0)
    syscall("capset", header, wanted)
    return "holds CAP_SYS_ADMIN"


@in_child
def become_root():
    os.setresuid(0, 0, 0)
    return "is root"


@in_child
def join_group():
    os.setgroups([0])
    return "is in root's group"


@in_child
def run_before_others():
    os.setpriority(os.PRIO_PROCESS, 0, -5)
    return "runs before others"


@in_child
def run_in_real_time():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return "runs before everything"


def _ioctl(request):
    with open("/dev/null", "rb") as null:
        try:
            syscall("ioctl", null.fileno(), request, ctypes.c_char_p(b"x"))
        except OSError as error:
            if error.errno != 25:
                raise
    return "the driver was asked"


def type_into_terminal():
    return _ioctl(TIOCSTI)


def type_into_terminal_with_high_bits():
    return _ioctl(TIOCSTI | 1 << 32)


def paste_into_console():
    return _ioctl(TIOCLINUX)


def type_by_python():
    with open("/dev/null", "rb") as null:
        try:
            fcntl.ioctl(null, TIOCSTI, b"x")
        except OSError as error:
            if error.errno != 25:
                raise
    return "the driver was asked"


def run_from_memory():
    """A program of one's own may run; it is inside the same walls."""
    made = os.memfd_create("program", 0)
    with open(shutil.which("cat") or "/bin/cat", "rb") as source:
        os.write(made, source.read())
    command = [f"/proc/self/fd/{made}", target.file]
    done = subprocess.run(command, pass_fds=[made], capture_output=True, check=False)
    if target.token.encode() in done.stdout:
        return "the program printed the canary"
    raise Refused("ENOENT" if b"No such file" in done.stderr else "EACCES")


def _machine_code(code):
    if platform.machine() != "x86_64":
        raise Absent("x86-64 only")
    memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    memory.write(code)
    return ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))()


@in_child
def call_as_32_bit():
    """`int 0x80`: the numbers of another architecture, for which a filter by number alone has no rule."""
    child = os.fork()
    if child == 0:
        # push rbx; mov eax, 20 (getpid); int 0x80; pop rbx; ret
        os._exit(1 if _machine_code(b"\x53\xb8\x14\x00\x00\x00\xcd\x80\x5b\xc3") > 0 else 0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        if name == "SIGSEGV" and not target.inside:
            raise Absent("this kernel takes no 32-bit calls")
        raise Refused(name)
    return "a 32-bit call was answered"


@in_child
def unshare_as_32_bit():
    child = os.fork()
    if child == 0:
        # push rbx; mov ebx, CLONE_NEWUSER; mov eax, 310 (unshare); int 0x80; pop rbx; ret
        code = b"\x53\xbb\x00\x00\x00\x10\xb8\x36\x01\x00\x00\xcd\x80\x5b\xc3"
        os._exit(1 if _machine_code(code) == 0 else 0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        if name == "SIGSEGV" and not target.inside:
            raise Absent("this kernel takes no 32-bit calls")
        raise Refused(name)
    if os.WEXITSTATUS(status) == 0:
        raise Absent("no user namespaces outside either")
    return "a user namespace by a 32-bit call"


@in_child
def call_as_x32():
    """The third set of numbers, with bit 30 set."""
    if platform.machine() != "x86_64":
        raise Absent("x86-64 only")
    ctypes.set_errno(0)
    if libc.syscall(ctypes.c_long(0x40000000 + 39)) == -1:
        if not target.inside:
            raise Absent("this kernel takes no x32 calls")
        raise OSError(ctypes.get_errno(), "getpid")
    return "an x32 call was answered"

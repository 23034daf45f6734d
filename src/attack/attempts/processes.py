"""Attempts on the host's processes: to signal them, to look into them, to take what they hold."""

import ctypes
import os
import resource
import signal

from attack import Refused, expect_token, in_child, libc, reaches, read, syscall, target

PTRACE_SEIZE = 0x4206
SUPERVISOR = os.getppid()


def signal_host():
    os.kill(target.pid, signal.SIGURG)
    return "the host's process took a signal"


def signal_by_descriptor():
    descriptor = syscall("pidfd_open", target.pid, 0)
    syscall("pidfd_send_signal", descriptor, int(signal.SIGURG), 0, 0)
    return "the host's process took a signal"


def signal_by_queue():
    if libc.sigqueue(target.pid, int(signal.SIGURG), ctypes.c_void_p(1)) != 0:
        raise OSError(ctypes.get_errno(), "sigqueue")
    return "the host's process took a signal"


def signal_server():
    os.kill(target.server, 0)
    return "the server may be signalled"


def signal_supervisor():
    os.kill(SUPERVISOR, signal.SIGURG)
    return "the supervisor took a signal"


@in_child
def trace_host():
    syscall("ptrace", PTRACE_SEIZE, target.pid, 0, 0)
    return "the host's process is traced"


@in_child
def trace_own_child():
    child = os.fork()
    if child == 0:
        signal.pause()
    try:
        syscall("ptrace", PTRACE_SEIZE, child, 0, 0)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return "a process is traced"


class Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def read_memory_of_host():
    place = ctypes.create_string_buffer(len(target.token))
    here, there = Vector(ctypes.addressof(place), len(place)), Vector(target.memory, len(place))
    syscall("process_vm_readv", target.pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return expect_token(place.raw)


def write_memory_of_host():
    place = ctypes.create_string_buffer(b"changed")
    here, there = Vector(ctypes.addressof(place), 7), Vector(target.scratch, 7)
    syscall("process_vm_writev", target.pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return "changed the host's memory"


def read_memory_file():
    descriptor = os.open(f"/proc/{target.pid}/mem", os.O_RDONLY)
    return expect_token(os.pread(descriptor, len(target.token), target.memory))


def write_memory_file():
    descriptor = os.open(f"/proc/{target.pid}/mem", os.O_WRONLY)
    os.pwrite(descriptor, b"changed", target.scratch)
    return "changed the host's memory"


def read_environment_of_host():
    return expect_token(read(f"/proc/{target.pid}/environ"))


def read_environment_of_server():
    return f"{len(read(f'/proc/{target.server}/environ'))} bytes"


def read_command_of_host():
    return f"{len(read(f'/proc/{target.pid}/cmdline'))} bytes"


def list_processes():
    """Its own few may be seen, the host's may not."""
    if str(target.pid) not in os.listdir("/proc"):
        raise Refused("not listed")
    return "the host's processes are listed"


def read_memory_of_supervisor():
    os.close(os.open(f"/proc/{SUPERVISOR}/mem", os.O_RDONLY))
    return "opened"


def list_descriptors_of_supervisor():
    return f"{len(os.listdir(f'/proc/{SUPERVISOR}/fd'))} descriptors"


@in_child
def trace_supervisor():
    syscall("ptrace", PTRACE_SEIZE, SUPERVISOR, 0, 0)
    return "the supervisor is traced"


def take_descriptor():
    process = syscall("pidfd_open", target.pid, 0)
    return expect_token(os.pread(syscall("pidfd_getfd", process, target.descriptor, 0), 100, 0))


def take_descriptor_call():
    return reaches("pidfd_getfd", -1, 0, 0)


def compare_processes():
    return reaches("kcmp", -1, -1, 99, 0, 0)


def advise_process():
    return reaches("process_madvise", -1, 0, 0, 0, 0)


def move_pages():
    return reaches("move_pages", target.pid, 0, 0, 0, 0, 0xFFFF)


def limit_host():
    resource.prlimit(target.pid, resource.RLIMIT_CORE, (0, 0))
    return "set a limit of the host's process"


def pin_host():
    os.sched_setaffinity(target.pid, os.sched_getaffinity(0))
    return "pinned the host's process"


def slow_host():
    os.setpriority(os.PRIO_PROCESS, target.pid, 1)
    return "slowed the host's process"


def schedule_host():
    os.sched_setscheduler(target.pid, os.SCHED_BATCH, os.sched_param(0))
    return "changed how the host's process is scheduled"


def slow_disk_of_host():
    syscall("ioprio_set", 1, target.pid, (2 << 13) | 7)
    return "slowed the host's process"


def enter_namespace_of_host():
    os.close(os.open(f"/proc/{target.pid}/ns/net", os.O_RDONLY))
    return "a descriptor of the host's network"


def read_host_segment():
    libc.shmat.restype = ctypes.c_void_p
    segment = libc.shmget(target.shm_key, 0, 0)
    if segment == -1:
        raise OSError(ctypes.get_errno(), "shmget")
    place = libc.shmat(segment, None, 0)
    found = ctypes.string_at(place, len(target.token))
    libc.shmdt(ctypes.c_void_p(place))
    return expect_token(found)


def open_host_queue():
    if libc.msgget(target.queue_key, 0) == -1:
        raise OSError(ctypes.get_errno(), "msgget")
    return "the host's message queue"


def guess_host_queue():
    """Without its key: queues are numbered from zero."""
    place = ctypes.create_string_buffer(256)
    for guess in range(64):
        ctypes.set_errno(0)
        if libc.msgctl(guess, 2, place) == 0 or ctypes.get_errno() == 13:
            return "a message queue of the host"
    raise OSError(ctypes.get_errno(), "msgctl")

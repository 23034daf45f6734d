"""Attempts on the host's files: to read them, to change them, to make the walls around them move."""

import ctypes
import hashlib
import os
import shutil
import stat
import struct
import subprocess
import tempfile

from attack import (
    CLONE_NEWNS,
    Absent,
    Refused,
    expect_token,
    in_child,
    own_namespaces,
    reaches,
    read,
    syscall,
    target,
)

AT_FDCWD = -100
MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096


def canary(name):
    return os.path.join(target.directory, name)


def shown(name):
    """In the directory that sessions are shown; reads first, so that there is something to push against."""
    expect_token(read(os.path.join(target.shown, "shown.txt")))
    return os.path.join(target.shown, name)


def read_by_path():
    return expect_token(read(target.file))


def read_by_dots():
    return expect_token(read("./" + "../" * 30 + target.file))


def read_by_symlink():
    os.symlink(target.file, "link")
    return expect_token(read("link"))


def read_by_hard_link():
    os.link(target.file, "hard")
    return expect_token(read("hard"))


def read_by_rename():
    os.rename(canary("moved.txt"), "mine")
    return expect_token(read("mine"))


def read_by_root_link():
    return expect_token(read("/proc/self/root" + "/.." * 10 + target.file))


def read_by_pid_1_root():
    return expect_token(read("/proc/1/root" + target.file))


def read_by_process_root():
    return expect_token(read(f"/proc/{target.pid}/root{target.file}"))


def read_by_process_cwd():
    return expect_token(read(f"/proc/{target.pid}/cwd/canary.txt"))


def read_by_process_descriptor():
    return expect_token(read(f"/proc/{target.pid}/fd/{target.descriptor}"))


def read_by_openat2():
    how = struct.pack("QQQ", os.O_RDONLY, 0, 0)
    path = ctypes.c_char_p(target.file.encode())
    descriptor = syscall("openat2", AT_FDCWD, path, ctypes.c_char_p(how), len(how))
    return expect_token(os.read(descriptor, 100))


def read_by_path_descriptor():
    descriptor = os.open(target.file, os.O_PATH)
    return expect_token(read(f"/proc/self/fd/{descriptor}"))


def read_by_copy():
    return expect_token(read(shutil.copyfile(target.file, "copy")))


def read_by_another_program():
    done = subprocess.run(["cat", target.file], capture_output=True, check=False)
    return _by_words(done)


def read_by_link_in_shown_directory():
    return expect_token(read(shown("way-out")))


def read_by_linker():
    """The dynamic linker opens what it is told to load, and quotes what it finds."""
    done = subprocess.run(["/bin/true"], env={"LD_PRELOAD": target.file}, capture_output=True, check=False)
    if b"invalid ELF header" in done.stderr or b"file too short" in done.stderr:
        return "the linker read the file"
    return _by_words(done)


def _by_words(done):
    if target.token.encode() in done.stdout:
        return "the program printed the canary"
    refusals = {b"No such file": "ENOENT", b"cannot open shared object": "not opened", b"denied": "EACCES"}
    for words, name in refusals.items():
        if words in done.stderr:
            raise Refused(name)
    raise Refused("other content")


def name_to_handle():
    handle = ctypes.create_string_buffer(struct.pack("Ii", 120, 0), 136)
    mount = ctypes.c_int()
    syscall("name_to_handle_at", AT_FDCWD, ctypes.c_char_p(b"."), handle, ctypes.byref(mount), 0)
    return "a handle of a directory"


def open_by_handle():
    handle = ctypes.create_string_buffer(struct.pack("Ii", 8, 1), 136)
    return reaches("open_by_handle_at", AT_FDCWD, handle, 0)


def execute():
    return _by_words(subprocess.run([canary("program")], capture_output=True, check=False))


def list_directory():
    return f"{len(os.listdir(target.directory))} names"


def list_base():
    if not target.inside and not os.path.exists(target.base):
        raise Absent("the server has no base directory yet")
    return f"{len(os.listdir(target.base))} names"


def list_home():
    if not target.inside and not target.home:
        raise Absent("the user has no home directory")
    seen = len(os.listdir(target.home))
    if seen < target.home_names:
        # A directory in it is shown, the interpreter's perhaps, and nothing beside it.
        raise Refused("only what is shown")
    return f"{seen} names"


def enter_directory():
    os.chdir(target.directory)
    return expect_token(read("canary.txt"))


def look_at():
    return f"{os.stat(target.file).st_size} bytes"


def watch():
    watcher = syscall("inotify_init1", 0)
    syscall("inotify_add_watch", watcher, ctypes.c_char_p(target.directory.encode()), 0xFFF)
    return "every name in use there"


def write():
    with open(canary("writable.txt"), "a", encoding="utf-8") as opened:
        opened.write(target.arm)
    return "appended"


def truncate():
    os.truncate(canary("writable.txt"), 0)
    return "emptied"


def create():
    os.close(os.open(canary("open/" + target.arm.replace("/", "-")), os.O_CREAT | os.O_WRONLY, 0o666))
    return "made a file"


def rename():
    os.rename(canary("rename.txt"), canary("open/renamed"))
    return "moved a file"


def unlink():
    os.unlink(canary("unlink.txt"))
    return "removed a file"


def change_mode():
    os.chmod(canary("writable.txt"), 0o600)
    return "closed a file to others"


def change_mode_by_descriptor():
    descriptor = os.open(shown("shown.txt"), os.O_RDONLY)
    os.fchmod(descriptor, 0o600)
    return "closed a file to others"


def change_owner():
    os.chown(canary("writable.txt"), -1, os.stat(canary("writable.txt")).st_gid)
    return "set a file's group"


def change_times():
    os.utime(canary("writable.txt"), (1, 1))
    return "set a file's times"


def change_attribute():
    os.setxattr(canary("writable.txt"), "user.attack", b"1")
    return "set an attribute"


def write_shown():
    with open(shown("shown.txt"), "a", encoding="utf-8") as opened:
        opened.write(target.arm)
    return "appended"


def unlink_shown():
    os.unlink(shown("unlink.txt"))
    return "removed a file"


def change_mode_of_shown():
    os.chmod(shown("shown.txt"), 0o600)
    return "closed a file to others"


def change_times_of_shown():
    os.utime(shown("shown.txt"), (1, 1))
    return "set a file's times"


def write_shown_by_proc():
    descriptor = os.open(shown("shown.txt"), os.O_RDONLY)
    other = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_APPEND)
    os.write(other, target.arm.encode())
    return "changed a read-only file"


def host_shared_memory():
    return expect_token(read(target.shm_file))


def host_users():
    if hashlib.sha256(read("/etc/passwd")).hexdigest() != target.users:
        raise Refused("synthetic")
    return "the host's users"


def host_passwords():
    return f"{len(read('/etc/shadow'))} bytes"


def host_kernel_objects():
    return f"{len(os.listdir('/sys/kernel'))} names"


def open_kernel_log():
    os.close(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK))
    return "opened"


def open_kernel_memory():
    os.close(os.open("/proc/kcore", os.O_RDONLY))
    return "opened"


def open_sysrq():
    os.close(os.open("/proc/sysrq-trigger", os.O_WRONLY))
    return "opened to write"


def open_core_pattern():
    os.close(os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY))
    return "opened to write"


def open_hotplug_helper():
    os.close(os.open("/proc/sys/kernel/modprobe", os.O_WRONLY))
    return "opened to write"


def open_control_groups():
    os.close(os.open("/sys/fs/cgroup/cgroup.procs", os.O_WRONLY))
    return "opened to write"


def open_tun():
    os.close(os.open("/dev/net/tun", os.O_RDWR))
    return "opened"


def open_fuse():
    os.close(os.open("/dev/fuse", os.O_RDWR))
    return "opened"


def open_terminal_maker():
    os.close(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
    return "opened"


def write_system_tree():
    os.close(os.open(f"/usr/.actwright-{target.token}", os.O_CREAT | os.O_WRONLY))
    return "made a file"


def may_write_system_tree():
    """The control: asks, and makes nothing."""
    if not os.access("/usr", os.W_OK):
        raise Refused("EACCES")
    return "may write"


def write_python():
    path = os.path.join(os.path.dirname(os.__file__), f"x{target.token}.py")
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    return "put a module where later sessions look"


def may_write_python():
    """The control: asks, and makes nothing."""
    if not os.access(os.path.dirname(os.__file__), os.W_OK):
        raise Refused("EACCES")
    return "may write"


def make_device():
    os.mknod("disk", stat.S_IFBLK | 0o600, os.makedev(8, 0))
    os.unlink("disk")
    return "made a block device"


def make_file_privileged():
    with open("program", "wb") as made:
        made.write(b"#!/bin/sh\n")
    os.setxattr("program", "security.capability", struct.pack("<IIIII", 0x02000001, 0x200000, 0, 0, 0))
    return "gave a file a capability"


def give_away():
    with open("given", "wb"):
        pass
    os.chown("given", 0, 0)
    return "made a file of root's"


@in_child
def mount_memory():
    place = tempfile.mkdtemp(dir=".")
    own_namespaces(CLONE_NEWNS)
    syscall("mount", ctypes.c_char_p(b"x"), ctypes.c_char_p(place.encode()), ctypes.c_char_p(b"tmpfs"), 0, 0)
    return "mounted a file system"


@in_child
def mount_bind():
    place = tempfile.mkdtemp(dir=".")
    own_namespaces(CLONE_NEWNS)
    here = ctypes.c_char_p(b".")
    syscall("mount", here, ctypes.c_char_p(place.encode()), 0, MS_BIND, 0)
    return "mounted a directory elsewhere"


@in_child
def change_root():
    own_namespaces(CLONE_NEWNS)
    os.chroot(".")
    return "another root"


NOWHERE = ctypes.c_char_p(b"/nonexistent-by-agreement")


def remount():
    return reaches("mount", NOWHERE, NOWHERE, 0, MS_REMOUNT | MS_BIND, 0)


def unmount():
    return reaches("umount2", NOWHERE, 2)


def pivot():
    return reaches("pivot_root", NOWHERE, NOWHERE)


def clone_tree():
    return reaches("open_tree", AT_FDCWD, NOWHERE, 1)


def move_tree():
    return reaches("move_mount", -1, NOWHERE, -1, NOWHERE, 0)


def open_file_system():
    return reaches("fsopen", NOWHERE, 0)


def mount_file_system():
    return reaches("fsmount", -1, 0, 0)


def change_mount():
    return reaches("mount_setattr", -1, NOWHERE, 0, 0, 0)


def list_mounts():
    return reaches("statmount", 0, 0, 0, 0)


def swap():
    return reaches("swapon", NOWHERE, 0)


def account():
    return reaches("acct", NOWHERE)


def quota():
    return reaches("quotactl", -1, NOWHERE, 0, 0)


def watch_everything():
    return reaches("fanotify_init", 0xFFFFFFFF, 0)


"""The host's side of the suite: files, sockets, shared memory and a process of the host, made to be attacked.

Run by the runner as a plain process outside every sandbox, with two directories of its own as arguments: one
to attack, one that sessions are shown read-only. It prints one line of JSON that says where everything is;
every line on its input is answered with what was touched since the last; it goes, and takes everything along,
when its input ends.
"""

import ctypes
import hashlib
import json
import os
import secrets
import select
import socket
import stat
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
PR_SET_PTRACER, ANY = 0x59616D61, ctypes.c_ulong(-1)

directory, shown = sys.argv[1:3]
token = os.environ["ACTWRIGHT_CANARY"]
touched = []


def file(name, mode):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="utf-8") as opened:
        opened.write(token + "\n")
    os.chmod(path, mode)
    return path


def state(path):
    """What would change if somebody had a hand on the file."""
    try:
        seen = os.stat(path)
        with open(path, encoding="utf-8") as opened:
            content = opened.read()
        try:
            attributes = os.listxattr(path)
        except OSError:
            attributes = []
        return [content, stat.S_IMODE(seen.st_mode), seen.st_mtime_ns, seen.st_nlink, seen.st_uid, attributes]
    except OSError as error:
        return str(error)


def listen(family, address, kind=socket.SOCK_STREAM):
    try:
        made = socket.socket(family, kind)
        made.bind(address)
        if kind != socket.SOCK_DGRAM:
            made.listen(64)
    except OSError:
        return None
    made.setblocking(False)
    return made


os.umask(0)
libc.prctl(PR_SET_PTRACER, ANY, 0, 0, 0)
os.chdir(directory)
program = file("program", 0o755)
with open(program, "w", encoding="utf-8") as opened:
    opened.write(f"#!/bin/sh\necho {token}\n")
os.mkdir("open", 0o777)
os.symlink(os.path.join(directory, "canary.txt"), os.path.join(shown, "way-out"))
FILES = {
    "canary.txt": 0o644,
    "writable.txt": 0o666,
    "moved.txt": 0o666,
    "rename.txt": 0o666,
    "unlink.txt": 0o666,
    os.path.join(shown, "shown.txt"): 0o666,
    os.path.join(shown, "unlink.txt"): 0o666,
}
for name, mode in FILES.items():
    file(name, mode)
kept = open("canary.txt", encoding="utf-8")  # noqa: SIM115 - held open on purpose

tcp = listen(socket.AF_INET, ("127.0.0.1", 0))
tcp6 = listen(socket.AF_INET6, ("::1", 0))
udp = listen(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)
abstract = listen(socket.AF_UNIX, f"\0actwright-{token}")
abstract_datagram = listen(socket.AF_UNIX, f"\0actwright-datagram-{token}", socket.SOCK_DGRAM)
unix = listen(socket.AF_UNIX, os.path.join(directory, "stream"))
datagram = listen(socket.AF_UNIX, os.path.join(directory, "datagram"), socket.SOCK_DGRAM)

memory = ctypes.create_string_buffer(token.encode())
scratch = ctypes.create_string_buffer(64)

shm_path = f"/dev/shm/actwright-{token}"
try:
    with open(shm_path, "w", encoding="utf-8") as opened:
        opened.write(token)
    os.chmod(shm_path, 0o666)
except OSError:
    shm_path = None
key = secrets.randbelow(0x7FFF0000) + 1
segment = libc.shmget(key, 4096, 0o1666)
if segment >= 0:
    ctypes.memmove(libc.shmat(segment, None, 0), token.encode(), len(token))
message_queue = libc.msgget(key, 0o1666)

with open("/etc/passwd", "rb") as opened:
    users = hashlib.sha256(opened.read(4096)).hexdigest()

print(
    json.dumps(
        {
            "pid": os.getpid(),
            "directory": directory,
            "shown": shown,
            "file": os.path.join(directory, "canary.txt"),
            "descriptor": kept.fileno(),
            "users": users,
            "tcp": tcp.getsockname()[1] if tcp else None,
            "tcp6": tcp6.getsockname()[1] if tcp6 else None,
            "udp": udp.getsockname()[1] if udp else None,
            "memory": ctypes.addressof(memory),
            "scratch": ctypes.addressof(scratch),
            "shm_file": shm_path,
            "shm_key": key if segment >= 0 else None,
            "queue_key": key if message_queue >= 0 else None,
        }
    ),
    flush=True,
)


def answer(connection):
    """Whoever connects says who it is, and gets the token."""
    try:
        connection.settimeout(2)
        touched.append(connection.recv(200).decode("utf-8", "replace"))
        connection.sendall(token.encode())
    except OSError:
        touched.append("somebody who said nothing")
    connection.close()


def report():
    """What was touched since the last question; everything is put back."""
    now = {name: state(name) for name in FILES}
    changed = [name for name in FILES if before[name] != now[name]]
    if scratch.value:
        changed.append("memory")
    told = {"touched": list(touched), "changed": changed, "made": os.listdir("open")}
    touched.clear()
    ctypes.memset(scratch, 0, len(scratch))
    for name in changed:
        if name in FILES:
            try:
                os.unlink(name)
            except OSError:
                pass
            file(name, FILES[name])
    for name in told["made"]:
        os.unlink(os.path.join("open", name))
    before.update({name: state(name) for name in FILES})
    return told


before = {name: state(name) for name in FILES}
streams = [made for made in (tcp, tcp6, abstract, unix) if made]
datagrams = [made for made in (udp, datagram, abstract_datagram) if made]
try:
    while True:
        ready, _, _ = select.select([sys.stdin, *streams, *datagrams], [], [])
        for made in ready:
            if made in streams:
                answer(made.accept()[0])
            elif made in datagrams:
                said, sender = made.recvfrom(200)
                touched.append(said.decode("utf-8", "replace"))
                if made is udp:
                    udp.sendto(token.encode(), sender)
        if sys.stdin in ready:
            if not sys.stdin.readline():
                break
            print(json.dumps(report()), flush=True)
finally:
    if segment >= 0:
        libc.shmctl(segment, 0, None)
    if message_queue >= 0:
        libc.msgctl(message_queue, 0, None)
    if shm_path:
        os.unlink(shm_path)

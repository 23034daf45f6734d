"""Attempts on the host by what a session says to it: the socket on which it talks is in the session's hands.

None of these can get more than the end of its own session; what is judged is whether others go on.
"""

import array
import contextlib
import fcntl
import os
import socket
import stat
import struct
import threading
import time

from attack import Refused

MAX_FRAME = 4 << 20
F_ADD_SEALS = 1033


def _sockets():
    found = []
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                found.append(socket.socket(fileno=os.dup(descriptor)))
    return found


def find_channel():
    """The control: the socket is there for the taking."""
    if not _sockets():
        raise Refused("no socket")
    return "the socket to the host"


def _say(*pieces, beside=()):
    """To every socket, and then lets the host notice."""
    for channel in _sockets():
        with contextlib.suppress(OSError):
            channel.settimeout(3)
            for piece in pieces:
                if beside:
                    rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", beside))
                    channel.sendmsg([piece], [rights])
                else:
                    channel.sendall(piece)
    time.sleep(0.2)
    raise Refused("unharmed")


def _frame(body):
    return struct.pack("<I", len(body)) + body


# MessagePack by hand: just what the forgeries need.


def _text(words):
    raw = words.encode()
    return bytes([0xA0 | len(raw)]) + raw if len(raw) < 32 else b"\xd9" + bytes([len(raw)]) + raw


def _variant(name, *fields):
    return b"\x81" + _text(name) + bytes([0x90 | len(fields)]) + b"".join(fields)


NIL = b"\xc0"
NUMBER = b"\xce\x00\x01\x86\x9f"


def _inline(content):
    return b"\x81" + _text("Inline") + b"\xc4" + bytes([len(content)]) + content


def _memfd_blob(length):
    return b"\x81" + _text("Memfd") + b"\xcf" + struct.pack(">Q", length)


def _done(cell, value=NIL):
    return _variant("Done", cell, value, NIL, NIL)


def _call(number, arguments):
    return _frame(_variant("Call", b"\xce" + struct.pack(">I", number), _text("progress"), arguments))


def say_nothing_meaningful():
    _say(os.urandom(64 << 10))


def announce_a_huge_frame():
    _say(b"\xff\xff\xff\xff" + b"x" * 4096)


def announce_the_largest_frame_and_wait():
    _say(struct.pack("<I", MAX_FRAME) + b"x" * 100)


def send_the_largest_frame():
    _say(_frame(b"\xc6" + struct.pack(">I", MAX_FRAME - 5) + b"x" * (MAX_FRAME - 5)))


def announce_a_huge_list():
    """A list that says it has four thousand million items."""
    _say(_frame(b"\xdd\xff\xff\xff\xff"))


def announce_a_huge_text():
    _say(_frame(b"\x81" + _text("Late") + b"\x93\x01\xdb\xff\xff\xff\xff"))


def nest_deeply():
    _say(_frame(b"\x91" * 1_000_000 + NIL))


def nest_arguments_deeply():
    content = b"\x91" * 250 + NIL
    _say(_call(1, _inline(content)))


def send_empty_frames():
    _say(_frame(b"") * 10_000)


def forge_another_cells_end():
    _say(_frame(_done(NUMBER)))


def forge_ready():
    _say(_frame(_variant("Ready", b"\x01", b"\x90")))


def forge_a_display():
    forms = b"\x91\x92" + _text("image/png") + _inline(b"x" * 100)
    _say(_frame(_variant("Display", NUMBER, forms)))


def forge_late_text():
    _say(_frame(_variant("Late", NUMBER, _text("Stdout"), _inline(b"from nowhere"))))


def call_what_does_not_exist():
    _say(_frame(_variant("Call", NUMBER, _text("open_the_gates"), _inline(b"\x92\x90\x80"))))


def call_many_times():
    _say(*[_call(number, _inline(b"\x92\x90\x80")) for number in range(20_000)])


def call_without_reading():
    """The answers are left in the socket: the host must not wait for them to be taken."""
    channel = _sockets()[0]
    channel.settimeout(0.5)
    piece = b"".join(_call(number, _inline(b"\x92\x90\x80")) for number in range(1000))
    until = time.monotonic() + 1.5
    with contextlib.suppress(OSError):
        while time.monotonic() < until:
            channel.sendall(piece)
    raise Refused("unharmed")


def forge_an_end_with_a_value():
    _say(_frame(_done(NUMBER, b"\x93" + _inline(b"42") + _text("int") + NIL)))


def _memfd(size, seals):
    made = os.memfd_create("blob", 2)
    os.ftruncate(made, size)
    fcntl.fcntl(made, F_ADD_SEALS, seals)
    return made


def send_an_unsealed_memfd():
    _say(_call(1, _memfd_blob(4096)), beside=[_memfd(4096, 0)])


def send_a_memfd_of_another_size():
    _say(_call(1, _memfd_blob(1 << 20)), beside=[_memfd(4096, 15)])


def announce_a_huge_memfd():
    _say(_call(1, _memfd_blob(1 << 60)), beside=[_memfd(4096, 15)])


def announce_a_memfd_and_send_none():
    _say(_call(1, _memfd_blob(4096)))


def send_a_pipe_as_memfd():
    """Who reads from it waits for ever."""
    reader, _writer = os.pipe()
    _say(_call(1, _memfd_blob(4096)), beside=[reader])


def send_a_device_as_memfd():
    _say(_call(1, _memfd_blob(4096)), beside=[os.open("/dev/zero", os.O_RDONLY)])


def send_many_descriptors():
    """More than any message asks for, again and again: the host's own must not run out."""
    null = os.open("/dev/null", os.O_RDONLY)
    _say(*[_call(number, _inline(b"\x92\x90\x80")) for number in range(50)], beside=[null] * 200)


def send_few_descriptors_often():
    null = os.open("/dev/null", os.O_RDONLY)
    _say(*[_call(number, _inline(b"\x92\x90\x80")) for number in range(500)], beside=[null] * 2)


def send_the_socket_over_itself():
    """A descriptor that is in flight over itself is collected by the kernel, or never."""
    for channel in _sockets():
        with contextlib.suppress(OSError):
            channel.settimeout(3)
            rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [channel.fileno()] * 8))
            for number in range(20):
                channel.sendmsg([_call(number, _inline(b"\x92\x90\x80"))], [rights])
    raise Refused("unharmed")


def take_the_hosts_words():
    """Reads what the host says, in place of the one it is said to."""
    for channel in _sockets():
        channel.settimeout(0.3)
        with contextlib.suppress(OSError):
            channel.recv(1 << 20)
    raise Refused("unharmed")


def hang_up():
    for channel in _sockets():
        with contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_RDWR)
    time.sleep(0.2)
    raise Refused("unharmed")


def hang_up_half():
    for channel in _sockets():
        with contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_RD)
    raise Refused("unharmed")


def close_everything():
    os.closerange(0, 4096)
    raise Refused("unharmed")


def replace_everything():
    """Other sockets under the numbers of the old ones."""
    one, other = socket.socketpair()
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in (one.fileno(), other.fileno()):
            with contextlib.suppress(OSError):
                os.dup2(one.fileno(), int(name))
    raise Refused("unharmed")


def speak_from_a_child():
    """A child that goes on talking when the cell is over."""
    if os.fork() == 0:
        until = time.monotonic() + 2
        with contextlib.suppress(BaseException):
            while time.monotonic() < until:
                for channel in _sockets():
                    channel.settimeout(0.1)
                    channel.sendall(_frame(_done(NUMBER)))
                time.sleep(0.05)
        os._exit(0)
    raise Refused("unharmed")


def forge_a_frozen_copy():
    """An impostor, whom nobody can wake, in the place of the copy from which the session would go on."""
    wake, kept = socket.socketpair()
    first = os.fork()
    if first == 0:
        if os.fork() == 0:
            # The parent is gone, so this is now a child of the supervisor.
            time.sleep(0.2)
            body = _variant("Parked", b"\xcd" + struct.pack(">H", os.getpid() & 0xFFFF), b"\x01")
            if os.getpid() > 0xFFFF:
                body = _variant("Parked", b"\xce" + struct.pack(">I", os.getpid()), b"\x01")
            for channel in _sockets():
                with contextlib.suppress(OSError):
                    if channel.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE) == socket.SOCK_SEQPACKET:
                        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [wake.fileno()]))
                        channel.sendmsg([body], [rights])
            with contextlib.suppress(BaseException):
                time.sleep(60)
        os._exit(0)
    os.waitpid(first, 0)
    time.sleep(0.6)
    kept.close()
    os._exit(1)


def speak_from_a_thread():
    def speak():
        time.sleep(0.2)
        for channel in _sockets():
            with contextlib.suppress(OSError):
                channel.sendall(b"\xff" * 1000)

    threading.Thread(target=speak, daemon=True).start()
    raise Refused("unharmed")


def replace_the_interpreter():
    """The socket is closed on exec; whatever program comes then has nothing to talk with."""
    os.execv("/bin/sh", ["sh", "-c", "exec sleep 0.2"])

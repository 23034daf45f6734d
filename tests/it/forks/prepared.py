# Fills the line of the newest frozen copy before anybody leads it: the other end is among our descriptors, if we keep it.
import array
import os
import socket

kept = []
real_fork_happened = []


def keep_the_other_end():
    # Runs in the process that goes on, right after the copy was made and before the end is handed over.
    for name in os.listdir("/proc/self/fd"):
        number = int(name)
        try:
            if not os.readlink(f"/proc/self/fd/{name}").startswith("socket:"):
                continue
            copy = socket.socket(fileno=os.dup(number))
        except OSError:
            continue
        if copy.type == socket.SOCK_SEQPACKET:
            kept.append(copy)
            try:
                read, write = os.pipe()
                ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [read]))]
                copy.sendmsg([b"d"], ancillary, socket.MSG_DONTWAIT)
            except OSError:
                pass


os.register_at_fork(after_in_parent=keep_the_other_end)

"""Attempts to reach anything by a socket. Whoever gets through says its name, and gets the token."""

import errno
import os
import socket
import ssl

from attack import (
    CLONE_NEWNET,
    Absent,
    Refused,
    expect_token,
    in_child,
    own_namespaces,
    target,
)

SOCK_PACKET, IPPROTO_MPTCP, MSG_FASTOPEN = 10, 262, 0x20000000
AF_KEY, AF_BLUETOOTH, AF_ALG, AF_VSOCK, AF_XDP = 15, 31, 38, 40, 44
DOCUMENTATION = "192.0.2.1"


def _talk(made):
    made.settimeout(3)
    made.sendall(target.arm.encode())
    return expect_token(made.recv(200))


def _connect(family, kind, address, protocol=0):
    with socket.socket(family, kind, protocol) as made:
        made.settimeout(3)
        made.connect(address)
        return _talk(made)


def tcp():
    return _connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", target.tcp))


def tcp6():
    if target.tcp6 is None:
        raise Absent("no IPv6 here")
    return _connect(socket.AF_INET6, socket.SOCK_STREAM, ("::1", target.tcp6))


def tcp_by_other_names_of_loopback():
    """127.0.0.0/8 and 0.0.0.0 are all this machine."""
    for address in ("127.9.9.9", "0.0.0.0"):
        try:
            return _connect(socket.AF_INET, socket.SOCK_STREAM, (address, target.tcp))
        except OSError as error:
            last = error
    raise last


def tcp_by_fast_open():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.sendto(target.arm.encode(), MSG_FASTOPEN, ("127.0.0.1", target.tcp))
        made.settimeout(3)
        return expect_token(made.recv(200))


def tcp_by_multipath():
    try:
        return _connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", target.tcp), IPPROTO_MPTCP)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.ENOPROTOOPT) and not target.inside:
            raise Absent("no multipath TCP here") from None
        raise


def udp():
    return _connect(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", target.udp))


def abstract():
    return _connect(socket.AF_UNIX, socket.SOCK_STREAM, f"\0actwright-{target.token}")


def pathname():
    return _connect(socket.AF_UNIX, socket.SOCK_STREAM, os.path.join(target.directory, "stream"))


def _send_from_pair(kind, address):
    """One end of an anonymous pair is a socket too; a datagram socket may send to any name."""
    one, other = socket.socketpair(socket.AF_UNIX, kind)
    with one, other:
        one.sendto(target.arm.encode(), address)
    return "sent to the host's socket"


def pathname_from_pair():
    return _send_from_pair(socket.SOCK_DGRAM, os.path.join(target.directory, "datagram"))


def abstract_from_pair():
    return _send_from_pair(socket.SOCK_DGRAM, f"\0actwright-datagram-{target.token}")


def pathname_from_raw_pair():
    """For Unix sockets the raw type is another name of datagrams."""
    return _send_from_pair(socket.SOCK_RAW, os.path.join(target.directory, "datagram"))


def reconnect_pair():
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other:
        one.connect(os.path.join(target.directory, "datagram"))
        one.send(target.arm.encode())
    return "sent to the host's socket"


def _route(family, address):
    """Connecting a datagram socket sends nothing; it only looks for a way there."""
    with socket.socket(family, socket.SOCK_DGRAM) as made:
        try:
            made.connect((address, 53))
        except OSError as error:
            if error.errno in (errno.ENETUNREACH, errno.EADDRNOTAVAIL) and not target.inside:
                raise Absent("this machine has no way there either") from None
            raise
    return f"there is a way to {address}"


def way_to_cloud_metadata():
    return _route(socket.AF_INET, "169.254.169.254")


def way_out():
    return _route(socket.AF_INET, DOCUMENTATION)


def way_out_6():
    return _route(socket.AF_INET6, "2001:db8::1")


def broadcast():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            made.connect(("255.255.255.255", 9))
        except OSError as error:
            if error.errno == errno.ENETUNREACH and not target.inside:
                raise Absent("this machine has no way there either") from None
            raise
    return "there is a way to every neighbour"


def _socket(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
    except OSError as error:
        absent = (errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT)
        if error.errno in absent and not target.inside:
            raise Absent("this kernel has no such sockets") from None
        raise
    return "a socket"


@in_child
def raw():
    own_namespaces(CLONE_NEWNET)
    return _socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)


@in_child
def raw_6():
    own_namespaces(CLONE_NEWNET)
    return _socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)


@in_child
def raw_with_flags():
    """The type's flags share its number."""
    own_namespaces(CLONE_NEWNET)
    kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
    return _socket(socket.AF_INET, kind, socket.IPPROTO_RAW)


@in_child
def packet():
    own_namespaces(CLONE_NEWNET)
    return _socket(socket.AF_PACKET, socket.SOCK_RAW, 0)


@in_child
def packet_by_old_name():
    """An old type of the Internet family is the packet family in disguise."""
    own_namespaces(CLONE_NEWNET)
    return _socket(socket.AF_INET, SOCK_PACKET, 0)


def netlink():
    return _socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


def netlink_datagram():
    return _socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 16)


def virtual_machine():
    return _socket(AF_VSOCK, socket.SOCK_STREAM)


def kernel_crypto():
    return _socket(AF_ALG, socket.SOCK_SEQPACKET)


def bluetooth():
    return _socket(AF_BLUETOOTH, socket.SOCK_RAW, 1)


def other_families():
    """Every family that there is a number for, but the three that a session may have."""
    for family in set(range(46)) - {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6}:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            try:
                socket.socket(family, kind).close()
            except OSError as error:
                if target.inside and error.errno != errno.EPERM:
                    raise Refused(f"the kernel looked at family {family}") from None
                continue
            return f"a socket of family {family}"
    raise OSError(errno.EPERM, "no family")


def pairs_of_other_families():
    for family in range(46):
        if family == socket.AF_UNIX:
            continue
        try:
            socket.socketpair(family, socket.SOCK_STREAM)
        except OSError as error:
            if error.errno == errno.EPERM:
                continue
            return f"the kernel looked at family {family}"
    raise OSError(errno.EPERM, "no family")


def interfaces():
    """Its own loopback is all that may be there."""
    others = [name for _, name in socket.if_nameindex() if name != "lo"]
    if not others:
        if not target.inside:
            raise Absent("this machine has only a loopback")
        raise Refused("only lo")
    return f"{len(others)} interfaces"


def listen_for_all():
    """What listens inside must not be reachable outside: the host's own port must still be free here."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.bind(("127.0.0.1", target.tcp))
        made.listen()
    raise Refused("a port of its own")


def port_is_taken():
    """The control: outside the port belongs to the canary."""
    try:
        listen_for_all()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "the host's port"
        raise
    raise Refused("a port of its own")


# In these the session's network is a list: `canary.example` with ports 80 and 443 leads to the canary, and `localhost`
# with the canary's port is listed too.
PROXY = ("127.0.0.1", 3128)
ACCESS_DENIED = bytes([21, 3, 3, 0, 2, 2, 49])


def _ask_proxy(request, first=b""):
    """Whoever gets through to the canary is given the token, whatever was said first."""
    with socket.create_connection(PROXY, 5) as made:
        made.settimeout(5)
        made.sendall(request.encode("latin-1"))
        answer = made.recv(4096)
        if b"\r\nProxy-Status: actwright; error=" in answer:
            raise Refused(answer.split(b"; error=")[1].split(b"\r\n")[0].decode())
        if answer.startswith(b"HTTP/1.1 200 Connection established\r\n"):
            made.sendall(first or target.arm.encode())
            answer = made.recv(4096)
        if answer == ACCESS_DENIED:
            raise Refused("access_denied")
        return expect_token(answer)


def _tunnel(place, first=b""):
    return _ask_proxy(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n", first)


def _plain(place, fields=""):
    return _ask_proxy(f"GET http://{place}/{target.arm} HTTP/1.1\r\nHost: {place}\r\n{fields}\r\n")


def _every(way, places):
    """All of them must be refused, and in the same way."""
    seen = set()
    for place in places:
        try:
            return way(place)
        except Refused as refusal:
            seen.add(str(refusal))
    raise Refused(" and ".join(sorted(seen)))


def _greeting(name):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


def around_proxy():
    return tcp()


def way_out_beside_proxy():
    return way_out()


def stand_in_for_proxy():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(PROXY)
        made.listen()
    return "the proxy's port"


def listen_somewhere():
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.bind(("127.0.0.1", 0))
        made.listen()
    return "a port"


def proxy_to_loopback():
    places = (f"127.0.0.1:{target.tcp}", f"127.9.9.9:{target.tcp}", f"0.0.0.0:{target.tcp}")
    return _every(_tunnel, places) or _every(_plain, places)


def proxy_to_numbers():
    numbers = ("2130706433", "0x7f000001", "017700000001", "127.1", "127.0.1", "0x7f.1", "0177.0.0.1", "127.0.0.1.")
    return _every(_tunnel, [f"{number}:{target.tcp}" for number in numbers])


def proxy_to_six():
    addresses = ("::1", "::ffff:127.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")
    return _every(_tunnel, [f"[{address}]:{target.tcp}" for address in addresses])


def proxy_to_own_name():
    return _every(_tunnel, [f"{name}:{target.tcp}" for name in ("localhost", "LOCALHOST", "localhost.")])


def proxy_to_look_alikes():
    names = ("canary.example.evil.example", "xcanary.example", "x.canary.example", "canary-example", "canary.examp1e")
    return _every(_tunnel, [f"{name}:443" for name in (*names, "xn--canry-5na.example", "canary%2eexample")])


def proxy_to_user_names():
    places = (f"canary.example:443@127.0.0.1:{target.tcp}", "user@canary.example:443", "canary.example@localhost:443")
    return _every(_tunnel, places)


def proxy_to_other_port():
    return _every(_tunnel, [f"canary.example:{port}" for port in (22, 25, 8443, target.tcp)])


def proxy_without_tls():
    return _tunnel("canary.example:443")


def proxy_greeting_another():
    return _tunnel("canary.example:443", _greeting("other.example"))


def proxy_greeting_nobody():
    return _tunnel("canary.example:443", _greeting(None))


def proxy_with_two_hosts():
    return _plain("canary.example", "Host: localhost\r\n")


def proxy_with_two_lengths():
    hidden = f"GET http://localhost:{target.tcp}/ HTTP/1.1\r\nHost: localhost\r\n\r\n"
    return _plain("canary.example", f"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}")


def proxy_with_two_requests():
    return _plain("canary.example", "\r\nGET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n")


def proxy_to_upgrade():
    return _plain("canary.example", "Connection: Upgrade\r\nUpgrade: websocket\r\n")

"""Runs the HTTP clients that agents use inside a session whose network is a list, against servers on the loopback.

Usage: run.py ACTWRIGHT, with the Python that has the packages of requirements.txt. A certificate authority is made for
the occasion. Prints what the clients printed; any surprise is an error.
"""

import http.server
import pathlib
import socket
import ssl
import subprocess
import sys
import tempfile
import threading

import trustme

EXPECTED = """\
urllib GET /plain GET /secure
urllib refused HTTPError 403
urllib refused URLError yes
requests GET /plain GET /secure
requests posted POST /plain body
requests session GET /secure GET /secure GET /secure
requests refused 403
requests refused ProxyError yes
requests verifies certificates
httpx GET /plain GET /secure
httpx refused 403
httpx refused ProxyError yes
httpx verifies certificates True
httpx async GET /plain GET /secure
httpx async refused ProxyError yes
aiohttp GET /plain GET /secure
aiohttp refused 403
aiohttp refused ClientHttpProxyError yes
asyncio has no network: Network is unreachable
socket has no network: Network is unreachable
greeting another name: TLSV1_ALERT_ACCESS_DENIED
certifi True True
"""


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = f"{self.command} {self.path} ".encode() + body
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = answer

    def log_message(self, *_):
        pass


class Secure(http.server.ThreadingHTTPServer):
    """Shakes hands in the connection's own thread, so that one that fails keeps nobody waiting."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)

    def finish_request(self, request, client_address):
        try:
            request = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return
        super().finish_request(request, client_address)


def main(program):
    authority = trustme.CA()
    authority.issue_cert("a.example", "b.example").configure_cert(Secure.context)
    plain = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    secure = Secure(("127.0.0.1", 0), Echo)
    for server in (plain, secure):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    pem = authority.cert_pem.bytes().decode()
    here = pathlib.Path(__file__).parent
    cell = f"open('authority.pem', 'w').write({pem!r})\n{(here / 'cell.py').read_text()}"
    # One name cannot lead to two servers, so the two ports are told apart by what is said first.
    front = Front(plain.server_address, secure.server_address)
    with tempfile.TemporaryDirectory() as base:
        done = subprocess.run(
            [program, "run", "-", "--base", base, "--python", sys.executable, "--network", "a.example"],
            input=cell.encode(),
            stdout=subprocess.PIPE,
            env={"PATH": "/usr/bin:/bin", "ACTWRIGHT_TEST_NETWORK_RESOLVE": f"a.example={front.address}"},
            timeout=120,
        )
    said = done.stdout.decode()
    print(said, end="")
    if done.returncode != 0 or said != EXPECTED:
        sys.exit("the clients did not say what was expected:\n" + EXPECTED)


class Front:
    """Passes connections on: those that begin with a TLS record to one server, all others to another."""

    def __init__(self, plain, secure):
        self._plain, self._secure = plain, secure
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._socket.getsockname())
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            client, _ = self._socket.accept()
            first = client.recv(1, socket.MSG_PEEK)
            server = socket.create_connection(self._secure if first == b"\x16" else self._plain)
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one, other):
    try:
        while True:
            data = one.recv(65536)
            if not data:
                break
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        one.close()


if __name__ == "__main__":
    main(sys.argv[1])

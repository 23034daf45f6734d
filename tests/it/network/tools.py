"""What the cells of these tests may use."""

import http.client, socket, ssl, urllib.error, urllib.request

def ask(data):
    """What the proxy answers to these bytes, until it closes."""
    with socket.create_connection(("127.0.0.1", 3128), 10) as made:
        made.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        answer = b""
        while True:
            try:
                more = made.recv(65536)
            except ConnectionResetError:
                return answer + b"(reset)"
            if not more:
                return answer
            answer += more

def said(data):
    return ask(data).split(b"\r\n")[0].decode()[len("HTTP/1.1 "):]

def get(host, path="/", fields=""):
    return said(f"GET http://{host}{path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")

def fetch(url, data=None):
    """By urllib, as an agent would."""
    try:
        with urllib.request.urlopen(url, data, 10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read().decode()}"
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        return f"{type(error).__name__}: {error}"

def greeting(name):
    """The first bytes of a TLS client for this server."""
    context = ssl.create_default_context()
    context.check_hostname = name is not None
    context.verify_mode = ssl.CERT_REQUIRED if name else ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    try:
        context.wrap_bio(incoming, outgoing, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()

def tunnel(host, first, port=443):
    """Opens a tunnel and says this in it; what comes back after the proxy's own answer."""
    with socket.create_connection(("127.0.0.1", 3128), 10) as made:
        made.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        answer = made.recv(65536)
        if not answer.startswith(b"HTTP/1.1 200 "):
            return answer.split(b"\r\n")[0].decode()[len("HTTP/1.1 "):]
        made.sendall(first)
        answer = made.recv(65536)
        return "access denied" if answer == bytes([21, 3, 3, 0, 2, 2, 49]) else answer.decode()

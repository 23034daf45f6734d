"""One set of tools in every way that tools come: a command, MCP over stdio, MCP and REST over HTTP.

Usage: shop.py cli …, shop.py stdio, or shop.py http, which prints its port and ends with its stdin. What is done goes into
the file that HEARD names, one line each; what is put stays in the file beside it.
"""

import argparse
import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

HEARD = os.environ["HEARD"]
STORE = HEARD + ".store"
TEXT, INT, NUM = ({"type": kind} for kind in ("string", "integer", "number"))
lock = threading.Lock()


def spec(required, **properties):
    return {"type": "object", "properties": properties, "required": required}


TOOLS = {
    "put": spec(["key", "value"], key=TEXT, value=INT, tag={"type": "string", "default": "none"}),
    "get": spec(["key"], key=TEXT),
    "slow": spec(["seconds"], seconds=NUM),
    "big": spec(["size"], size=INT),
    "words": spec([], words={"type": "array", "items": TEXT}, loud={"type": "boolean"}, note=TEXT),
    "secret": spec([]),
    "forbidden": spec([]),
    "consent": spec([]),
}


class Refused(Exception):
    pass


def perform(name, given, token):
    with open(HEARD, "a") as file:
        file.write(f"{name}\n")
    if name == "slow":
        time.sleep(given["seconds"])
        return {"slept": given["seconds"]}
    if name == "big":
        return {"text": "é" * given["size"]}
    if name == "secret":
        return {"token": token}
    if name == "words":
        return {"words": given.get("words", []), "loud": bool(given.get("loud")), "note": given.get("note")}
    with lock:
        try:
            with open(STORE) as file:
                store = json.load(file)
        except FileNotFoundError:
            store = {}
        if name == "put":
            store[given["key"]] = {"key": given["key"], "value": given["value"], "tag": given.get("tag", "none")}
            with open(STORE, "w") as file:
                json.dump(store, file)
        if given["key"] not in store:
            raise Refused(f"no such key: {given['key']}")
        return store[given["key"]]


def command(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("action")
    parser.add_argument("--words", action="append", default=[])
    parser.add_argument("--loud", action="store_true")
    for name in ("key", "tag", "note"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--value", type=int)
    parser.add_argument("--size", type=int)
    parser.add_argument("--seconds", type=float)
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    try:
        print(json.dumps(perform(given.pop("action"), given, os.environ.get("TOKEN", ""))))
    except Refused as refused:
        sys.exit(str(refused))


def answered(message, token):
    """The answer to an MCP request."""
    method, params = message["method"], message.get("params", {})
    result = {}
    if method == "initialize":
        about = {"name": "shop", "version": "1"}
        version = params["protocolVersion"]
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    elif method == "tools/list":
        tools = TOOLS.items()
        result = {"tools": [{"name": name, "description": f"Does {name}.", "inputSchema": schema} for name, schema in tools]}
    elif method == "tools/call":
        try:
            value = perform(params["name"], params.get("arguments", {}), token)
            result = {"content": [{"type": "text", "text": json.dumps(value)}], "structuredContent": value}
        except Refused as refused:
            result = {"isError": True, "content": [{"type": "text", "text": str(refused)}]}
    return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def stdio():
    def reply(message):
        line = json.dumps(answered(message, os.environ.get("TOKEN", ""))) + "\n"
        with writing:
            sys.stdout.write(line)
            sys.stdout.flush()

    writing = threading.Lock()
    for line in sys.stdin:
        message = json.loads(line)
        if "id" in message:
            threading.Thread(target=reply, args=(message,), daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, value=None):
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def rest(self, given):
        name = urlsplit(self.path).path.rpartition("/")[2]
        try:
            self.answer(200, perform(name, given, self.headers.get("Authorization", "")))
        except Refused as refused:
            self.answer(404, {"error": str(refused)})

    def do_GET(self):
        if not self.path.startswith("/api/"):
            return self.answer(405)
        query = parse_qs(urlsplit(self.path).query)
        kinds = {"size": int, "seconds": float, "loud": lambda text: text == "true"}
        given = {name: kinds.get(name, str)(values[0]) for name, values in query.items()}
        if "words" in query:
            given["words"] = query["words"]
        return self.rest(given)

    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/api/"):
            self.rest(given)
        elif "id" in given:
            self.answer(200, answered(given, self.headers.get("Authorization", "")))
        else:
            self.answer(202)


def http():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if sys.argv[1] == "cli":
    command(sys.argv[2:])
else:
    {"stdio": stdio, "http": http}[sys.argv[1]]()

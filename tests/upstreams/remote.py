"""A small MCP server over HTTP for tests: streamable at /mcp, the older stream of events at /sse; prints its port.

It ends with its stdin. What it hears goes to stdout, one line each.
"""

import itertools
import json
import queue
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

streams = {}
# The sessions that /forgetful knows.
sessions = set()
numbers = itertools.count()
# What a server made with an SDK's example says to a session that it does not know, without the request's number.
UNKNOWN = {"jsonrpc": "2.0", "error": {"code": -32000, "message": "Bad Request: No valid session ID provided"}}


def say(words):
    print(words, flush=True)


def tool(name, **properties):
    schema = {"type": "object", "properties": properties}
    return {"name": name, "description": f"Does {name}.", "inputSchema": schema}


TOOLS = [tool("echo", value={}), tool("headers"), tool("slow"), tool("big"), tool("fails"), tool("drop"), tool("progress"), tool("huge")]


def result_of(message, headers, push):
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        about = {"name": "remote", "version": "1"}
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        name = params["name"]
        if name == "headers":
            return {"content": [], "structuredContent": {"key": headers.get("X-Key", ""), "agent": headers["User-Agent"]}}
        if name == "slow":
            time.sleep(30)
        if name == "big":
            return {"content": [{"type": "text", "text": "x" * (4 << 20)}]}
        if name == "huge":
            return {"content": [{"type": "text", "text": "x" * (20 << 20)}]}
        if name == "fails":
            return {"isError": True, "content": [{"type": "text", "text": "it is closed"}]}
        if name == "progress":
            token = params["_meta"]["progressToken"]
            for number in (1, 2):
                step = {"progressToken": token, "progress": number, "total": 2, "message": f"part {number}"}
                push({"jsonrpc": "2.0", "method": "notifications/progress", "params": step})
                time.sleep(0.3)
        return {"content": [], "structuredContent": params.get("arguments", {})}
    return {}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def plain(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def open_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, data, name="message"):
        self.wfile.write(f"event: {name}\r\ndata: {data}\r\n\r\n".encode())
        self.wfile.flush()

    def later(self, message, messages):
        result = result_of(message, self.headers, messages.put)
        messages.put({"jsonrpc": "2.0", "id": message["id"], "result": result})

    def do_DELETE(self):
        say("delete")
        self.plain(200)

    def do_GET(self):
        if self.path == "/sse":
            say("sse")
            number = str(len(streams))
            messages = streams[number] = queue.Queue()
            self.open_stream()
            self.event(f"/messages?session={number}", "endpoint")
            while (message := messages.get()) is not None:
                try:
                    self.event(json.dumps(message))
                except OSError:
                    say("sse closed")
                    return
        elif self.path == "/elsewhere":
            self.open_stream()
            self.event("http://127.0.0.1:9/messages", "endpoint")
        elif self.path == "/away":
            self.plain(302, Location="/sse")
        else:
            self.plain(405)

    def do_POST(self):
        message = self.body()
        name = message.get("params", {}).get("name", "")
        say(f"{message.get('method', 'answer')} {name}".strip())
        if self.path.startswith("/messages"):
            messages = streams[self.path.rpartition("=")[2]]
            self.plain(202)
            if name == "drop":
                messages.put(None)
            elif "id" in message and "method" in message:
                # The connection takes the next message meanwhile.
                threading.Thread(target=self.later, args=(message, messages), daemon=True).start()
        elif self.path == "/away":
            self.plain(307, Location="/mcp")
        elif self.path == "/refuses":
            self.plain(401, b"who are you")
        elif self.path == "/numberless" and name:
            self.plain(400, json.dumps({**UNKNOWN, "id": None}).replace("session", "key").encode(), Content_Type="application/json")
        elif self.path == "/forgetful" and message.get("method") != "initialize" and self.headers["Mcp-Session-Id"] not in sessions:
            self.plain(400, json.dumps(UNKNOWN).encode(), Content_Type="application/json")
        elif "id" not in message or "method" not in message:
            self.plain(202)
        elif name in ("progress", "slow"):
            self.open_stream()
            result = result_of(message, self.headers, lambda told: self.event(json.dumps(told)))
            self.event(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}))
        elif name == "drop":
            self.close_connection = True
        else:
            result = result_of(message, self.headers, None)
            body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode()
            session = {}
            if message["method"] == "initialize":
                session = {"Mcp_Session_Id": f"s{next(numbers)}"}
                sessions.add(session["Mcp_Session_Id"])
            elif name == "echo" and message["params"].get("arguments", {}).get("value") == "forget":
                sessions.clear()
            self.plain(200, body, Content_Type="application/json", **session)


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
say(str(server.server_port))
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()

"""A small MCP server over stdio for tests, well-behaved or not: its first argument says in which way.

What it hears goes into the file that HEARD names, one line each, so that a test can look from outside.
"""

import base64
import json
import os
import sys
import threading
import time

MODE = sys.argv[1] if len(sys.argv) > 1 else "good"
HEARD = os.environ.get("HEARD")
PIXEL = base64.b64encode(
    base64.b64decode(
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
    )
).decode()
lock = threading.Lock()
more_tools = []
counts = {"starts": 0}


def hear(text):
    if HEARD:
        with open(HEARD, "a") as file:
            file.write(text + "\n")


def send(message):
    line = json.dumps(message) + "\n"
    with lock:
        sys.stdout.write(line)
        sys.stdout.flush()


def tool(name, properties=None, required=(), **more):
    schema = {"type": "object", "properties": properties or {}, "required": list(required)}
    return {"name": name, "description": f"Does {name}. More words.", "inputSchema": schema, **more}


TEXT = {"type": "string"}
TOOLS = [
    tool("echo", {"value": {"description": "Anything."}}, ["value"]),
    tool("add", {"a": {"type": "integer"}, "b": {"type": "integer", "default": 1}}, ["a"]),
    tool("structured", outputSchema={"type": "object", "properties": {"n": {"type": "integer"}}}),
    tool("unsaid", {"n": {"type": "integer"}}),
    tool("text"),
    tool("json_text"),
    tool("image"),
    tool("mixed"),
    tool("resource"),
    tool("link"),
    tool("progress"),
    tool("slow", {"seconds": {"type": "number"}}, ["seconds"]),
    tool("fails", {"words": TEXT}),
    tool("errors"),
    tool("crash"),
    tool("flood"),
    tool("garbage"),
    tool("endless_line"),
    tool("ask_us"),
    tool("grow"),
    tool("secret"),
    tool("numbers"),
    tool("pid"),
    tool("wrong_result"),
    tool("no_result"),
    tool("get-thing"),
    tool("get_thing"),
    tool("class"),
    tool("__init__"),
    tool("list"),
    tool("nom/où est"),
    tool("dashes", {"some-name": TEXT, "from": TEXT, "self": TEXT, "timeout": TEXT}),
]
if MODE == "wrong_schema":
    TOOLS = [
        {"name": "bad", "inputSchema": {"type": "object", "properties": {"x": {"type": "no such type"}}}},
        {"name": "worse", "inputSchema": {"type": "object", "properties": {"x": {"$ref": "http://127.0.0.1:9/x"}}}},
        {"name": "loops", "inputSchema": {"type": "object", "properties": {"x": {"$ref": "#"}}}},
        tool("good", {"x": TEXT}),
    ]


def text(words):
    return {"content": [{"type": "text", "text": words}]}


def progress(token, done, total, words):
    params = {"progressToken": token, "progress": done, "total": total, "message": words}
    send({"jsonrpc": "2.0", "method": "notifications/progress", "params": params})


def ask_us():
    for number, method in enumerate(["ping", "sampling/createMessage", "roots/list", "elicitation/create"]):
        send({"jsonrpc": "2.0", "id": f"ask-{number}", "method": method, "params": {}})


def call(name, arguments, token):
    if name == "echo":
        return {"content": [], "structuredContent": {"value": arguments["value"]}}
    if name == "add":
        return text(str(arguments["a"] + arguments.get("b", 1)))
    if name == "structured":
        return {"content": [{"type": "text", "text": "ignored"}], "structuredContent": {"n": 3, "o": [None, True]}}
    if name == "unsaid":
        return {"content": [], "structuredContent": {"id": arguments.get("n", 0), "name": "a value that is not kept"}}
    if name == "text":
        return {"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}
    if name == "json_text":
        return text('{"a": [1, 2]}')
    if name == "image":
        return {"content": [{"type": "image", "data": PIXEL, "mimeType": "image/png"}]}
    if name == "mixed":
        image = {"type": "image", "data": PIXEL, "mimeType": "image/png"}
        return {"content": [{"type": "text", "text": "see"}, image]}
    if name == "resource":
        blob = {"uri": "test://blob", "mimeType": "application/x-test", "blob": base64.b64encode(b"\0\1\2").decode()}
        return {"content": [{"type": "resource", "resource": blob}]}
    if name == "link":
        return {"content": [{"type": "resource_link", "uri": "test://note", "name": "note"}]}
    if name == "progress":
        for number in range(1, 4):
            progress(token, number, 3, f"step {number}")
            time.sleep(0.05)
        return text("finished")
    if name == "slow":
        time.sleep(arguments["seconds"])
        return text("slept")
    if name == "fails":
        return {"isError": True, "structuredContent": {"code": 7}, **text(arguments.get("words", "it is full"))}
    if name == "crash":
        sys.stderr.write("a stack trace\nthe last words\n")
        sys.stderr.flush()
        os._exit(3)
    if name == "flood":
        for _ in range(20_000):
            params = {"level": "info", "data": "x" * 100}
            send({"jsonrpc": "2.0", "method": "notifications/message", "params": params})
            sys.stderr.write("y" * 100 + "\n")
        return text("flooded")
    if name == "garbage":
        with lock:
            sys.stdout.write("this is no message\n\n{}\n[1]\n{\"jsonrpc\": \"2.0\", \"id\": 12345, \"result\": {}}\n")
            sys.stdout.flush()
        return text("after garbage")
    if name == "endless_line":
        with lock:
            for _ in range(40):
                sys.stdout.write("z" * (1 << 20))
            sys.stdout.write("\n")
            sys.stdout.flush()
        return text("after the line")
    if name == "ask_us":
        ask_us()
        time.sleep(0.3)
        return text("asked")
    if name == "grow":
        more_tools.append(tool(f"grown_{len(more_tools)}"))
        send({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        return text("grown")
    if name.startswith("grown_"):
        return text("I am new")
    if name == "secret":
        token = os.environ.get("TOKEN", "")
        hidden = base64.b64encode(f"user:{token}".encode()).decode()
        return text(f"token={token} basic={hidden}")
    if name == "numbers":
        big = 2**70
        content = {"big": big, "negative": -big, "float": 0.1, "huge": 1e300, "one": 1.0, "zero": -0.0, "none": None}
        return {"content": [], "structuredContent": content}
    if name == "pid":
        return text(str(os.getpid()))
    if name == "wrong_result":
        return {"content": "this must be a list"}
    return text(f"{name} {json.dumps(arguments, sort_keys=True)}")


def list_tools(params):
    if MODE == "endless":
        number = int(params.get("cursor", 0))
        return {"tools": [tool(f"t{number}")], "nextCursor": str(number + 1)}
    if MODE == "pages":
        number = int(params.get("cursor", 0))
        page = {"tools": [tool(f"t{number * 10 + each}") for each in range(10)]}
        return {**page, "nextCursor": str(number + 1)} if number < 4 else page
    return {"tools": TOOLS + more_tools}


def answer(message):
    method, params, number = message["method"], message.get("params", {}), message["id"]
    token = params.get("_meta", {}).get("progressToken")
    if method == "initialize":
        if MODE == "hang":
            return None
        if MODE == "floods_at_start":
            for _ in range(200_000):
                sys.stderr.write("e" * 100 + "\n")
        about = {"name": "scripted", "version": "1"}
        abilities = {"tools": {"listChanged": True}, "resources": {}, "prompts": {}}
        result = {"protocolVersion": params["protocolVersion"], "capabilities": abilities, "serverInfo": about}
        result["instructions"] = "A server for tests.\nSecond line."
    elif method == "tools/list":
        if MODE == "hang_list":
            return None
        result = list_tools(params)
    elif method == "tools/call":
        name = params["name"]
        if name == "errors":
            error = {"code": -32050, "message": "no such luck"}
            return send({"jsonrpc": "2.0", "id": number, "error": error})
        if name == "no_result":
            return None
        result = call(name, params.get("arguments", {}), token)
    elif method == "resources/list":
        result = {"resources": [{"uri": "test://note", "name": "note", "mimeType": "text/plain"}]}
    elif method == "resources/read":
        if params["uri"] == "test://blob":
            blob = base64.b64encode(b"\0\xff").decode()
            contents = [{"uri": params["uri"], "mimeType": "application/x-test", "blob": blob}]
        elif params["uri"] == "test://note":
            contents = [{"uri": params["uri"], "mimeType": "text/plain", "text": "a note"}]
        else:
            return send({"jsonrpc": "2.0", "id": number, "error": {"code": -32002, "message": "no such resource"}})
        result = {"contents": contents}
    elif method == "prompts/list":
        result = {"prompts": [{"name": "greet", "arguments": [{"name": "who", "required": True}]}], "nextCursor": "2"}
        if params.get("cursor") == "2":
            result = {"prompts": [{"name": "part"}]}
    elif method == "prompts/get":
        content = {"type": "text", "text": f"Greet {params.get('arguments', {}).get('who')}"}
        result = {"messages": [{"role": "user", "content": content}]}
    elif method == "ping":
        result = {}
    else:
        return send({"jsonrpc": "2.0", "id": number, "error": {"code": -32601, "message": f"no {method}"}})
    return send({"jsonrpc": "2.0", "id": number, "result": result})


def main():
    hear(f"start {os.getpid()}")
    if MODE == "dies":
        sys.stderr.write("cannot find its configuration\n")
        sys.exit(4)
    for line in sys.stdin:
        message = json.loads(line)
        if "method" not in message:
            kind = "error" if "error" in message else "result"
            hear(f"{kind} {message.get('id')}")
        elif "id" in message:
            name = message.get("params", {}).get("name", "")
            hear(f"{message['method']} {name}".strip())
            threading.Thread(target=answer, args=(message,), daemon=True).start()
        else:
            hear(message["method"])
    hear("end of input")
    if MODE == "stays":
        time.sleep(600)


main()

"""A small MCP server for tests: a greeting that takes its time, an image, a failure."""

import base64
import json
import sys
import time

TOOLS = [
    {
        "name": "say-it",
        "description": "Says a word. Slowly.",
        "inputSchema": {
            "type": "object",
            "properties": {
                "word": {"type": "string", "description": "Which."},
                "times": {"type": "integer", "default": 1, "description": "How often."},
            },
            "required": ["word"],
        },
        "outputSchema": {"type": "object", "properties": {"said": {"type": "string"}}},
        "annotations": {"readOnlyHint": True},
    },
    {"name": "photo", "description": "Two images.", "inputSchema": {"type": "object", "properties": {}}},
    {"name": "fail", "description": "Fails.", "inputSchema": {"type": "object", "properties": {}}},
]


def call(name, arguments):
    if name == "say-it":
        said = arguments["word"] * arguments.get("times", 1)
        return {"content": [{"type": "text", "text": said}], "structuredContent": {"said": said}}
    if name == "photo":
        images = [base64.b64encode(data).decode() for data in (b"first", b"second")]
        return {"content": [{"type": "image", "data": data, "mimeType": "image/png"} for data in images]}
    return {"content": [{"type": "text", "text": "it did not work"}], "isError": True}


def answer(method, params):
    if method == "initialize":
        time.sleep(float(sys.argv[1]) if len(sys.argv) > 1 else 0)
        about = {"name": "upstream", "version": "1"}
        version = params["protocolVersion"]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return call(params["name"], params.get("arguments", {}))
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        result = answer(message["method"], message.get("params", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)

"""A small world over MCP for tests: files, messages, a car and a trip, whose state lives as long as the server.

Its names and schemas are of every kind that servers in the field have, also the ones that Python cannot write.
"""

import json
import sys

TEXT, INT, NUM, BOOL = ({"type": kind} for kind in ("string", "integer", "number", "boolean"))
TOOLS = {}
# Those that give something else than an object, which the SDKs for Python give as the only field of one.
WRAPPED = "cd ls mkdir grep wc list-users messages.search delete_message import distance is_open cancel orders get".split()
WRAPPED += ["empty_list", "fail_odd"]
STATE = {
    "at": "/home",
    "files": {"/home": {"notes.txt": "tea\ncoffee\n", "todo.md": "- buy milk\n"}, "/tmp": {}},
    "messages": [],
    "tickets": {},
    "car": {"locked": True, "running": False, "fuel": 10.0, "tires": {"front": 32, "rear": 30}},
    "orders": [],
    "balance": 1000.0,
    "settings": {"theme": "dark", "volume": 5, "nick": None},
}
USERS = {"ann": {"id": 1, "name": "Ann", "tags": ["staff"]}, "bob": {"id": 2, "name": "Bob Ünal", "tags": []}}


class Refused(Exception):
    pass


def tool(name, required=(), **properties):
    """Adds a tool; a name that Python cannot write as a keyword comes in a mapping called `more`."""
    more = properties.pop("more", {})
    schema = {"type": "object", "properties": {**properties, **more}, "required": list(required)}
    wraps = {"type": "object", "properties": {"result": {}}, "required": ["result"], "title": "Output"}

    def add(function):
        about = {"name": name, "description": (function.__doc__ or name).strip(), "inputSchema": schema}
        if name in WRAPPED:
            about["outputSchema"] = wraps
        TOOLS[name] = (about, function)
        return function

    return add


def here():
    return STATE["files"][STATE["at"]]


@tool("pwd")
def pwd():
    return {"current_directory": STATE["at"]}


@tool("cd", ["folder"], folder=TEXT)
def cd(folder):
    if folder not in STATE["files"]:
        raise Refused(f"cd: {folder}: no such directory")
    STATE["at"] = folder
    return


@tool("ls", a={"type": "boolean", "default": False})
def ls(a=False):
    return sorted(name for name in here() if a or not name.startswith("."))


@tool("mkdir", ["dir_name"], dir_name=TEXT)
def mkdir(dir_name):
    STATE["files"][f"{STATE['at']}/{dir_name}"] = {}
    return True


@tool("cat", ["file_name"], file_name=TEXT)
def cat(file_name):
    if file_name not in here():
        raise Refused(f"cat: {file_name}: no such file")
    return here()[file_name]


@tool("echo", ["content"], content=TEXT, file_name={"type": ["string", "null"], "default": None})
def echo(content, file_name=None):
    if file_name is None:
        return content
    here()[file_name] = content
    return ""


@tool("mv", ["source", "destination"], source=TEXT, destination=TEXT)
def mv(source, destination):
    here()[destination] = here().pop(source)
    return {"moved": 1}


@tool("rm", ["names"], names={"type": "array", "items": TEXT, "minItems": 1})
def rm(names):
    return {"removed": [name for name in names if here().pop(name, None) is not None]}


@tool("grep", ["pattern"], pattern=TEXT, file_name=TEXT)
def grep(pattern, file_name="notes.txt"):
    return [line for line in here()[file_name].splitlines() if pattern in line]


@tool("wc", ["file_name"], file_name=TEXT, mode={"enum": ["l", "w", "c"], "default": "l"})
def wc(file_name, mode="l"):
    text = here()[file_name]
    return {"l": text.count("\n"), "w": len(text.split()), "c": len(text)}[mode]


@tool("sort", ["file_name"], file_name=TEXT, reverse=BOOL)
def sort(file_name, reverse=False):
    return "\n".join(sorted(here()[file_name].splitlines(), reverse=reverse))


@tool("get_user", ["user"], user=TEXT)
def get_user(user):
    if user not in USERS:
        raise Refused(f"no user '{user}'; there are: ann, bob")
    return USERS[user]


@tool("list-users")
def list_users():
    return [USERS["ann"], USERS["bob"]]


@tool("send message", ["to", "text"], to=TEXT, text=TEXT, more={"from": {**TEXT, "default": "ann"}})
def send_message(to, text, **more):
    STATE["messages"].append({"from": more.get("from", "ann"), "to": to, "text": text})
    return {"message_id": len(STATE["messages"])}


@tool("messages.search", text=TEXT, to=TEXT)
def search_messages(text="", to=None):
    return [each for each in STATE["messages"] if text in each["text"] and to in (None, each["to"])]


@tool("delete_message", ["message_id"], message_id=INT)
def delete_message(message_id):
    if not 0 < message_id <= len(STATE["messages"]):
        raise Refused("no such message")
    del STATE["messages"][message_id - 1]


PRIORITY = {"oneOf": [{"type": "integer", "minimum": 1, "maximum": 5}, {"enum": ["low", "high"]}]}
LABEL = {"type": "object", "properties": {"name": TEXT, "color": TEXT}, "required": ["name"]}


@tool("createTicket", ["title"], title=TEXT, priority=PRIORITY, labels={"type": "array", "items": LABEL})
def create_ticket(title, priority=3, labels=()):
    number = len(STATE["tickets"]) + 1
    STATE["tickets"][number] = {"id": number, "title": title, "priority": priority, "labels": list(labels), "open": True}
    return STATE["tickets"][number]


@tool("getTicket", ["id"], id=INT)
def get_ticket(id):
    if id not in STATE["tickets"]:
        raise Refused(f"no ticket {id}")
    return STATE["tickets"][id]


@tool("closeTicket", ["id"], id=INT, resolution={"type": "string", "nullable": True})
def close_ticket(id, resolution=None):
    get_ticket(id).update(open=False, resolution=resolution)
    return get_ticket(id)


CHANGES = {"type": "object", "properties": {"title": TEXT, "priority": PRIORITY}, "additionalProperties": False}


@tool("editTicket", ["id", "changes"], id=INT, changes=CHANGES)
def edit_ticket(id, changes):
    get_ticket(id).update(changes)
    return get_ticket(id)


@tool("open", more={"class": {"enum": ["doors", "trunk"]}})
def open_car(**more):
    STATE["car"]["locked"] = False
    return more.get("class", "doors")


@tool("import", ["lambda"], more={"lambda": NUM})
def import_fuel(**more):
    STATE["car"]["fuel"] += more["lambda"]
    return STATE["car"]["fuel"]


@tool("start-engine")
def start_engine():
    if STATE["car"]["locked"]:
        raise Refused("the doors must be unlocked first")
    STATE["car"]["running"] = True
    return "null"


@tool("start_engine")
def start_other_engine():
    return "the other one"


@tool("3d_map", ["zoom"], zoom=INT)
def map_3d(zoom):
    return {"zoom": zoom, "type": type(zoom).__name__}


@tool("car status", fields={"type": "array", "items": {"enum": ["fuel", "locked", "running", "tires"]}})
def car_status(fields=("fuel", "locked", "running", "tires")):
    return {name: STATE["car"][name] for name in fields}


@tool("distance", ["start", "end"], start=TEXT, end=TEXT)
def distance(start, end):
    return abs(len(start) - len(end)) * 10.5


@tool("is_open", ["place"], place=TEXT)
def is_open(place):
    return place != "moon"


POINT = {"type": "object", "properties": {"lat": NUM, "lon": NUM}, "required": ["lat", "lon"]}


@tool("route", ["points"], points={"type": "array", "items": POINT}, options={"$ref": "#/$defs/options"})
def route(points, options=None):
    return {"legs": [[a["lat"], b["lat"]] for a, b in zip(points, points[1:])], "options": options}


TOOLS["route"][0]["inputSchema"]["$defs"] = {"options": {"type": "object", "properties": {"avoid": {"type": "array", "items": TEXT}}}}


@tool("book", ["what", "price"], what=TEXT, price={"type": "number", "exclusiveMinimum": 0}, seats={"type": "integer", "default": 1})
def book(what, price, seats=1):
    if price * seats > STATE["balance"]:
        raise Refused(f"{price * seats} is more than the balance of {STATE['balance']}")
    STATE["balance"] -= price * seats
    STATE["orders"].append({"what": what, "price": price, "seats": seats})
    return {"order": len(STATE["orders"]), "balance": STATE["balance"]}


@tool("cancel", ["order"], order=INT)
def cancel(order):
    gone = STATE["orders"][order - 1]
    STATE["balance"] += gone["price"] * gone["seats"]
    return STATE["balance"]


@tool("orders")
def orders():
    return STATE["orders"]


@tool("set", ["key"], key=TEXT, value={})
def set_value(key, value=None):
    STATE["settings"][key] = value
    return STATE["settings"]


@tool("get", ["key"], key=TEXT)
def get_value(key):
    return STATE["settings"].get(key)


@tool("json_report")
def json_report():
    return json.dumps({"rows": [1, 2]})


@tool("two_texts")
def two_texts():
    return ("first", "second")


@tool("nothing")
def nothing():
    return ()


@tool("empty_list")
def empty_list():
    return []


@tool("zip code", ["code"], code=TEXT)
def zip_code(code):
    return {"code": code, "self": {"nested": {"deep": [1, {"er": None}]}}}


@tool("fail_odd", ["n"], n=INT)
def fail_odd(n):
    if n % 2:
        raise Refused(f"{n} is odd")
    return n


@tool("snapshot")
def snapshot():
    """Everything there is."""
    return STATE


def result_of(name, arguments):
    try:
        value = TOOLS[name][1](**arguments)
    except Refused as refused:
        return {"isError": True, "content": [{"type": "text", "text": str(refused)}]}
    if isinstance(value, tuple):
        return {"content": [{"type": "text", "text": each} for each in value]}
    if isinstance(value, str):
        return {"content": [{"type": "text", "text": value}]}
    # As the SDKs do it: an object is itself, everything else stands under `result`.
    structured = value if isinstance(value, dict) else {"result": value}
    return {"content": [{"type": "text", "text": json.dumps(value)}], "structuredContent": structured}


def answer(message):
    method, params = message["method"], message.get("params", {})
    if method == "initialize":
        about = {"name": "world", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        return {"tools": [about for about, _ in TOOLS.values()]}
    if method == "tools/call":
        return result_of(params["name"], params.get("arguments", {}))
    return {}


for line in sys.stdin:
    heard = json.loads(line)
    if "id" in heard:
        reply = {"jsonrpc": "2.0", "id": heard["id"], "result": answer(heard)}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()

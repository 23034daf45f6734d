"""Runs cells through the kernel in a process of its own: stdin brings them as JSON, descriptor 3's file takes the replies.

The fake channel gives every cell its own files as descriptors 1 and 2, as the host gives it its own pipes.
"""

import builtins
import importlib.machinery
import itertools
import json
import os
import sys
import tempfile
import types

_dumps = json.dumps
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def fake_tools(request, args, kwargs, way):
    """One namespace `t`, whose tools give back how they were called and with what; `fails` and `never` do as they say."""
    names = ["echo", "never", "fails", "gather"]
    if request == "tools.names":
        return ["ok", ["t"]]
    if request == "tools.namespace":
        if kwargs["name"] != "t":
            return ["error", {"kind": "not_found", "message": f"there is no `tools.{kwargs['name']}`", "tool": ""}]
        tools = [{"name": name, "signature": f"tools.t.{name}(value)", "summary": ""} for name in names]
        return ["ok", {"name": "t", "kind": "mcp", "description": "", "callable": True, "tools": tools}]
    if request == "tools.describe":
        name = kwargs["name"]
        if name != "t" and name.partition(".")[2] not in names:
            return ["error", {"kind": "not_found", "message": f"there is no `tools.{name}`", "tool": name}]
        parameters = [
            {"name": "value", "type": "Any", "required": True, "default": None},
            {"name": "more", "type": "int", "required": False, "default": 2},
        ]
        about = {"name": name, "signature": f"tools.{name}(value)", "doc": "Echoes.", "parameters": parameters}
        return ["ok", {**about, "open": False, "returns": "dict"}]
    if request == "tools.call":
        if args[0] == "t.fails":
            return ["error", {"kind": "failed", "message": "it fails", "tool": args[0], "exit_code": 3}]
        if args[0] == "t.media":
            return ["media", [b"x", "image/png", None]]
        return ["ok", [way, *kwargs.values()]]
    raise RuntimeError(request)


_SKILLS = {
    "double": "def run(x: int = 1) -> int:\n    return x * 2\n",
    "slow": "import asyncio\nasync def run(x):\n    await asyncio.sleep(0.01)\n    return skills.double(x)\n",
    "both": "async def run(x):\n    return skills.slow(x) + await skills.slow(x) + await skills.double(x)\n",
    "named": "def run(name, **more):\n    return name, more['self'], __name__\n",
}


def fake_skills(request, kwargs):
    """Four skills, and a library that takes no more."""
    name = kwargs.get("name")
    about = {"name": name, "signature": f"skills.{name}(x: int = 1) -> int", "description": "Doubles.", "hash": name}
    about.update(dependencies=[], requires_python=None)
    if request == "skills.names":
        return ["ok", sorted(_SKILLS)]
    if request == "skills.search":
        about = {**about, "signature": "skills.double(x: int = 1) -> int", "score": 0.5, "matched_by": ["name"]}
        about["proof"] = {"state": "verified"}
        hits = [about] if kwargs["query"] in ("double", "verdoppeln") else []
        read = {"read_as": "double"} if kwargs["query"] == "verdoppeln" else {}
        return ["ok", {"hits": hits, "semantic": "off", "reason": "no model", **read}]
    if request == "skills.verify":
        return ["ok", {"state": "broken", "text": f"broken: {name}", "examples": []}]
    if request == "skills.create":
        return ["error", {"kind": "invalid", "message": "no skill"}]
    if request in ("skills.used", "skills.alike"):
        return ["ok", []]
    if name not in _SKILLS:
        return ["error", {"kind": "not_found", "message": f"no skill named '{name}'"}]
    if request == "skills.fetch":
        return ["ok", {**about, "label": "version 1", "source": _SKILLS[name]}]
    parameters = {"properties": {"x": {}}, "additionalProperties": False}
    written = [{"name": "x", "type": "int", "default": "1"}]
    return ["ok", {**about, "parameters": parameters, "run": written, "rest": None, "returns": "int"}]


class FakeArtifacts:
    """A host's artifacts in memory: the newest version of each name, and saves that go in steps."""

    def __init__(self):
        self.kept = {}
        self.steps = {}

    def answer(self, request, given):
        answer = getattr(self, request)(**given)
        return answer if isinstance(answer, list) and answer[:1] == ["error"] else ["ok", answer]

    def begin(self):
        self.steps[len(self.steps)] = b""
        return len(self.steps) - 1

    def append(self, id, data):
        assert type(data) is bytes and len(data) <= 1 << 20
        self.steps[id] += data
        return len(self.steps[id])

    def finish(self, id, **about):
        return self.save(self.steps.pop(id), **about)

    def abandon(self, id):
        self.steps.pop(id)

    def save(self, data, **about):
        if "\0" in about["name"]:
            return ["error", {"kind": "invalid", "message": "it holds a NUL character"}]
        version = self.kept[about["name"]][0]["version"] + 1 if about["name"] in self.kept else 1
        about = {**about, "version": version, "size": len(data)}
        self.kept[about["name"]] = (about, data)
        return about

    def get(self, name, version=None):
        if name not in self.kept:
            return ["error", {"kind": "not_found", "message": f"no artifact named '{name}'"}]
        return self.kept[name][0]

    def check(self, name):
        if "\0" in name:
            return ["error", {"kind": "invalid", "message": "it holds a NUL character"}]
        return name in self.kept

    def read(self, name, version, offset, limit):
        about = self.get(name)
        if name not in self.kept:
            return about
        assert limit <= 1 << 20
        return [about, self.kept[name][1][offset : offset + limit]]

    def list(self, after, prefix, tag):
        names = sorted(name for name in self.kept if name > after and name.startswith(prefix))
        return [[self.kept[name][0] for name in names[:2]], names[1] if len(names) > 2 else None]


class FakeChannel:
    def __init__(self, cells):
        self.cells = cells
        self.number = 0
        self.replies = []
        self.late_text = []
        self.forms = []
        self.calls = []
        self.refuses_calls = False
        self.owner = os.getpid()
        self.disowned = False
        self.files = None
        # Threads call too, and each number is given once.
        self.numbers = itertools.count(1)
        self.answers = {}
        self.abandoned = []
        # Nothing ever comes here: a loop that waits is woken by its own pipe.
        self.quiet = os.pipe()
        self.artifacts = FakeArtifacts()

    def next_run(self):
        if self.disowned or self.number >= len(self.cells):
            return None
        cell = self.cells[self.number]
        if isinstance(cell, dict) and "pause" in cell:
            import time

            time.sleep(cell["pause"])
            self.cells.pop(self.number)
            return self.next_run()
        self.number += 1
        self.files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
        os.dup2(self.files[0].fileno(), 1)
        os.dup2(self.files[1].fileno(), 2)
        if isinstance(cell, dict):
            return self.number, cell["plan"], True
        return self.number, cell, False

    def lend(self):
        pass

    def emit(self, cell, stream, content):
        if not self.disowned and cell not in (0, self.number):
            return content
        data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
        while data:
            data = data[os.write(stream, data) :]
        return content[:0]

    def done(self, cell, outcome):
        if self.disowned:
            raise RuntimeError("a forked child spoke")
        texts = []
        for file in self.files:
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
        _dumps(outcome)
        self.replies.append(
            {
                "cell": cell,
                **outcome,
                "stdout": texts[0],
                "stderr": texts[1],
                "forms": self.forms,
                "calls": self.calls,
            }
        )
        self.forms, self.calls = [], []

    def display(self, cell, forms):
        assert all(type(media) is str and type(data) is bytes for media, data in forms)
        self.forms.append([cell, [[media, data.decode("latin-1")] for media, data in forms]])

    def late(self, cell, stream, text):
        if self.disowned:
            raise RuntimeError("a forked child spoke")
        self.late_text.append([cell, stream, text])

    def call(self, name, args, kwargs):
        if name.startswith("tools."):
            return fake_tools(name, args, kwargs, "plain")
        if name.startswith("skills."):
            return fake_skills(name, kwargs)
        if name.startswith("artifacts."):
            return self.artifacts.answer(name.partition(".")[2], kwargs)
        self.calls.append([name, list(args), kwargs])
        raise RuntimeError("refused")

    def begin(self, name, args, kwargs, wake):
        number = next(self.numbers)
        self.answers[number] = fake_tools(name, args, kwargs, "later")
        if "never" not in args[0]:
            os.write(wake, b"!")
        return number

    def collect(self, calls):
        return [(call, self.answers.pop(call), None) for call in calls if call in self.answers]

    def abandon(self, call):
        self.abandoned.append(call)

    def fileno(self):
        return self.quiet[0]

    def park(self, cell):
        return False

    def is_new_twin(self):
        return False

    def disown(self):
        self.disowned = True


class Embedded:
    """Loads the package as the worker does: from text, under file names that exist nowhere."""

    def __init__(self):
        self.builtins = dict(vars(builtins))

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] != "actwright":
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=name == "actwright")

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        file = (module.__name__.partition(".")[2] or "__init__") + ".py"
        with open(os.path.join(ROOT, "python_stubs", "actwright", file), encoding="utf-8") as source:
            module.__dict__["__builtins__"] = self.builtins
            exec(compile(source.read(), f"<actwright/{file}>", "exec"), module.__dict__)


def main():
    cells = json.load(sys.stdin)
    result = os.dup(1)
    module = types.ModuleType("_actwright")
    module.Channel = FakeChannel
    module.HostCallError = type("HostCallError", (Exception,), {})
    sys.modules["_actwright"] = module
    sys.meta_path.insert(0, Embedded())
    from actwright import kernel

    channel = FakeChannel(cells)
    kernel.serve(channel)
    text = _dumps({"replies": channel.replies, "late": channel.late_text})
    with os.fdopen(result, "w") as out:
        out.write(text)
        out.flush()
    os._exit(0)


if __name__ == "__main__":
    main()

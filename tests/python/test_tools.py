"""Tools on the Python side: which calls are awaited, and what functions of tools look like."""

import sys
import unittest

from tests.python.session import SessionTest, run

# A cell, and what its value shows. `plain` and `later` say how the host was called.
_PLACES = [
    ("tools.t.echo(1)", "['plain', 1]"),
    ("await tools.t.echo(1)", "['later', 1]"),
    ("tools.t(1), await tools.t(2)", "(['plain', 1], ['later', 2])"),
    ("x = await tools.t.echo(1)\nx, tools.t.echo(2)", "(['later', 1], ['plain', 2])"),
    ("x = tools.t.echo(1)\ny = x\nx = await tools.t.echo(2)\ny, x", "(['plain', 1], ['later', 2])"),
    ("import asyncio\nawait asyncio.gather(tools.t.echo(1), tools.t.echo(2))", "[['later', 1], ['later', 2]]"),
    ("from asyncio import gather\nawait gather(*[tools.t.echo(n) for n in (1, 2)])", "[['later', 1], ['later', 2]]"),
    ("import asyncio\nc = [tools.t.echo(n) for n in (1, 2)]\nawait asyncio.gather(*c)", "[['later', 1], ['later', 2]]"),
    ("import asyncio\nc = []\nc.append(tools.t.echo(1))\nc += [tools.t.echo(2)]\nawait asyncio.gather(*c)", "[['later', 1], ['later', 2]]"),
    ("import asyncio\nc = {}\nc['a'] = tools.t.echo(1)\nawait asyncio.gather(*c.values())", "[['later', 1]]"),
    ("import asyncio\nc = tuple(tools.t.echo(n) for n in (1,))\nd = c\nawait asyncio.gather(*d)", "[['later', 1]]"),
    ("import asyncio\nasync def f():\n    return await tools.t.echo(1), tools.t.echo(2)\nasyncio.run(f())", "(['later', 1], ['plain', 2])"),
    ("import asyncio\nasyncio.run(tools.t.echo(1))", "['later', 1]"),
    ("import asyncio\nawait asyncio.wait_for(tools.t.echo(1), 5)", "['later', 1]"),
    ("import asyncio\nt = asyncio.create_task(tools.t.echo(1))\ny = tools.t.echo(2)\ny, await t", "(['plain', 2], ['later', 1])"),
    ("import asyncio\n[await c for c in asyncio.as_completed([tools.t.echo(1)])]", "[['later', 1]]"),
    ("import asyncio\nawait asyncio.gather(*map(tools.t.echo, [1, 2]))", "[['later', 1], ['later', 2]]"),
    ("import asyncio\nlist(map(tools.t.echo, [1])), await asyncio.sleep(0)", "([['plain', 1]], None)"),
    ("import asyncio\nawait asyncio.to_thread(tools.t.echo, 1)", "['plain', 1]"),
    ("f = tools.t.echo\nf(1), await f(2)", "(['plain', 1], ['later', 2])"),
    ("from functools import partial\nf = partial(tools.t.echo, 1)\nf(), await f(more=3)", "(['plain', 1], ['later', 1, 3])"),
    ("async def f(n):\n    return n\nawait f(tools.t.echo(1))", "['plain', 1]"),
    ("import asyncio\nawait asyncio.sleep(0, tools.t.echo(1))", "['plain', 1]"),
    # A tool may have the name of a function of asyncio.
    ("await tools.t.gather(tools.t.echo(1))", "['later', ['plain', 1]]"),
    # What a function awaits may be made around it; its own names are its own.
    ("import asyncio\nc = [tools.t.echo(1)]\nasync def f():\n    return await asyncio.gather(*c)\nasyncio.run(f())", "[['later', 1]]"),
    ("import asyncio\nc = tools.t.echo(1)\nasync def f(c):\n    return await c\nc, await f(asyncio.sleep(0, 2))", "(['plain', 1], 2)"),
    ("c = tools.t.echo(1)\nasync def f():\n    c = tools.t.echo(2)\n    return await c\nc, await f()", "(['plain', 1], ['later', 2])"),
    ("x = tools.t.echo(1) if True else None\nawait tools.t.echo(x)", "['later', ['plain', 1]]"),
    ("x = await (tools.t.echo(1) if True else tools.t.echo(2))\nx", "['later', 1]"),
    ("await (y := tools.t.echo(1))", "['later', 1]"),
    ("[await tools.t.echo(n) for n in (1, 2) if tools.t.echo(n)]", "[['later', 1], ['later', 2]]"),
    ("async def g():\n    yield await tools.t.echo(1)\n[x async for x in g()]", "[['later', 1]]"),
    # What a function of the session awaits of its arguments, whichever way it is given, also in a later cell.
    ("async def show(c):\n    return await c\nawait show(tools.t.echo(1))", "['later', 1]"),
    (["async def show(c):\n    return await c", "await show(c=tools.t.echo(1))"], "['later', 1]"),
    (["async def show(c):\n    return await c", "def show(c):\n    return c", "show(tools.t.echo(1))"], "['plain', 1]"),
    (["async def show(c):\n    return await c", "show = list", "show(tools.t.echo(1))"], "['plain', 1]"),
    ("async def show(a, c):\n    return a, await c\nawait show(tools.t.echo(1), tools.t.echo(2))", "(['plain', 1], ['later', 2])"),
    ("import asyncio\nasync def all_of(*c):\n    return await asyncio.gather(*c)\nawait all_of(tools.t.echo(1), *[tools.t.echo(2)])", "[['later', 1], ['later', 2]]"),
    ("async def each(cs):\n    return [await c for c in cs]\nawait each([tools.t.echo(1)])", "[['later', 1]]"),
    ("import asyncio\ndef start(c):\n    return asyncio.create_task(c)\nt = start(tools.t.echo(1))\nawait t", "['later', 1]"),
    ("class A:\n    async def show(self, c):\n        return await c\ndef show(n, c):\n    return c\nshow(1, tools.t.echo(1))", "['plain', 1]"),
    ("async def show(c):\n    return await c\ndef f(show):\n    return show(tools.t.echo(1))\nf(list)", "['plain', 1]"),
    # One column of rows.
    ("r = [(tools.t.echo(n), tools.t.echo(n)) for n in (1,)]\n[(a, await b) for a, b in r]", "[(['plain', 1], ['later', 1])]"),
    ("r = []\nr.append((1, tools.t.echo(1)))\nfor n, c in r:\n    x = await c\nx", "['later', 1]"),
    ("c = {'a': tools.t.echo(1)}\n{k: await v for k, v in c.items()}", "{'a': ['later', 1]}"),
    ("c = [tools.t.echo(1)]\n[(n, await v) for n, v in zip('a', c)], [await v for n, v in enumerate([tools.t.echo(2)])]", "([('a', ['later', 1])], [['later', 2]])"),
    ("a, b = tools.t.echo(1), tools.t.echo(2)\na, await b", "(['plain', 1], ['later', 2])"),
    # What was called plainly can be awaited all the same.
    (["c = tools.t.echo(1)", "await c"], "['plain', 1]"),
    ("import asyncio\nf = lambda n: tools.t.echo(n)\nawait f(1), await asyncio.gather(*[f(2)], f(3))", "(['plain', 1], [['plain', 2], ['plain', 3]])"),
    ("import asyncio\nf = lambda n: tools.t.echo(n)\nawait asyncio.wait_for(f(1), 5), [await c for c in asyncio.as_completed([f(2)])]", "(['plain', 1], [['plain', 2]])"),
]


class Places(SessionTest):
    def test_where_a_call_stands_says_whether_it_is_awaited(self):
        for cell, shown in _PLACES:
            self.check(cell, value=shown)

    @unittest.skipUnless(sys.version_info >= (3, 11), "TaskGroup came with 3.11")
    def test_a_task_group(self):
        cell = "import asyncio\nasync with asyncio.TaskGroup() as g:\n    t = g.create_task(tools.t.echo(1))\nt.result()"
        self.check(cell, value="['later', 1]")


class Functions(SessionTest):
    def test_functions_look_like_functions(self):
        self.check("import inspect\nstr(inspect.signature(tools.t.echo))", value="\"(value: 'Any', more: 'int' = 2) -> 'dict'\"")
        self.check("f = tools.t.echo\nf.__name__, f.__module__, f.__doc__", value="('echo', 'tools.t', 'Echoes.')")
        self.check("dir(tools), dir(tools.t)[:3]", value="(['list', 'schema', 'search', 't'], ['echo', 'fails', 'gather'])")
        self.check("hasattr(tools, 'x'), hasattr(tools, '_x'), hasattr(tools.t, 'x'), hasattr(tools.t, 'echo')", value="(False, False, False, True)")
        self.check("tools.t.echo(1, 2), tools.t.echo(more=1, value=2)", value="(['plain', 1, 2], ['plain', 1, 2])")

    def test_mistakes_are_exceptions_of_their_kind(self):
        self.check("tools.t.echo(1, 2, 3)", error="ToolArgumentError")
        self.check("tools.t.echo(1, value=3)", error="ToolArgumentError")
        self.check("await tools.t.echo(1, 2, 3)", error="ToolArgumentError")
        self.check("tools.t.fails(1)", error="ToolError")
        self.check("await tools.t.fails(1)", error="ToolError")
        self.check("tools.x.y()", error="ToolNotFoundError")
        self.check("tools.t.x()", error="ToolNotFoundError")
        self.check("try:\n    await tools.t.fails(1)\nexcept ToolError as e:\n    r = e.kind, e.exit_code, e.status\nr", value="('failed', 3, None)")

    def test_an_awaited_call_can_be_given_up(self):
        cell = "import asyncio\ntry:\n    await asyncio.wait_for(tools.t.never(1), 0.05)\nexcept asyncio.TimeoutError:\n    r = 'gave up'\nr"
        self.check(cell, value="'gave up'")
        self.check([cell, "await tools.t.echo(1)"], value="['later', 1]")

    def test_loops_in_threads_do_not_meet(self):
        cell = (
            "import asyncio, threading\nout = []\n"
            "async def main(n):\n    return await asyncio.gather(*[tools.t.echo(n) for _ in range(20)])\n"
            "threads = [threading.Thread(target=lambda n=n: out.append(asyncio.run(main(n)))) for n in range(4)]\n"
            "[t.start() for t in threads]\n[t.join() for t in threads]\n"
            "sorted(len(x) for x in out), all(len({y[1] for y in x}) == 1 for x in out)"
        )
        self.check(cell, value="([20, 20, 20, 20], True)")

    def test_errors_show_the_users_own_lines(self):
        error = run("def f():\n    return tools.t.fails(1)\nf()").last["error"]
        self.assertIn("return tools.t.fails(1)", error["traceback"])
        self.assertNotIn("actwright", error["traceback"])


if __name__ == "__main__":
    unittest.main()

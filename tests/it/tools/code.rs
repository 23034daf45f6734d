//! Tools in code: plain and awaited calls side by side, in every way that people write them.

use super::{over, raised, scripted, value};
use crate::support::{Client, report};

fn up() -> Client {
    over(&[("mcp.json", &scripted("up", "good"))])
}

#[test]
fn a_call_is_plain_or_awaited_by_where_it_stands() {
    let mut client = up();
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("a = tools.up.add(1)\nb = await tools.up.add(2)\na, b", "('2', '3')");
    check("import asyncio\nawait asyncio.gather(*[tools.up.add(n) for n in range(3)])", "['1', '2', '3']");
    check("calls = [tools.up.add(n) for n in range(3)]\nawait asyncio.gather(*calls)", "['1', '2', '3']");
    check(
        "calls = []\nfor n in range(3):\n    calls.append(tools.up.add(n))\nplain = tools.up.add(9)\nplain, await asyncio.gather(*calls)",
        "('10', ['1', '2', '3'])",
    );
    check(
        "calls = {n: tools.up.add(n) for n in range(2)}\ndict(zip(calls, await asyncio.gather(*calls.values())))",
        "{0: '1', 1: '2'}",
    );
    check("t = asyncio.create_task(tools.up.add(4))\nx = tools.up.add(1)\nx, await t", "('2', '5')");
    check(
        "async def main():\n    return await tools.up.add(5), tools.up.add(6)\nasyncio.run(main())",
        "('6', '7')",
    );
    check("asyncio.run(tools.up.add(7))", "'8'");
    check("await asyncio.wait_for(tools.up.add(8), 5)", "'9'");
    check(
        "out = []\nfor c in asyncio.as_completed([tools.up.add(n) for n in range(3)]):\n    out.append(await c)\nsorted(out)",
        "['1', '2', '3']",
    );
    check(
        "done, pending = await asyncio.wait([asyncio.ensure_future(tools.up.add(n)) for n in range(3)])\nsorted(t.result() for t in done), pending",
        "(['1', '2', '3'], set())",
    );
    check("f = tools.up.add\na = f(1)\nb = await f(2)\na, b", "('2', '3')");
    check(
        "from functools import partial\nf = partial(tools.up.add, 1)\nf(b=2), f(), await f(b=5)",
        "('3', '2', '6')",
    );
    check("await asyncio.to_thread(tools.up.add, 1), list(map(tools.up.add, [1, 2]))", "('2', ['2', '3'])");
    check("await asyncio.gather(*map(tools.up.add, range(2)))", "['1', '2']");
    check(
        "r = [await tools.up.add(n) for n in range(2)]\nr + [tools.up.add(n) for n in range(2)]",
        "['1', '2', '1', '2']",
    );
    check(
        "sem = asyncio.Semaphore(2)\nasync def one(n):\n    async with sem:\n        return await tools.up.add(n)\nawait asyncio.gather(*(one(n) for n in range(4)))",
        "['1', '2', '3', '4']",
    );
    check(
        "coros = [tools.up.add(n) for n in range(2)]\nasync def main():\n    return await asyncio.gather(*coros)\nasyncio.run(main())",
        "['1', '2']",
    );
    check(
        "def fetch(n):\n    return tools.up.add(n)\nfetch(1), await asyncio.gather(*[asyncio.to_thread(fetch, n) for n in range(2)])",
        "('2', ['1', '2'])",
    );
}

#[test]
fn a_task_group_overlaps() {
    let mut client = up();
    let code = "import asyncio, sys\nif sys.version_info >= (3, 11):\n    async with asyncio.TaskGroup() as group:\n        tasks = [group.create_task(tools.up.add(n)) for n in range(3)]\n    r = [t.result() for t in tasks]\nelse:\n    r = ['1', '2', '3']\nr";
    assert_eq!(value(&mut client, code), "['1', '2', '3']");
}

#[test]
fn threads_and_calls_between_cells_work() {
    let mut client = up();
    let pool = "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(16) as pool:\n    r = list(pool.map(tools.up.add, range(100)))\nr == [str(n + 1) for n in range(100)]";
    assert_eq!(value(&mut client, pool), "True");
    let between = "import threading, time\nbox = []\ndef work():\n    for n in range(5):\n        time.sleep(0.1)\n        box.append(tools.up.add(n))\nt = threading.Thread(target=work)\nt.start()\n0";
    value(&mut client, between);
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(value(&mut client, "t.join()\nbox"), "['1', '2', '3', '4', '5']");
    let loops = "import asyncio\ndef own(n):\n    async def main():\n        return await asyncio.gather(*[tools.up.add(n + i) for i in range(5)])\n    return asyncio.run(main())\nwith ThreadPoolExecutor(4) as pool:\n    r = list(pool.map(own, range(8)))\nr == [[str(n + i + 1) for i in range(5)] for n in range(8)]";
    assert_eq!(value(&mut client, loops), "True");
}

#[test]
fn a_forked_child_cannot_call() {
    let mut client = up();
    let code = "import os\nr, w = os.pipe()\ntools.up.add(1)\npid = os.fork()\nif pid == 0:\n    try:\n        tools.up.add(1)\n        os.write(w, b'called')\n    except BaseException as e:\n        os.write(w, (type(e).__name__ + ': ' + str(e)).encode())\n    os._exit(0)\nos.waitpid(pid, 0)\nos.read(r, 1000).decode(), tools.up.add(2)";
    insta::assert_snapshot!(value(&mut client, code), @"(\"RuntimeError: this is a forked child: only the session's own process may call the host\", '3')");
}

#[test]
fn code_that_breaks_its_own_house_gets_its_tools_back() {
    let mut client = up();
    client.run("import builtins\nfor name in list(vars(builtins)):\n    if not name.startswith('__'):\n        delattr(builtins, name)");
    assert_eq!(value(&mut client, "tools.up.add(1), await tools.up.add(2)"), "('2', '3')");
    client.run("tools = 5\nToolError = 6");
    assert_eq!(value(&mut client, "tools"), "5");
    assert_eq!(value(&mut client, "del tools\ntools.up.add(3)"), "'4'");
    let raised = raised(&mut client, "tools.up.add = 1\ntools.up.add(1)");
    assert!(!raised.0.is_empty());
}

#[test]
fn errors_point_at_the_line_of_the_call() {
    let mut client = up();
    let result = client.run("def ask():\n    return tools.up.fails('it is full')\nask()");
    insta::assert_snapshot!(report(&result)["error"]["traceback"].as_str().unwrap(), @r#"
    Traceback (most recent call last):
      File "<cell 1>", line 3, in <module>
        ask()
      File "<cell 1>", line 2, in ask
        return tools.up.fails('it is full')
               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    ToolError: tools.up.fails: it is full
    "#);
    let result = client.run("import asyncio\nawait asyncio.gather(tools.up.add(1), tools.up.fails('late'))");
    insta::assert_snapshot!(report(&result)["error"]["traceback"].as_str().unwrap(), @r#"
    Traceback (most recent call last):
      File "<cell 2>", line 2, in <module>
        await asyncio.gather(tools.up.add(1), tools.up.fails('late'))
    ToolError: tools.up.fails: late
    "#);
    let result = client.run("x = await tools.up.add('no')");
    insta::assert_snapshot!(report(&result)["error"]["traceback"].as_str().unwrap(), @r#"
    Traceback (most recent call last):
      File "<cell 3>", line 1, in <module>
        x = await tools.up.add('no')
            ^^^^^^^^^^^^^^^^^^^^^^^^
    ToolArgumentError: tools.up.add: argument `a`: "no" is not of type "integer"; it is called as tools.up.add(a: int, b: int = 1)
    "#);
}

#[test]
fn a_plain_value_that_is_awaited_afterwards_is_given() {
    let mut client = up();
    let mut check = |code: &str, expected: &str| assert_eq!(value(&mut client, code), expected, "{code}");
    check("c = tools.up.add(1)\nc", "'2'");
    check("await c, c", "('2', '2')");
    check("import asyncio\nawait asyncio.gather(c, *[c, c])", "['2', '2', '2']");
    check(
        "def fetch(n):\n    return tools.up.add(n)\nawait asyncio.gather(*[fetch(n) for n in range(2)])",
        "['1', '2']",
    );
    check("await (lambda n: tools.up.add(n))(1), asyncio.run(fetch(3)) if False else 0", "('2', 0)");
    check(
        "class Job:\n    def __init__(self, c): self.c = c\n    async def run(self): return await self.c\nawait Job(tools.up.add(1)).run()",
        "'2'",
    );
}

"""Top-level await, the session's loop, and interrupts."""

from .session import SessionTest, run

_LATER = (
    "import os, signal, threading, time\n"
    "def interrupt(after):\n"
    "    t = threading.Timer(after, os.kill, (os.getpid(), signal.SIGINT)); t.daemon = True; t.start()\n"
)


class Await(SessionTest):
    def test_top_level(self):
        self.check("import asyncio\nawait asyncio.sleep(0, 5)", "5")
        self.check("import asyncio\nx = await asyncio.sleep(0, 5)\nx + 1", "6")
        self.check(
            "async def g():\n  yield 1\n  yield 2\nout = []\nasync for x in g(): out.append(x)\nout", "[1, 2]"
        )
        self.check("async def g():\n  yield 1\n[x async for x in g()]", "[1]")
        self.check(["async def g():\n  yield 1", "{x: 1 async for x in g()}"], "{1: 1}")
        self.check(
            "class C:\n  async def __aenter__(s): return 3\n  async def __aexit__(s, *a): print('bye')\n"
            "async with C() as c: print(c)\nc",
            "3",
            stdout="3\nbye\n",
        )
        self.check(["async def f(): return 1", "await f()"], "1")
        self.check("await 5", None, "TypeError")

    def test_run_in_plain_cells(self):
        main = "import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    return 4\n"
        self.check(main + "asyncio.run(main())", "4")
        self.check([main, "await main()", "asyncio.run(main())", "await main()"], "4")
        self.check([main, "asyncio.run(main())", "asyncio.get_event_loop().run_until_complete(main())"], "4")
        self.check(
            [main, "loop = asyncio.get_event_loop()", "await main()", "loop is asyncio.get_event_loop()"],
            "True",
        )
        self.check([main, "l = asyncio.new_event_loop(); l.run_until_complete(main())"], "4")
        self.check([main, "asyncio.get_event_loop().close()", "await main()"], "4")
        error = self.error_of(main + "asyncio.run(main())\nawait main()")
        self.assertEqual((error["type"], error["line"]), ("RuntimeError", 5))
        self.assertIn("write `await", error["hints"][0])

    def test_tasks_live_between_cells(self):
        replies = run(
            "import asyncio\nasync def f():\n  await asyncio.sleep(0.05); print('late one'); return 8\nt = asyncio.create_task(f())",
            "await asyncio.sleep(0.2); print('own')",
            "t.result()",
        )
        self.assertEqual(replies[1]["stdout"], "own\n")
        self.assertEqual(replies.late_of(1), "late one\n")
        self.assertEqual(replies[2]["value"]["repr"], "8")

    def test_context_variables_persist(self):
        self.check(
            [
                "import contextvars, asyncio\nv = contextvars.ContextVar('v')\nv.set(1)",
                "await asyncio.sleep(0); v.set(v.get() + 1)",
                "v.get()",
            ],
            "2",
        )
        self.check(
            "import decimal, asyncio\ndecimal.getcontext().prec = 3\nawait asyncio.sleep(0)\ndecimal.Decimal(1)/3",
            "Decimal('0.333')",
        )

    def test_errors_inside(self):
        error = self.error_of(
            "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    1/0\nawait f()"
        )
        self.assertEqual((error["type"], error["line"]), ("ZeroDivisionError", 4))
        self.assertTrue(
            error["traceback"].startswith('Traceback (most recent call last):\n  File "<cell 1>", line 5'),
            error["traceback"],
        )
        self.assertNotIn("base_events", error["traceback"])
        error = self.error_of(
            "import asyncio\nt = asyncio.current_task(); t.cancel()\nawait asyncio.sleep(1)"
        )
        self.assertEqual(error["type"].rpartition(".")[2], "CancelledError")
        error = self.error_of(
            "import asyncio\nasync def f(): raise SystemExit(3)\nt = asyncio.ensure_future(f())\nawait asyncio.sleep(1)"
        )
        self.assertEqual((error["type"], error["exit_code"]), ("SystemExit", 3))
        self.check(["import asyncio\nawait asyncio.wait_for(asyncio.sleep(5), 0.01)", "1"], "1")
        self.check(
            [
                "import asyncio\nasync def f(): raise SystemExit(3)\nt = asyncio.ensure_future(f())\nawait asyncio.sleep(1)",
                "await asyncio.sleep(0, 3)",
            ],
            "3",
        )

    def test_executor_and_threads(self):
        self.check(
            "import asyncio\nawait asyncio.get_running_loop().run_in_executor(None, print, 'in')",
            None,
            stdout="in\n",
        )
        self.check(
            "import asyncio, sys\np = await asyncio.create_subprocess_exec(sys.executable, '-c', 'print(5)')\nawait p.wait()",
            "0",
            stdout="5\n",
        )


class Interrupts(SessionTest):
    def test_plain_code(self):
        for body in (
            "while True: pass",
            "time.sleep(20)",
            "threading.Event().wait(20)",
            "import subprocess; subprocess.run(['sleep', '20'])",
        ):
            replies = run(_LATER, f"x = 5\ninterrupt(0.2)\n{body}", "x")
            error = replies[1]["error"]
            self.assertEqual((error["type"], error["line"]), ("KeyboardInterrupt", 3))
            self.assertNotIn("actwright", error["traceback"])
            self.assertEqual(replies[2]["value"]["repr"], "5")

    def test_awaiting(self):
        replies = run(
            _LATER + "import asyncio\nasync def bg():\n  while True: await asyncio.sleep(0.01)\n",
            "t = asyncio.create_task(bg())\nasync def waits():\n    try: await asyncio.sleep(20)\n    finally: print('cleaned')",
            "interrupt(0.2)\nawait waits()",
            "t.done()",
            "await asyncio.sleep(0.05, 3)",
        )
        error = replies[2]["error"]
        self.assertEqual(
            (error["type"], error["line"], replies[2]["stdout"]), ("KeyboardInterrupt", 2, "cleaned\n")
        )
        self.assertNotIn("base_events", error["traceback"])
        self.assertEqual(replies[3]["value"]["repr"], "False")
        self.assertEqual(replies[4]["value"]["repr"], "3")

    def test_busy_coroutine(self):
        replies = run(
            _LATER + "import asyncio",
            "interrupt(0.2)\nawait asyncio.sleep(0)\nwhile True: pass",
            "await asyncio.sleep(0, 1)",
        )
        self.assertEqual(replies[1]["error"]["type"], "KeyboardInterrupt")
        self.assertEqual(replies[2]["value"]["repr"], "1")

    def test_asyncio_run(self):
        replies = run(
            _LATER + "import asyncio",
            "interrupt(0.2)\nasyncio.run(asyncio.sleep(20))",
            "await asyncio.sleep(0, 1)",
        )
        self.assertEqual(replies[1]["error"]["type"], "KeyboardInterrupt")
        self.assertEqual(replies[2]["value"]["repr"], "1")

    def test_user_code_of_the_report(self):
        slow = "class E(Exception):\n    def __str__(self):\n        while True: pass\n"
        replies = run(_LATER + slow, "interrupt(0.2)\nraise E", "1+1")
        self.assertIn(replies[1]["error"]["type"], ("KeyboardInterrupt", "E"))
        self.assertEqual(replies[2]["value"]["repr"], "2")
        replies = run(
            _LATER + "class R:\n    def __repr__(self):\n        while True: pass\n",
            "interrupt(0.2)\nR()",
            "1+1",
        )
        self.assertEqual(replies[1]["error"]["type"], "KeyboardInterrupt")
        self.assertEqual(replies[2]["value"]["repr"], "2")

    def test_between_cells_they_are_ignored(self):
        replies = run(_LATER + "interrupt(0.2)", {"pause": 0.5}, "1+1")
        self.assertEqual(replies[1]["value"]["repr"], "2")

    def test_handlers_do_not_stay(self):
        replies = run(
            "import signal; signal.signal(signal.SIGINT, lambda *a: None)",
            "signal.getsignal(2) is signal.default_int_handler",
        )
        self.assertEqual(replies[1]["value"]["repr"], "True")

    def test_a_storm_loses_nothing(self):
        storm = (
            _LATER + "def storm():\n    end = time.time() + 3\n    while time.time() < end:\n"
            "        time.sleep(0.0007); os.kill(os.getpid(), signal.SIGINT)\n"
            "threading.Thread(target=storm, daemon=True).start()"
        )
        cells = ["[str(i) for i in range(300)] and 3"] * 1500
        replies = run(storm, *cells, {"pause": 3.2}, "6*7")
        self.assertEqual(replies.last["value"]["repr"], "42")
        for reply in replies.replies[1:-1]:
            if reply["error"] is None:
                self.assertEqual(reply["value"]["repr"], "3")
            else:
                self.assertEqual(reply["error"]["type"], "KeyboardInterrupt")


class Rules(SessionTest):
    def test_a_cleared_loop_is_only_cleared_for_its_cell(self):
        self.check(
            ["import asyncio\nasyncio.set_event_loop(None)\nasyncio.get_event_loop()"], None, "RuntimeError"
        )
        self.check(
            ["import asyncio\nasyncio.set_event_loop(None)", "asyncio.get_event_loop().is_closed()"], "False"
        )

"""How errors read, and the hints that go with them."""

import sys

from .session import SessionTest, run


class Tracebacks(SessionTest):
    def test_lines_and_frames(self):
        error = self.error_of("def f(x):\n    return 1 / x", "y = 0\nf(y)")
        self.assertEqual((error["line"], error["source"]), (2, "f(y)"))
        self.assertIn('File "<cell 2>", line 2, in <module>', error["traceback"])
        self.assertIn('File "<cell 1>", line 2, in f\n    return 1 / x\n', error["traceback"])
        self.assertEqual(error["message"], "division by zero")
        error = self.error_of("import json\njson.loads('{')")
        self.assertEqual(error["type"], "json.decoder.JSONDecodeError")
        self.assertEqual(error["line"], 2)
        self.assertIn("json/__init__.py", error["traceback"])
        self.assertNotIn("actwright", error["traceback"])

    def test_everything_about_an_error_is_bounded(self):
        for cell in (
            "raise ValueError('e' * 10**7)",
            "raise KeyError('e' * 10**7)",
            "raise type('E' * 10**7, (Exception,), {})",
            "1 / 0, '" + "x" * 10**6 + "'",
            "d = {'k' * 10**6: 1}\nd['x']",
        ):
            error = self.error_of(cell)
            longest = max(len(error[key]) for key in ("type", "message", "source", "traceback"))
            self.assertLess(longest, 21_000, cell[:40])
            self.assertLess(sum(map(len, error["hints"])), 5_000, cell[:40])

    def test_chains(self):
        error = self.error_of("try:\n    1/0\nexcept Exception as e:\n    raise ValueError('x') from e")
        self.assertIn("direct cause", error["traceback"])
        self.assertIn("ZeroDivisionError", error["traceback"])
        error = self.error_of("try:\n    1/0\nexcept Exception:\n    raise ValueError('x')")
        self.assertIn("During handling", error["traceback"])
        error = self.error_of("1 if 1 else 2\nraise KeyError('a')")
        self.assertNotIn("During handling", error["traceback"])
        self.assertEqual(error["message"], "'a'")

    def test_recursion_is_folded(self):
        error = self.error_of("def f(): f()\nf()")
        self.assertEqual((error["type"], error["line"]), ("RecursionError", 1))
        self.assertIn("Previous line repeated", error["traceback"])
        self.assertLess(len(error["traceback"]), 3000)
        error = self.error_of("def f(): g()\ndef g(): f()\nf()")
        self.assertLess(len(error["traceback"]), 21000)
        self.assertTrue(error["traceback"].rstrip().split("\n")[-1].startswith("RecursionError"))
        error = self.error_of("import sys; sys.setrecursionlimit(50)\ndef f(): f()\nf()")
        self.assertEqual(error["type"], "RecursionError")
        error = self.error_of(
            "import sys, threading\nsys.setrecursionlimit(20000)\ndef f(n):\n  if n: f(n - 1)\n  else: 1/0\nf(8000)"
        )
        self.assertEqual(error["type"], "ZeroDivisionError")

    def test_broken_exceptions(self):
        for body in (
            "def __str__(self): 1/0",
            "def __repr__(self): 1/0",
            "__str__ = None",
            "def __str__(self): return 5",
            "def __str__(self): raise SystemExit",
            "def __str__(self): raise KeyboardInterrupt",
            "__module__ = None",
            "__module__ = property(lambda s: 1/0)",
            "__cause__ = 5",
            "__traceback__ = 5",
            "@property\n    def __context__(self): 1/0",
            "@property\n    def __notes__(self): 1/0",
            "def __getattribute__(self, n): 1/0",
            "__notes__ = 5",
            "exceptions = 5",
            "name = 5",
            "args = 5",
        ):
            with self.subTest(body=body):
                replies = run(f"class E(Exception):\n    {body}\nraise E('a')", "1+1")
                self.assertIsNotNone(replies[0]["error"])
                self.assertEqual(replies[1]["value"]["repr"], "2")
        self.check("class B(BaseException): pass\nraise B", None, "B")
        self.check("raise GeneratorExit", None, "GeneratorExit")
        self.check("raise KeyboardInterrupt", None, "KeyboardInterrupt")
        self.check("import asyncio; raise asyncio.CancelledError", None, "asyncio.exceptions.CancelledError")
        self.check(
            "class M(type):\n  def __getattribute__(c, n): 1/0\nclass E(Exception, metaclass=M): pass\nraise E",
            None,
            "Exception",
        )
        self.check(
            "e = SyntaxError('m', ('<cell 1>', 'x', [], {}))\ne.lineno = 'q'\nraise e", None, "SyntaxError"
        )
        self.check("raise UnicodeDecodeError('utf8', b'a', 0, 1, 'why')", None, "UnicodeDecodeError")

    def test_syntax_errors_of_inner_code(self):
        error = self.error_of("x = 1\nexec('a b')")
        self.assertEqual((error["type"], error["line"]), ("SyntaxError", 2))

    def test_syntax_errors_show_their_line(self):
        for text, line in (
            ("x = 1\nreturn x", "return x"),
            ("    return 5", "return 5"),
            ("def f():\n    break", "break"),
            ("x = 1\ndef f(a, a): pass", "def f(a, a): pass"),
            ("def f():\n    nonlocal zzz\n", "nonlocal zzz"),
            ("x = 1\nfrom __future__ import annotations", "from __future__ import annotations"),
            ("def f():\n    x = 1\n    global x", "global x"),
            ("a = b c", "a = b c"),
        ):
            self.assertIn(f"\n    {line}\n", self.error_of(text)["traceback"], text)

    def test_nothing_keeps_the_frames(self):
        self.check(
            [
                "import weakref, gc\nclass A: pass\ndef f():\n  a = A(); global r; r = weakref.ref(a); 1/0",
                "f()",
                "gc.collect(); r() is None",
            ],
            "True",
        )


class Hints(SessionTest):
    def hint(self, *cells):
        return " | ".join(self.error_of(*cells)["hints"])

    def has(self, cells, *words):
        cells = [cells] if isinstance(cells, str) else cells
        with self.subTest(cells=cells):
            hint = self.hint(*cells)
            for word in words:
                self.assertIn(word, hint)

    def test_names(self):
        self.has(["total_price = 1", "totl_price + 1"], "`total_price`")
        self.has("json.dumps(1)", "`import json`")
        self.has("np.array(1)", "`import numpy as np`")
        self.has("Counter('a')", "`from collections import Counter`")
        self.has("prnt(1)", "`print`")
        self.has("jsn.dumps(1)", "`json`")
        self.has(
            "foo(1, 'a', [x for x in 'ab'])\nbar.baz(k=2)",
            "line 1: foo(1: int, 'a': str, [x for x in 'ab']: list)",
            "line 2: bar.baz(k=2: int)",
        )

    def test_attributes_and_keys(self):
        self.has("'a'.uper()", "`upper`")
        self.has("import json; json.dump_s", "`dumps`")
        if sys.version_info >= (3, 10):
            self.has("class A:\n  def __init__(s): s.colour = 1\nA().color", "`colour`")
        self.has("d = {'price': 1, 'cpu': 2}\nd['pirce']", "`price`")
        self.has("d = {'price': 1, 'cpu': 2}\nd['zzz']", "has the keys 'price', 'cpu'")
        self.assertEqual(
            self.hint("class D(dict):\n  def __getattribute__(s, n): print('ran'); return 1\nD()['a']"), ""
        )

    def test_modules(self):
        self.has("import cv2", "Package opencv-python is not installed, and this server adds none")
        self.has("import yaml_nope", "Package yaml_nope is not installed")
        for statement, package in (
            ("from google import genai", "google-genai"),
            ("import google.cloud.storage as gs", "google-cloud-storage"),
            ("from google.cloud import bigquery", "google-cloud-bigquery"),
            ("from google.protobuf import message", "protobuf"),
            ("import win32api", "pywin32"),
        ):
            self.has(statement, f"Package {package} is not installed")
        self.has("import pandsa", "`pandsa` may be mistyped; well-known packages of similar names: `pandas`.")
        self.has("from sklearn_nope.linear import x", "Package sklearn_nope ")
        self.has("import jason", "`json`")

    def test_refusals(self):
        self.has("import socket\nraise socket.gaierror(-2, 'x')", "`sandbox.network`")
        self.has("raise ConnectionRefusedError(111, 'x')", "`sandbox.network`")
        self.has(
            "import urllib.error\nraise urllib.error.URLError(OSError(101, 'Network is unreachable'))",
            "`sandbox.network`",
        )
        self.has(
            "import socket\ndef connect(): raise PermissionError(1, 'x')\ndef f():\n  s = socket.socket; connect()\nf()",
            "`sandbox.network`",
        )
        self.has(
            "class E(Exception): pass\ntry:\n  raise OSError(101, 'x')\nexcept OSError as e:\n  raise E from e",
            "`sandbox.network`",
        )
        self.has("open('/etc/nothing-here')", "/session", "`sandbox.read`")
        self.has("raise PermissionError(13, 'x', '/usr/x')", "`sandbox.write`")
        self.assertEqual(self.hint("open('nothing-here')"), "")
        self.has("raise OSError(28, 'x')", "`limits.workspace`")
        self.has("raise OSError(27, 'x')", "`limits.workspace`")
        self.has("raise OSError(24, 'x')", "`limits.files`")
        self.has('raise RuntimeError("can\'t start new thread")', "`limits.processes`")
        self.has("import os\ndef fork(): raise BlockingIOError(11, 'x')\nfork()", "`limits.processes`")
        self.has("raise MemoryError", "`limits.memory`")
        self.has("'a' * (1 << 62)", "`limits.memory`")
        self.assertEqual(self.hint("1/0"), "")

    def test_notebook_habits(self):
        self.has("%pip install requests", "`%pip`", "import requests")
        self.has("!pip install requests", "`!pip`")
        self.has("x = 1\n!ls -la", "subprocess.run(['ls', '-la'])")
        self.has("x = !ls", "capture_output=True")
        self.has("!ls | wc", "shell=True")
        self.has("%matplotlib inline\nx = 1", "figures are shown without it")
        self.has("%%time\nx = 1", "perf_counter")
        self.has("?print", "help(print)")
        self.has("print?", "help(print)")
        self.has("%unknown", "`%unknown`")
        self.assertEqual(self.hint("x = = 1"), "")

    def test_loops_and_digits(self):
        self.has("import asyncio\ndef f(): return asyncio.get_running_loop()\nf()", "No event loop runs")
        if hasattr(sys, "set_int_max_str_digits"):
            self.has("2**20000", "set_int_max_str_digits")
        self.has("-" * 100000 + "1", "nested too deeply")


class Frames(SessionTest):
    def test_our_frames_are_never_shown(self):
        for text in (
            "x = 1;;",
            "print 'a'",
            "1/0",
            "await 5",
            "class R:\n  def __repr__(s): 1/0\nR()",
            "input()",
            "display(1/0)",
        ):
            self.assertNotIn("actwright", self.error_of(text)["traceback"], text)

    def test_what_exec_runs_has_no_lines_of_ours(self):
        error = self.error_of("exec('def f(): 1/0')", "f()")
        self.assertIn('File "<string>", line 1, in f\nZeroDivisionError', error["traceback"])


class Listed(SessionTest):
    """Where the network is a list of hosts behind a proxy, hints say so."""

    def hint(self, cell, listed=True):
        environ = {"HTTPS_PROXY": "http://127.0.0.1:3128" if listed else ""}
        return "\n".join(run(cell, environ=environ).last["error"]["hints"])

    def test_a_way_around_the_proxy(self):
        for cell in (
            "raise OSError(101, 'Network is unreachable')",
            "import socket\nraise socket.gaierror(-2, 'x')",
            "raise ConnectionRefusedError(111, 'x')",
        ):
            self.assertIn("HTTP_PROXY", self.hint(cell), cell)
            self.assertNotIn("HTTP_PROXY", self.hint(cell, listed=False), cell)

    def test_what_the_proxy_said(self):
        refused = "403 Refused: a.example:443 is not in sandbox.network"
        for cell in (
            f"raise OSError('Tunnel connection failed: {refused}')",
            f"import urllib.error\nraise urllib.error.URLError(OSError('Tunnel connection failed: {refused}'))",
            f"import urllib.error\nraise urllib.error.HTTPError('http://a.example', 403, {refused[4:]!r}, {{}}, None)",
            f"class ProxyError(Exception): pass\nraise ProxyError({refused!r})",
            f"class E(Exception):\n  def __init__(self): self.message = {refused[4:]!r}\nraise E()",
            f"class E(Exception): pass\nraise E(E('x', OSError('failed: {refused}')))",
        ):
            self.assertIn("not in the configuration's list", self.hint(cell), cell)
            self.assertNotIn("not in the configuration's list", self.hint(cell, listed=False), cell)
        self.assertIn("reason in the message", self.hint("raise OSError('429 Refused: more than 2 connections')"))
        alert = "import ssl\nraise ssl.SSLError(1, '[SSL: TLSV1_ALERT_ACCESS_DENIED] tlsv1 alert access denied')"
        self.assertIn("only TLS passes", self.hint(alert))
        self.assertEqual(self.hint("raise ValueError('403 Forbidden')"), "")

    def test_aiohttp_looks_for_the_proxy(self):
        library = "class ClientSession:\n  def __init__(self, *, trust_env=False): self.trust_env = trust_env\n"
        cell = f"open('aiohttp.py', 'w').write({library!r})\nimport aiohttp\naiohttp.ClientSession().trust_env"
        for proxy, expected in (("http://127.0.0.1:3128", "True"), ("", "False")):
            self.assertEqual(run(cell, environ={"HTTPS_PROXY": proxy}).last["value"]["repr"], expected)

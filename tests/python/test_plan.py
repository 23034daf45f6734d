"""Calls of functions that exist nowhere."""

from .session import SessionTest, run


class Plan(SessionTest):
    def plan(self, text, *before):
        reply = run(*before, {"plan": text}).last
        self.assertIsNone(reply["value"])
        self.assertIsNone(reply["error"])
        self.assertEqual(reply["stdout"], "")
        return [(each["name"], each["line"], each["arguments"], each["types"]) for each in reply["plan"]]

    def names(self, text, *before):
        return [each[0] for each in self.plan(text, *before)]

    def test_reports(self):
        self.assertEqual(self.plan("print('x')\n1/0"), [])
        self.assertEqual(
            self.plan("df = [1]\nout = summarise(df, top=3, *rest)\nclients.crm.find('x', **more)"),
            [
                ("summarise", 2, ["df", "*rest", "top=3"], ["list", "?", "int"]),
                ("clients.crm.find", 3, ["'x'", "**more"], ["str", "?"]),
            ],
        )
        self.assertEqual(
            self.plan(
                "go(a, b, len(a), a + 1, f'{a}', -1.5, not a, {}, (), lambda: 1, dict(), a.x, a[0])",
                "a = 1",
                "import decimal; b = decimal.Decimal(1)",
            ),
            [
                (
                    "go",
                    1,
                    [
                        "a",
                        "b",
                        "len(a)",
                        "a + 1",
                        "f'{a}'",
                        "-1.5",
                        "not a",
                        "{}",
                        "()",
                        "lambda: 1",
                        "dict()",
                        "a.x",
                        "a[0]",
                    ],
                    [
                        "int",
                        "decimal.Decimal",
                        "int",
                        "int",
                        "str",
                        "float",
                        "bool",
                        "dict",
                        "tuple",
                        "function",
                        "dict",
                        "?",
                        "?",
                    ],
                )
            ],
        )
        self.assertEqual(self.names("a(b(c()))"), ["a", "b", "c"])
        self.assertEqual(self.names("    x = 1\n    foo(x)"), ["foo"])
        self.assertEqual(self.names("await foo()"), ["foo"])
        self.assertEqual(self.names("def f():\n  g()\nf()"), ["g"])
        self.assertEqual(self.names("try:\n  foo()\nexcept Exception: pass"), ["foo"])
        self.assertEqual(self.names("class A:\n  def m(self): pass\n  def n(self): m()"), ["m"])
        self.assertEqual(self.names("[x for x in 'ab']\nx()"), ["x"])
        self.assertEqual(self.names("def f(a): pass\na()"), ["a"])

    def test_bound_names_are_not_reported(self):
        for text in (
            "def f(): pass\nf()",
            "f()\ndef f(): pass",
            "def g(): f()\ndef f(): pass",
            "import a.b\na.b.c()",
            "import a as b\nb()",
            "from a import b as c\nc()",
            "def f(g, *h, i, **j):\n  g(); h(); i(); j()",
            "lambda f: f()",
            "[f() for f in x]",
            "{k(): v() for k, v in x}",
            "with a as f: f()",
            "for f, (g, *h) in x: f(); g(); h()",
            "try: pass\nexcept E as f: f()",
            "if (f := x): f()",
            "[y for x in z if (f := x)]\nf()",
            "def s():\n  global f\n  f = 1\nf()",
            "def o():\n  def i(): f()\n  f = 1",
            "class A:\n  def m(): pass\n  m()",
            "class A: pass\nA()",
            "f: int = 3\nf()",
            "async def f(): pass\nawait f()",
            "async with a as f: f()",
            "async for f in a: f()",
            "x = [lambda: f() for f in y]",
            "try:\n  foo()\nexcept NameError: pass",
            "from x import *\nfoo()",
            "exec('def foo(): pass')\nfoo()",
            "globals()['foo'] = 1\nfoo()",
            "import builtins\nbuiltins.foo = print\nfoo()",
            "a.b[0]()",
            "''.join(x)",
            "print(undefined)",
        ):
            self.assertEqual(self.names(text), [], text)
        self.assertEqual(self.names("f()", "def f(): pass"), [])

    def test_newer_syntax(self):
        import sys

        if sys.version_info >= (3, 10):
            self.assertEqual(
                self.names(
                    "match x:\n  case [f, *g]: f(); g()\n  case {'a': h, **i}: h(); i()\n  case A(k=j) as l: j(); l()"
                ),
                [],
            )
        if sys.version_info >= (3, 12):
            self.assertEqual(
                self.names(
                    "def f[T](x: T): return T()\nclass A[U]:\n  def m(self): return U()\ntype X[V] = list[V]\nX()"
                ),
                [],
            )

    def test_broken_source(self):
        reply = run({"plan": "x = ("}).last
        self.assertEqual(reply["error"]["type"], "SyntaxError")
        self.assertIsNone(reply["plan"])

    def test_nothing_runs(self):
        self.check([{"plan": "x = 1; print('ran')"}, "'x' in globals()"], "False")

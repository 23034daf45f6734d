"""What a cell's code is, what its value is, and what stays for the next cell."""

import json
import sys
import unittest

from .session import SessionTest, run


class Source(SessionTest):
    def test_last_expression_is_the_value(self):
        self.check("1+1", "2")
        self.check("x = 5\nx * 2", "10")
        self.check("x = 5", None)
        self.check("", None)
        self.check("# nothing", None)
        self.check("None", None)
        self.check("'42'", "'42'")
        self.check("''", "''")
        self.check("if True:\n    3", None)
        self.check("(1,\n 2)", "(1, 2)")
        self.check("1; 2", "2")

    def test_semicolon_suppresses_the_value(self):
        self.check("5;", None)
        self.check("x = 1\nx;", None)
        self.check("x = 1\nx ;  # why", None)
        self.check("x = 1\nx  # no; really;", "1")
        self.check("'a;'", "'a;'")
        self.check("x = 'é'; x", "'é'")
        self.check("'é';", None)
        self.check("(1);", None)

    def test_pasted_text_runs_as_meant(self):
        self.check("    x = 1\n    x + 1", "2")
        self.check("\tx = 1\n\tx", "1")
        self.check("\n\n  def f():\n      return 3\n  f()", "3")
        self.check("    x = '''\na'''\n    x", "'\\na'")
        self.check("# note\n    x = 1\n    x", "1")
        self.check("x = 1\r\ny = 2\r\nx + y\r\n", "3")
        self.check("x = 1\rx", "1")
        self.check("\ufeffx = 1\nx", "1")
        self.check("\fx = 1\n\f\nx", "1")
        self.check("if 1:\n\tx = 7\nx", "7")
        self.check("x = '''a\r\nb'''\nx", "'a\\nb'")

    def test_lines_count_as_python_counts_them(self):
        error = self.error_of("x = 'a\x0cb\u2028c'\n\n1/0")
        self.assertEqual((error["line"], error["source"]), (3, "1/0"))
        error = self.error_of("    x = 1\n    1/0")
        self.assertEqual((error["line"], error["source"]), (2, "1/0"))
        error = self.error_of("    x = '''\na'''\n    1/0")
        self.assertEqual((error["line"], error["source"]), (3, "1/0"))

    def test_broken_source_is_a_syntax_error(self):
        for text, line in (
            ("x = (", 1),
            ("a\nb c", 2),
            ("x = 1\n  y = 2", 2),
            ("'abc", 1),
            ("return 5", 1),
            ("yield", 1),
        ):
            error = self.error_of(text)
            self.assertIn(error["type"], ("SyntaxError", "IndentationError"), text)
            self.assertEqual(error["line"], line, text)
            self.assertIn('File "<cell 1>"', error["traceback"])
            self.assertNotIn("actwright", error["traceback"])
        error = self.error_of("x = 1\ny = 'a\0b'")
        self.assertEqual((error["type"], error["line"]), ("SyntaxError", 2))
        self.assertIn("null bytes", error["message"])
        self.check("x = (1 +\n", None, "SyntaxError")
        self.check("class A:\n    pass\n  x", None, "IndentationError")

    def test_monstrous_source_harms_nothing(self):
        for text in (
            "(" * 10000 + ")" * 10000,
            "[" * 10000 + "]" * 10000,
            "-" * 100000 + "1",
            "+".join(["1"] * 100000),
            "x" + ".a" * 100000,
            "x" + "()" * 50000,
            "not " * 100000 + "1",
            "lambda: " * 50000 + "1",
            "1 if 1 else " * 50000 + "1",
        ):
            replies = run(text, "1+1")
            error = replies[0]["error"]
            if error is not None:
                self.assertIn(
                    error["type"], ("SyntaxError", "RecursionError", "MemoryError", "NameError"), text[:20]
                )
                self.assertLess(len(error["traceback"]), 21000)
            self.assertEqual(replies[1]["value"]["repr"], "2")
        self.check(["[" + "1," * 300000 + "];", "1+1"], "2")

    def test_future_flags_persist(self):
        self.check(
            ["from __future__ import annotations", "def f(x: Undefined): pass", "f.__annotations__"],
            "{'x': 'Undefined'}",
        )
        self.check(
            ["from __future__ import annotations\ndef f(x: Undefined): pass\nf.__annotations__"],
            "{'x': 'Undefined'}",
        )
        self.check("    from __future__ import annotations\n    1", "1")


class Values(SessionTest):
    def test_types(self):
        self.check("1", "1", kind="int")
        self.check("import decimal; decimal.Decimal(1)", "Decimal('1')", kind="decimal.Decimal")
        self.check("class A:\n  class B:\n    __repr__ = lambda s: 'b'\nA.B()", "b", kind="A.B")
        self.check("int", "<class 'int'>", kind="type")

    def test_json_only_where_it_says_the_same(self):
        for text, wanted in (
            ("1", "1"),
            ("True", "true"),
            ("-0.0", "-0.0"),
            ("0.1+0.2", "0.30000000000000004"),
            ("5e-324", "5e-324"),
            ("1e22", "1e+22"),
            ("2**200", str(2**200)),
            ("[2**200, 1.5]", f"[{2**200}, 1.5]"),
            ("'a\"é'", '"a\\"é"'),
            ("{'b': [1, None], 'a': {}}", '{"b": [1, null], "a": {}}'),
            ("[]", "[]"),
            ("[[True]]", "[[true]]"),
        ):
            last = run(text).last
            self.assertEqual(last["value"]["json"], wanted, text)
            self.assertEqual(json.loads(wanted), json.loads(last["value"]["json"]))
        for text in (
            "(1,)",
            "{1}",
            "b'a'",
            "float('nan')",
            "[float('inf')]",
            "{1: 2}",
            "{(1,): 2}",
            "'\\ud800'",
            "['\\ud800']",
            "{'\\ud800': 1}",
            "a = []; a.append(a); a",
            "a = {}; a['a'] = [a, a]; a",
            "import collections; collections.OrderedDict(a=1)",
            "import enum\nclass E(enum.IntEnum):\n  A = 1\nE.A",
            "class S(str): pass\nS('a')",
            "x = 1\nfor _ in range(150): x = [x]\nx",
            "'a' * 300000",
            "list(range(100000))",
            "1j",
            "import datetime; datetime.date(2020, 1, 1)",
            "[(1, 2)]",
            "'é' * 140000",
        ):
            self.assertIsNone(run(text).last["value"]["json"], text)

    def test_floats_are_bit_exact(self):
        last = run(
            "import random; random.seed(1); v = [random.uniform(-1e300, 1e300) * 10 ** random.randint(-300, 0) for _ in range(999)]; v"
        ).last
        self.assertEqual(last["value"]["repr"], repr(json.loads(last["value"]["json"])))

    def test_repr_is_user_code(self):
        error = self.error_of("class A:\n    def __repr__(self):\n        return 1/0\nA()")
        self.assertEqual((error["type"], error["line"]), ("ZeroDivisionError", 3))
        self.check(
            "class A:\n    def __repr__(self):\n        print('in'); return 'A!'\nA()", "A!", stdout="in\n"
        )
        self.check("class A:\n    def __repr__(self): return 5\nA()", None, "TypeError")
        self.assertEqual(len(run("'a' * 5000000").last["value"]["repr"]), 5000002)

    def test_last_values_have_names(self):
        self.check(["1", "2", "3", "(_, __, ___)"], "(3, 2, 1)")
        self.check(["1", "None", "x = 2", "_"], "1")
        self.check(["1", "for _ in range(3): pass", "7", "_"], "2")


class Namespace(SessionTest):
    def test_it_is_main(self):
        self.check("__name__", "'__main__'")
        self.check("import sys; vars(sys.modules['__main__']) is globals()", "True")
        self.check("if __name__ == '__main__': print('ran')", None, stdout="ran\n")
        self.check("import sys; sys.argv", "['']")
        self.check(["x = 1", "def f(): return x", "x = 2", "f()"], "2")

    def test_classes_pickle(self):
        self.check(
            ["class A:\n  def __init__(s): s.x = 4", "import pickle; pickle.loads(pickle.dumps(A())).x"], "4"
        )
        self.check(
            "import dataclasses, typing\n@dataclasses.dataclass\nclass P:\n  x: int = 1\n  y: 'typing.List[P]' = None\n"
            "typing.get_type_hints(P)['x'], P()",
            "(<class 'int'>, P(x=1, y=None))",
        )
        self.check(
            [
                "import multiprocessing as m\ndef f(x): return x * x",
                "with m.get_context('fork').Pool(2) as p: r = p.map(f, [1, 2, 3])\nr",
            ],
            "[1, 4, 9]",
        )

    def test_sources_are_kept_for_what_cells_define(self):
        passing = [f"x = {n}" for n in range(600)]
        count = "import linecache; len([name for name in linecache.cache if name.startswith('<cell ')]) <= 502"
        self.check(["def f():\n    return 1", *passing, count], "True")
        source = "import inspect; inspect.getsource(f)"
        self.check(["def f():\n    return 1", *passing, source], repr("def f():\n    return 1\n"))

    def test_getsource(self):
        self.check(
            ["def f():\n    return 1", "x = 1", "import inspect; inspect.getsource(f)"],
            repr("def f():\n    return 1\n"),
        )
        self.check(
            ["class A:\n    x = 1", "x = 1", "import inspect; inspect.getsource(A)"],
            repr("class A:\n    x = 1\n"),
        )
        self.check(
            [
                "x = 1\n\nclass A:\n    def m(self): pass",
                "class B(A): pass",
                "import inspect; inspect.getsource(A)",
            ],
            repr("class A:\n    def m(self): pass\n"),
        )
        self.check(
            ["class A:\n    x = 1", "class A:\n    x = 2", "import inspect; inspect.getsource(A)"],
            repr("class A:\n    x = 2\n"),
        )
        self.check(
            ["f = lambda: 1", "import inspect, linecache; linecache.checkcache(); inspect.getsource(f)"],
            repr("f = lambda: 1\n"),
        )
        self.check("import inspect; inspect.getsource(int)", None, "TypeError")

    def test_warnings_behave_as_in_a_script(self):
        warn = "import warnings\nwarnings.warn('old', DeprecationWarning)"
        replies = run(warn, warn)
        for number, reply in enumerate(replies.replies, 1):
            self.assertIn(f"<cell {number}>:2: DeprecationWarning: old", reply["stderr"])

    def test_damage_does_not_outlive_the_cell(self):
        for cell in (
            "import builtins; del builtins.print",
            "import builtins; builtins.len = None; builtins.isinstance = None; builtins.type = None",
            "import builtins\nfor n in list(vars(builtins)):\n    if not n.startswith('__'): delattr(builtins, n)",
            "import sys; sys.modules.clear()",
            "del __builtins__",
            "import ast; ast.parse = None; ast.walk = None",
            "import traceback; traceback.TracebackException = None; traceback.StackSummary.extract = None",
            "import json; json.dumps = None",
            "import linecache; linecache.getlines = None; linecache.getline = None; linecache.checkcache = None",
            "import sys; sys.excepthook = None; sys.displayhook = None",
            "import sys; sys.setrecursionlimit(60)",
            "import gc; gc.disable()",
            "import sys; sys.setswitchinterval(1)",
            "import os; os.close(1); os.close(2)",
            "import sys; sys.stdout = None; sys.stderr = None; sys.stdin = None",
            "import sys; del sys.stdout, sys.stderr, sys.stdin",
            "import sys; sys.stdout.close(); sys.stderr.close(); sys.stdin.close()",
            "import sys\nfor n in list(sys.modules):\n    if 'actwright' in n: del sys.modules[n]",
            "import sys; sys.settrace(lambda *a: 1/0)",
            "import sys; sys.setprofile(lambda *a: 1/0)",
            "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL)",
            "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)",
            "import sys; sys.modules['__main__'] = None",
            "globals().clear()",
            "import os, tempfile; d = tempfile.mkdtemp(); os.chdir(d); os.rmdir(d)",
            "raise SystemExit(3)",
        ):
            with self.subTest(cell=cell):
                replies = run(cell, "print('out')\n1/0", "6*7")
                self.assertIn(replies[1]["error"]["type"], ("ZeroDivisionError", "NameError"))
                self.assertEqual(replies[2]["value"]["repr"], "42", cell)

    def test_deleted_builtins_come_back_and_replaced_ones_stay(self):
        self.check(
            [
                "import builtins; del builtins.print, builtins.repr; builtins.__import__ = builtins.len = None",
                "import math; print(len('ab')); builtins.len = lambda x: 7",
                "len('ab')",
            ],
            "7",
        )

    def test_an_emptied_namespace_is_still_that_of_main(self):
        for cell in (
            "globals().clear()",
            "for name in list(globals()): del globals()[name]",
            "__builtins__ = {}",
            "__builtins__ = None",
            "del __builtins__, __name__",
        ):
            self.check([cell, "7", "import builtins; builtins.added = 1", "_, added, tools is not None"], "(7, 1, True)")
            self.check([cell, "class A: pass", "import pickle; type(pickle.loads(pickle.dumps(A()))) is A"], "True")

    def test_exit_ends_the_cell_only(self):
        for code, exit_code, stderr in (
            ("1", 1, ""),
            ("3", 3, ""),
            ("-1", 255, ""),
            ("'bye'", 1, "bye\n"),
            ("[1]", 1, "[1]\n"),
            ("True", 1, ""),
        ):
            last = run(f"import sys; sys.exit({code})").last
            self.assertEqual((last["error"]["type"], last["error"]["exit_code"]), ("SystemExit", exit_code))
            self.assertEqual(last["stderr"], stderr)
        self.check(["import sys; sys.exit()", "1"], "1")
        self.check("import sys; sys.exit(0)", None)
        self.check(["exit()", "2"], "2")
        self.check("import sys, asyncio\nawait asyncio.sleep(0)\nsys.exit(0)", None)


class Forks(SessionTest):
    def test_a_child_that_comes_back_ends(self):
        replies = run(
            "import os\npid = os.fork()\nif pid == 0: print('child')\nelse: s = os.waitpid(pid, 0)[1]",
            "s",
            "1+1",
        )
        self.assertEqual(replies[0]["stdout"], "child\n")
        self.assertEqual(replies[1]["value"]["repr"], "0")
        self.assertEqual(replies[2]["value"]["repr"], "2")
        replies = run(
            "import os\npid = os.fork()\nif pid == 0: 1/0\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
        )
        self.assertEqual(replies[0]["value"]["repr"], "1")
        self.assertIn("ZeroDivisionError", replies[0]["stderr"])
        replies = run(
            "import os, sys\npid = os.fork()\nif pid == 0: sys.exit(7)\nos.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])"
        )
        self.assertEqual(replies[0]["value"]["repr"], "7")


@unittest.skipUnless(sys.version_info >= (3, 11), "notes and groups came with 3.11")
class Newer(SessionTest):
    def test_groups_and_notes(self):
        error = self.error_of(
            "e = ValueError('x'); e.add_note('look here')\nraise ExceptionGroup('g', [e, KeyError(1)])"
        )
        self.assertEqual(error["type"], "ExceptionGroup")
        self.assertIn("look here", error["traceback"])
        self.assertIn("KeyError: 1", error["traceback"])

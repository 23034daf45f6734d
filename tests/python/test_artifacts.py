"""What is saved comes back equal, or says what it comes back as; nothing is pickled."""

from tests.python.session import SessionTest, run

ROUND = """
import datetime, decimal, fractions, uuid, math, zoneinfo
from dataclasses import dataclass
from collections import Counter, namedtuple

def same(value):
    artifacts.save("x", value)
    back = artifacts.load("x")
    return type(back) is type(value) and (back == value or repr(back) == repr(value)) and repr(back) == repr(value)
"""


class Artifacts(SessionTest):
    def test_values_come_back_equal(self):
        for value in (
            "'text'", "''", "'a\\ud800b'", "'\\ud83d\\ude00'", "b'bytes'", "b''", "True", "False", "None",
            "0", "-1", "2**63", "-(2**5000)", "7**3000",
            "0.1", "-0.0", "float('nan')", "float('inf')", "-float('inf')", "1e308", "1+2j",
            "[]", "{}", "()", "[1, [2, (3, {'a': None})]]", "(1, 'a', b'x')", "{1: 'a', (2, 3): [4]}", "{'$': 'int', 'v': 1}",
            "{'a\\udc00': 1}", "['\\ud83d\\ude00']", "frozenset({1})", "{1}", "[bytearray(b'x')]",
            "datetime.datetime(2026, 1, 2, 3, 4, 5, 6)", "datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)",
            "datetime.datetime(2026, 1, 2, fold=1)", "datetime.date(2026, 1, 2)", "datetime.time(1, 2, 3)",
            "datetime.timedelta(-1, 2, 3)", "decimal.Decimal('1.10')", "decimal.Decimal('NaN')", "fractions.Fraction(1, 3)",
            "uuid.UUID(int=5)", "datetime.timezone.utc", "zoneinfo.ZoneInfo('Asia/Tokyo')", "'x' * 3_000_000", "b'y' * 3_000_001",
        ):  # fmt: skip
            self.check([ROUND, f"import sys; getattr(sys, 'set_int_max_str_digits', int)(0); same({value})"], value="True")

    def test_what_comes_back_as_another_says_so(self):
        note = "artifacts.save('x', {})['metadata']['comes_back_as'], artifacts.load('x')"
        point = ROUND + "@dataclass\nclass Point:\n    x: int\n    y: tuple\n"
        self.check([point, note.format("Point(1, (2,))")], value="('Point comes back as dict', {'x': 1, 'y': (2,)})")
        self.check([ROUND, note.format("Counter('aa')")], value="('Counter comes back as dict', {'a': 2})")
        self.check([ROUND, note.format("memoryview(b'x')")], value="('memoryview comes back as bytes', b'x')")
        self.check([ROUND, note.format("namedtuple('N', 'a')(1)")], value="('N comes back as tuple', (1,))")

    def test_what_cannot_be_saved_is_named(self):
        for value, words in (
            ("object()", "a value of type object cannot be saved"),
            ("lambda: 1", "a value of type function cannot be saved"),
            ("[open]", "cannot be saved"),
        ):
            error = self.error_of(f"artifacts.save('x', {value})")
            self.assertEqual(error["type"], "ArtifactTypeError")
            self.assertIn(words, error["message"])
        error = self.error_of("a = []\na.append(a)\nartifacts.save('x', a)")
        self.assertIn("contains itself", error["message"])
        self.assertEqual(self.error_of("artifacts.load('nothing')")["type"], "ArtifactNotFoundError")
        self.assertEqual(self.error_of("artifacts.save('a\\0', 1)")["type"], "ArtifactNameError")
        self.assertEqual(self.error_of("artifacts.save(5, 1)")["type"], "ArtifactNameError")
        self.check("try:\n    artifacts.load('x')\nexcept LookupError as error:\n    kind = error.kind\nkind", value="'not_found'")

    def test_files(self):
        write = "with artifacts.open('t', 'w') as file:\n    for n in range(300_000):\n        print(n, file=file)\n"
        self.check([write, "sum(1 for line in artifacts.open('t'))"], value="300000")
        self.check([write, "f = artifacts.open('t', 'rb'); f.seek(-7, 2), f.read()"], value="(1988883, b'299999\\n')")
        broken = "try:\n    with artifacts.open('t', 'wb') as file:\n        file.write(b'x' * 3_000_000)\n        1 / 0\nexcept ZeroDivisionError:\n    pass\n"
        self.check([broken, "artifacts.exists('t')"], value="False")
        self.check(["f = artifacts.open('t', 'wb'); f.write(b'x'); del f", "artifacts.exists('t')"], value="False")
        made = "import os\nopen('f.txt', 'w').write('abc')\nos.symlink('f.txt', 'link')\nos.mkfifo('pipe')\nos.makedirs('d/e')\nopen('d/e/g', 'w').write('deep')\nos.symlink('d', 'to_d')\n"
        self.check([made, "artifacts.save_file('f.txt')['media_type'], artifacts.load('f.txt')"], value="('text/plain', b'abc')")
        self.check([made, "artifacts.save_file('f.txt', 'a/g'); open(artifacts.to_file('a/g')).read()"], value="'abc'")
        self.check([made, "artifacts.save_file('./d/../d/e/g')['name'], artifacts.save_file(os.path.abspath('d/e/g'), 'h')['size']"], value="('g', 4)")
        for path in ("link", "pipe", ".", "nothing", "to_d/e/g", "d/../to_d/e/g", "d/", ""):
            self.assertEqual(self.error_of(made, f"artifacts.save_file({path!r})")["type"], "ArtifactNameError")
        self.check([made, "artifacts.save('link', 1)\ntry:\n    artifacts.to_file('link')\nexcept OSError as error:\n    print(error.errno)", "open('f.txt').read()"], value="'abc'")
        into = "artifacts.save('x', 'new')\ntry:\n    artifacts.to_file('x', {})\nexcept OSError as error:\n    kind = type(error).__name__\nkind, os.listdir('d/e')"
        self.check([made, into.format("'to_d/e/new'")], value="('NotADirectoryError', ['g'])")
        self.check([made, into.format("'pipe'")], value="('OSError', ['g'])")
        self.check([made, "artifacts.save('x', 'new'); artifacts.to_file('x', 'd/e/g'); open('d/e/g').read()"], value="'new'")

    def test_modes_of_files(self):
        write = "with artifacts.open('t', {}) as file:\n    file.write({})\n"
        for mode in ("'w'", "'wt'", "'tw'", "'x'", "'a'"):
            self.check([write.format(mode, "'héllo\\n'"), "artifacts.load('t'), artifacts.get('t')['version']"], value="('héllo\\n', 1)")
        for mode in ("'wb'", "'bw'", "'xb'", "'ab'"):
            self.check([write.format(mode, "b'abc'"), "artifacts.load('t'), artifacts.get('t')['version']"], value="(b'abc', 1)")
        self.check("with artifacts.open('t', 'wb') as file:\n    sizes = file.tell(), file.write(b'abc'), file.tell()\nsizes", value="(0, 3, 3)")
        once = "artifacts.save('t', 'one\\n')"
        self.check([once, write.format("'a'", "'two'"), "artifacts.load('t'), artifacts.get('t')['version']"], value="('one\\ntwo', 2)")
        self.check(["artifacts.save('t', b'x' * 3_000_000)", write.format("'ab'", "b'y'"), "artifacts.load('t') == b'x' * 3_000_000 + b'y'"], value="True")
        described = "artifacts.save('t', 'a', description='d', metadata={'tags': ['q']})\nartifacts.open('t', 'a').close()\n"
        self.check([described, "[artifacts.get('t')[key] for key in ('description', 'metadata', 'media_type')]"], value="['d', {'tags': ['q']}, 'text/plain; charset=utf-8']")
        self.check(["with artifacts.open('t', 'w', encoding='latin-1', newline='\\r\\n') as file:\n    file.write('é\\n')", "artifacts.open('t', 'br').read(), artifacts.open('t', encoding='latin-1').read()"], value="(b'\\xe9\\r\\n', 'é\\r\\n')")
        for cell, kind, words in (
            ("artifacts.open('t', 'x')", "ArtifactExistsError", "artifact 't' is there already; the mode 'w' saves"),
            ("artifacts.open('t', 'r+')", "ValueError", "the mode 'r+' is not one of 'r', 'w', 'a' and 'x', alone or with 'b' or 't'; no version is ever changed"),
            ("artifacts.open('t', 'q')", "ValueError", "the mode 'q' is not one of"),
            ("artifacts.open('t', 'rw')", "ValueError", "the mode 'rw' is not one of"),
            ("artifacts.open('t', 5)", "ValueError", "the mode 5 is not one of"),
            ("artifacts.open('t', 'wb', encoding='utf-8')", "ValueError", "takes no encoding with the mode 'wb'"),
            ("artifacts.open('t', 'r', tll=3)", "TypeError", "no argument 'tll' for reading"),
            ("artifacts.open('t', 'w', tll=3)", "TypeError", "no argument 'tll'"),
            ("artifacts.open('t', 'w', version=1)", "ValueError", "a version cannot be written"),
            ("artifacts.open('a\\0', 'w')", "ArtifactNameError", "NUL"),
            ("artifacts.save('t', {'a': 1}); artifacts.open('t', 'a')", "ArtifactNameError", "is a value and no file"),
        ):  # fmt: skip
            error = self.error_of(once, cell)
            self.assertEqual(error["type"], kind, cell)
            self.assertIn(words, error["message"])

    def test_pieces_of_any_size_come_together(self):
        write = "sizes = [1, 1 << 20, (1 << 20) - 1, 0, 3 << 20, 5, (2 << 20) + 7]\ndata = [bytes([n + 1]) * size for n, size in enumerate(sizes)]\nwith artifacts.open('t', 'wb') as file:\n    for piece in data:\n        assert file.write(piece) == len(piece)\n"
        self.check([write, "artifacts.load('t') == b''.join(data)"], value="True")
        for size in (0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 2 << 20):
            self.check([f"data = bytes(range(256)) * {size // 256 + 1}; data = data[:{size}]; artifacts.save('t', data); artifacts.load('t') == data"], value="True")

    def test_lists_and_help(self):
        saves = "for name in 'abcde':\n    artifacts.save(name, name)\n"
        self.check([saves, "[each['name'] for each in artifacts.list()], len(artifacts.list('b'))"], value="(['a', 'b', 'c', 'd', 'e'], 1)")
        self.check("dir(artifacts)[:2], artifacts", value="(['delete', 'exists'], <artifacts: artifacts.save(name, value) keeps a value, artifacts.load(name) gives it back>)")
        self.assertIn("Saves a value as the next version", run("help(artifacts.save)").last["stdout"])

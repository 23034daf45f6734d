"""Skills on the Python side: modules of their own, composition, errors; the fake host has four of them."""

from tests.python.session import SessionTest, run


class Calls(SessionTest):
    def test_plain_and_awaited(self):
        self.check("skills.double(2), skills.invoke('double', x=3)", value="(4, 6)")
        self.check("skills.slow(2), await skills.slow(2), await skills.ainvoke('slow', 2)", value="(4, 4, 4)")
        self.check("await skills.invoke('double', x=3), await skills.double(1)", value="(6, 2)")
        self.check("import asyncio\nawait asyncio.gather(*[skills.slow(n) for n in range(3)])", value="[0, 2, 4]")
        self.check("await skills.both(1)", value="6")
        self.check("skills.both(1)", value="6")

    def test_a_parameter_may_have_any_name(self):
        self.check("skills.named(name='a', self='b')", value="('a', 'b', 'skills.named')")
        self.check("skills.invoke('named', name='a', self='b')", value="('a', 'b', 'skills.named')")

    def test_functions_look_like_functions(self):
        self.check("import inspect\nstr(inspect.signature(skills.double))", value="'(x: int = 1) -> int'")
        self.check("f = skills.double\nf.__name__, f.__module__, f.__doc__", value="('double', 'skills', 'Doubles.')")
        self.check("[each for each in dir(skills) if each in ('both', 'double', 'invoke', 'named')]", value="['both', 'double', 'invoke', 'named']")
        self.check("hasattr(skills, 'x'), hasattr(skills, '_x')", value="(False, False)")

    def test_a_verdict_reads_well_and_is_a_dict(self):
        self.check("skills.verify('double')", value="broken: double")
        self.check("dict(skills.verify('double', record=True))", value="{'state': 'broken', 'examples': []}")

    def test_values_of_proofs_are_plain(self):
        self.check(
            "import datetime\n__actwright_invoke__('named', '{\"name\": [1], \"self\": 2}', True)",
            value="[[1], 2, 'skills.named']",
        )
        self.check("sorted(__actwright_packages__('[\"json\", \"no_such_module\"]'))", value="['python']")

    def test_unions_are_read_on_every_python(self):
        source = (
            "import enum\nfrom actwright.bending import bent, hints_of\n"
            "class Color(enum.Enum):\n    RED = 'red'\n"
            "def run(a, b, c): pass\n"
            "run.__annotations__ = {'a': 'Color | None', 'b': 'list[int | Color]', 'c': 'Missing | None'}\n"
            "hints = hints_of(run)\n"
        )
        self.check([source, "bent('red', hints['a'], False), bent(None, hints['a'], False), sorted(hints)"], value="(<Color.RED: 'red'>, None, ['a', 'b'])")
        self.check([source, "bent(['red', 1], hints['b'], False)"], value="[<Color.RED: 'red'>, 1]")

    def test_a_request_of_a_client_reads_like_a_call(self):
        for cell, line in (
            ("__actwright_invoke__(\"double\", \"{\\\"y\\\": 1}\")", "skills.double(y=1)"),
            ("__actwright_invoke__(\"double@1\", \"{\\\"y\\\": 1}\")", "skills.invoke('double@1', y=1)"),
            (f"__actwright_invoke__('double', '{{\"y\": \"{'x' * 300}\"}}')", "skills.double(...)"),
        ):
            error = self.error_of(cell)
            self.assertEqual((error["type"], error["source"]), ("SkillArgumentError", line))
            self.assertIn(f'File "<cell 1>", line 1, in <module>\n    {line}\n', error["traceback"])

    def test_mistakes_are_exceptions_of_their_kind(self):
        self.check("skills.x()", error="SkillNotFoundError")
        self.check("skills.double(1, 2)", error="SkillArgumentError")
        self.check("await skills.double(y=1)", error="SkillArgumentError")
        self.check("skills.double('a' and None)", error="TypeError")
        self.check("skills.create('x', 'y')", error="SkillSourceError")
        self.check("isinstance(SkillNotFoundError(), AttributeError), SkillDepthError.__mro__[2]", value="(True, <class 'RecursionError'>)")

    def test_errors_show_the_skills_own_lines(self):
        error = run("skills.double(None)").last["error"]
        self.assertIn('File "<skill double, version 1>", line 2, in run\n    return x * 2', error["traceback"])
        self.assertNotIn("actwright", error["traceback"])

    def test_code_that_only_looks_like_a_request_is_run_as_it_is(self):
        for given in ("5, '{}'", "'double', '[1]'", "'double'"):
            error = run(f"__actwright_invoke__({given})").last["error"]
            self.assertIn(f"__actwright_invoke__({given})", error["traceback"])
            self.assertEqual(error["line"], 1)

    def test_what_is_found_shows_why(self):
        shown = "skills.double(x: int = 1) -> int  Doubles. [verified] [score 0.5: name]\n[semantic: off: no model]"
        self.check("skills.search('double')", value=shown)
        self.check("skills.search('verdoppeln')", value=f'{shown}\n[read as: "double"]')
        self.check("skills.search('none')[:], skills.search('none').semantic", value="([], 'off')")


if __name__ == "__main__":
    import unittest

    unittest.main()

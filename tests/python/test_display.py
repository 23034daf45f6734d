"""Rich forms of values and display(), progress()."""

import importlib.util
import unittest

from .session import SessionTest, run


def forms(*cells):
    return [[form[0] for form in forms] for _, forms in run(*cells).last["forms"]]


class Display(SessionTest):
    def test_plain_objects_print_their_repr(self):
        self.check("display({'a': 1}, 'x')", None, stdout="{'a': 1}\n'x'\n")
        self.check("display()", None)

    def test_last_values(self):
        self.assertEqual(forms("1"), [])
        self.assertEqual(forms("class A:\n  def _repr_html_(s): return '<b>'\nA()"), [["text/html"]])
        self.assertEqual(forms("class A:\n  def _repr_html_(s): return None\nA()"), [])
        self.assertEqual(forms("class A:\n  def _repr_html_(s): return '<b>'\nA"), [])
        self.assertEqual(forms("class A:\n  def _repr_html_(s): return '<b>'\nA();"), [])
        self.assertEqual(
            forms(
                "class A:\n  def _repr_html_(s): return '<b>'\n  def _repr_png_(s): return b'p'\n  def _repr_json_(s): return {'a': 1}\nA()"
            ),
            [["image/png", "text/html", "application/json"]],
        )
        self.assertEqual(
            forms("class A:\n  def _repr_html_(s): 1/0\n  def _repr_markdown_(s): return '*'\nA()"),
            [["text/markdown"]],
        )
        self.assertEqual(
            forms("class A:\n  def _repr_mimebundle_(s, **k): return {'text/plain': 'x'}\nA()"), []
        )
        self.assertEqual(
            forms(
                "class A:\n  def _repr_mimebundle_(s, include, exclude): return {'text/plain': 'x', 'text/html': 'h'}, {}\nA()"
            ),
            [["text/html", "text/plain"]],
        )
        self.assertEqual(
            forms("class A:\n  def _repr_mimebundle_(s): return {'image/png': 'iVBO'}\nA()"), [["image/png"]]
        )
        self.assertEqual(forms("from unittest.mock import Mock, MagicMock\nMagicMock()"), [])
        self.assertEqual(forms("class A:\n  def __getattr__(s, n): return lambda *a, **k: '<b>'\nA()"), [])
        self.assertEqual(forms("class A:\n  def _repr_html_(s): return 'a\\ud800'\nA()"), [["text/html"]])

    def test_display_shows_richness_and_goes_on(self):
        cells = "class A:\n  def _repr_svg_(s): return '<svg/>'\n  def __repr__(s): return 'plain'\ndisplay(A()); print('x')"
        reply = run(cells).last
        self.assertEqual(reply["forms"], [[1, [["image/svg+xml", "<svg/>"], ["text/plain", "plain"]]]])
        self.assertEqual(reply["stdout"], "x\n")
        self.assertEqual(forms("display({'text/html': 'x'}, raw=True)"), [["text/html"]])

    def test_progress(self):
        reply = run("progress(1, 10, 'x'); progress(2.5)").last
        self.assertIsNone(reply["error"])
        self.assertEqual(
            reply["calls"],
            [
                ["progress", [], {"done": 1, "total": 10, "message": "x"}],
                ["progress", [], {"done": 2.5, "total": None, "message": ""}],
            ],
        )
        for call in (
            "progress('a')",
            "progress(True)",
            "progress(1, 'b')",
            "progress(1, 2, 3)",
            "progress()",
        ):
            self.check(call, None, "TypeError")
        self.check("progress(float('nan'))", None, "ValueError")


@unittest.skipUnless(importlib.util.find_spec("matplotlib"), "needs matplotlib")
class Figures(SessionTest):
    ENVIRON = {"MPLBACKEND": "module://actwright.mpl"}

    def shown(self, *cells):
        reply = run(*cells, environ=self.ENVIRON).last
        self.assertIsNone(reply["error"], reply["error"])
        self.assertEqual(reply["stderr"], "")
        for _, each in reply["forms"]:
            self.assertTrue(each[0][1].startswith("\x89PNG"))
        return [form[0][0] for _, form in reply["forms"]]

    def test_each_figure_is_shown_once(self):
        plot = "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(); ax.plot([1, 2]);"
        png = ["image/png"]
        self.assertEqual(self.shown(plot), png)
        self.assertEqual(self.shown(plot + "\nfig"), png)
        self.assertEqual(self.shown(plot + "\nplt.show()"), png)
        self.assertEqual(self.shown(plot + "\nplt.show()\nplt.show()"), png)
        self.assertEqual(self.shown(plot + "\nfig.show()"), png)
        self.assertEqual(self.shown(plot + "\ndisplay(fig)"), png)
        self.assertEqual(self.shown(plot, "1"), [])
        self.assertEqual(self.shown(plot, "fig"), png)
        self.assertEqual(self.shown("import matplotlib.pyplot as plt\nplt.figure()"), png)
        self.assertEqual(self.shown("import matplotlib.pyplot as plt\nplt.figure();"), [])
        self.assertEqual(self.shown(plot + "\nplt.figure(); plt.plot([1])"), png * 2)
        self.assertEqual(self.shown(plot + "\nplt.close('all')"), [])
        self.assertEqual(self.shown(plot + "\nplt.savefig('a.png')"), png)

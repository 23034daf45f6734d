"""What is printed, where it lands, and that it lands in the cell that printed it."""

from .session import SessionTest, run


class Output(SessionTest):
    def test_plain(self):
        self.check("print('a', 1, sep='-')", None, stdout="a-1\n")
        self.check(
            "import sys\nprint('e', file=sys.stderr)\nsys.stdout.write('ab')", "2", stdout="ab", stderr="e\n"
        )
        self.check(
            "import sys; sys.stdout.writelines(['a', 'b']); print('c', end='', flush=True)",
            None,
            stdout="abc",
        )
        self.check("print('\\ud800é')", None, stdout="\\ud800é\n")
        self.check("import sys; sys.stdout.write(5)", None, "TypeError")
        self.check("import os; os.write(1, b'raw'); print('x')", None, stdout="rawx\n")
        self.check(
            "import subprocess; subprocess.run(['echo', 'child']); print('x')", None, stdout="child\nx\n"
        )
        self.check("import os; os.system('echo sys')", "0", stdout="sys\n")

    def test_the_stream_object(self):
        self.check(
            "import sys; o = sys.stdout; o.encoding, o.fileno(), o.isatty(), o.errors, o.closed, o.writable()",
            "('utf-8', 1, False, 'backslashreplace', False, True)",
        )
        self.check(
            "import sys; print('a', end=''); sys.stdout.buffer.write(b'b\\xc3\\xa9'); print('c')",
            None,
            stdout="abéc\n",
        )
        self.check(
            "import sys; sys.stdout.reconfigure(encoding='utf-8', line_buffering=True); print('a')",
            None,
            stdout="a\n",
        )
        self.check(
            "import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8'); print('wrapped')",
            None,
            stdout="wrapped\n",
        )
        self.check(
            "import sys, io\nsys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'utf-8'); print('wrapped')",
            None,
            stdout="wrapped\n",
        )
        self.check(
            ["import sys, io\nsys.stdout = io.StringIO(); print('lost')", "print('back')"],
            None,
            stdout="back\n",
        )
        self.check(
            "import io, contextlib\nwith contextlib.redirect_stdout(io.StringIO()) as f: print('in')\nf.getvalue()",
            "'in\\n'",
        )
        self.check(
            "import io, sys; isinstance(sys.stdout, io.TextIOBase), sys.stdout is sys.__stdout__",
            "(True, True)",
        )

    def test_closing_silences_nothing(self):
        self.check("import sys; sys.stdout.close(); print('x')", None, stdout="x\n")
        self.check(["import os; os.close(1)\nprint('lost')", "print('next')"], None, stdout="next\n")

    def test_logging_goes_on(self):
        replies = run(
            "import logging; logging.basicConfig(level='INFO'); logging.info('one')", "logging.warning('two')"
        )
        self.assertEqual(
            (replies[0]["stderr"], replies[1]["stderr"]), ("INFO:root:one\n", "WARNING:root:two\n")
        )


class Late(SessionTest):
    def test_threads(self):
        replies = run(
            "import threading, time\ndef f():\n  print('early')\n  time.sleep(0.3); print('late')\n"
            "t = threading.Thread(target=f); t.start(); time.sleep(0.1)",
            "time.sleep(0.6); print('own')",
        )
        self.assertEqual((replies[0]["stdout"], replies[1]["stdout"]), ("early\n", "own\n"))
        self.assertEqual(replies.late_of(1), "late\n")

    def test_between_cells(self):
        replies = run(
            "import threading, time, sys\ndef f():\n  time.sleep(0.1); print('o'); print('e', file=sys.stderr); sys.stdout.buffer.write(b'b')\n"
            "threading.Thread(target=f).start()",
            {"pause": 0.4},
            "1",
        )
        self.assertEqual((replies.late_of(1), replies.late_of(1, 2)), ("o\nb", "e\n"))
        self.assertEqual((replies[0]["stdout"], replies[1]["stdout"]), ("", ""))

    def test_threads_of_threads_and_timers(self):
        replies = run(
            "import threading, time\ndef g(): print('inner')\ndef f():\n  time.sleep(0.2); t = threading.Timer(0.1, g); t.start()\nthreading.Thread(target=f).start()",
            "time.sleep(0.6)",
        )
        self.assertEqual(replies.late_of(1), "inner\n")

    def test_work_items_belong_to_the_cell_that_submits_them(self):
        replies = run(
            "from concurrent.futures import ThreadPoolExecutor\nimport time\np = ThreadPoolExecutor(1)\np.submit(print, 'one').result()",
            "p.submit(print, 'two').result()",
            "f = p.submit(lambda: (time.sleep(0.2), print('three')))",
            "f.result()",
        )
        self.assertEqual((replies[0]["stdout"], replies[1]["stdout"]), ("one\n", "two\n"))
        self.assertEqual((replies.late_of(3), replies[3]["stdout"]), ("three\n", ""))

    def test_raw_threads_belong_to_the_running_cell(self):
        self.check(
            "import _thread, time; _thread.start_new_thread(print, ('raw',)); time.sleep(0.2)",
            None,
            stdout="raw\n",
        )

    def test_thread_errors(self):
        reply = run(
            "import threading\ndef f(): 1/0\nt = threading.Thread(target=f, name='T'); t.start(); t.join()"
        ).last
        self.assertIsNone(reply["error"])
        self.assertTrue(
            reply["stderr"].startswith(
                'Exception in thread T:\nTraceback (most recent call last):\n  File "<cell 1>", line 2'
            ),
            reply["stderr"],
        )
        self.assertNotIn("actwright", reply["stderr"])
        self.check("import threading, sys\nt = threading.Thread(target=sys.exit); t.start(); t.join()", None)


class Stdin(SessionTest):
    def test_nothing_waits(self):
        error = self.error_of("input('Name? ')")
        self.assertEqual(
            error["message"],
            "input('Name? ') has nobody to answer it here; put the value into the code instead",
        )
        self.check("try: input()\nexcept EOFError: print('eof')", None, stdout="eof\n")
        self.check(
            "import sys; sys.stdin.read(), sys.stdin.readline(), list(sys.stdin), sys.stdin.isatty()",
            "('', '', [], False)",
        )
        self.check(
            "import sys, io; sys.stdin = io.StringIO('4\\n5'); int(input()) + int(input('? '))",
            "9",
            stdout="? ",
        )
        self.check(["import sys, io; sys.stdin = io.StringIO('4')", "input()"], None, "InputUnavailable")
        self.assertIn(
            self.error_of("import getpass, warnings; warnings.simplefilter('ignore'); getpass.getpass()")[
                "type"
            ],
            ("EOFError", "OSError", "InputUnavailable"),
        )
        self.assertEqual(self.error_of("breakpoint()")["type"], "DebuggerUnavailable")
        replies = run(
            "import pdb\ndef f():\n  pdb.set_trace()\n  return 1\nf()", "import sys; sys.gettrace()", "1"
        )
        self.assertEqual(replies[0]["error"]["type"], "bdb.BdbQuit")
        self.assertIn("nobody to type", replies[0]["error"]["hints"][0])
        self.assertIsNone(replies[1]["value"])
        replies = run("import code; code.interact()", "1")
        self.assertEqual(replies[1]["value"]["repr"], "1")

"""`run(cells)`: what a session answers to cells, for the tests of the Python side."""

import json
import os
import subprocess
import sys
import tempfile
import unittest

_DRIVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "driver.py")
# By `-c`, as the worker starts: what that runs must not show through.
_BOOT = f"import runpy; runpy.run_path({_DRIVER!r}, run_name='__main__')"


class Transcript:
    """The replies to all cells of one session, and the text that came late."""

    def __init__(self, data):
        self.replies = data["replies"]
        self.late = data["late"]

    def __getitem__(self, index):
        return self.replies[index]

    @property
    def last(self):
        return self.replies[-1]

    def late_of(self, cell, stream=1):
        return "".join(text for number, each, text in self.late if number == cell and each == stream)


def run(*cells, environ=None, timeout=60):
    """Runs the cells in a new session; a {"plan": text} cell is only planned, {"pause": s} waits between cells."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [sys.executable, "-I", "-u", "-c", _BOOT],
            input=json.dumps(cells).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=directory,
            env={**os.environ, "HOME": directory, **(environ or {})},
            timeout=timeout,
        )
    if done.returncode != 0 or not done.stdout:
        raise AssertionError(
            f"the session died with {done.returncode}: {done.stderr.decode(errors='replace')[-3000:]}"
        )
    transcript = Transcript(json.loads(done.stdout))
    wanted = sum(1 for cell in cells if not (isinstance(cell, dict) and "pause" in cell))
    if len(transcript.replies) != wanted:
        raise AssertionError(f"{wanted} cells got {len(transcript.replies)} replies")
    return transcript


class SessionTest(unittest.TestCase):
    """Table-driven checks against the last cell's reply."""

    maxDiff = None

    def check(self, cells, value=None, error=None, stdout="", stderr="", json_text=..., kind=...):
        """Runs the cells and compares everything about the last one but the wording of its error."""
        if isinstance(cells, str):
            cells = [cells]
        with self.subTest(cells=cells):
            last = run(*cells).last
            shown = last["value"] and last["value"]["repr"]
            failed = last["error"] and last["error"]["type"]
            self.assertEqual(failed, error, last["error"] and last["error"]["traceback"])
            self.assertEqual(shown, value)
            self.assertEqual(last["stdout"], stdout)
            self.assertEqual(last["stderr"], stderr)
            if json_text is not ...:
                self.assertEqual(last["value"]["json"], json_text)
            if kind is not ...:
                self.assertEqual(last["value"]["type"], kind)

    def error_of(self, *cells):
        """The error of the last cell, which must have one."""
        error = run(*cells).last["error"]
        self.assertIsNotNone(error)
        return error

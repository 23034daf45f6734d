"""Nobody can type here: input() and breakpoint() say so at once instead of waiting."""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

_input = builtins.input


class InputUnavailable(EOFError):
    """input() was called where nobody can answer."""

    __module__ = "builtins"


class DebuggerUnavailable(RuntimeError):
    """A debugger was started where nobody can type commands."""

    __module__ = "builtins"


class Prompts:
    """Owns sys.stdin and the functions that ask a person at the terminal."""

    def __init__(self) -> None:
        self.stdin = _empty()

    def install(self) -> None:
        """Takes the place of input() and of the debugger's hook."""
        sys.stdin = sys.__stdin__ = self.stdin  # type: ignore[misc]
        builtins.input = self._input
        sys.breakpointhook = _breakpoint
        os.environ.pop("PYTHONBREAKPOINT", None)

    def restore(self) -> None:
        """Gives the next cell an open, empty stdin whatever this one did to it."""
        if self.stdin.closed:
            self.stdin = _empty()
        sys.stdin = self.stdin

    def _input(self, prompt: object = "", /) -> str:
        """Read a line from sys.stdin, if the code has put something there.

        >>> sys.stdin = io.StringIO("42\\n"); input()
        '42'
        """
        if getattr(sys, "stdin", None) is not self.stdin:
            return _input(prompt)
        asked = f"input({str(prompt)!r})" if prompt != "" else "input()"
        raise InputUnavailable(f"{asked} has nobody to answer it here; put the value into the code instead")


def _breakpoint(*_args: Any, **_kwargs: Any) -> None:
    raise DebuggerUnavailable(
        "breakpoint() has nobody to type debugger commands here; print what you want to see instead"
    )


def _empty() -> TextIO:
    return open(os.devnull, encoding="utf-8")

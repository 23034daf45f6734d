"""One cell's life: compile, run, then its value or its failure as an outcome."""

from __future__ import annotations

import builtins
import sys

from actwright import figures
from actwright.display import forms_of, send
from actwright.failure import bounded, error_out, line_in
from actwright.inspection import remember
from actwright.skills import as_written
from actwright.source import compile_cell, margin, parse, read
from actwright.values import json_text, type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Context
    from types import CodeType
    from typing import Any

    from actwright._native import Channel, ErrorOut, Outcome
    from actwright.eventloop import EventLoop
    from actwright.source import Program

_LEAST_RECURSION = 1000
_LONGEST_HINT = 1000
_eval = builtins.eval
_repr = builtins.repr
_shared: dict[str, Any] = builtins.__dict__


class _Advice:
    """Hints and plans: a fifth of the kernel's start, and only needed when a cell fails or asks for them."""

    _hints: Any = None
    _plan: Any = None

    def hints(self) -> Any:
        if self._hints is None:
            from actwright.hints import hints_for

            self._hints = hints_for
        return self._hints

    def plan(self) -> Any:
        if self._plan is None:
            from actwright.plan import undefined_calls

            self._plan = undefined_calls
        return self._plan


advice = _Advice()


class Cell:
    """A cell that is running; `outcome` and `flags` hold what it has come to."""

    __slots__ = (
        "_channel",
        "_compiled",
        "_filename",
        "_namespace",
        "_number",
        "_text",
        "ended",
        "flags",
        "outcome",
    )

    def __init__(
        self, number: int, text: str, namespace: dict[str, Any], flags: int, channel: Channel
    ) -> None:
        self._number = number
        self._filename = f"<cell {number}>"
        self._text = text
        self._namespace = namespace
        self._channel = channel
        self._compiled = False
        self.ended = False
        self.flags = flags
        self.outcome: Outcome = {"value": None, "error": None, "plan": None}

    def run(self, context: Context, loop: EventLoop) -> None:
        """Runs the cell; raises whatever its code raises."""
        program = self._compile()
        if program.awaits or program.wants_loop:
            value, error = loop.run(program, context, self._evaluate)
            if error is not None:
                raise error
            context.run(self._take, value)
        else:
            context.run(self._run_plain, program)

    def plan(self) -> None:
        """Only looks at the cell: the calls of functions that exist nowhere."""
        self._compile()
        tree = parse(self._text, self._filename, self.flags)
        self.outcome["plan"] = advice.plan()(tree, self._text, self._namespace)

    def fail(self, error: BaseException) -> None:
        """Turns the error that ended the cell into its outcome; this runs the user's __str__ and __repr__."""
        limit = sys.getrecursionlimit()
        if limit < _LEAST_RECURSION:
            sys.setrecursionlimit(_LEAST_RECURSION)
        try:
            self.outcome["value"] = None
            self.outcome["error"] = self._described(error)
        finally:
            if limit < _LEAST_RECURSION:
                _lower_recursion(limit)

    def cut_short(self, error: BaseException) -> None:
        """The outcome when even describing the error was interrupted or failed."""
        kind = type.__dict__["__name__"].__get__(type(error))
        try:
            line = line_in(error, self._filename)
        except BaseException:
            line = None
        out: ErrorOut = {
            "type": kind,
            "message": "",
            "line": line,
            "source": None,
            "traceback": f"{kind}\n",
            "hints": [],
            "exit_code": None,
        }
        self.outcome = {"value": None, "error": out, "plan": None}

    def _compile(self) -> Program:
        self._text = text = margin(read(self._text))
        remember(self._filename, as_written(text))
        program = compile_cell(text, self._filename, self.flags)
        self.flags = program.flags
        self._compiled = True
        return program

    def _evaluate(self, code: CodeType) -> Any:
        return _eval(code, self._namespace)

    def _run_plain(self, program: Program) -> None:
        if program.body is not None:
            _eval(program.body, self._namespace)
        if program.last is not None:
            self._take(_eval(program.last, self._namespace))

    def _take(self, value: object) -> None:
        if value is None:
            return
        shown = _repr(value)
        forms = forms_of(value)
        if forms:
            figures.close(value)
            send(self._channel, self._number, forms)
        self.outcome["value"] = {
            "repr": shown,
            "type": bounded(type_name(type(value))),
            "json": json_text(value, shown),
        }
        _shared["___"] = _shared.get("__")
        _shared["__"] = _shared.get("_")
        _shared["_"] = value

    def _described(self, error: BaseException) -> ErrorOut | None:
        exit_code = None
        if isinstance(error, SystemExit):
            exit_code = _exit_code(error)
            if exit_code == 0:
                return None
        out = error_out(error, self._filename)
        out["exit_code"] = exit_code
        try:
            hints = advice.hints()(error, self._text, self._filename, self._namespace, self._compiled)
            out["hints"] = [_shortened(hint) for hint in hints]
        except Exception:
            # A hint is a courtesy: what breaks it must not hide the error.
            out["hints"] = []
        return out


def _exit_code(error: SystemExit) -> int:
    """What a shell would see; like Python, anything but a number is printed and counts as 1."""
    code: object = error.code
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    text = _shown(code)
    try:
        sys.stderr.write(text + "\n")
    except Exception:
        pass
    return 1


def _shortened(hint: str) -> str:
    return hint if len(hint) <= _LONGEST_HINT else hint[:_LONGEST_HINT] + "…"


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _lower_recursion(limit: int) -> None:
    try:
        sys.setrecursionlimit(limit)
    except (RecursionError, ValueError):
        pass

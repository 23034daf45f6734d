"""An exception as the agent reads it: type, message, its line, and Python's traceback without our frames."""

from __future__ import annotations

import linecache
import re
import sys
from traceback import StackSummary, TracebackException
from types import TracebackType

from actwright.values import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from actwright._native import ErrorOut

CELL = re.compile(r"<cell \d+>")

# Our own files: "<actwright/" when embedded, the directory of this file otherwise.
OURS = (lambda: None).__code__.co_filename.rpartition("failure.py")[0]

_MAX_TEXT = 20_000
_HEAD = 8_000
_MAX_FRAMES = 400


def error_out(error: BaseException, filename: str) -> ErrorOut:
    """Describes the error that ended the cell with this filename; never raises an Exception."""
    line = line_in(error, filename)
    return {
        "type": bounded(kind_of(error)),
        "message": bounded(message_of(error)),
        "line": line,
        "source": _source_line(filename, line),
        "traceback": text_of(error),
        "hints": [],
        "exit_code": None,
    }


def kind_of(error: BaseException) -> str:
    """The exception's class as a traceback prints it."""
    try:
        return type_name(type(error))
    except Exception:
        return "Exception"


def message_of(error: BaseException) -> str:
    """str(error), or what Python prints when that fails."""
    try:
        return str(error)
    except Exception:
        return "<exception str() failed>"


def line_in(error: BaseException, filename: str) -> Optional[int]:
    """The line of this cell that was running, or that the compiler stopped at."""
    found: Optional[int] = None
    tb = error.__traceback__
    while tb is not None:
        if tb.tb_frame.f_code.co_filename == filename:
            found = tb.tb_lineno
        tb = tb.tb_next
    if found is None and isinstance(error, SyntaxError) and error.filename == filename:
        found = error.lineno
    return found if isinstance(found, int) else None


def text_of(error: BaseException) -> str:
    """Python's own traceback text, limited to frames from the user's code downwards and to a bounded size."""
    try:
        text = "".join(summary(error, error.__traceback__).format())
    except Exception:
        # The class, its message or a patched library broke the formatting.
        text = _plain(error)
    return bounded(text)


def summary(error: BaseException, tb: Optional[TracebackType]) -> TracebackException:
    """Python's own summary of the exception and its causes, with our frames taken out."""
    options: dict[str, Any] = {"compact": True} if sys.version_info >= (3, 10) else {}
    whole = TracebackException(type(error), error, _shortened(_from_user(tb)), lookup_lines=False, **options)
    pending: list[Any] = [whole]
    seen: set[int] = set()
    while pending:
        part = pending.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        stack: Optional[StackSummary] = part.stack
        if stack:
            stack[:] = _without_ours(stack)
        _add_line(part)
        pending.append(part.__cause__)
        pending.append(part.__context__)
        pending.extend(getattr(part, "exceptions", None) or ())
    return whole


def _add_line(part: Any) -> None:
    """Gives a SyntaxError of a cell its line: what the compiler finds after parsing comes without, for want of a file."""
    filename: object = getattr(part, "filename", None)
    if getattr(part, "text", "") is None and isinstance(filename, str) and CELL.fullmatch(filename):
        part.text = linecache.getline(filename, int(part.lineno)) or None


def bounded(text: str) -> str:
    """Keeps head and tail of a text that is too long."""
    if len(text) <= _MAX_TEXT:
        return text
    cut = len(text) - _MAX_TEXT
    return f"{text[:_HEAD]}\n[... {cut} characters left out ...]\n{text[_HEAD + cut :]}"


def _without_ours(stack: StackSummary) -> list[Any]:
    kept = [frame for frame in stack if not frame.filename.startswith(OURS)]
    for index, frame in enumerate(kept):
        if CELL.fullmatch(frame.filename):
            first = index
            break
    else:
        return kept
    # Above the user's first frame there are only the loop's and the thread's own.
    return kept[first:]


def _from_user(tb: Optional[TracebackType]) -> Optional[TracebackType]:
    start = tb
    while tb is not None:
        if CELL.fullmatch(tb.tb_frame.f_code.co_filename):
            return tb
        tb = tb.tb_next
    # The error came out of our own work for the cell, such as compiling it: show only what lies below.
    while start is not None and start.tb_frame.f_code.co_filename.startswith(OURS):
        start = start.tb_next
    return start


def _shortened(tb: Optional[TracebackType]) -> Optional[TracebackType]:
    """Cuts the middle out of very deep tracebacks, because summing up 100,000 frames takes seconds."""
    frames: list[TracebackType] = []
    part = tb
    while part is not None:
        frames.append(part)
        part = part.tb_next
    if len(frames) <= 4 * _MAX_FRAMES:
        return tb
    result: Optional[TracebackType] = None
    for part in reversed(frames[: 3 * _MAX_FRAMES] + frames[-_MAX_FRAMES:]):
        result = TracebackType(result, part.tb_frame, part.tb_lasti, part.tb_lineno)
    return result


def _source_line(filename: str, line: Optional[int]) -> Optional[str]:
    if line is None:
        return None
    try:
        return bounded(linecache.getline(filename, line).strip()) or None
    except Exception:
        return None


def _plain(error: BaseException) -> str:
    lines = ["Traceback (most recent call last):\n"]
    tb = _shortened(_from_user(error.__traceback__))
    while tb is not None:
        code = tb.tb_frame.f_code
        if not code.co_filename.startswith(OURS):
            lines.append(f'  File "{code.co_filename}", line {tb.tb_lineno}, in {code.co_name}\n')
        tb = tb.tb_next
    message = message_of(error)
    lines.append(f"{kind_of(error)}: {message}\n" if message else f"{kind_of(error)}\n")
    return "".join(lines)

"""Sources of cells for tracebacks and for inspect.getsource, which does not find classes of __main__."""

from __future__ import annotations

import ast
import linecache
import re
from collections import deque
from functools import wraps
from types import FunctionType

from actwright.failure import CELL
from actwright.source import lines_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

# linecache holds (size, mtime, lines, name); without an mtime checkcache() keeps the entry.
_cache: dict[str, Any] = linecache.cache  # type: ignore[assignment]

# Python 3.13 keeps what `-c` ran under the name that code of exec() has too, whose tracebacks would show our lines.
_cache.pop("<string>", None)


# Cells that define nothing are asked for only while they are recent; the others as long as what they define may live.
_RECENT = 500
_DEFINES = re.compile(r"\b(?:def|class|lambda)\b")
_passing: deque[str] = deque()


def remember(filename: str, text: str) -> None:
    """Makes the cell's text known to tracebacks, warnings, inspect and pdb."""
    _cache[filename] = (len(text), None, lines_of(text), filename)
    # Plain words first: a search by a pattern touches many pages, and each is copied anew after every cell.
    may_define = "def" in text or "class" in text or "lambda" in text
    if not may_define or _DEFINES.search(text) is None:
        _passing.append(filename)
        if len(_passing) > _RECENT:
            _cache.pop(_passing.popleft(), None)


def teach(inspect: Any) -> None:
    """Lets inspect.getfile, of the module that is given, answer for classes that cells define."""
    getfile = inspect.getfile

    @wraps(getfile)
    def getfile_of_cells(object: Any) -> str:
        if isinstance(object, type) and getattr(object, "__module__", None) == "__main__":
            found = _cell_of(object, inspect.unwrap)
            if found is not None:
                return found
        return getfile(object)

    inspect.getfile = getfile_of_cells


def _cell_of(kind: type, unwrap: Callable[[Any], Any]) -> Optional[str]:
    for member in vars(kind).values():
        member = getattr(member, "__func__", None) or getattr(member, "fget", None) or member
        member = unwrap(member) if isinstance(member, FunctionType) else member
        if (
            isinstance(member, FunctionType)
            and member.__qualname__ == f"{kind.__qualname__}.{member.__name__}"
        ):
            filename = member.__code__.co_filename
            if CELL.fullmatch(filename):
                return filename
    # A class without methods of its own: the newest cell that defines the name.
    first_line = vars(kind).get("__firstlineno__")
    cells = [name for name in list(linecache.cache) if CELL.fullmatch(name)]
    for filename in sorted(cells, key=lambda name: -int(name[6:-1])):
        if _defines(filename, kind.__qualname__, first_line):
            return filename
    return None


def _defines(filename: str, qualname: str, first_line: object) -> bool:
    text = "".join(linecache.getlines(filename))
    name = qualname.rpartition(".")[2]
    if "class " + name not in text:
        return False
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            lines = [node.lineno] + [each.lineno for each in node.decorator_list]
            if not isinstance(first_line, int) or first_line in lines:
                return True
    return False

"""What a session imports beside the standard library: told to the host, which has popular packages imported in advance.

A package that was imported in advance counts once code names it; until then the session is like one without.
"""

from __future__ import annotations

import sys
from itertools import islice

from actwright import shelf
from actwright.modules import STANDARD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

# So many are told after one cell.
_MOST = 16
_modules: dict[str, ModuleType] = sys.modules


class _Imports:
    """The state, of which every session has its own because it is a fork."""

    def __init__(self) -> None:
        # Imported in advance, and not yet named by this session's code.
        self.unnamed: tuple[str, ...] = ()
        self.told: set[str] = {"actwright", "skills", "sitecustomize", "usercustomize"}
        self.news: list[str] = []
        # Of the cell that runs and of the skills that it loads.
        self.texts: list[str] = []
        self.count = 0


_imports = _Imports()


def is_begun() -> bool:
    """Whether the zygote had come so far when it forked this session."""
    return _imports.count > 0


def begin(in_advance: list[str]) -> None:
    """All that is imported by now is no news."""
    _imports.unnamed = tuple(in_advance)
    _imports.count = len(_modules)
    _imports.told.update(name.partition(".")[0] for name in _modules)
    shelf.hush()


def look_at(text: str) -> str:
    """Code is about to run; says what has to be said of packages that it names."""
    if len(_imports.texts) < _MOST:
        _imports.texts.append(text)
    if not _imports.unnamed:
        return ""
    named = [name for name in _imports.unnamed if name in text]
    if not named:
        return ""
    _imports.news.extend(named)
    _imports.unnamed = tuple(name for name in _imports.unnamed if name not in named)
    return shelf.speak()


def news() -> list[str]:
    """The names of top-level modules that code has named and imported since the last call; a cell has ended."""
    grown = len(_modules) - _imports.count
    texts, _imports.texts = _imports.texts, []
    found, _imports.news = _imports.news, []
    _imports.count += grown
    if grown > 0:
        try:
            # A dict keeps its order, so what is new is at the end.
            for name in list(islice(reversed(_modules), grown)):
                top = name.partition(".")[0]
                if top in _imports.told or top in STANDARD or top.startswith("_"):
                    continue
                # What is only imported by others comes with those.
                if any(top in text for text in texts):
                    _imports.told.add(top)
                    found.append(top)
        except (RuntimeError, AttributeError, TypeError):
            # A thread imports at this moment, or code has put something else there: it is missed.
            pass
    return found[:_MOST]

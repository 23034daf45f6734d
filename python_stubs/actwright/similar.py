"""Names that resemble a wrong one, collected without running any of the user's code."""

from __future__ import annotations

import builtins
import linecache
import sys
import types
from difflib import get_close_matches

from actwright.failure import CELL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Optional

_MAX_CANDIDATES = 5000
_MAX_LENGTH = 80


def to(name: str, candidates: Iterable[object], cutoff: float = 0.7) -> list[str]:
    """Up to three of the candidates, nearest first; private names only for a private name."""
    if len(name) > _MAX_LENGTH:
        return []
    usable = dict.fromkeys(
        each
        for each in list(candidates)[:_MAX_CANDIDATES]
        if type(each) is str
        and len(each) <= _MAX_LENGTH
        and each != name
        and (name.startswith("_") or not each.startswith("_"))
    )
    same_but_case = [each for each in usable if each.lower() == name.lower()]
    close = get_close_matches(name, usable, 3, cutoff)
    return list(dict.fromkeys(same_but_case + close))[:3]


def attributes_of(target: object) -> list[str]:
    """The attributes that can be seen in dictionaries of the object and its classes."""
    names: dict[str, None] = {}
    if isinstance(target, types.ModuleType):
        names.update(dict.fromkeys(_module_dict(target)))
    bases: list[type] = [type(target)]
    if isinstance(target, type):
        bases.insert(0, target)
    for first in bases:
        for base in type.__dict__["__mro__"].__get__(first):
            names.update(dict.fromkeys(type.__dict__["__dict__"].__get__(base)))
    instance = _instance_dict(target)
    if instance is not None:
        names.update(dict.fromkeys(key for key in list(instance) if type(key) is str))
    return list(names)


def keys_of(value: Any) -> Optional[list[Any]]:
    """The keys of a plain dictionary or the columns of a DataFrame; None for anything else."""
    kind: type[object] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is dict:
        return list(value)[:_MAX_CANDIDATES]
    if kind.__module__.startswith("pandas.") and kind.__name__ == "DataFrame":
        return list(value.columns)[:_MAX_CANDIDATES]
    return None


def loaded_module(name: str) -> Optional[types.ModuleType]:
    """The module with this name, if it has been imported."""
    return sys.modules.get(name)


def type_named(name: str, namespace: dict[str, Any]) -> Optional[type]:
    """The builtin or session type that an error message names; before 3.10 errors don't carry the object."""
    found: Any = namespace.get(name, builtins.__dict__.get(name))
    return found if isinstance(found, type) else None


def innermost_cell_frame(error: BaseException) -> tuple[Optional[types.FrameType], str]:
    """The deepest frame of the traceback that runs a cell's code, and the text of its line."""
    found: Optional[types.FrameType] = None
    line = 0
    tb = error.__traceback__
    while tb is not None:
        if CELL.fullmatch(tb.tb_frame.f_code.co_filename):
            found, line = tb.tb_frame, tb.tb_lineno
        tb = tb.tb_next
    if found is None:
        return None, ""
    return found, linecache.getline(found.f_code.co_filename, line)


def _instance_dict(target: object) -> Optional[dict[Any, Any]]:
    # A class may define `__dict__` as a property, which would be user code.
    for base in type.__dict__["__mro__"].__get__(type(target)):
        slot = type.__dict__["__dict__"].__get__(base).get("__dict__")
        if slot is not None and type(slot) is not types.GetSetDescriptorType:
            return None
    try:
        found: Any = object.__getattribute__(target, "__dict__")
    except AttributeError:
        return None
    return found if type(found) is dict else None  # pyright: ignore[reportUnknownVariableType]


def _module_dict(module: types.ModuleType) -> dict[str, Any]:
    # Modules may be replaced by instances of subclasses whose `__dict__` is the user's own.
    return object.__getattribute__(module, "__dict__")

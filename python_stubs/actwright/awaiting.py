"""What becomes of a call that is awaited: a tool's awaitable form, and the value of a call that was made plainly."""

from __future__ import annotations

from functools import partial
from types import FunctionType, MethodType

from actwright.tools import Media, Namespace, made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

# What a plain call can give.
_PLAIN = frozenset((str, dict, list, int, float, bool, type(None), bytes, Media))


def _is_partial(function: object) -> bool:
    return type(function) is partial


def _is_method(function: object) -> bool:
    return type(function) is MethodType


def look_up(function: Any) -> Any:
    """The awaitable form of a tool or skill; every other function as it is."""
    if type(function) is Namespace:
        function = function._called()  # pyright: ignore[reportPrivateUsage]
    if type(function) is FunctionType:
        return function.__dict__.get("_actwright_later", function)
    if _is_method(function):
        other = getattr(function.__func__, "__dict__", {}).get("_actwright_later")
        return function if other is None else getattr(function.__self__, other)
    if _is_partial(function) and (awaited := look_up(function.func)) is not function.func:
        bound: Any = partial(awaited, *function.args, **function.keywords)
        return bound
    return function


def given(value: Any) -> Any:
    """An awaitable as it is. The value of a call that was made plainly becomes one, where tools are called at all."""
    return _give(value) if made and type(value) in _PLAIN else value


def all_given(values: Iterable[Any]) -> Iterable[Any]:
    """The same for each of several."""
    if not made or hasattr(values, "__aiter__"):
        return values
    return [given(value) for value in values] if isinstance(values, (list, tuple, set)) else map(given, values)


async def _give(value: Any) -> Any:
    return value

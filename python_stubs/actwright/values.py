"""A value's type name, and its JSON text where JSON says exactly the same thing."""

from __future__ import annotations

from json.encoder import JSONEncoder
from math import isfinite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_MAX_DEPTH = 100
_MAX_BYTES = 256 * 1024

_encode = JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False).encode


def type_name(kind: type[Any]) -> str:
    """The class as Python shows it: with its module unless that is builtins or the session itself."""
    name = kind.__qualname__
    module = kind.__module__
    if module == "builtins" or module == "__main__" or not isinstance(module, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        return name
    return f"{module}.{name}"


def json_text(value: object, shown: str) -> Optional[str]:
    """The JSON text of `value`, or None where JSON would have to bend it; `shown` is its repr."""
    kind = type(value)
    if kind is int:
        return shown if len(shown) <= _MAX_BYTES else None
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return None
    try:
        if _cost(value, _MAX_BYTES, 0) < 0:
            return None
        text = _encode(value)
        return text if len(text.encode("utf-8")) <= _MAX_BYTES else None
    except (ValueError, RuntimeError, MemoryError):
        # A lone surrogate, an integer past the digit limit, a thread that changes the value, or no room left.
        return None


def _cost(value: Any, left: int, depth: int) -> int:
    """What `value` leaves of a budget of characters; negative when it is too long or has no exact JSON."""
    kind: type[object] = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind is str:
        return left - len(value) - 2
    if kind is int:
        return left - (value.bit_length() * 3 // 10) - 1
    if kind is float:
        return left - 3 if isfinite(value) else -1
    if value is None or kind is bool:
        return left - 4
    # A cycle is deeper than any limit, so that the limit finds it too.
    if depth >= _MAX_DEPTH:
        return -1
    if kind is list:
        left -= 2
        for item in value:
            left = _cost(item, left - 1, depth + 1)
            if left < 0:
                break
        return left
    if kind is dict:
        left -= 2
        for key, item in value.items():
            if type(key) is not str:
                return -1
            left = _cost(item, left - len(key) - 4, depth + 1)
            if left < 0:
                break
        return left
    return -1

"""`progress()`: how far a long cell has come, for whoever waits for it."""

from __future__ import annotations

from math import isfinite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Optional, Union

    from actwright._native import Channel

    Number = Union[int, float]


def make_progress(channel: Channel) -> Callable[..., None]:
    """The builtin that reports progress; a host that refuses it is no reason for the cell to fail."""

    def progress(done: Number, total: Optional[Number] = None, message: str = "") -> None:
        """Report how far a long computation has come.

        >>> progress(3, 10, "parsing")
        """
        _require_number("done", done)
        if total is not None:
            _require_number("total", total)
        if not isinstance(message, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"progress() argument 'message' must be str, not {type(message).__name__}")
        try:
            channel.call("progress", (), {"done": done, "total": total, "message": message})
        except Exception:
            pass

    return progress


def _require_number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"progress() argument {name!r} must be a number, not {type(value).__name__}")
    if isinstance(value, float) and not isfinite(value):
        raise ValueError(f"progress() argument {name!r} must be finite, not {value!r}")

"""sys.stdout and sys.stderr: text goes to the running cell at once, late text to the cell that owns it."""

from __future__ import annotations

import io
import os
from functools import wraps

from actwright.owners import owner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Union

    from _typeshed import ReadableBuffer

    from actwright._native import Channel

# The running cell, or -1 between cells: no owner has that number, so that all text then goes the late way.
_turn = -1
_last = 0
_forked = False
_owner = owner.get


def open_turn(cell: int) -> None:
    """From now on text of this cell goes straight to its pipes."""
    global _turn, _last
    _turn = _last = cell


def close_turn() -> None:
    """From now on all text is late."""
    global _turn
    _turn = -1


def running() -> int:
    """The running cell, or between cells the one before."""
    return _last


def owning_cell() -> int:
    """The cell that the calling code belongs to."""
    return _owner() or _last


def keep_to_pipes() -> None:
    """In a forked child: the inherited pipes are the cell's own, and nothing may go through the channel."""
    global _forked
    _forked = True


def rejoin() -> None:
    """In a copy that goes on in place of the session's process: it is no forked child after all."""
    global _forked
    _forked = False


def order_writes(channel: Channel) -> None:
    """Lets os.write() to one of the two pipes wait until the other has been read, as print() does, so that order is kept."""
    write = os.write

    @wraps(write)
    def write_in_order(fd: int, data: ReadableBuffer, /) -> int:
        if fd == 1 or fd == 2:
            try:
                channel.emit(_owner(), fd, b"")
            except (OSError, RuntimeError):
                pass
        return write(fd, data)

    os.write = write_in_order


class TextStream(io.TextIOBase):
    """One of the two text streams; it lives as long as the session, so that log handlers may keep it."""

    def __init__(self, number: int, name: str, channel: Channel) -> None:
        super().__init__()
        self._number = number
        self._name = name
        self._channel = channel
        self._buffer = _ByteStream(number, name, channel)

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        _put(self._channel, self._number, text)
        return len(text)

    def writelines(self, lines: Any, /) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        # A cell that closes its stdout must not silence the cells after it.
        pass

    def reconfigure(self, **_options: object) -> None:
        """Accepted for compatibility: the stream is always UTF-8 and never buffered."""

    def detach(self) -> Any:
        return self._buffer

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return False

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    @property
    def buffer(self) -> Any:
        return self._buffer

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "backslashreplace"

    @property
    def name(self) -> str:
        return self._name

    @property
    def mode(self) -> str:
        return "w"

    @property
    def line_buffering(self) -> bool:
        return True

    @property
    def write_through(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self._name!r} mode='w' encoding='utf-8'>"

    def __reduce_ex__(self, protocol: Any, /) -> Any:
        raise TypeError(f"cannot pickle {type(self).__name__!r} object")


class _ByteStream(io.BufferedIOBase):
    """What `sys.stdout.buffer` is: bytes go out as they are, in order with the text."""

    def __init__(self, number: int, name: str, channel: Channel) -> None:
        super().__init__()
        self._number = number
        self._name = name
        self._channel = channel

    def write(self, data: ReadableBuffer, /) -> int:
        if isinstance(data, str):
            raise TypeError("a bytes-like object is required, not 'str'")
        content = bytes(memoryview(data))
        _put(self._channel, self._number, content)
        return len(content)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    @property
    def raw(self) -> Any:  # type: ignore[override]
        return self

    @property
    def name(self) -> str:
        return self._name

    @property
    def mode(self) -> str:
        return "wb"


def _put(channel: Channel, number: int, content: Union[str, bytes]) -> None:
    cell = _owner()
    try:
        if cell == _turn or _forked or (cell == 0 and _turn > 0):
            # A thread may be switched out right here and come back in another cell's turn: then it is late.
            content = channel.emit(cell, number, content)
        if content:
            text = content if isinstance(content, str) else content.decode("utf-8", "backslashreplace")
            channel.late(cell or _last, number, text)
    except (OSError, RuntimeError):
        # The host is gone or the descriptor is closed: there is nobody left to read this.
        pass

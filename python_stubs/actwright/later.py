"""Host calls that are awaited: sent at once, answered on the event loop that waits for them.

A loop watches the session's socket only while it waits for an answer. Another thread may read an answer first; the pipe
of the waiting loop then wakes it.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future
    from collections.abc import Sequence
    from typing import Any

    from actwright._native import Channel

_waiting: dict[int, _Waiter] = {}


async def call(channel: Channel, name: str, args: Sequence[object], kwargs: dict[str, object]) -> object:
    """Calls the host and awaits the answer; raises HostCallError."""
    import asyncio

    loop = asyncio.get_running_loop()
    waiter = _waiting.get(id(loop))
    if waiter is None:
        waiter = _waiting[id(loop)] = _Waiter(channel, loop)
    future: Future[object] = loop.create_future()
    number = -1
    try:
        number = channel.begin(name, args, kwargs, waiter.wake)
        waiter.futures[number] = future
        return await future
    finally:
        if waiter.futures.pop(number, None) is not None:
            channel.abandon(number)
        waiter.rest()


def lost() -> None:
    """In a copy that goes on in place of the session's process: what was called before is answered nowhere."""
    for waiter in list(_waiting.values()):
        waiter.fail(ConnectionError("the call was lost when the session was rolled back"))


class _Waiter:
    """One event loop and the answers that it waits for."""

    def __init__(self, channel: Channel, loop: AbstractEventLoop) -> None:
        self._channel = channel
        self._loop = loop
        self.futures: dict[int, Future[object]] = {}
        self._end, self.wake = os.pipe()
        os.set_blocking(self._end, False)
        os.set_blocking(self.wake, False)
        for number in (self._end, channel.fileno()):
            loop.add_reader(number, self._look)

    def rest(self) -> None:
        """Stops watching when nothing is waited for."""
        if self.futures or self.wake < 0:
            return
        _waiting.pop(id(self._loop), None)
        if not self._loop.is_closed():
            self._loop.remove_reader(self._end)
            self._loop.remove_reader(self._channel.fileno())
        os.close(self._end)
        os.close(self.wake)
        self.wake = -1

    def fail(self, error: BaseException) -> None:
        """Ends every wait with this error."""
        for future in self.futures.values():
            if not future.done():
                future.set_exception(error)
        self.futures.clear()
        self.rest()

    def _look(self) -> None:
        try:
            while os.read(self._end, 4096):
                pass
        except OSError:
            pass
        try:
            answers: list[tuple[int, Any, Any]] = self._channel.collect(list(self.futures))
        except Exception as error:
            return self.fail(error)
        for number, value, error in answers:
            future = self.futures.pop(number, None)
            if future is None or future.done():
                continue
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
        return None

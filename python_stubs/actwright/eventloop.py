"""The session's one asyncio loop: it runs only while a cell awaits, so asyncio.run() works in plain cells.

asyncio is imported when a cell first needs it, because it costs more than the rest of the kernel together.
"""

from __future__ import annotations

import sys
import threading
from contextvars import copy_context

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from contextvars import Context
    from typing import Any, Callable, Optional

    from actwright.source import Program

    Ending = tuple[object, Optional[BaseException]]


class EventLoop:
    """Keeps the loop between cells and drives one cell's coroutine on it."""

    def __init__(self) -> None:
        self._loop: Optional[AbstractEventLoop] = None
        self._policy: Any = None

    def prepare(self, text: str) -> None:
        """Sees to it that asyncio.get_event_loop() finds the session's loop once asyncio is in use."""
        if self._policy is not None:
            self._policy.forget()
        elif "asyncio" in sys.modules or "asyncio" in text:
            self._install_policy()

    def run(self, program: Program, context: Context, evaluate: Callable[..., Any]) -> Ending:
        """Runs the cell as one task in `context`; gives its value, and the error that ended it."""
        self._install_policy()
        loop = self._current()
        carried: list[Context] = []
        coroutine = _drive(program, evaluate, carried)
        if sys.version_info >= (3, 11):
            task = loop.create_task(coroutine, context=context)
        else:
            task = context.run(loop.create_task, coroutine)
        try:
            return _completed(loop, task)
        finally:
            if sys.version_info < (3, 11):
                _carry_over(carried, context)

    def renew(self) -> None:
        """In a copy that goes on in place of the session's process: gives the loop descriptors of its own.

        Those that it was copied with are the given-up process's too, and would wake for what that had registered.
        """
        loop: Any = self._loop
        if loop is None or loop.is_closed() or not hasattr(loop, "_selector"):
            return
        import selectors

        old, new = loop._selector, selectors.DefaultSelector()
        own = loop._ssock.fileno() if loop._ssock is not None else -1
        for key in list(old.get_map().values()):
            if key.fd != own:
                try:
                    new.register(key.fd, key.events, key.data)
                except OSError:
                    # A twin does not have it any more.
                    pass
        old.close()
        loop._selector = new
        if loop._ssock is not None:
            loop._internal_fds -= 1
            loop._ssock.close()
            loop._csock.close()
            loop._make_self_pipe()

    def _current(self) -> AbstractEventLoop:
        chosen: Optional[AbstractEventLoop] = self._policy.chosen
        if chosen is not None and not chosen.is_closed() and not chosen.is_running():
            return chosen
        return self._own()

    def _own(self) -> AbstractEventLoop:
        import asyncio

        loop = self._loop
        # A loop that says it is running was left in the middle by an interrupt and cannot be entered again.
        if loop is None or loop.is_closed() or loop.is_running():
            loop = self._loop = asyncio.new_event_loop()
        return loop

    def _install_policy(self) -> None:
        if self._policy is not None:
            return
        import asyncio

        main = threading.get_ident()
        own = self._own

        class SessionPolicy(asyncio.DefaultEventLoopPolicy):
            """The default policy, except that the main thread starts every cell with the session's loop."""

            chosen: Optional[AbstractEventLoop] = None
            cleared = False

            def forget(self) -> None:
                """asyncio.run() leaves no loop behind; that must not reach into the next cell."""
                self.cleared = False

            def get_event_loop(self) -> AbstractEventLoop:
                if threading.get_ident() != main or self.cleared:
                    return super().get_event_loop()
                if self.chosen is None or self.chosen.is_closed():
                    return own()
                return self.chosen

            def set_event_loop(self, loop: Optional[AbstractEventLoop]) -> None:
                if threading.get_ident() == main:
                    self.chosen = loop
                    self.cleared = loop is None
                super().set_event_loop(loop)

        self._policy = SessionPolicy()
        asyncio.set_event_loop_policy(self._policy)  # pyright: ignore[reportDeprecated]


async def _drive(program: Program, evaluate: Callable[..., Any], carried: list[Context]) -> Ending:
    # The error is a result here: it must not pass through the loop, which lets interrupts and exits escape.
    try:
        value: Any = None
        if program.body is not None:
            value = evaluate(program.body)
            if program.body.co_flags & 0x80:
                value = await value
            value = None
        if program.last is not None:
            value = evaluate(program.last)
            if program.last.co_flags & 0x80:
                value = await value
        return value, None
    except BaseException as error:
        return None, error
    finally:
        if sys.version_info < (3, 11):
            carried.append(copy_context())


def _completed(loop: AbstractEventLoop, task: Task[Ending]) -> Ending:
    try:
        return loop.run_until_complete(task)
    except (KeyboardInterrupt, SystemExit) as error:
        stop = error
    # The interrupt hit the loop itself or another task. The cell's own task is cancelled, all others live on.
    if not task.done():
        task.cancel()
        ending = loop.run_until_complete(task)
    else:
        ending = (None, None) if task.cancelled() else task.result()
    cancelled = ending[1]
    if cancelled is not None and cancelled.__traceback__ is not None and isinstance(stop, KeyboardInterrupt):
        # The place where the cell waited says more than the inside of the loop.
        stop = KeyboardInterrupt(*stop.args).with_traceback(cancelled.__traceback__)
    elif cancelled is None and isinstance(stop, KeyboardInterrupt):
        return ending
    return None, stop


def _carry_over(carried: list[Context], context: Context) -> None:
    """Before 3.11 a task has a copy of the context: what the cell set in it is brought back."""
    for copied in carried:
        for variable, value in copied.items():
            if context.get(variable) is not value:
                context.run(variable.set, value)

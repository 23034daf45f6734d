"""The session's loop: takes a cell, runs it in `__main__`, and answers with its outcome, whatever it did.

An interrupt may arrive between any two bytecodes. It can end a cell; it can never end the loop, because the
handler is disarmed first thing after the cell and every stage after that keeps what the stages before found.
"""

from __future__ import annotations

import builtins
import os
import sys
import threading

# The C functions: the wrappers in module `signal` cost 2 microseconds a call, a quarter of a small cell.
from _signal import default_int_handler as _interrupt
from _signal import signal as _signal
from contextvars import copy_context
from types import ModuleType

from actwright import figures, imports, inspection, later, owners, shelf, streams
from actwright.artifacts import ERRORS as ARTIFACT_ERRORS
from actwright.artifacts import make_artifacts
from actwright.awaiting import all_given, given, look_up
from actwright.cell import Cell, advice
from actwright.deps import ERRORS as DEPS_ERRORS
from actwright.deps import NEED, make_deps
from actwright.display import make_display, send
from actwright.eventloop import EventLoop
from actwright.failure import bounded, summary
from actwright.laters import ALL_GIVEN, GIVEN, LATER
from actwright.objects import READY, make_importable
from actwright.progress import make_progress
from actwright.prompts import Prompts
from actwright.skills import ERRORS as SKILL_ERRORS
from actwright.skills import INVOKE, PACKAGES, invoke_json, make_skills, versions
from actwright.surroundings import after_import, settle_in
from actwright.tools import ERRORS, make_tools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from actwright._native import Channel

_SIGINT = 2
_PRELOADED = (
    "asyncio base64 collections csv dataclasses datetime decimal functools hashlib inspect itertools json math "
    "pathlib random re statistics string subprocess tempfile textwrap time typing urllib.parse uuid"
)
_MAX_FAILURES = 100

# The host takes this exit code for what it says (crates/protocol).
_LOST_CONNECTION = 120
_shared: dict[str, Any] = builtins.__dict__
_pristine = dict(_shared)
_getpid = os.getpid
_exit_now = os._exit
_gettrace, _settrace = sys.gettrace, sys.settrace
_getprofile, _setprofile = sys.getprofile, sys.setprofile
_modules = sys.modules


def serve(channel: Channel) -> int:
    """Runs cells until the host is gone; gives the process's exit code."""
    session = _Session(channel)
    failures = 0
    broken: Optional[BaseException] = None
    while failures < _MAX_FAILURES:
        try:
            if broken is not None:
                session.mend(broken)
                broken = None
            while session.turn():
                failures = 0
            return 0
        except BaseException as error:
            # A second interrupt at a bad moment, no memory left, or builtins that the cell broke.
            failures += 1
            broken = error
    return _LOST_CONNECTION


def preload(order: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Imports what many cells need but a session can start without, and the packages that the order names; for the zygote's
    idle time. Gives the packages that are there now, and those that are not with the reasons.
    """
    advice.hints()
    advice.plan()
    shelf.follow()
    from importlib import import_module

    for name in _PRELOADED.split():
        import_module(name)
    taken: tuple[list[str], list[tuple[str, str]]] = ([], [])
    if order:
        taken = import_module("actwright.preload").take_in(order)
    imports.begin(taken[0])
    return taken


class _Session:
    """One session: its namespace, its streams, and the cell whose answer is due."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._next_run = channel.next_run
        self._done = channel.done
        self._flags = 0
        self._due: Optional[tuple[int, Cell]] = None
        self._parked = 0
        self._main = _new_main()
        self._namespace: dict[str, Any] = vars(self._main)
        self._context = copy_context()
        self._loop = EventLoop()
        self._stdout = streams.TextStream(1, "<stdout>", channel)
        self._stderr = streams.TextStream(2, "<stderr>", channel)
        self._prompts = Prompts()
        self._install()

    def turn(self) -> bool:
        """Waits for one cell and answers it; False when the host is gone."""
        if self._due is not None:
            # The last turn was cut short after its cell had ended.
            self._answer()
        self._park()
        run = self._next_run()
        if run is None:
            return False
        number, text, plan_only = run
        process = _getpid()
        cell = Cell(number, text, self._namespace, self._flags, self._channel)
        self._due = (number, cell)
        self._open(number, text)
        self._run(cell, plan_only)
        self._flags = cell.flags
        if _getpid() != process:
            _leave_child(cell, self._stderr)
        if "builtins" in text:
            _repair_builtins()
        self._close()
        cell.outcome["imports"] = imports.news()
        self._answer()
        return True

    def _park(self) -> None:
        """Parks a copy of the session as the last cell left it; in the copy, when it is woken, goes on from there."""
        cell = streams.running()
        if cell == self._parked:
            return
        self._parked = cell
        while self._channel.park(cell):
            # This is the copy, in place of a process that had to be given up; it parks one of its own first.
            streams.rejoin()
            later.lost()
            self._loop.renew()
            if self._channel.is_new_twin():
                _draw_anew()

    def mend(self, error: BaseException) -> None:
        """Puts back what the loop itself stands on; a cell that had not ended ends with this error."""
        _signal(_SIGINT, _ignore)
        self._channel.lend()
        _repair_builtins()
        if self._due is not None and not self._due[1].ended:
            self._due[1].cut_short(error)
            self._due[1].ended = True
        self._close()

    def _install(self) -> None:
        channel = self._channel
        _signal(_SIGINT, _ignore)
        settle_in()
        sys.argv = [""]
        if "" not in sys.path:
            sys.path.insert(0, "")
        sys.stdout = sys.__stdout__ = self._stdout  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._stderr  # type: ignore[misc]
        self._prompts.install()
        streams.order_writes(channel)
        owners.tag_threads(streams.running)
        threading.excepthook = _thread_failed
        after_import("inspect", inspection.teach)
        _shared.update(display=make_display(channel), progress=make_progress(channel))
        _shared.update({"tools": make_tools(channel), LATER: look_up, GIVEN: given, ALL_GIVEN: all_given, **ERRORS})
        _shared.update({"skills": make_skills(channel), INVOKE: invoke_json, PACKAGES: versions, **SKILL_ERRORS})
        _shared.update({"artifacts": make_artifacts(channel), **ARTIFACT_ERRORS})
        deps = make_deps(channel)
        _shared.update({"deps": deps, NEED: deps.need, **DEPS_ERRORS})
        make_importable({name: _shared[name] for name in READY})
        figures.present = lambda png: send(channel, streams.owning_cell(), [("image/png", png)])
        _pristine.update(_shared)
        os.register_at_fork(after_in_child=streams.keep_to_pipes)
        os.register_at_fork(after_in_child=channel.disown)
        _draw_anew()
        if not imports.is_begun():
            imports.begin([])

    def _open(self, number: int, text: str) -> None:
        self._context.run(owners.owner.set, number)
        streams.open_turn(number)
        # A warning on line 1 of this cell is not the warning that line 1 of another cell gave.
        self._namespace.pop("__warningregistry__", None)
        owners.tag_pools()
        for words in (shelf.follow(), imports.look_at(text)):
            if words:
                self._stderr.write(words + "\n")
        self._loop.prepare(text)

    def _run(self, cell: Cell, plan_only: bool) -> None:
        try:
            try:
                _signal(_SIGINT, _interrupt)
                if plan_only:
                    cell.plan()
                else:
                    cell.run(self._context, self._loop)
            except BaseException as error:
                # The error may be that there is no memory left, and describing it takes some.
                self._channel.lend()
                if _gettrace() is not None:
                    _settrace(None)
                _repair_builtins()
                # str() and repr() of the error are user code: this may be interrupted again.
                self._context.run(cell.fail, error)
            self._settle()
            _signal(_SIGINT, _ignore)
        except BaseException as error:
            _signal(_SIGINT, _ignore)
            if cell.outcome["error"] is None and cell.outcome["value"] is None:
                cell.cut_short(error)
        cell.ended = True

    def _settle(self) -> None:
        """Shows what the cell left open: pyplot's figures, buffers of streams it put in place of ours."""
        if _gettrace() is not None:
            _settrace(None)
        if figures.any_open():
            self._context.run(figures.show_open)
        if getattr(sys, "stdout", None) is not self._stdout:
            self._context.run(_flush, getattr(sys, "stdout", None))
        if getattr(sys, "stderr", None) is not self._stderr:
            self._context.run(_flush, getattr(sys, "stderr", None))

    def _close(self) -> None:
        streams.close_turn()
        if _gettrace() is not None:
            _settrace(None)
        if _getprofile() is not None:
            _setprofile(None)
        sys.stdout = self._stdout
        sys.stderr = self._stderr
        self._prompts.restore()
        if sys.modules.get("__main__") is not self._main:
            sys.modules["__main__"] = self._main
        # Code that empties its namespace loses its variables, not `tools` and what else stands in builtins.
        if self._namespace.get("__builtins__") is not builtins:
            self._namespace["__builtins__"] = builtins
        self._namespace.setdefault("__name__", "__main__")

    def _answer(self) -> None:
        assert self._due is not None
        number, cell = self._due
        try:
            self._done(number, cell.outcome)
        except Exception as error:
            # What the channel cannot carry is replaced by something that it can.
            cell.cut_short(error)
            self._due = None
            self._done(number, cell.outcome)
        self._due = None


def _new_main() -> ModuleType:
    main = ModuleType("__main__")
    main.__dict__.update(__builtins__=builtins, __annotations__={})
    sys.modules["__main__"] = main
    return main


def _draw_anew() -> None:
    """What is drawn at random from now on is not what others draw that were forked from the same process."""
    try:
        numpy: Any = _modules.get("numpy.random")
        if numpy is not None:
            numpy.seed()
        ssl: Any = _modules.get("ssl")
        if ssl is not None:
            # It tells processes apart by their numbers, and twins have the same.
            ssl.RAND_add(os.urandom(32), 32.0)
    except Exception:
        # Code has put something else in their place, and what that draws is its own affair.
        pass


def _repair_builtins() -> None:
    """Puts back the builtins that code has deleted or set to None; those that it has replaced stay.

    Our own modules have a copy, but what we use of the standard library has not.
    """
    if not _pristine.items() <= _shared.items():
        for name, value in _pristine.items():
            if _shared.get(name) is None:
                _shared[name] = value


def _ignore(_number: int, _frame: object) -> None:
    """The handler of SIGINT while no cell runs."""


def _flush(stream: Any) -> None:
    try:
        stream.flush()
    except Exception:
        pass


def _thread_failed(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is None or isinstance(args.exc_value, SystemExit):
        return
    name = args.thread.name if args.thread is not None else str(threading.get_ident())
    try:
        text = bounded("".join(summary(args.exc_value, args.exc_traceback).format()))
    except Exception:
        text = f"{type(args.exc_value).__name__}\n"
    sys.stderr.write(f"Exception in thread {name}:\n{text}")


def _leave_child(cell: Cell, stderr: streams.TextStream) -> None:
    """A process that the cell forked came back here: it has no host to answer and ends like a program."""
    code = 0
    try:
        for stream in (sys.stdout, sys.stderr):
            _flush(stream)
        error = cell.outcome["error"]
        if error is not None:
            code = error["exit_code"] or 1
            if error["exit_code"] is None:
                stderr.write(error["traceback"])
    finally:
        _exit_now(code)

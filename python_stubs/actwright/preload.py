"""Packages imported in the zygote, so that sessions begin with them: each is tried in a fork first, and taken in only if it
leaves nothing running there and asks for nothing that the order does not admit.

Whatever is imported here runs outside of a session's own walls, so what may be is decided before its first line runs, by the
place that it would come from.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from importlib import import_module
from importlib.machinery import PathFinder

from actwright import shelf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

# How long one import may take, in seconds; a cold disk is slow.
_TIME = 15.0
_PROCESSOR_TIME = 15

# What the zygote may hold in the end, in bytes: sessions are copied with it, and not beyond 256 MB.
_MEMORY = 128 << 20
# What a trial may even ask for.
_ASKED = 2 << 30

# How long what was killed, and threads that end at a fork, may take to be gone.
_SOON = 2.0
_WORDS = 200


def take_in(order: str) -> tuple[list[str], list[tuple[str, str]]]:
    """Imports what the order names; gives what is there now, and what is not with the reason."""
    if not order:
        return [], []
    wanted: dict[str, Any] = json.loads(order)
    names: list[str] = wanted["names"]
    if shelf.present() != wanted["set"]:
        return [], [(name, "the packages have changed meanwhile") for name in names]
    gate = _Gate(wanted["set"], wanted["admitted"], wanted["shut"], wanted["writable"])
    imported: list[str] = []
    refused: list[tuple[str, str]] = []
    sys.meta_path.insert(0, gate)  # type: ignore[arg-type]
    try:
        for name in names:
            reason = _try(name, gate)
            if reason:
                refused.append((name, reason))
                continue
            _bring_in(name)
            imported.append(name)
    finally:
        sys.meta_path.remove(gate)  # type: ignore[arg-type]
    _end_threads()
    if _has_children():
        raise RuntimeError(f"a process is left of importing {', '.join(imported)}")
    return imported, refused


class _Gate:
    """The finder before all others: what may not be imported here is not there."""

    def __init__(
        self, present: str, admitted: Iterable[str], shut: Iterable[str], writable: Iterable[str]
    ) -> None:
        self._set = _inside(shelf.place_of(present)) if present else ""
        self._admitted = frozenset(admitted)
        self._shut = frozenset(shut)
        self._writable = [_inside(path) for path in writable]
        prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix)
        self._roots = {_inside(path) for path in prefixes}
        self.refused: list[str] = []

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if path is not None:
            # It is part of a package that was admitted.
            return None
        spec = PathFinder.find_spec(name)
        if spec is None:
            return None
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
        if all(self._is_open(name, os.path.realpath(place)) for place in places):
            return None
        self.refused.append(name)
        raise ModuleNotFoundError(f"{name} is not imported in advance", name=name)

    def _is_open(self, name: str, place: str) -> bool:
        if name in self._shut or any(place.startswith(path) for path in self._writable):
            return False
        if self._set and place.startswith(self._set):
            return name in self._admitted
        return any(place.startswith(root) for root in self._roots)


def _inside(path: str) -> str:
    """What the places below a directory begin with."""
    return os.path.join(os.path.realpath(path), "")


def _try(name: str, gate: _Gate) -> str:
    """Imports it in a fork; gives the reason not to do so here, or nothing."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        word = "it cannot be judged"
        try:
            os.close(reading)
            word = _judged(name, gate)
        except BaseException as error:
            word = f"importing it fails: {type(error).__name__}: {error}"
        finally:
            os.write(writing, word.encode("utf-8", "replace")[:_WORDS] or b"\n")
            os._exit(0)
    os.close(writing)
    readable, _, _ = select.select([reading], [], [], _TIME)
    said = os.read(reading, _WORDS).decode("utf-8", "replace") if readable else ""
    os.close(reading)
    reason = said.strip() if said else "importing it ends the process" if readable else "importing it takes too long"
    _kill(pid)
    try:
        os.waitpid(pid, 0)
    except ChildProcessError:
        # The zygote of a room leaves the ends of its children to the kernel.
        pass
    if _has_children():
        # What it has started is ours now: nobody else is above it.
        _end_children()
        reason = reason or "importing it starts processes"
    return reason


def _judged(name: str, gate: _Gate) -> str:
    """In the fork: imports it and looks at what that leaves; gives what is wrong, or nothing."""
    import resource

    os.setsid()
    for limit, most in (
        (resource.RLIMIT_DATA, _ASKED),
        (resource.RLIMIT_CPU, _PROCESSOR_TIME),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    output, printed = os.pipe()
    os.set_blocking(output, False)
    for stream in (1, 2):
        os.dup2(printed, stream)
    before = _surroundings()
    _bring_in(name)
    # A module that was looked for in vain makes a session that has it another one than a session without.
    if gate.refused:
        return f"it imports {', '.join(sorted(set(gate.refused))[:5])}, which may not be imported in advance"
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        printed_text = os.read(output, _WORDS).decode("utf-8", "replace")
        if printed_text:
            return f"importing it prints: {printed_text}"
    except BlockingIOError:
        pass
    changed = [what for what, state in _surroundings().items() if before[what] != state]
    if changed:
        return f"importing it changes {', '.join(changed)}"
    if _has_children():
        return "importing it starts processes"
    if _own_memory() > _MEMORY:
        return "it needs too much memory"
    return "" if _end_threads() else "importing it leaves threads running"


def _bring_in(name: str) -> None:
    if name == "matplotlib":
        _bring_in_matplotlib()
    else:
        import_module(name)


def _bring_in_matplotlib() -> None:
    """With pyplot, which is what cells import, and its list of fonts. It looks for a directory of its own, and for a place that it
    can write to, which there is only in a session; it is told where that will be.
    """
    import logging
    from importlib.util import find_spec

    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'matplotlib'")
    place = os.environ.get("MPLCONFIGDIR", "")
    os.environ["MATPLOTLIBRC"] = os.path.join(os.path.dirname(spec.origin), "mpl-data", "matplotlibrc")
    # It says that it cannot keep the list of fonts, which the sessions have in memory, and so does who makes it.
    logging.disable(logging.CRITICAL)
    errors, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        matplotlib: Any = import_module("matplotlib")
        asked = matplotlib.get_configdir, matplotlib.get_cachedir
        matplotlib.get_configdir = matplotlib.get_cachedir = lambda: place
        try:
            import_module("matplotlib.pyplot")
        finally:
            matplotlib.get_configdir, matplotlib.get_cachedir = asked
    finally:
        os.dup2(errors, 2)
        os.close(errors)
        os.close(null)
        logging.disable(logging.NOTSET)
        del os.environ["MATPLOTLIBRC"]


def _surroundings() -> dict[str, object]:
    handlers = [signal.getsignal(number) for number in sorted(signal.valid_signals())]
    return {
        "open files": sorted(os.listdir("/proc/self/fd")),
        "the environment": dict(os.environ),
        "the working directory": os.getcwd(),
        "the handlers of signals": handlers,
        "the limit on recursion": sys.getrecursionlimit(),
    }


def _end_threads() -> bool:
    """Whether there is one thread: libraries that know of forks end theirs at one, and begin them again when they need them."""
    if _threads() > 1:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        try:
            os.waitpid(pid, 0)
        except ChildProcessError:
            # As above.
            pass
        end = time.monotonic() + _SOON
        while _threads() > 1 and time.monotonic() < end:
            time.sleep(0.001)
    return _threads() == 1


def _threads() -> int:
    return len(os.listdir("/proc/self/task"))


def _own_memory() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        fields = [int(field) for field in file.read().split()]
    return (fields[1] - fields[2]) * os.sysconf("SC_PAGE_SIZE")


def _has_children() -> bool:
    try:
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return True
    except ChildProcessError:
        return False


def _kill(pid: int) -> None:
    """A child of this process: its number is nobody else's, or it was given away among the few processes of this room."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _end_children() -> None:
    """Kills all that is below; only the kernel's own list is believed, and nobody else takes children off it."""
    end = time.monotonic() + _SOON
    while _has_children():
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            for pid in file.read().split():
                _kill(int(pid))
        if time.monotonic() > end:
            raise RuntimeError("what a package has started cannot be ended")
        time.sleep(0.001)

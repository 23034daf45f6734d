"""Which packages the session sees beside its Python's own: the set that a link of the host names, on `sys.path`.

The host puts a set of packages into a directory of its own and then moves the link, so a session follows by looking where the
link leads. What was imported from another set stays as it is; what is no longer there is only put aside, because native
code cannot be loaded into a process a second time.
"""

from __future__ import annotations

import importlib
import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_LIST = "actwright-packages.json"
_readlink = os.readlink


class _Shelf:
    """The state, of which every session has its own because it is a fork."""

    def __init__(self) -> None:
        self.directory = ""
        self.link = ""
        self.policy = "deny"
        self.set = ""
        # By set: which package and version brings a module.
        self.lists: dict[str, dict[str, tuple[str, str]]] = {}
        self.aside: dict[str, tuple[str, dict[str, ModuleType]]] = {}
        # Imported before the session began, so that only a session that uses them is told what became of them.
        self.quiet: set[str] = set()
        self.held: list[str] = []
        # What Python itself has imported when it starts, as files `.pth` tell it to: no reset would change that.
        self.begun: frozenset[str] = frozenset()


_shelf = _Shelf()


def place(directory: str, policy: str) -> None:
    """Says where sets are, and whether code may add packages."""
    _shelf.directory = directory
    _shelf.link = os.path.join(directory, f"now-{sys.version_info[0]}.{sys.version_info[1]}")
    _shelf.policy = policy
    _shelf.begun = frozenset(name.partition(".")[0] for name in sys.modules)


def policy() -> str:
    """Whether code may add packages: allow, ask or deny."""
    return _shelf.policy


def present() -> str:
    """The name of the set that is seen."""
    return _shelf.set


def place_of(name: str) -> str:
    """The directory of a set."""
    return _place_of(name)


def hush() -> None:
    """From now on nothing is said of what is loaded already, until somebody uses it."""
    _shelf.quiet = {top for top, source in _loaded().items() if source}


def speak() -> str:
    """What was imported in advance is used: says what became of it meanwhile, or nothing."""
    words = _shelf.held
    _shelf.quiet, _shelf.held = set(), []
    return "\n".join(words)


def follow() -> str:
    """Switches to the present set; says what of another one is still loaded, or nothing."""
    if not _shelf.link:
        return ""
    try:
        wanted = _readlink(_shelf.link)
    except OSError:
        wanted = ""
    return "" if wanted == _shelf.set else _switch(wanted)


def _switch(wanted: str) -> str:
    provided = _modules_of(wanted)
    old, new = _place_of(_shelf.set), _place_of(wanted)
    path = [entry for entry in sys.path if entry != old or not old]
    if new:
        own = [at for at, entry in enumerate(path) if entry.endswith(("site-packages", "dist-packages"))]
        # Behind the standard library, which no package is to replace, and before what Python itself was given.
        path.insert(own[0] if own else len(path), new)
    sys.path[:] = path
    if os.environ.get("PYTHONPATH", old) == old:
        # For programs that code starts.
        os.environ.pop("PYTHONPATH", None)
        if new:
            os.environ["PYTHONPATH"] = new
    importlib.invalidate_caches()
    _shelf.set = wanted
    words = _settle(provided)
    if wanted and not os.access(os.path.join(new, _LIST), os.R_OK):
        words.append("The packages that were added cannot be read by this session: the way to them is closed to its user.")
    return "\n".join(words)


def _settle(provided: dict[str, tuple[str, str]]) -> list[str]:
    for top in [top for top in _shelf.aside if top in provided]:
        source, modules = _shelf.aside[top]
        if _modules_of(source).get(top) == provided[top] or any(_is_native(module) for module in modules.values()):
            del _shelf.aside[top]
            for name, module in modules.items():
                sys.modules.setdefault(name, module)
    stays: dict[str, str] = {}
    held: dict[str, str] = {}
    gone: dict[str, str] = {}
    for top, source in _loaded().items():
        package, version = _modules_of(source).get(top, ("", "")) if source else ("", "")
        if top in provided:
            now, wanted = provided[top]
            if (package, version) != (now, wanted) and (package or top not in _shelf.begun):
                known = f"{package} {version}" if package else f"the {top} of this session's Python"
                words = f"{known} stays loaded; {now} {wanted} is there once the session is reset"
                (held if top in _shelf.quiet else stays)[now] = words
        elif source:
            inner = [name for name in sys.modules if name == top or name.startswith(top + ".")]
            _shelf.aside[top] = (source, {name: sys.modules.pop(name) for name in inner})
            if top not in _shelf.quiet:
                then = "finds the one of this session's Python" if _is_elsewhere(top) else "fails"
                gone[package or top] = f"{package or top} {version} was imported: what came from it still works, and a new import {then}"
    _shelf.held = [f"note: {words}" for words in held.values()]
    return [f"note: {words}" for words in (*stays.values(), *gone.values())]


def _loaded() -> dict[str, str]:
    """The top-level modules that sets provide or provided and that are loaded, with the set that they came from."""
    found: dict[str, str] = {}
    known = {top for modules in _shelf.lists.values() for top in modules}
    start = _shelf.directory + os.sep
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top not in known or found.get(top):
            continue
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str):
            found[top] = file[len(start) :].partition(os.sep)[0] if file.startswith(start) else ""
    return found


def _is_elsewhere(top: str) -> bool:
    """Whether a module that a set no longer brings is there without it."""
    from importlib.machinery import PathFinder

    try:
        return PathFinder.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _is_native(module: ModuleType) -> bool:
    file = getattr(module, "__dict__", {}).get("__file__")
    return isinstance(file, str) and file.endswith(".so")


def _place_of(name: str) -> str:
    return os.path.join(_shelf.directory, name) if name else ""


def _modules_of(name: str) -> dict[str, tuple[str, str]]:
    """By module: the package that brings it, and its version."""
    if not name:
        return {}
    known = _shelf.lists.get(name)
    if known is None:
        made: dict[str, tuple[str, str]] = {}
        try:
            with open(os.path.join(_place_of(name), _LIST), encoding="utf-8") as file:
                for package in json.load(file)["packages"]:
                    made.update(dict.fromkeys(package["modules"], (package["name"], package["version"])))
        except OSError:
            return {}
        _shelf.lists[name] = known = made
    return known

"""What an agent could do next about an error: short sentences, found without running its code."""

from __future__ import annotations

import builtins
import re

from actwright import similar
from actwright.habits import habit
from actwright.modules import COMMON, PACKAGES, POPULAR, STANDARD, import_for, package_of
from actwright.objects import READY
from actwright.plan import undefined_calls
from actwright.prompts import DebuggerUnavailable, InputUnavailable
from actwright.refusals import refusal
from actwright.shelf import policy
from actwright.skills import alike as skills_alike
from actwright.source import parse
from actwright.tools import alike, is_namespace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from actwright._native import UndefinedOut

_UNDEFINED = re.compile(r"name '([^']+)' is not defined")
_ATTRIBUTE = re.compile(r"has no attribute '([^']+)'")
_MODULE = re.compile(r"module '([^']+)' has no attribute")
_INSTANCE = re.compile(r"^(?:type object )?'([^']+)'(?: object)? has no attribute")
_GOOGLE = re.compile(r"\bgoogle(?:\.cloud)?(?:\.| import )\w+")
_SUBSCRIPT = re.compile(r"(\w+)\s*\[")


class Failure:
    """An error together with the cell that it came from."""

    __slots__ = ("compiled", "error", "filename", "namespace", "text")

    def __init__(
        self, error: BaseException, text: str, filename: str, namespace: dict[str, Any], compiled: bool
    ) -> None:
        self.error = error
        self.text = text
        self.filename = filename
        self.namespace = namespace
        self.compiled = compiled


def hints_for(
    error: BaseException, text: str, filename: str, namespace: dict[str, Any], compiled: bool
) -> list[str]:
    """The hints for an error of this cell, the most useful first."""
    failure = Failure(error, text, filename, namespace, compiled)
    if not compiled:
        return _for_source(failure)
    if isinstance(error, (InputUnavailable, DebuggerUnavailable)):
        # Their messages already say what to do.
        return []
    if isinstance(error, NameError):
        return _for_name(failure)
    if isinstance(error, ModuleNotFoundError):
        return _for_module(error, failure.text)
    if isinstance(error, AttributeError):
        return _for_attribute(failure)
    if isinstance(error, KeyError):
        return _for_key(failure)
    found = _for_kind(error)
    if found is None:
        found = refusal(error)
    return [] if found is None else [found]


def _for_source(failure: Failure) -> list[str]:
    error = failure.error
    if isinstance(error, SyntaxError):
        found = habit(failure.text, error.lineno)
        return [] if found is None else [found]
    if isinstance(error, (MemoryError, RecursionError)):
        return ["The code is nested too deeply or one expression is too long; split it into statements."]
    return []


def _for_name(failure: Failure) -> list[str]:
    error = failure.error
    hints: list[str] = []
    name = _name_of(error, _UNDEFINED)
    if name is not None:
        statement = import_for(name)
        if statement is not None:
            hints.append(f"`{name}` is not defined; add `{statement}`.")
        if is_namespace(name):
            hints.append(f"`{name}` is a namespace of tools: write `tools.{name}`.")
        found = alike(name)
        if found:
            hints.append(f"There is a tool of that name: {_listed(found)}.")
        saved = skills_alike(name)
        if saved:
            hints.append(f"A saved skill may be what is meant: {_listed(saved)}.")
        names = similar.to(name, [*failure.namespace, *vars(builtins)])
        if names:
            hints.append(f"Similar names: {_listed(names)}.")
        elif statement is None:
            names = similar.to(name, COMMON, 0.8)
            if names:
                hints.append(f"Similar modules, to be imported first: {_listed(names)}.")
    calls = undefined_calls(parse(failure.text, failure.filename), failure.text, failure.namespace)
    calls = [call for call in calls if import_for(call["name"].partition(".")[0]) is None]
    if calls:
        shown = "; ".join(f"line {call['line']}: {call['name']}({_arguments(call)})" for call in calls[:20])
        hints.append(
            f"This cell calls functions that exist nowhere: {shown}. Define them before calling them."
        )
    return hints


def _for_module(error: ModuleNotFoundError, text: str) -> list[str]:
    name: Any = error.name
    if not isinstance(name, str) or not name:
        return []
    if name == "google" and (found := _GOOGLE.search(text)):
        # Many packages share this name, and the one that is called so is none of theirs.
        name = found.group().replace(" import ", ".")
    top, _, inner = name.partition(".")
    if top in STANDARD:
        names = similar.to(name, STANDARD)
        return [f"Similar modules: {_listed(names)}."] if names and not inner else []
    if top in READY:
        return [f"`{top}` stands ready in every session and is no package; write `{top}.{inner or 'name'}` without an import."]
    package = package_of(name)
    ways = {
        "allow": f'Package {package} is not installed; `deps.add("{package}")` installs it.',
        "ask": f"Package {package} is not installed; ask whoever runs this server to add it: `actwright deps add {package}`.",
    }
    none = f"Package {package} is not installed, and this server adds none while it runs; whoever runs it can: `actwright deps add {package}`."
    hints = [ways.get(policy(), none)]
    names = similar.to(top, STANDARD, 0.8)
    if names:
        hints.append(f"Similar modules of the standard library: {_listed(names)}.")
    known = [] if top in PACKAGES or top in POPULAR else similar.to(top, POPULAR, 0.8)
    if known:
        # Packages whose names are nearly those of others are where bad ones wait for a slip.
        hints.insert(0, f"`{top}` may be mistyped; well-known packages of similar names: {_listed(known)}.")
    return hints


def _for_attribute(failure: Failure) -> list[str]:
    error = failure.error
    name = _name_of(error, _ATTRIBUTE)
    if name is None:
        return []
    target: Any = getattr(error, "obj", None)
    if target is None:
        text = _text_of(error)
        module, instance = _MODULE.search(text), _INSTANCE.search(text)
        if module:
            target = similar.loaded_module(module.group(1))
        elif instance:
            target = similar.type_named(instance.group(1), failure.namespace)
    if target is None:
        return []
    names = similar.to(name, similar.attributes_of(target))
    return [f"Similar attributes: {_listed(names)}."] if names else []


def _for_key(failure: Failure) -> list[str]:
    arguments: tuple[Any, ...] = failure.error.args
    if len(arguments) != 1 or type(arguments[0]) not in (str, int):
        return []
    key = arguments[0]
    frame, line = similar.innermost_cell_frame(failure.error)
    if frame is None:
        return []
    for name in _SUBSCRIPT.findall(line):
        value = frame.f_locals.get(name, frame.f_globals.get(name))
        keys = similar.keys_of(value)
        if keys is None or any(type(each) is type(key) and each == key for each in keys):
            continue
        names = similar.to(key, [each for each in keys if type(each) is str]) if type(key) is str else []
        if names:
            return [f"Similar keys of `{name}`: {_listed(names)}."]
        shown = ", ".join(repr(each) for each in keys[:10] if type(each) in (str, int))
        more = ", ..." if len(keys) > 10 else ""
        return [f"`{name}` has the keys {shown}{more}." if shown else f"`{name}` is empty."]
    return []


def _for_kind(error: BaseException) -> Optional[str]:
    text = _text_of(error)
    if type(error).__name__ == "BdbQuit":
        return "There is nobody to type debugger commands here; print what you want to see instead."
    if isinstance(error, EOFError):
        return "stdin is empty here; put the value into the code instead."
    if isinstance(error, RuntimeError):
        if (
            "asyncio.run()" in text
            or "event loop is already running" in text
            or "Cannot run the event loop" in text
        ):
            return (
                "This cell already runs inside an event loop; write `await ...` instead of asyncio.run(...)."
            )
        if "no running event loop" in text:
            return "No event loop runs in this cell; `await` at top level, or use asyncio.run(...)."
    if isinstance(error, ValueError) and "integer string conversion" in text:
        return "Python limits the digits it converts; call sys.set_int_max_str_digits(0) first to lift that."
    return None


def _name_of(error: BaseException, pattern: re.Pattern[str]) -> Optional[str]:
    name: Any = getattr(error, "name", None)
    if isinstance(name, str) and name:
        return name
    found = pattern.search(_text_of(error))
    return found.group(1) if found else None


def _text_of(error: BaseException) -> str:
    # Not str(error), which may be the user's own method.
    arguments: tuple[Any, ...] = error.args
    return arguments[0] if arguments and isinstance(arguments[0], str) else ""


def _arguments(call: UndefinedOut) -> str:
    shown = zip(call["arguments"], call["types"])
    return ", ".join(written if kind == "?" else f"{written}: {kind}" for written, kind in shown)


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)

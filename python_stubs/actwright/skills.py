"""`skills`: saved workflows, as Python functions.

The host keeps the sources and says what is in them; here a source becomes a module of its own for each call, and its `run`
is called. Whatever `run` raises comes out as it is.
"""

from __future__ import annotations

import builtins
import sys
from contextvars import ContextVar, copy_context
from types import ModuleType

from actwright import imports, shelf, streams
from actwright.asking import ask
from actwright.deps import NEED, make_deps
from actwright.inspection import remember
from actwright.laters import mark, may_await
from actwright.source import parse, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable, NoReturn, Optional

    from actwright._native import Channel

# What the host's own requests to run a skill are called.
INVOKE = "__actwright_invoke__"
PACKAGES = "__actwright_packages__"

_MAX_DEPTH = 32
_METHODS = ("ainvoke", "create", "delete", "get", "history", "invoke", "list", "search", "verify")
_depth: ContextVar[int] = ContextVar("skills_depth", default=0)
_compile = builtins.compile
_exec = builtins.exec
_modules = sys.modules


class SkillError(Exception):
    """Something with a skill failed before its own code ran; `kind` says how."""

    kind: str = "failed"


class SkillNotFoundError(SkillError, AttributeError, LookupError):
    """There is no such skill, or no such version."""


class SkillSourceError(SkillError, ValueError):
    """What was given is no skill; nothing was saved."""


class SkillArgumentError(SkillError, TypeError):
    """The arguments do not fit; the skill was not run."""


class SkillDepthError(SkillError, RecursionError):
    """Skills call each other too deeply."""


_KINDS: dict[str, type[SkillError]] = {
    "not_found": SkillNotFoundError,
    "invalid": SkillSourceError,
    "arguments": SkillArgumentError,
}
_ALL = (SkillError, SkillNotFoundError, SkillSourceError, SkillArgumentError, SkillDepthError)

# They are builtins in a session, so a traceback calls them by their bare names.
ERRORS: dict[str, type[SkillError]] = {kind.__name__: kind for kind in _ALL}
for _kind in _ALL:
    _kind.__module__ = "builtins"


class Found(list):  # type: ignore[type-arg]  # pyright: ignore[reportMissingTypeArgument]
    """What a search found, best first: each a dict with name, signature, description, score and matched_by.

    `semantic` says whether meanings were compared, `reason` why not, or why not all; `read_as` is a query of another
    language in English.
    """

    semantic: str = "off"
    reason: str = ""
    read_as: str = ""

    def __repr__(self) -> str:
        found: list[dict[str, Any]] = list(self)  # pyright: ignore[reportUnknownArgumentType]
        lines = [_line(each) for each in found]
        if not lines:
            lines.append("nothing fits; solve it in code and save what works with skills.create(name, source)")
        lines.append(f"[semantic: {self.semantic}{': ' + self.reason if self.reason else ''}]")
        if self.read_as:
            lines.append(f'[read as: "{self.read_as}"]')
        return "\n".join(lines)


class Verdict(dict):  # type: ignore[type-arg]  # pyright: ignore[reportMissingTypeArgument]
    """What verifying a skill gave: state (verified, stale, broken or unproven), reason, and examples with what was wrong."""

    def __init__(self, about: dict[str, Any]) -> None:
        super().__init__()  # pyright: ignore[reportUnknownMemberType]
        self._text: str = about.pop("text")
        self.update(about)  # pyright: ignore[reportUnknownMemberType]

    def __repr__(self) -> str:
        return self._text


class Skills:
    """Saved workflows: find one, run it, or save what works.

    >>> skills.search("count log lines")
    """

    def __init__(self, host: _Host) -> None:
        self._host = host

    def search(self, query: str, limit: int = 10) -> Found:
        """The skills that fit these words, best first, with score and why; empty when nothing fits.

        >>> skills.search("rows of a csv file")
        """
        answer = self._host.ask("skills.search", query=query, limit=limit)
        found = Found(answer["hits"])  # pyright: ignore[reportUnknownArgumentType]
        found.semantic, found.reason = answer["semantic"], answer["reason"]
        found.read_as = answer.get("read_as", "")
        return found

    def list(self) -> list[dict[str, Any]]:
        """Every skill: name, signature, description, version, origin, uses.

        >>> [each["name"] for each in skills.list()]
        """
        every: list[dict[str, Any]] = []
        after = ""
        while True:
            page = self._host.ask("skills.list", after=after, limit=200)
            every.extend(page["skills"])
            after = page["next"]
            if not after:
                return every

    def get(self, name: str, version: Optional[int] = None) -> dict[str, Any]:
        """All of one skill, its source too; by its newest version or by this one.

        >>> print(skills.get("parse_logs")["source"])
        """
        return self._host.ask("skills.get", name=name, version=version)

    def invoke(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Runs a skill; `name@3` runs its version 3. The same as skills.<name>(...).

        >>> skills.invoke("parse_logs", path="app.log")
        """
        return self._host.run(name, args, kwargs)

    async def ainvoke(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        """Runs a skill without holding up the event loop.

        >>> await skills.ainvoke("fetch_all", urls=urls)
        """
        return await self._host.run_later(name, args, kwargs)

    def create(
        self,
        name: str,
        source: Optional[str] = None,
        description: Optional[str] = None,
        tags: Any = (),
        examples: Any = (),
        reason: str = "",
        from_cell: Any = None,
    ) -> dict[str, Any]:
        """Saves a source that defines run(...) as a new version; examples are dicts with args and expect, run before it is saved.

        from_cell makes the source from a cell that ran: "last" is the one before this, else its number.

        >>> skills.create("double", "def run(x: int) -> int:\\n    return 2 * x", examples=[{"args": {"x": 2}, "expect": 4}])
        """
        given = {"name": name, "source": source, "description": description, "reason": reason, "from_cell": from_cell}
        tags = [tags] if isinstance(tags, str) else list(tags or ())
        examples = [examples] if isinstance(examples, dict) else list(examples or ())
        return self._host.ask("skills.create", **given, tags=tags, examples=examples)

    def verify(self, name: str, version: Optional[int] = None, record: bool = False) -> Verdict:
        """Runs a skill's examples in a fresh session, its tool calls answered from their recording; record=True calls the
        tools and records them anew.

        >>> skills.verify("double")["state"]
        'verified'
        """
        return Verdict(self._host.ask("skills.verify", name=name, version=version, record=record))

    def delete(self, name: str, reason: str = "") -> dict[str, Any]:
        """Deletes a skill; its history stays.

        >>> skills.delete("double")
        """
        return self._host.ask("skills.delete", name=name, reason=reason)

    def history(self, name: str) -> list[dict[str, Any]]:
        """Every version of a skill, the oldest first: version, kind, author, reason, made.

        >>> skills.history("double")
        """
        return self._host.ask("skills.history", name=name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._host.function(name)

    def __dir__(self) -> list[str]:
        return [*_METHODS, *self._host.ask("skills.names")]

    def __repr__(self) -> str:
        return f"<skills: {len(self._host.ask('skills.names'))}; skills.search(\"words\") finds them>"


# A plain call that stands where an awaitable belongs takes the other method (awaiting.look_up).
Skills.invoke.__dict__["_actwright_later"] = "ainvoke"


class _Loaded:
    """A source ready to be run."""

    __slots__ = ("code", "coerces", "filename", "hash", "name", "satisfied", "signature")

    def __init__(self, about: dict[str, Any]) -> None:
        self.name: str = about["name"]
        self.hash: str = about["hash"]
        self.signature: str = about["signature"]
        self.satisfied: Optional[tuple[Any, ...]] = None
        self.filename = f"<skill {self.name}, {about['label']}>"
        text = read(about["source"])
        words = imports.look_at(text)
        if words:
            sys.stderr.write(words + "\n")
        remember(self.filename, text)
        self.code: CodeType = _compiled(text, self.filename)
        self.coerces = "Enum" in text or "dataclass" in text


class _Host:
    """The calls behind all this, and what was loaded so far."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self._loaded: dict[tuple[str, Optional[int]], _Loaded] = {}
        self._functions: dict[str, tuple[int, str, Callable[..., Any]]] = {}

    def ask(self, call: str, **kwargs: object) -> Any:
        return ask(self.channel, _failure, call, kwargs)

    def function(self, name: str) -> Callable[..., Any]:
        """The function for a skill; looked up again in every cell, so that changes are seen."""
        cell = streams.running()
        known = self._functions.get(name)
        if known is not None and known[0] == cell:
            return known[2]
        about = self.ask("skills.get", name=name)
        stamp = about["hash"] + about["description"]
        function = known[2] if known is not None and known[1] == stamp else _function(self, about)
        self._functions[name] = (cell, stamp, function)
        return function

    def load(self, given: str) -> _Loaded:
        if not isinstance(_untyped(given), str):
            raise _failure("arguments", f"a skill is named by a str, not {type(given).__name__}, such as skills.invoke(\"parse_logs\")")
        name, _, number = given.partition("@")
        version = int(number) if number.isdigit() else None
        if number and version is None:
            raise _failure("not_found", f"`{given}` is no version of a skill; write {name}@3 for its version 3")
        key = (name, version)
        loaded = self._loaded.get(key)
        about = self.ask("skills.fetch", name=name, version=version, known=loaded and loaded.hash)
        if loaded is None or loaded.hash != about["hash"]:
            if "source" not in about:
                about = self.ask("skills.fetch", name=name, version=version)
            self._loaded[key] = loaded = _Loaded(about)
        needed = about["dependencies"], about["requires_python"], shelf.present()
        if (needed[0] or needed[1]) and loaded.satisfied != needed:
            make_deps(self.channel).need(needed[0], needed[1])
            loaded.satisfied = (*needed[:2], shelf.present())
        return loaded

    def run(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], is_json: bool = False) -> Any:
        depth = _deeper(name)
        loaded = self.load(name)
        token = _depth.set(depth)
        try:
            value = _bound(loaded, args, kwargs, is_json)()
            if _is_coroutine(value):
                value = _complete(value)
        except Exception as error:
            self.used(loaded.name, error)
            raise _from_its_line(error, loaded)  # noqa: B904 — it is the same error, its context stays
        finally:
            _depth.reset(token)
        self.used(loaded.name, None)
        return value

    async def run_later(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        import asyncio

        depth = _deeper(name)
        loaded = self.load(name)
        token = _depth.set(depth)
        try:
            run = _bound(loaded, args, kwargs)
            if asyncio.iscoroutinefunction(run.func):
                value = await run()
            else:
                # A thread of its own: what waits in it does not hold up the others.
                value = await asyncio.to_thread(run)
                if _is_coroutine(value):
                    value = await value
        except Exception as error:
            self.used(loaded.name, error)
            raise _from_its_line(error, loaded)  # noqa: B904 — it is the same error, its context stays
        finally:
            _depth.reset(token)
        self.used(loaded.name, None)
        return value

    def used(self, name: str, error: Optional[BaseException]) -> None:
        """Tells how a run ended; that this fails is no reason to lose the value."""
        if isinstance(error, SkillArgumentError):
            return
        try:
            words = None if error is None else f"{type(error).__name__}: {error}"[:300]
            self.channel.call("skills.used", (), {"name": name, "error": words})
        except Exception:
            pass


_hosts: list[_Host] = []


def make_skills(channel: Channel) -> Skills:
    """The builtin `skills` of a session."""
    host = _Host(channel)
    _hosts[:] = [host]
    return Skills(host)


def invoke_json(name: str, text: str, plain: bool = False) -> Any:
    """Runs a skill for a client that has sent its arguments as JSON; a plain value is bent into what JSON can say."""
    import json

    value = _hosts[0].run(name, (), json.loads(text), True)
    return _plain(value) if plain else value


def as_written(text: str) -> str:
    """A request to run a skill as code would write it, and one for packages as a file asks for them; for tracebacks. Other cells
    stay as they are."""
    if text.startswith(NEED + "("):
        return f"# /// script: needs {text[len(NEED) + 1 : -1]}"
    if not text.startswith(INVOKE + "("):
        return text
    import json
    from ast import literal_eval

    try:
        name, arguments = literal_eval(text[len(INVOKE) :])[:2]
        given = ", ".join(f"{key}={value!r}" for key, value in json.loads(arguments).items())
        has_version = "@" in name
    except (AttributeError, TypeError, ValueError, SyntaxError):
        return text
    given = given if len(given) <= 200 else "..."
    if has_version:
        return f"skills.invoke({name!r}, {given})" if given else f"skills.invoke({name!r})"
    return f"skills.{name}({given})"


def versions(text: str) -> dict[str, str]:
    """The versions of the packages behind these names of modules, given as JSON, and Python's own."""
    import json
    from importlib import metadata

    found = {"python": ".".join(map(str, sys.version_info[:2]))}
    standard: Any = getattr(sys, "stdlib_module_names", ())
    list_owners: Any = getattr(metadata, "packages_distributions", None)
    owners: dict[str, list[str]] = {}
    for name in json.loads(text):
        if name in standard or name in sys.builtin_module_names:
            continue
        try:
            found[name] = metadata.version(name)
            continue
        except Exception:
            pass
        if not owners and list_owners is not None:
            owners = list_owners()
        for owner in owners.get(name, ())[:1]:
            found[owner] = metadata.version(owner)
    return found


def _plain(value: Any) -> Any:
    """Tuples as lists and dates as their text, all the way down; what JSON has no word for stays as it is."""
    from datetime import date, time

    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in _untyped(value)]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in _untyped(value).items()}
    return value.isoformat() if isinstance(value, (date, time)) else value


def alike(name: str) -> list[str]:
    """Signatures of skills for a hint about a function that exists nowhere; none on any trouble."""
    try:
        return _hosts[0].ask("skills.alike", name=name)
    except Exception:
        return []


def _compiled(text: str, filename: str) -> CodeType:
    tree = parse(text, filename)
    if may_await(text):
        mark(tree.body, None)
    return _compile(tree, filename, "exec", 0, True)


def _bound(loaded: _Loaded, args: tuple[Any, ...], kwargs: dict[str, Any], is_json: bool = False) -> Any:
    """`run` of a new module of this source, with these arguments; `is_json` where they came as JSON."""
    from functools import partial

    module = ModuleType(f"skills.{loaded.name}")
    names = module.__dict__
    names["__builtins__"] = builtins
    names["__file__"] = loaded.filename
    # Dataclasses and pickle look for the module of a class here.
    _modules[module.__name__] = module
    _exec(loaded.code, names)
    run = names["run"]
    try:
        from inspect import signature

        bound = signature(run).bind(*args, **kwargs)
    except TypeError as error:
        _refuse(loaded, str(error))
    if loaded.coerces or is_json:
        _coerce(loaded, run, bound, is_json)
    return partial(run, *bound.args, **bound.kwargs)


def _coerce(loaded: _Loaded, run: Any, bound: Any, is_json: bool) -> None:
    """Makes of plain values what the annotations name."""
    from inspect import Parameter

    from actwright.bending import bent, hints_of

    hints = hints_of(run)
    for name, value in bound.arguments.items():
        if name not in hints:
            continue
        hint, kind = hints[name], bound.signature.parameters[name].kind
        try:
            if kind is Parameter.VAR_POSITIONAL:
                value = tuple(bent(item, hint, is_json) for item in value)
            elif kind is Parameter.VAR_KEYWORD:
                value = {key: bent(item, hint, is_json) for key, item in value.items()}
            else:
                value = bent(value, hint, is_json)
        except (TypeError, ValueError) as error:
            _refuse(loaded, f"argument `{name}`: {error}")
        bound.arguments[name] = value


def _from_its_line(error: BaseException, loaded: _Loaded) -> BaseException:
    """The error without what led to the skill's first line: loops and threads of ours that say nothing about it."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != loaded.filename:
        trace = trace.tb_next
    return error if trace is None else error.with_traceback(trace)


def _untyped(value: Any) -> Any:
    return value


def _refuse(loaded: _Loaded, what: str) -> NoReturn:
    raise _as(SkillArgumentError, "arguments", f"skills.{loaded.name}: {what}; it is called as {loaded.signature}") from None


def _deeper(name: str) -> int:
    depth = _depth.get() + 1
    if depth > _MAX_DEPTH:
        message = f"skills call each other more than {_MAX_DEPTH} deep, the last one '{name}'; let one of them end without calling another"
        raise _as(SkillDepthError, "depth", message)
    return depth


def _is_coroutine(value: object) -> bool:
    return type(value).__name__ == "coroutine"


def _complete(coroutine: Any) -> Any:
    """The result of a coroutine for a plain call, inside a running event loop too."""
    import asyncio

    try:
        asyncio.get_running_loop()
        is_running = True
    except RuntimeError:
        is_running = False
    if not is_running:
        return asyncio.run(coroutine)
    import threading

    ending: list[Any] = []
    loops: list[Any] = []

    async def main() -> Any:
        loops.append((asyncio.get_running_loop(), asyncio.current_task()))
        return await coroutine

    def work() -> None:
        try:
            ending.append((asyncio.run(main()), None))
        except BaseException as error:
            ending.append((None, error))

    thread = threading.Thread(target=copy_context().run, args=(work,), daemon=True)
    thread.start()
    try:
        thread.join()
    except BaseException:
        for loop, task in loops:
            loop.call_soon_threadsafe(task.cancel)
        raise
    value, error = ending[0]
    if error is not None:
        raise error
    return value


def _function(host: _Host, about: dict[str, Any]) -> Callable[..., Any]:
    name: str = about["name"]

    def skill(*args: Any, **kwargs: Any) -> Any:
        return host.run(name, args, kwargs)

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        return await host.run_later(name, args, kwargs)

    function: Any = skill
    function.__name__ = function.__qualname__ = name
    function.__module__ = "skills"
    function.__doc__ = _doc(about)
    function.__signature__ = _signature(about)
    function.__dict__["_actwright_later"] = awaited
    return function


def _doc(about: dict[str, Any]) -> str:
    lines = [about["description"] or "A saved skill without a description."]
    described = [
        f"    {name}: {schema['description']}"
        for name, schema in about["parameters"]["properties"].items()
        if "description" in schema
    ]
    if described:
        lines += ["", "Args:", *described]
    return "\n".join(lines)


def _signature(about: dict[str, Any]) -> Any:
    from inspect import Parameter, Signature

    class Written:
        """A default or annotation as the source writes it."""

        def __init__(self, text: str) -> None:
            self.text = text

        def __repr__(self) -> str:
            return self.text

    parameters = [
        Parameter(
            each["name"],
            Parameter.POSITIONAL_OR_KEYWORD if not each.get("keyword") else Parameter.KEYWORD_ONLY,
            default=Written(each["default"]) if "default" in each else Parameter.empty,
            annotation=Written(each["type"]) if "type" in each else Parameter.empty,
        )
        for each in about["run"]
    ]
    if about["rest"]:
        rest, _, annotation = about["rest"].partition(": ")
        at = sum(each.kind is Parameter.POSITIONAL_OR_KEYWORD for each in parameters)
        parameters.insert(at, Parameter(rest, Parameter.VAR_POSITIONAL, annotation=Written(annotation) if annotation else Parameter.empty))
    if about["parameters"]["additionalProperties"]:
        parameters.append(Parameter("more", Parameter.VAR_KEYWORD))
    returns = Written(about["returns"]) if about["returns"] else Signature.empty
    return Signature(parameters, return_annotation=returns)


def _line(each: dict[str, Any]) -> str:
    summary = each["description"].strip().partition("\n")[0]
    why = ", ".join(each["matched_by"])
    state = each["proof"]["state"]
    proof = "" if state == "unproven" else f" [{state}]"
    return f"{each['signature']}  {summary}{proof} [score {each['score']}: {why}]"


def _failure(kind: str, message: str) -> SkillError:
    return _as(_KINDS.get(kind, SkillError), kind, message)


def _as(kind: type[SkillError], word: str, message: str) -> SkillError:
    error = kind(message)
    error.kind = word
    return error

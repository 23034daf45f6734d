"""`tools`: what the host offers, as Python functions.

The host knows the tools, checks the arguments and performs the calls; here a name becomes a function and an answer a
value. What is known of a namespace is looked up again in every cell, so that changes are seen.
"""

from __future__ import annotations

from functools import partial
from types import FunctionType, MethodType

from actwright import later, streams

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from actwright._native import Channel

_FACTS = ("exit_code", "stderr", "stdout", "status", "body")


class ToolError(Exception):
    """A call of a tool failed.

    `kind` says how, `tool` which; `exit_code`, `stderr`, `stdout`, `status` and `body` are set where the tool has them.

    >>> try: tools.nothing.here()
    ... except ToolError as error: print(error.kind)
    """

    kind: str = "failed"
    tool: str = ""
    exit_code: Optional[int] = None
    stderr: Optional[str] = None
    stdout: Optional[str] = None
    status: Optional[int] = None
    body: Any = None


class ToolNotFoundError(ToolError, AttributeError):
    """There is no such tool."""


class ToolArgumentError(ToolError, TypeError):
    """The arguments do not fit; nothing was sent."""


class ToolDeniedError(ToolError, PermissionError):
    """The policy does not allow the call; nothing was sent."""


class ToolUnavailableError(ToolError, ConnectionError):
    """The tool cannot be reached now."""


class ToolTimeoutError(ToolError, TimeoutError):
    """The tool took longer than it may."""


_KINDS: dict[str, type[ToolError]] = {
    "not_found": ToolNotFoundError,
    "arguments": ToolArgumentError,
    "denied": ToolDeniedError,
    "unavailable": ToolUnavailableError,
    "timeout": ToolTimeoutError,
}


# They are builtins in a session, so a traceback calls them by their bare names.
ERRORS: dict[str, type[ToolError]] = {kind.__name__: kind for kind in (ToolError, *_KINDS.values())}
for _kind in ERRORS.values():
    _kind.__module__ = "builtins"


class Media(bytes):
    """Bytes with a media type, such as an image that a tool has made.

    >>> tools.camera.photo().media_type
    'image/png'
    """

    media_type: str
    uri: Optional[str]

    def __new__(cls, content: bytes, media_type: str = "application/octet-stream", uri: Optional[str] = None) -> Media:
        made = super().__new__(cls, content)
        made.media_type = media_type
        made.uri = uri
        return made

    def __repr__(self) -> str:
        return f"Media({len(self)} bytes, {self.media_type!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Media, (bytes(self), self.media_type, self.uri))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, bytes]:
        return {self.media_type: bytes(self)} if self.media_type.startswith("image/") else {}


class Tools:
    """Functions of the host: commands, MCP servers and REST APIs.

    >>> tools.list()
    """

    def __init__(self, host: _Host) -> None:
        self._host = host
        self._spaces: dict[str, Namespace] = {}

    def list(self) -> list[dict[str, Any]]:
        """Every namespace: name, kind, description, state and its tools' signatures.

        >>> [space["name"] for space in tools.list()]
        """
        return self._host.ask("tools.list")

    def search(self, query: str, limit: int = 10) -> list[dict[str, Any]]:
        """The tools that fit these words, best first: name, signature, summary.

        >>> tools.search("http get")
        """
        return self._host.ask("tools.search", query=query, limit=limit)

    def schema(self, name: str) -> dict[str, Any]:
        """A tool's JSON Schemas: `input`, and `output` where it is known or was learned.

        >>> tools.schema("curl.get")["input"]
        """
        return self._host.ask("tools.schema", name=name)

    def __getattr__(self, name: str) -> Namespace:
        if name.startswith("_"):
            raise AttributeError(name)
        space = self._spaces.get(name)
        if space is None:
            space = Namespace(self._host, name)
        space._fresh()  # pyright: ignore[reportPrivateUsage]
        self._spaces[name] = space
        return space

    def __dir__(self) -> list[str]:
        return ["list", "schema", "search", *self._host.ask("tools.names")]

    def __repr__(self) -> str:
        return f"<tools: {', '.join(self._host.ask('tools.names')) or 'none configured'}>"


class Namespace:
    """One source of tools; where the source itself can be called, so can this."""

    def __init__(self, host: _Host, name: str) -> None:
        self._host = host
        self._name = name
        self._cell = -1
        self._about: dict[str, Any] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._root: Optional[Callable[..., Any]] = None

    def list(self) -> list[dict[str, Any]]:
        """Its tools: name, signature, summary.

        >>> tools.curl.list()
        """
        return self._fresh()._about["tools"]

    @property
    def resources(self) -> Resources:
        """The resources of an MCP server: `list()` and `read(uri)`."""
        return Resources(self._host, self._name)

    @property
    def prompts(self) -> Prompts:
        """The prompts of an MCP server: `list()` and `get(name, **arguments)`."""
        return Prompts(self._host, self._name)

    def _fresh(self) -> Namespace:
        cell = streams.running()
        if self._cell != cell:
            self._look()
            self._cell = cell
        return self

    def _look(self) -> None:
        about: dict[str, Any] = self._host.ask("tools.namespace", name=self._name)
        if about != self._about:
            self._about, self._functions, self._root = about, {}, None
            lines = [about["description"], ""] if about["description"] else []
            lines += [f"{tool['signature']}  {tool['summary']}" for tool in about["tools"]]
            self.__doc__ = "\n".join(lines) or None

    def _function(self, full_name: str) -> Callable[..., Any]:
        return make_function(self._host, self._host.ask("tools.describe", name=full_name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            if name == "__signature__" and self._about.get("callable"):
                return getattr(self._called(), "__signature__")  # noqa: B009
            raise AttributeError(name)
        function = self._functions.get(name)
        if function is None:
            function = self._function(f"{self._name}.{name}")
            self._functions[name] = function
        return function

    def _called(self) -> Callable[..., Any]:
        if self._root is None:
            self._root = self._function(self._name)
        return self._root

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._called()(*args, **kwargs)

    def __dir__(self) -> list[str]:
        more = ["resources", "prompts"] if self._about.get("kind") == "mcp" else []
        return ["list", *more, *(tool["name"] for tool in self._about["tools"] if tool["name"])]

    def __repr__(self) -> str:
        return f"<tools.{self._name}: {len(self._about['tools'])} tools>"


class Resources:
    """The resources of an MCP server."""

    def __init__(self, host: _Host, namespace: str) -> None:
        self._host = host
        self._namespace = namespace

    def list(self) -> Any:
        """What there is: uri, name, description, media type."""
        return self._host.extra(self._namespace, "list_resources")

    def read(self, uri: str) -> Any:
        """One resource's content: text, or bytes with a media type.

        >>> tools.files.resources.read("file:///notes.txt")
        """
        return self._host.extra(self._namespace, "read_resource", uri=uri)


class Prompts:
    """The prompts of an MCP server."""

    def __init__(self, host: _Host, namespace: str) -> None:
        self._host = host
        self._namespace = namespace

    def list(self) -> Any:
        """What there is: name, description, arguments."""
        return self._host.extra(self._namespace, "list_prompts")

    def get(self, name: str, **arguments: str) -> Any:
        """One prompt's messages.

        >>> tools.github.prompts.get("review", language="en")
        """
        return self._host.extra(self._namespace, "get_prompt", name=name, arguments=arguments)


class _Host:
    """The calls behind all this."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def ask(self, call: str, **kwargs: object) -> Any:
        return value_of(self.channel.call(call, (), kwargs))

    def extra(self, namespace: str, request: str, **kwargs: object) -> Any:
        return self.ask("tools.extra", namespace=namespace, request=request, **kwargs)


_hosts: list[_Host] = []


def make_tools(channel: Channel) -> Tools:
    """The builtin `tools` of a session."""
    host = _Host(channel)
    _hosts[:] = [host]
    return Tools(host)


def alike(name: str) -> list[str]:
    """Signatures of the tools with this name, for a hint about a function that exists nowhere; none on any trouble."""
    try:
        return _hosts[0].ask("tools.alike", name=name)
    except Exception:
        return []


def make_function(host: _Host, about: dict[str, Any]) -> Callable[..., Any]:
    """The function for one tool, as the host describes it."""
    full_name: str = about["name"]
    names: list[str] = [parameter["name"] for parameter in about["parameters"]]
    channel = host.channel
    call = channel.call
    path = (full_name,)

    def bind(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        if len(args) > len(names):
            raise _argument_error(about, f"takes {len(names)} positional arguments and got {len(args)}")
        bound = dict(zip(names, args))
        for name in kwargs:
            if name in bound:
                raise _argument_error(about, f"argument `{name}` is given twice")
        bound.update(kwargs)
        return bound

    def tool(*args: Any, **kwargs: Any) -> Any:
        if args:
            kwargs = bind(args, kwargs)
        try:
            answer = call("tools.call", path, kwargs)
        except (TypeError, ValueError) as error:
            raise _argument_error(about, str(error)) from None
        return value_of(answer)

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        if args:
            kwargs = bind(args, kwargs)
        try:
            answer = await later.call(channel, "tools.call", path, kwargs)
        except (TypeError, ValueError) as error:
            raise _argument_error(about, str(error)) from None
        return value_of(answer)

    _describe(tool, about)
    tool.__dict__["_actwright_later"] = awaited
    return tool


def _describe(tool: Any, about: dict[str, Any]) -> None:
    tool.__name__ = tool.__qualname__ = about["name"].rpartition(".")[2]
    tool.__module__ = "tools." + about["name"].rpartition(".")[0] if "." in about["name"] else "tools"
    tool.__doc__ = about["doc"]
    tool.__signature__ = _signature(about)


def _signature(about: dict[str, Any]) -> Any:
    from inspect import Parameter, Signature

    parameters = [
        Parameter(
            each["name"],
            Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if each["required"] else each["default"],
            annotation=each["type"],
        )
        for each in about["parameters"]
    ]
    if about["open"]:
        parameters.append(Parameter("more", Parameter.VAR_KEYWORD))
    return Signature(parameters, return_annotation=about["returns"] or Signature.empty)


def _is_partial(function: object) -> bool:
    return type(function) is partial


def _is_method(function: object) -> bool:
    return type(function) is MethodType


def look_up(function: Any) -> Any:
    """The awaitable form of a tool; every other function as it is."""
    if type(function) is Namespace:
        function = function._called()  # pyright: ignore[reportPrivateUsage]
    if type(function) is FunctionType:
        return function.__dict__.get("_actwright_later", function)
    if _is_method(function):
        other = getattr(function.__func__, "__dict__", {}).get("_actwright_later")
        return function if other is None else getattr(function.__self__, other)
    if _is_partial(function) and (awaited := look_up(function.func)) is not function.func:
        bound: Any = partial(awaited, *function.args, **function.keywords)
        return bound
    return function


def value_of(answer: Any) -> Any:
    """A host's answer as a value, or raised as an error."""
    word, content = answer
    if word == "ok":
        return content
    if word == "media":
        return Media(*content)
    if word == "parts":
        return [value_of(part) for part in content]
    raise _error(content)


def _error(facts: dict[str, Any]) -> ToolError:
    error = _KINDS.get(facts["kind"], ToolError)(facts["message"])
    error.kind = facts["kind"]
    error.tool = facts.get("tool", "")
    for name in _FACTS:
        if name in facts:
            setattr(error, name, facts[name])
    return error


def _argument_error(about: dict[str, Any], what: str) -> ToolError:
    message = f"tools.{about['name']}: {what}; it is called as {about['signature']}"
    return _error({"kind": "arguments", "message": message, "tool": about["name"]})

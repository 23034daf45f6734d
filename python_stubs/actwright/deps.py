"""`deps`: packages for all sessions of this workspace, installed by the host and importable at once."""

from __future__ import annotations

import re

from actwright import shelf
from actwright.asking import ask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from actwright._native import Channel

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_METHODS = ("add", "list", "remove", "sync", "why")


class DepsError(Exception):
    """Something with packages failed; `kind` says how."""

    kind: str = "failed"


class DepsDeniedError(DepsError, PermissionError):
    """This server does not let code change packages, or not this one."""


class DepsSpecError(DepsError, ValueError):
    """What was asked for is no name with versions."""


class DepsNotFoundError(DepsError, LookupError):
    """No such package was added."""


class DepsQuotaError(DepsError, OSError):
    """The packages would take more room than there is for them; nothing was changed."""


class DepsResolverError(DepsError, RuntimeError):
    """The packages do not go together, do not exist, or could not be fetched; nothing was changed."""


_KINDS: dict[str, type[DepsError]] = {
    "denied": DepsDeniedError,
    "invalid": DepsSpecError,
    "arguments": DepsSpecError,
    "not_found": DepsNotFoundError,
    "quota": DepsQuotaError,
    "resolver": DepsResolverError,
}

# They are builtins in a session, so a traceback calls them by their bare names.
ERRORS: dict[str, type[DepsError]] = {kind.__name__: kind for kind in (DepsError, *_KINDS.values())}
for _kind in ERRORS.values():
    _kind.__module__ = "builtins"


class Deps:
    """Packages that can be imported beside what the session's Python has.

    >>> deps.add("pandas>=2", "httpx")
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def add(self, *packages: str) -> dict[str, Any]:
        """Installs packages, each a name with versions; they can be imported at once.

        >>> deps.add("humanize>=4")
        """
        return self._change("add", packages=_names(packages))

    def remove(self, *packages: str) -> dict[str, Any]:
        """Removes packages that were added, and what only they needed.

        >>> deps.remove("humanize")
        """
        return self._change("remove", packages=_names(packages))

    def list(self) -> list[dict[str, Any]]:
        """Every package that is there: name, version, requested (None if another one needs it), modules.

        >>> [each["name"] for each in deps.list()]
        """
        return self._ask("list")

    def sync(self) -> dict[str, Any]:
        """Installs again what the lock file says and is missing.

        >>> deps.sync()
        """
        return self._change("sync")

    def why(self, name: str) -> dict[str, Any]:
        """Why a package is there: requested, needed_by, and the path from one that was asked for.

        >>> deps.why("numpy")["path"]
        """
        return self._ask("why", name=name)

    def _change(self, call: str, **kwargs: object) -> dict[str, Any]:
        answer: dict[str, Any] = self._ask(call, **kwargs)
        words = shelf.follow()
        if words:
            answer["notes"] = words.split("\n")
        return answer

    def _ask(self, call: str, **kwargs: object) -> Any:
        return ask(self._channel, _failure, "deps." + call, kwargs)

    def need(self, needed: list[str], python: Optional[str]) -> None:
        """Adds what a file says it needs in its block of PEP 723 and that is not there."""
        from importlib import metadata

        have: dict[str, str] = {}
        for spec in needed:
            name = _NAME.match(spec.strip())
            if name is not None:
                try:
                    have[name.group()] = metadata.version(name.group())
                except (metadata.PackageNotFoundError, ValueError):
                    pass
        self._change("need", packages=_names((needed,)), have=have, requires_python=python, surroundings=_surroundings())

    def __dir__(self) -> list[str]:
        return list(_METHODS)

    def __repr__(self) -> str:
        return '<deps: deps.add("pandas>=2") installs packages, deps.list() shows them>'


def _surroundings() -> dict[str, str]:
    """What conditions of requirements are about: the variables of environment markers."""
    import os
    import platform
    import sys

    version = ".".join(str(number) for number in sys.version_info[:3])
    return {
        "python_version": ".".join(version.split(".")[:2]),
        "python_full_version": version,
        "os_name": os.name,
        "sys_platform": sys.platform,
        "platform_machine": platform.machine(),
        "platform_python_implementation": platform.python_implementation(),
        "platform_release": platform.release(),
        "platform_system": platform.system(),
        "platform_version": platform.version(),
        "implementation_name": sys.implementation.name,
        "implementation_version": version,
        "extra": "",
    }


def _names(given: tuple[Any, ...]) -> list[Any]:
    """One list of names is taken like the names themselves."""
    names: list[Any] = list(given)
    if len(names) == 1 and isinstance(names[0], (list, tuple, set, frozenset)):
        names = list(given[0])
    if not all(isinstance(name, str) for name in names):
        raise _failure("invalid", 'packages are named by texts, such as "pandas>=2"; nothing was changed')
    return names


def _failure(kind: str, message: str) -> DepsError:
    failure = _KINDS.get(kind, DepsError)(message)
    failure.kind = kind
    return failure


NEED = "__actwright_need__"


def make_deps(channel: Channel) -> Deps:
    """The object for a session."""
    return Deps(channel)

"""What the operating system's refusals mean inside the sandbox, in words that name the setting."""

from __future__ import annotations

import errno
import os
import sys

from actwright import surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

_NETWORK = (
    "The sandbox has no network unless it is configured (`sandbox.network`); "
    "work with the data that is already in the session."
)
_LISTED = (
    "Only HTTP and HTTPS to the hosts in the configuration's list (`sandbox.network`) work here, through the proxy "
    "that HTTP_PROXY names: use urllib, requests, httpx or aiohttp. Raw sockets and asyncio streams have no network."
)
_NOT_LISTED = (
    "The host is not in the configuration's list (`sandbox.network`); "
    "work without it, or ask whoever runs the server to add it."
)
_REFUSED = (
    "The sandbox's proxy refused this, for the reason in the message; "
    "whoever runs the server configures it (`sandbox.network`, `network`)."
)
_TUNNEL = (
    "The sandbox's proxy ended this: through a tunnel only TLS passes whose server name is the host in "
    "`sandbox.network` that the tunnel was opened for."
)
_FILES = (
    "Only /session (the workspace) and /tmp are writable, and host files are not visible "
    "unless they are configured (`sandbox.read`, `sandbox.write`)."
)
_PROCESSES = (
    "The limit of processes and threads is reached (`limits.processes`); end some or use fewer workers."
)
_MEMORY = "The session's memory limit is reached (`limits.memory`); delete large objects or work in parts."

_NO_NETWORK = frozenset(
    (
        errno.ENETUNREACH,
        errno.ENETDOWN,
        errno.EHOSTUNREACH,
        errno.ECONNREFUSED,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.ENONET,
    )
)
_OUR_ROOMS = ("/session", "/tmp", "/dev/shm", "/own")


def refusal(error: BaseException) -> Optional[str]:
    """The hint for an error that the sandbox or a limit caused, searched through its causes."""
    current: Optional[BaseException] = error
    for _ in range(12):
        if current is None:
            return None
        hint = _one(current)
        if hint is not None:
            return hint
        current = _deeper(current)
    return None


def _deeper(error: BaseException) -> Optional[BaseException]:
    # urllib's URLError and requests' wrappers carry the system's error as an argument, not as a cause.
    for inner in vars(BaseException)["args"].__get__(error)[:2]:
        if isinstance(inner, BaseException):
            return inner
    reason: Any = _own_attribute(error, "reason")
    if isinstance(reason, BaseException):
        return reason
    return error.__cause__ or error.__context__


def _own_attribute(error: BaseException, name: str) -> Any:
    attributes: Any = vars(BaseException)["__dict__"].__get__(error)
    return attributes.get(name)


def _one(error: BaseException) -> Optional[str]:
    if isinstance(error, MemoryError):
        return _MEMORY
    if surroundings.IS_LISTED:
        hint = _by_proxy(error)
        if hint is not None:
            return hint
    if type(error).__name__ in ("gaierror", "herror"):
        return _no_network()
    if isinstance(error, RuntimeError) and "can't start new thread" in _first_argument(error):
        return _PROCESSES
    if not isinstance(error, OSError):
        return None
    return _system(error)


def _no_network() -> str:
    return _LISTED if surroundings.IS_LISTED else _NETWORK


def _by_proxy(error: BaseException) -> Optional[str]:
    """What the proxy said in its status line, which clients keep in one place or another, or by an alert of TLS."""
    arguments: tuple[Any, ...] = vars(BaseException)["args"].__get__(error)
    texts = [*arguments[:4], *(_own_attribute(error, name) for name in ("message", "msg", "reason"))]
    for text in texts:
        if not isinstance(text, str):
            continue
        if "Refused: " in text:
            is_about_list = " sandbox.network" in text and " not " in text
            return _NOT_LISTED if is_about_list else _REFUSED
        if "ALERT_ACCESS_DENIED" in text:
            return _TUNNEL
    return None


def _system(error: OSError) -> Optional[str]:
    code = error.errno
    if code in _NO_NETWORK or (isinstance(error, ConnectionError) and code is None):
        return _no_network()
    if code in (errno.EPERM, errno.EACCES, errno.ENOSYS) and _is_from_socket(error):
        return _no_network()
    if code == errno.ENOSPC:
        return "The workspace is full (`limits.workspace`); delete files that are no longer needed."
    if code == errno.EDQUOT:
        return "The workspace is full (`limits.workspace`); delete files that are no longer needed."
    if code == errno.EFBIG:
        return "The file would be larger than the workspace allows (`limits.workspace`)."
    if code in (errno.EMFILE, errno.ENFILE):
        return "Too many files are open (`limits.files`); close them, best with `with open(...)`."
    if code == errno.EAGAIN and not isinstance(error.filename, (str, bytes)) and _is_from_fork(error):
        return _PROCESSES
    if code == errno.ENOMEM:
        return _MEMORY
    if code in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT) and _is_outside(error.filename):
        return _FILES
    return None


def _is_outside(name: object) -> bool:
    if isinstance(name, bytes):
        name = os.fsdecode(name)
    if not isinstance(name, str) or not name.startswith("/"):
        return False
    try:
        here = os.getcwd()
    except OSError:
        here = "/session"
    return not any(name == room or name.startswith(room + "/") for room in (*_OUR_ROOMS, here))


def _is_from_socket(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.filename is not None:
        return False
    tb = error.__traceback__
    while tb is not None:
        code = tb.tb_frame.f_code
        if code.co_filename == _socket_file() or "connect" in code.co_names or "socket" in code.co_names:
            return True
        tb = tb.tb_next
    return False


def _socket_file() -> object:
    return getattr(sys.modules.get("socket"), "__file__", None)


def _is_from_fork(error: BaseException) -> bool:
    tb = error.__traceback__
    while tb is not None:
        names = tb.tb_frame.f_code.co_names
        if any("fork" in name or "spawn" in name or name in ("Popen", "run") for name in names):
            return True
        tb = tb.tb_next
    return False


def _first_argument(error: BaseException) -> str:
    arguments: tuple[object, ...] = error.args
    return arguments[0] if arguments and isinstance(arguments[0], str) else ""

"""`artifacts`: data that outlives the session, by name and version.

Values become bytes here (actwright.encoding) and the host keeps bytes; nothing is ever pickled. Content crosses in pieces, so
that a gigabyte takes no more memory than itself.
"""

from __future__ import annotations

import errno
import io
import os

from actwright.asking import ask
from actwright.encoding import decode, encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO, Any, Optional

    from actwright._native import Channel

_PIECE = 1 << 20
_METHODS = ("delete", "exists", "get", "history", "list", "load", "open", "save", "save_file", "to_file")


class ArtifactError(Exception):
    """Something with an artifact failed; `kind` says how."""

    kind: str = "failed"


class ArtifactNotFoundError(ArtifactError, LookupError):
    """There is no such artifact, or no such version."""


class ArtifactNameError(ArtifactError, ValueError):
    """What was given is wrong, or a name that looks the same is taken; nothing was saved."""


class ArtifactTypeError(ArtifactError, TypeError):
    """A value of this type cannot be saved."""


class ArtifactExistsError(ArtifactError, FileExistsError):
    """There is one of this name already; nothing was saved."""


class ArtifactQuotaError(ArtifactError, OSError):
    """It is too large, or there is no room; nothing was saved."""


class ArtifactDamagedError(ArtifactError, OSError):
    """The content is not what was saved."""


_KINDS: dict[str, type[ArtifactError]] = {
    "not_found": ArtifactNotFoundError,
    "invalid": ArtifactNameError,
    "arguments": ArtifactNameError,
    "collision": ArtifactNameError,
    "exists": ArtifactExistsError,
    "type": ArtifactTypeError,
    "quota": ArtifactQuotaError,
    "damaged": ArtifactDamagedError,
}
_ALL = (ArtifactError, *dict.fromkeys(_KINDS.values()))

# They are builtins in a session, so a traceback calls them by their bare names.
ERRORS: dict[str, type[ArtifactError]] = {kind.__name__: kind for kind in _ALL}
for _kind in _ALL:
    _kind.__module__ = "builtins"


class Artifacts:
    """Data that outlives the session: values by name, every save a new version.

    >>> artifacts.save("reports/sales", table)
    """

    def __init__(self, host: _Host) -> None:
        self._host = host

    def save(
        self,
        name: str,
        data: Any,
        description: str = "",
        metadata: Optional[dict[str, Any]] = None,
        ttl: Optional[float] = None,
    ) -> dict[str, Any]:
        """Saves a value as the next version of a name; ttl in seconds. What would not come back as itself stands in metadata.

        >>> artifacts.save("totals", {"a": 1}, metadata={"tags": ["sales"]})
        """
        try:
            encoded = encode(data)
        except TypeError as error:
            raise _failure("type", f"artifact {name!r} was not saved: {error}") from None
        about = _about(name, description, metadata, ttl)
        if encoded.note:
            about["metadata"] = {**(metadata or {}), "comes_back_as": encoded.note}
        writer = _Writer(self._host, {**about, "form": encoded.form, "media_type": encoded.media_type})
        try:
            with writer:
                encoded.write(writer)
        except TypeError as error:
            if isinstance(error, ArtifactError):
                raise
            raise _failure("type", f"artifact {name!r} was not saved: {error}") from None
        return writer.saved

    def load(self, name: str, version: Optional[int] = None) -> Any:
        """The value of an artifact, by its newest version or by this one.

        >>> artifacts.load("reports/sales")
        """
        reader = _Reader(self._host, name, version)
        try:
            return decode(reader.about["form"], io.BufferedReader(reader, _PIECE))
        except (ImportError, LookupError, TypeError, ValueError) as error:
            raise _failure("failed", f"artifact {name!r} cannot be loaded: {error}") from error

    def get(self, name: str, version: Optional[int] = None) -> dict[str, Any]:
        """What is known of an artifact, without its content: version, size, media_type, sha256, metadata.

        >>> artifacts.get("reports/sales")["size"]
        """
        return self._host.ask("get", name=name, version=version)

    def list(self, prefix: str = "", tag: Optional[str] = None) -> list[dict[str, Any]]:
        """Every artifact whose name begins so and whose metadata["tags"] holds the tag.

        >>> [each["name"] for each in artifacts.list("reports/")]
        """
        every: list[dict[str, Any]] = []
        after: Optional[str] = ""
        while after is not None:
            page, after = self._host.ask("list", after=after, prefix=prefix, tag=tag)
            every.extend(page)
        return every

    def exists(self, name: str) -> bool:
        """Whether there is an artifact of this name.

        >>> artifacts.exists("reports/sales")
        """
        try:
            self._host.ask("get", name=name)
        except ArtifactNotFoundError:
            return False
        return True

    def delete(self, name: str) -> int:
        """Deletes an artifact; gives the number of the version that says so. Its history stays.

        >>> artifacts.delete("reports/sales")
        """
        return self._host.ask("delete", name=name)

    def history(self, name: str) -> list[dict[str, Any]]:
        """Every version of an artifact, the oldest first.

        >>> artifacts.history("reports/sales")
        """
        return self._host.ask("history", name=name)

    def open(self, name: str, mode: str = "r", version: Optional[int] = None, **about: Any) -> IO[Any]:
        """An artifact as a file: "r", "w", "a" or "x", with "b" for bytes. What is written becomes a version when the file is
        closed; an error inside `with` gives it up. Takes encoding, errors and newline, and description, metadata, ttl and
        media_type of what is written.

        >>> with artifacts.open("big.csv", "w") as file: ...
        """
        way, is_text = _mode(mode)
        text = {key: about.pop(key) for key in ("encoding", "errors", "newline") if key in about}
        if text and not is_text:
            raise ValueError(f"artifacts.open takes no {next(iter(text))} with the mode {mode!r}, which is for bytes")
        if way == "r":
            if about:
                raise TypeError(f"artifacts.open has no argument {next(iter(about))!r} for reading")
            raw: Any = io.BufferedReader(_Reader(self._host, name, version), _PIECE)
        else:
            raw = self._writer(name, way, is_text, version, about)
        if not is_text:
            return raw
        encoding = text.get("encoding") or "utf-8"
        lone = "surrogatepass" if encoding.replace("_", "-").lower() in ("utf-8", "utf8") else "strict"
        return _Text(raw, encoding=encoding, errors=text.get("errors") or lone, newline=text.get("newline", ""))

    def _writer(self, name: str, way: str, is_text: bool, version: Optional[int], about: dict[str, Any]) -> Any:
        if version is not None:
            raise ValueError("a version cannot be written, because none is ever changed; leave version out to write the next one")
        # Whether the name is one is known before anything is written.
        is_there: bool = self._host.ask("check", name=name)
        if way == "x" and is_there:
            raise _failure("exists", f"artifact {name!r} is there already; the mode 'w' saves its next version")
        before = _Reader(self._host, name, None) if way == "a" and is_there else None
        known: dict[str, Any] = before.about if before is not None else {}
        if before is not None and known["form"] not in ("text", "bytes"):
            raise _failure("invalid", f"artifact {name!r} is a value and no file; load it, change it and save it instead of appending to it")
        given = _about(name, *(about.pop(key, known.get(key)) for key in ("description", "metadata", "ttl")))
        given["form"] = known.get("form", "text" if is_text else "bytes")
        media_type = known.get("media_type", "text/plain; charset=utf-8" if is_text else "application/octet-stream")
        given["media_type"] = about.pop("media_type", media_type)
        if about:
            raise TypeError(f"artifacts.open has no argument {next(iter(about))!r}")
        writer = _Writer(self._host, given)
        piece = before.read(_PIECE) if before is not None else b""
        while before is not None and piece:
            writer.write(piece)
            piece = before.read(_PIECE)
        return writer

    def save_file(self, path: str, name: Optional[str] = None, **about: Any) -> dict[str, Any]:
        """Saves a regular file, never one that a link leads to; its name is the artifact's unless another is given.

        >>> artifacts.save_file("plot.png")
        """
        import stat

        shown = os.fsdecode(path)
        try:
            descriptor = _opened(shown, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            why = "; links are not followed, in directories either" if error.errno in (errno.ELOOP, errno.ENOTDIR) else ""
            raise _failure("invalid", f"the file {shown!r} was not saved: {error.strerror}{why}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _failure("invalid", f"the file {shown!r} was not saved: it is no regular file")
        with open(descriptor, "rb", buffering=0) as file:
            import mimetypes

            about.setdefault("media_type", mimetypes.guess_type(shown)[0] or "application/octet-stream")
            writer: Any = self.open(name or os.path.basename(shown), "wb", **about)
            with writer:
                while True:
                    piece = file.read(_PIECE)
                    if not piece:
                        break
                    writer.write(piece)
        return writer.saved

    def to_file(self, name: str, path: Optional[str] = None, version: Optional[int] = None) -> str:
        """Writes an artifact's bytes into a file, by default one of its own last name; gives its path.

        >>> artifacts.to_file("plot.png")
        """
        import stat

        reader = _Reader(self._host, name, version)
        target = os.fsdecode(path) if path is not None else reader.about["name"].rpartition("/")[2]
        with open(_opened(target, os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK), "wb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(f"{target!r} is no regular file; nothing was written")
            file.truncate()
            while True:
                piece = reader.read(_PIECE)
                if not piece:
                    return target
                file.write(piece)

    def __dir__(self) -> list[str]:
        return list(_METHODS)

    def __repr__(self) -> str:
        return "<artifacts: artifacts.save(name, value) keeps a value, artifacts.load(name) gives it back>"


class _Text(io.TextIOWrapper):
    """Text over an artifact; an error inside a `with` gives the save up."""

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        raw: Any = self.buffer
        if kind is not None and isinstance(raw, _Writer):
            raw.give_up()
        super().__exit__(kind, error, trace)

    def __del__(self) -> None:
        raw: Any = self.buffer
        if isinstance(raw, _Writer):
            raw.forget()


class _Host:
    """The calls behind all this."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def ask(self, call: str, **kwargs: object) -> Any:
        return ask(self.channel, _failure, "artifacts." + call, kwargs)


class _Writer(io.RawIOBase):
    """Takes bytes, and saves them when it is closed. What fits into one piece takes one call."""

    def __init__(self, host: _Host, about: dict[str, Any]) -> None:
        self._host = host
        self._about = about
        self._waiting = bytearray()
        self._size = 0
        self._id: Optional[int] = None
        self._is_over = False
        self.saved: dict[str, Any] = {}

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._size

    def write(self, data: Any) -> int:
        if self._is_over:
            raise ValueError("the artifact is saved already, or given up")
        view = memoryview(data).cast("B")
        at = 0
        while at < len(view):
            room = _PIECE - len(self._waiting)
            piece = view[at : at + room]
            at += len(piece)
            if len(piece) < room or (self._id is None and at == len(view)):
                # What may be all of it waits, to be saved by one call.
                self._waiting += piece
            elif self._waiting:
                self._waiting += piece
                self._send(bytes(self._waiting))
                self._waiting.clear()
            else:
                self._send(bytes(piece))
        self._size += len(view)
        return len(view)

    def _send(self, piece: bytes) -> None:
        if self._id is None:
            self._id = self._host.ask("begin")
        self._host.ask("append", id=self._id, data=piece)

    def give_up(self) -> None:
        """Nothing is saved."""
        if not self._is_over:
            self._is_over = True
            self._waiting.clear()
            if self._id is not None:
                self._host.ask("abandon", id=self._id)

    def close(self) -> None:
        if not self.closed and not self._is_over:
            self._is_over = True
            try:
                if self._id is None:
                    self.saved = self._host.ask("save", data=bytes(self._waiting), **self._about)
                else:
                    if self._waiting:
                        self._send(bytes(self._waiting))
                    self.saved = self._host.ask("finish", id=self._id, **self._about)
            finally:
                super().close()
        super().close()

    def forget(self) -> None:
        """A file that nobody closed is not a save that somebody meant."""
        self._is_over = True

    def __del__(self) -> None:
        self.forget()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self.give_up()
        self.close()


class _Reader(io.RawIOBase):
    """Gives an artifact's bytes; the version stays the one that was found at first."""

    def __init__(self, host: _Host, name: str, version: Optional[int]) -> None:
        self._host = host
        self._at = 0
        about, self._first = host.ask("read", name=name, version=version, offset=0, limit=_PIECE)
        self.about: dict[str, Any] = about

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._at, self.about["size"])[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        wanted = min(len(view), _PIECE, max(0, self.about["size"] - self._at))
        if wanted == 0:
            return 0
        piece = self._first[self._at : self._at + wanted]
        if not piece:
            _, piece = self._host.ask(
                "read", name=self.about["name"], version=self.about["version"], offset=self._at, limit=wanted
            )
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


def make_artifacts(channel: Channel) -> Artifacts:
    """The builtin `artifacts` of a session."""
    return Artifacts(_Host(channel))


def _opened(path: str, flags: int) -> int:
    """Opens a file by directories none of which is a link, and is none itself."""
    *directories, name = path.split("/")
    start = "."
    if path.startswith("/"):
        # What stands in the root directory is the system's, and its links may be too: `/session` is one.
        start, directories = "/" + directories[1] if len(directories) > 1 else "/", directories[2:]
    at = os.open(start, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for directory in directories:
            if directory not in ("", "."):
                below = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=at)
                os.close(at)
                at = below
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=at)
    finally:
        os.close(at)


def _mode(mode: Any) -> tuple[str, bool]:
    """How a file is opened, as one letter, and whether it is one of text."""
    letters = sorted(mode) if isinstance(mode, str) else []
    ways = [letter for letter in letters if letter in "rwax"]
    kinds = [letter for letter in letters if letter in "bt"]
    if len(ways) != 1 or len(kinds) > 1 or len(letters) != len(ways) + len(kinds):
        why = "; no version is ever changed, so read with 'r' and save the next one with 'w'" if "+" in letters else ""
        raise ValueError(f"the mode {mode!r} is not one of 'r', 'w', 'a' and 'x', alone or with 'b' or 't'{why}")
    return ways[0], kinds != ["b"]


def _about(name: str, description: Any, metadata: Any, ttl: Any) -> dict[str, Any]:
    if type(name) is not str:
        raise _failure("invalid", f"the name of an artifact is a str, not {type(name).__name__}")
    return {"name": name, "description": description, "metadata": metadata, "ttl": ttl}


def _failure(kind: str, message: str) -> ArtifactError:
    error = _KINDS.get(kind, ArtifactError)(message)
    error.kind = kind
    return error

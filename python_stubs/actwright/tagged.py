"""Python values as JSON, with a tag where JSON has no word: `{"$": kind, "v": ...}`; and back.

What would come back as something else is noted in words, or refused where nobody takes notes.
"""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

# How deep a value may be nested.
_DEPTH = 200
_TAG = "$"
_SMALL = 1 << 63
_modules = sys.modules


def plain(value: Any, notes: Optional[list[str]] = None) -> Any:
    """A value as JSON with tags; adds what it comes back as to `notes`, and raises TypeError without them."""
    return _plain(value, _DEPTH, notes)


def value_of(made: Any) -> Any:
    """The value of JSON with tags."""
    return _value(made)


def _plain(value: Any, depth: int, notes: Optional[list[str]]) -> Any:
    """A value as JSON; what JSON cannot say becomes a dict with a tag. Without `notes` nothing may come back as another."""
    if depth == 0:
        raise TypeError("the value is nested too deeply, or contains itself")
    kind: type[Any] = untyped(type(value))
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -_SMALL <= value < _SMALL else {_TAG: "int", "v": hex(value)}
    if kind is float:
        is_finite = value - value == 0.0
        return value if is_finite else {_TAG: "float", "v": repr(value)}
    if kind is str:
        return {_TAG: "str", "v": [ord(letter) for letter in value]} if _has_surrogates(value) else value
    if kind is list:
        return [_plain(item, depth - 1, notes) for item in value]
    if kind is dict:
        return _mapping(value, depth, notes)
    if kind is tuple:
        return {_TAG: "tuple", "v": [_plain(item, depth - 1, notes) for item in value]}
    if kind in (set, frozenset):
        return {_TAG: kind.__name__, "v": _distinct(value, depth, notes, kind.__name__)}
    if kind in (bytes, bytearray):
        from base64 import b64encode

        return {_TAG: kind.__name__, "v": b64encode(value).decode("ascii")}
    if kind is range:
        return {_TAG: "range", "v": [_plain(part, depth - 1, notes) for part in (value.start, value.stop, value.step)]}
    if kind is complex:
        return {_TAG: "complex", "v": [_plain(value.real, depth - 1, notes), _plain(value.imag, depth - 1, notes)]}
    known = _known(value, kind, depth, notes)
    if known is None:
        known = _inner(value, kind, notes)
    return known if known is not None else _as_base(value, kind, depth, notes)


def _has_surrogates(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)


def _mapping(value: dict[Any, Any], depth: int, notes: Optional[list[str]]) -> Any:
    if all(type(key) is str and not _has_surrogates(key) for key in value) and _TAG not in value:
        return {key: _plain(item, depth - 1, notes) for key, item in value.items()}
    keys = _distinct(value, depth, notes, "dict")
    return {_TAG: "dict", "v": [[key, _plain(item, depth - 1, notes)] for key, item in zip(keys, value.values())]}


def _distinct(items: Any, depth: int, notes: Optional[list[str]], holder: str) -> list[Any]:
    """What stands in a set or as keys: as another it must still have its place there, beside all others."""
    known = 0 if notes is None else len(notes)
    made = [_plain(item, depth - 1, notes) for item in items]
    if notes is None or len(notes) == known:
        return made
    try:
        is_whole = len({_value(item) for item in made}) == len(items)
    except TypeError:
        raise TypeError(f"{notes[known]}, which no {holder} can hold; make plain data of it first") from None
    if not is_whole:
        raise TypeError(f"{notes[known]}, which is in this {holder} already; make plain data of it first")
    return made


def _known(value: Any, kind: type[Any], depth: int, notes: Optional[list[str]]) -> Optional[dict[str, Any]]:
    """Types that have a tag: some of the standard library, and single values of pandas."""
    module, name = kind.__module__, kind.__name__
    if module in ("decimal", "_decimal", "_pydecimal") and name == "Decimal":
        return {_TAG: "Decimal", "v": str(value)}
    if module == "fractions" and name == "Fraction":
        return {_TAG: "Fraction", "v": [hex(value.numerator), hex(value.denominator)]}
    if module == "uuid" and name == "UUID":
        return {_TAG: "UUID", "v": str(value)}
    if module in ("collections", "_collections") and name == "deque":
        return {_TAG: name, "v": [_plain(item, depth - 1, notes) for item in value], "most": value.maxlen}
    if module.startswith("pathlib") and name in _PATHS:
        return {_TAG: "path", "of": name, "v": _plain(str(value), depth - 1, notes)}
    if module.startswith("zoneinfo") and name == "ZoneInfo" and value.key is not None:
        return {_TAG: "timezone", "v": _zone(value, notes)}
    if module.partition(".")[0] == "pandas":
        from actwright import tables

        scalar = tables.scalar(value, kind)
        return None if scalar is None else {_TAG: "pandas", "v": scalar}
    if module != "datetime":
        return None
    if name == "timedelta":
        return {_TAG: name, "v": [value.days, value.seconds, value.microseconds]}
    if name == "timezone":
        return {_TAG: name, "v": _zone(value, notes)}
    return _time(value, name, notes) if name in ("datetime", "date", "time") else None


def _time(value: Any, name: str, notes: Optional[list[str]]) -> dict[str, Any]:
    if name == "date":
        return {_TAG: name, "v": value.isoformat()}
    tagged: dict[str, Any] = {_TAG: name, "v": value.replace(tzinfo=None).isoformat()}
    if value.tzinfo is not None:
        tagged["zone"] = _zone(value.tzinfo, notes, value)
    if value.fold:
        tagged["fold"] = 1
    return tagged


def _zone(zone: Any, notes: Optional[list[str]], value: Any = None) -> Any:
    """A time zone: its name, or [days, seconds, microseconds, name or None] from UTC."""
    kind: type[Any] = untyped(type(zone))
    if kind.__module__ == "datetime" and kind.__name__ == "timezone":
        offset, *name = zone.__getinitargs__()
        return [offset.days, offset.seconds, offset.microseconds, *(name or [None])]
    if kind.__module__.startswith("zoneinfo") and kind.__name__ == "ZoneInfo" and zone.key is not None:
        return str(zone.key)
    name = getattr(zone, "zone", None)
    if isinstance(name, str) and kind.__module__.partition(".")[0] == "pytz":
        _note(notes, "a time zone of pytz comes back as one of zoneinfo")
        return name
    offset = value.utcoffset()
    if offset is None:
        raise TypeError(f"a time in a zone of type {kind.__qualname__} cannot be saved; use zoneinfo.ZoneInfo")
    _note(notes, f"a time zone of type {kind.__qualname__} comes back as the fixed offset that it has then")
    return [offset.days, offset.seconds, offset.microseconds, None]


def _inner(value: Any, kind: type[Any], notes: Optional[list[str]]) -> Optional[dict[str, Any]]:
    """An array, table or picture inside another value, in its own form."""
    numpy: Any = _modules.get("numpy")
    if numpy is not None and notes is not None and isinstance(untyped(value), numpy.generic) and value.dtype.kind in "biuf":
        # A client reads numbers in JSON; numbers of numpy come back as plain ones, and it is said.
        plain = value.item()
        if type(plain) in (bool, int, float):
            _note(notes, f"{kind.__qualname__} comes back as {type(plain).__name__}")
            return _plain(plain, 1, notes)
    from actwright.encoding import formed

    found = formed(value)
    if found is None:
        return None
    if found.note:
        _note(notes, found.note)
    from base64 import b64encode
    from io import BytesIO

    made = BytesIO()
    found.write(made)
    return {_TAG: "form", "of": found.form, "v": b64encode(made.getvalue()).decode("ascii")}


def _note(notes: Optional[list[str]], words: str) -> None:
    if notes is None:
        raise TypeError(f"{words}; convert it first")
    notes.append(words)


def _as_base(value: Any, kind: type[Any], depth: int, notes: Optional[list[str]]) -> Any:
    """What is saved as something plainer, and says so."""
    from dataclasses import fields, is_dataclass
    from enum import Enum

    name = kind.__qualname__
    if isinstance(untyped(value), Enum):
        _note(notes, f"{name} comes back as its value")
        return _plain(value.value, depth - 1, notes)
    if is_dataclass(untyped(value)) and not isinstance(untyped(value), type):
        _note(notes, f"{name} comes back as dict")
        given: Any = value
        return _mapping({field.name: getattr(given, field.name) for field in fields(given)}, depth, notes)
    for base in _BASES:
        if isinstance(untyped(value), base):
            _note(notes, f"{name} comes back as {base.__name__}")
            return _plain(_plainly(base, value), depth - 1, notes)
    if name in ("DataFrame", "Series"):
        library = kind.__module__.partition(".")[0]
        raise TypeError(f"a {name} of {library} cannot be saved; save the one of pandas that its to_pandas() gives")
    raise TypeError(
        f"a value of type {name} cannot be saved; make plain data of it first (dict, list, str, bytes, a DataFrame or an array)"
    )


def _plainly(base: Any, value: Any) -> Any:
    """A value as its base, by methods of the base itself, because a class may say of itself what it likes."""
    kind = base.__name__
    if kind in ("int", "float", "str"):
        return getattr(base, f"__{kind}__")(value)
    if kind == "complex":
        return base(base.real.__get__(value), base.imag.__get__(value))
    if kind == "dict":
        return base(base.items(value))
    return base(memoryview(value)) if kind in ("bytes", "bytearray") else base([*base.__iter__(value)])


def untyped(value: Any) -> Any:
    return value


_BASES: tuple[Any, ...] = (int, float, complex, str, dict, list, tuple, set, frozenset, bytes, bytearray)
_PATHS = ("PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath")


def _value(plain: Any) -> Any:
    """The value of JSON with tags."""
    kind: Any = untyped(type(plain))
    if kind is list:
        return [_value(item) for item in plain]
    if kind is not dict:
        return plain
    tag = plain.get(_TAG)
    if tag is None:
        return {key: _value(item) for key, item in plain.items()}
    made = _TAGS.get(tag)
    if made is None:
        raise ValueError(f"it holds a value of the kind {tag!r}, which this session does not know")
    return made(plain)


def _moment(name: str) -> Callable[[dict[str, Any]], Any]:
    def moment(plain: dict[str, Any]) -> Any:
        import datetime

        value: Any = getattr(datetime, name).fromisoformat(plain["v"])
        if "zone" in plain:
            value = value.replace(tzinfo=zone_of(plain["zone"]))
        return value.replace(fold=1) if "fold" in plain else value

    return moment


def zone_of(made: Any) -> Any:
    """A time zone by its name or by what it is from UTC."""
    if type(made) is str:
        from zoneinfo import ZoneInfo

        return ZoneInfo(made)
    from datetime import timedelta, timezone

    days, seconds, micros, name = made
    offset = timedelta(days, seconds, micros)
    if name is None:
        return timezone(offset) if offset else timezone.utc
    return timezone(offset, name)


def zone_as(zone: Any) -> Any:
    """What `zone_of` reads; raises TypeError where it is neither named nor fixed."""
    return _zone(zone, None, _Anytime())


class _Anytime:
    """A time of no zone."""

    def utcoffset(self) -> None:
        return None


def _deque(plain: dict[str, Any]) -> Any:
    from collections import deque

    return deque((_value(item) for item in plain["v"]), plain["most"])


def _path(plain: dict[str, Any]) -> Any:
    if plain["of"] not in _PATHS:
        raise ValueError(f"it holds a path of the kind {plain['of']!r}, which this session does not know")
    return getattr(import_module("pathlib"), plain["of"])(_value(plain["v"]))


def _scalar(plain: dict[str, Any]) -> Any:
    from actwright import tables

    return tables.scalar_of(plain["v"])


def _form(plain: dict[str, Any]) -> Any:
    from io import BytesIO

    from actwright.encoding import decode

    return decode(plain["of"], BytesIO(_raw(plain)))


def _from(module: str, name: str) -> Callable[[dict[str, Any]], Any]:
    def made(plain: dict[str, Any]) -> Any:
        kind = getattr(import_module(module), name)
        given = plain["v"]
        if name == "Fraction":
            return kind(int(given[0], 16), int(given[1], 16))
        return kind(*given) if type(given) is list else kind(given)

    return made


def _raw(plain: dict[str, Any]) -> bytes:
    from base64 import b64decode

    return b64decode(plain["v"])


_TAGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "int": lambda plain: int(plain["v"], 16),
    "float": lambda plain: float(plain["v"]),
    "str": lambda plain: "".join(map(chr, plain["v"])),
    "tuple": lambda plain: tuple(_value(item) for item in plain["v"]),
    "set": lambda plain: {_value(item) for item in plain["v"]},
    "frozenset": lambda plain: frozenset(_value(item) for item in plain["v"]),
    "dict": lambda plain: {_value(key): _value(item) for key, item in plain["v"]},
    "bytes": _raw,
    "bytearray": lambda plain: bytearray(_raw(plain)),
    "complex": lambda plain: complex(_value(plain["v"][0]), _value(plain["v"][1])),
    "Decimal": _from("decimal", "Decimal"),
    "Fraction": _from("fractions", "Fraction"),
    "UUID": _from("uuid", "UUID"),
    "range": lambda plain: range(*(_value(part) for part in plain["v"])),
    "deque": _deque,
    "path": _path,
    "pandas": _scalar,
    "form": _form,
    "timezone": lambda plain: zone_of(plain["v"]),
    "timedelta": _from("datetime", "timedelta"),
    "datetime": _moment("datetime"),
    "date": _moment("date"),
    "time": _moment("time"),
}

"""Python values as bytes, for artifacts: every form says what it holds, and what comes back is equal or is named.

Nothing is pickled. Plain values become JSON, with a tag where JSON has no word; arrays, tables and images their own formats.
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


class Encoded:
    """What a value is saved as: `write` puts its bytes into a binary file; `note` says what it comes back as, if not as itself."""

    __slots__ = ("form", "media_type", "note", "write")

    def __init__(self, form: str, media_type: str, write: Callable[[Any], Any], note: str = "") -> None:
        self.form = form
        self.media_type = media_type
        self.write = write
        self.note = note


def encode(value: Any) -> Encoded:
    """Finds the form of a value; raises TypeError with what to do where there is none."""
    kind: type[Any] = _untyped(type(value))
    if kind is str:
        return _text(value)
    if kind in (bytes, bytearray, memoryview):
        note = "" if kind is bytes else "bytes"
        return Encoded("bytes", "application/octet-stream", lambda file: _in_pieces(file, memoryview(value).cast("B")), note)
    for encoder in (_array, _table, _picture):
        found = encoder(value)
        if found is not None:
            return found
    notes: list[str] = []
    plain = _plain(value, _DEPTH, notes)
    import json

    text = json.dumps(plain, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    form = "python" if '"$"' in text else "json"
    return Encoded(form, "application/json", lambda file: file.write(text.encode("ascii")), "; ".join(dict.fromkeys(notes)))


def decode(form: str, file: Any) -> Any:
    """The value that a form holds."""
    decoder = _DECODERS.get(form)
    if decoder is None:
        raise ValueError(f"it has the form {form!r}, which this session cannot read; artifacts.open(name, 'rb') gives its bytes")
    return decoder(file)


def plain(value: Any) -> Any:
    """A value as JSON with tags; raises TypeError where it would come back as something else."""
    notes: list[str] = []
    made = _plain(value, _DEPTH, notes)
    if notes:
        raise TypeError(f"{notes[0]}; convert it first")
    return made


def value_of(made: Any) -> Any:
    """The value of JSON with tags."""
    return _value(made)


def _text(value: str) -> Encoded:
    def write(file: Any) -> None:
        for start in range(0, len(value), 1 << 18):
            file.write(value[start : start + (1 << 18)].encode("utf-8", "surrogatepass"))

    return Encoded("text", "text/plain; charset=utf-8", write)


def _in_pieces(file: Any, view: memoryview) -> None:
    for start in range(0, len(view), 1 << 20):
        file.write(view[start : start + (1 << 20)])


def _plain(value: Any, depth: int, notes: list[str]) -> Any:
    """A value as JSON; what JSON cannot say becomes a dict with a tag."""
    if depth == 0:
        raise TypeError("the value is nested too deeply, or contains itself")
    kind: type[Any] = _untyped(type(value))
    if value is None or kind is bool:
        return value
    if kind is int:
        return value if -_SMALL <= value < _SMALL else {_TAG: "int", "v": hex(value)}
    if kind is float:
        is_finite = value - value == 0.0
        return value if is_finite else {_TAG: "float", "v": repr(value)}
    if kind is str:
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            return {_TAG: "str", "v": [ord(letter) for letter in value]}
        return value
    if kind is list:
        return [_plain(item, depth - 1, notes) for item in value]
    if kind is dict:
        return _mapping(value, depth, notes)
    if kind in (tuple, set, frozenset):
        return {_TAG: kind.__name__, "v": [_plain(item, depth - 1, notes) for item in value]}
    if kind in (bytes, bytearray):
        from base64 import b64encode

        return {_TAG: kind.__name__, "v": b64encode(value).decode("ascii")}
    if kind is complex:
        return {_TAG: "complex", "v": [_plain(value.real, depth - 1, notes), _plain(value.imag, depth - 1, notes)]}
    known = _known(value, kind)
    return known if known is not None else _as_base(value, kind, depth, notes)


def _mapping(value: dict[Any, Any], depth: int, notes: list[str]) -> Any:
    if all(type(key) is str for key in value) and _TAG not in value:
        plain = {key: _plain(item, depth - 1, notes) for key, item in value.items()}
        if not any("\ud800" <= letter <= "\udfff" for key in value for letter in key):
            return plain
    pairs = [[_plain(key, depth - 1, notes), _plain(item, depth - 1, notes)] for key, item in value.items()]
    return {_TAG: "dict", "v": pairs}


def _known(value: Any, kind: type[Any]) -> Optional[dict[str, Any]]:
    """Types of the standard library that have a tag."""
    module = kind.__module__
    if module in ("decimal", "_decimal", "_pydecimal") and kind.__name__ == "Decimal":
        return {_TAG: "Decimal", "v": str(value)}
    if module == "fractions" and kind.__name__ == "Fraction":
        return {_TAG: "Fraction", "v": [hex(value.numerator), hex(value.denominator)]}
    if module == "uuid" and kind.__name__ == "UUID":
        return {_TAG: "UUID", "v": str(value)}
    if module != "datetime":
        return None
    name = kind.__name__
    if name == "timedelta":
        return {_TAG: name, "v": [value.days, value.seconds, value.microseconds]}
    if name not in ("datetime", "date", "time"):
        return None
    tagged: dict[str, Any] = {_TAG: name, "v": value.isoformat()}
    if name != "date":
        zone = getattr(value.tzinfo, "key", None)
        if zone is not None:
            tagged = {_TAG: name, "v": value.replace(tzinfo=None).isoformat(), "zone": str(zone)}
        if value.fold:
            tagged["fold"] = 1
    return tagged


def _as_base(value: Any, kind: type[Any], depth: int, notes: list[str]) -> Any:
    """What is saved as something plainer, and says so."""
    from dataclasses import fields, is_dataclass

    name = kind.__qualname__
    if is_dataclass(_untyped(value)) and not isinstance(_untyped(value), type):
        notes.append(f"{name} comes back as dict")
        given: Any = value
        return _mapping({field.name: getattr(given, field.name) for field in fields(given)}, depth, notes)
    for base in _BASES:
        if isinstance(_untyped(value), base):
            notes.append(f"{name} comes back as {base.__name__}")
            return _plain(base(value), depth - 1, notes)
    numpy: Any = _modules.get("numpy")
    if numpy is not None and isinstance(_untyped(value), numpy.generic):
        notes.append(f"{name} comes back as {_untyped(type(value.item())).__name__}")
        return _plain(value.item(), depth - 1, notes)
    if name in ("DataFrame", "Series"):
        library = kind.__module__.partition(".")[0]
        raise TypeError(f"a {name} of {library} cannot be saved; save the one of pandas that its to_pandas() gives")
    raise TypeError(
        f"a value of type {name} cannot be saved; make plain data of it first (dict, list, str, bytes, a DataFrame or an array)"
    )


def _untyped(value: Any) -> Any:
    return value


_BASES: tuple[Any, ...] = (int, float, str, dict, list, tuple, set, frozenset, bytes)


def _value(plain: Any) -> Any:
    """The value of JSON with tags."""
    kind: Any = _untyped(type(plain))
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
            from zoneinfo import ZoneInfo

            value = value.replace(tzinfo=ZoneInfo(plain["zone"]))
        return value.replace(fold=1) if "fold" in plain else value

    return moment


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
    "timedelta": _from("datetime", "timedelta"),
    "datetime": _moment("datetime"),
    "date": _moment("date"),
    "time": _moment("time"),
}


def _array(value: Any) -> Optional[Encoded]:
    numpy: Any = _modules.get("numpy")
    if numpy is None or not isinstance(value, (numpy.ndarray, numpy.generic)):
        return None
    kind: Any = _untyped(type(value))
    note = "" if kind is numpy.ndarray or isinstance(value, numpy.generic) else f"{kind.__name__} comes back as numpy.ndarray"
    given: Any = numpy.asarray(value)
    if given.dtype.hasobject:
        raise TypeError("an array of objects cannot be saved without pickle; give it another dtype, or save array.tolist()")
    form = "scalar" if isinstance(value, numpy.generic) else "npy"
    return Encoded(form, "application/x-npy", lambda file: numpy.lib.format.write_array(file, given, allow_pickle=False), note)


def _array_of(file: Any) -> Any:
    library: Any = import_module("numpy")
    return library.lib.format.read_array(_Bare(file.read), allow_pickle=False)


class _Bare:
    """A file that can only be read, so that numpy asks for no descriptor."""

    def __init__(self, read: Callable[[int], bytes]) -> None:
        self.read = read


def _table(value: Any) -> Optional[Encoded]:
    pandas: Any = _modules.get("pandas")
    if pandas is None or not isinstance(value, (pandas.DataFrame, pandas.Series)):
        return None
    from actwright import tables

    form, media_type, write = tables.encoded(pandas, value)
    note = "" if type(value) in (pandas.DataFrame, pandas.Series) else f"{type(value).__name__} comes back as {form}"
    return Encoded(form, media_type, write, note)


def _table_of(form: str) -> Callable[[Any], Any]:
    def table(file: Any) -> Any:
        from actwright import tables

        return tables.decoded(form, file)

    return table


# What keeps the transparency of images that a PNG cannot hold as they are.
_MODES = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA"}


def _picture(value: Any) -> Optional[Encoded]:
    image: Any = _modules.get("PIL.Image")
    if image is not None and isinstance(value, image.Image):
        kept = value.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
        picture = value if kept else value.convert(_MODES.get(value.mode, "RGB"))
        note = "" if kept else f"an image of mode {value.mode} comes back in mode {picture.mode}"
        return Encoded("png", "image/png", lambda file: file.write(_png(picture)), note)
    figure: Any = _modules.get("matplotlib.figure")
    if figure is not None and isinstance(value, figure.Figure):
        note = "a matplotlib figure comes back as an image"
        return Encoded("png", "image/png", lambda file: value.savefig(file, format="png"), note)
    return None


def _png(picture: Any) -> bytes:
    from io import BytesIO

    made = BytesIO()
    picture.save(made, format="PNG")
    return made.getvalue()


def _picture_of(file: Any) -> Any:
    data = _whole(file)
    try:
        library: Any = import_module("PIL.Image")
    except ImportError:
        return data
    from io import BytesIO

    picture = library.open(BytesIO(data))
    picture.load()
    return picture


def _whole(file: Any) -> bytes:
    """Everything, without a second copy of it in memory."""
    from io import BytesIO

    made = BytesIO()
    while True:
        piece = file.read(1 << 20)
        if not piece:
            return made.getvalue()
        made.write(piece)


def _json_of(file: Any) -> Any:
    import json

    return json.loads(_whole(file))


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "text": lambda file: _whole(file).decode("utf-8", "surrogatepass"),
    "bytes": _whole,
    "json": _json_of,
    "python": lambda file: _value(_json_of(file)),
    "npy": _array_of,
    "scalar": lambda file: _array_of(file)[()],
    "png": _picture_of,
    "DataFrame": _table_of("DataFrame"),
    "Series": _table_of("Series"),
    "DataFrame.csv": _table_of("DataFrame.csv"),
    "Series.csv": _table_of("Series.csv"),
}

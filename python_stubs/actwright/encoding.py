"""Python values as bytes, for artifacts: every form says what it holds, and what comes back is equal or is named.

Nothing is pickled. Plain values become JSON, with a tag where JSON has no word; arrays, tables and images their own formats.
"""

from __future__ import annotations

import sys
from importlib import import_module

from actwright.tagged import plain, untyped, value_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

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
    kind: type[Any] = untyped(type(value))
    if kind is str:
        return _text(value)
    if kind in (bytes, bytearray, memoryview):
        form = "bytearray" if kind is bytearray else "bytes"
        note = "memoryview comes back as bytes" if kind is memoryview else ""
        return Encoded(form, "application/octet-stream", lambda file: _in_pieces(file, _flat(value)), note)
    found = formed(value)
    if found is not None:
        return found
    notes: list[str] = []
    made = plain(value, notes)
    import json

    text = json.dumps(made, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    form = "python" if '"$"' in text else "json"
    return Encoded(form, "application/json", lambda file: file.write(text.encode("ascii")), "; ".join(dict.fromkeys(notes)))


def formed(value: Any) -> Optional[Encoded]:
    """The form of an array, a table or a picture."""
    for encoder in (_array, _table, _picture):
        found = encoder(value)
        if found is not None:
            return found
    return None


def decode(form: str, file: Any) -> Any:
    """The value that a form holds."""
    decoder = _DECODERS.get(form)
    if decoder is None:
        raise ValueError(f"it has the form {form!r}, which this session cannot read; artifacts.open(name, 'rb') gives its bytes")
    return decoder(file)


def _text(value: str) -> Encoded:
    def write(file: Any) -> None:
        for start in range(0, len(value), 1 << 18):
            file.write(value[start : start + (1 << 18)].encode("utf-8", "surrogatepass"))

    return Encoded("text", "text/plain; charset=utf-8", write)


def _flat(value: Any) -> memoryview:
    """Its bytes in a row; what lies in memory with gaps is copied."""
    view = memoryview(value)
    return view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())


def _in_pieces(file: Any, view: memoryview) -> None:
    for start in range(0, len(view), 1 << 20):
        file.write(view[start : start + (1 << 20)])


def _array(value: Any) -> Optional[Encoded]:
    numpy: Any = _modules.get("numpy")
    if numpy is None or not isinstance(value, (numpy.ndarray, numpy.generic)):
        return None
    kind: Any = untyped(type(value))
    is_scalar = isinstance(value, numpy.generic)
    note = "" if kind is numpy.ndarray or is_scalar else f"{kind.__name__} comes back as numpy.ndarray"
    masked: Any = _modules.get("numpy.ma")
    if masked is not None and isinstance(value, masked.MaskedArray):
        raise TypeError("a masked array cannot be saved; save its data and its mask, or array.filled(...)")
    given: Any = numpy.asarray(value)
    if given.dtype.hasobject:
        raise TypeError("an array of objects cannot be saved without pickle; give it another dtype, or save array.tolist()")
    back = given[()]
    # Equal, or NaN; of texts, NULs at the end are no part of the array.
    if is_scalar and (type(back) is not kind or (back != value and bool(value == value)) or len(back.tobytes()) != len(value.tobytes())):
        raise TypeError(f"this value of type numpy.{kind.__name__} would not come back equal; save value.item()")
    form = "scalar" if is_scalar else "npy"
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

    form, media_type, write, notes = tables.encoded(pandas, value)
    if type(value) not in (pandas.DataFrame, pandas.Series):
        notes.insert(0, f"{type(value).__name__} comes back as {form.partition('.')[0]}")
    return Encoded(form, media_type, write, "; ".join(notes))


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
        return _image(image, value)
    figure: Any = _modules.get("matplotlib.figure")
    if figure is not None and isinstance(value, figure.Figure):
        note = "a matplotlib figure comes back as an image"
        return Encoded("png", "image/png", lambda file: value.savefig(file, format="png"), note)
    return None


def _image(library: Any, value: Any) -> Encoded:
    if not all(value.size):
        raise TypeError("an image without pixels cannot be saved")
    notes: list[str] = []
    frames = getattr(value, "n_frames", 1)
    if frames > 1:
        notes.append(f"an image of {frames} frames comes back as the one that is shown")
    for form in ("png", "tiff"):
        data = _pixels(library, value, form)
        if data is not None:
            break
    else:
        form, picture = "png", value.convert(_MODES.get(value.mode, "RGB"))
        notes.append(f"an image of mode {value.mode} comes back in mode {picture.mode}")
        data = _saved(picture, form)
    return Encoded(form, f"image/{form}", lambda file: _in_pieces(file, memoryview(data)), "; ".join(notes))


def _pixels(library: Any, value: Any, form: str) -> Optional[bytes]:
    """An image in this form, if it comes back with the same pixels."""
    from io import BytesIO

    try:
        data = _saved(value, form)
        back = library.open(BytesIO(data))
        is_same = (back.mode, back.size) == (value.mode, value.size) and back.tobytes() == value.tobytes()
        is_same = is_same and back.getpalette() == value.getpalette()
    except (OSError, ValueError, KeyError):
        return None
    return data if is_same else None


def _saved(picture: Any, form: str) -> bytes:
    from io import BytesIO

    made = BytesIO()
    picture.save(made, format=form.upper())
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

    text = _whole(file)
    try:
        return json.loads(text)
    except ValueError:
        # A client may have given a number of more digits than Python reads at once.
        return json.loads(text, parse_int=_digits)


def _digits(text: str) -> int:
    """A number of any length."""
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    number = 0
    for start in range(0, len(digits), 4000):
        piece = digits[start : start + 4000]
        number = number * 10 ** len(piece) + int(piece)
    return sign * number


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "text": lambda file: _whole(file).decode("utf-8", "surrogatepass"),
    "bytes": _whole,
    "bytearray": lambda file: bytearray(_whole(file)),
    "json": _json_of,
    "python": lambda file: value_of(_json_of(file)),
    "npy": _array_of,
    "scalar": lambda file: _array_of(file)[()],
    "png": _picture_of,
    "tiff": _picture_of,
    "DataFrame": _table_of("DataFrame"),
    "Series": _table_of("Series"),
    "DataFrame.csv": _table_of("DataFrame.csv"),
    "Series.csv": _table_of("Series.csv"),
}

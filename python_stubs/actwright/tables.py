"""DataFrames and Series as bytes: Parquet where pyarrow is installed and gives back the same, else CSV behind a line of schema.

CSV alone would lose types, so each column's type stands in the schema, and each cell is written so that it reads back equal.
Either way it is tried: a table that would come back as another is refused.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_PLAIN = "biuf"

# Rows that are tried before a table becomes CSV.
_TRIED = 50

# Types that are equal when they compare equal, NaN aside.
_ATOMS = frozenset((str, int, bool, bytes, type(None)))


def encoded(pandas: Any, value: Any) -> tuple[str, str, Callable[[Any], Any], list[str]]:
    """The form of a table, its media type, what writes it, and in which way it comes back as another."""
    kind = "DataFrame" if isinstance(value, pandas.DataFrame) else "Series"
    given: Any = value if type(value) in (pandas.DataFrame, pandas.Series) else getattr(pandas, kind)(value)
    try:
        import_module("pyarrow")
    except ImportError:
        pass
    else:
        data = _parquet(pandas, given)
        if data is not None:
            return kind, "application/vnd.apache.parquet", lambda file: _write(file, data), []
    notes = [f"the attrs of this {kind} do not come back"] if value.attrs and _attrs(value) is None else []
    _try(pandas, given, kind)
    return kind + ".csv", "text/csv", lambda file: _write_csv(pandas, given, file), notes


def _try(pandas: Any, value: Any, kind: str) -> None:
    """Raises TypeError where the first rows do not come back equal; of the others, cells are written one by one as these are."""
    from io import BytesIO

    head = value.iloc[:_TRIED]
    made = BytesIO()
    _write_csv(pandas, head, made)
    made.seek(0)
    try:
        words = _difference(pandas, head, _read_csv(pandas, made))
    except Exception as error:
        words = str(error)
    if words:
        raise TypeError(f"this {kind} would not come back equal ({words}); convert that first, or save value.to_dict()")


def decoded(form: str, file: Any) -> Any:
    """The table that a form holds."""
    library: Any = import_module("pandas")
    if form.endswith(".csv"):
        return _read_csv(library, file)
    from io import BytesIO

    frame = library.read_parquet(BytesIO(file.read()), engine="pyarrow")
    if form == "DataFrame":
        return frame
    return _as_series(frame)


def _as_series(frame: Any) -> Any:
    series = frame.iloc[:, 0]
    return series.rename(None) if series.name == "__unnamed__" else series


def _parquet(pandas: Any, value: Any) -> Any:
    """The table as Parquet, if it comes back equal from there."""
    from io import BytesIO

    frame, is_frame = value, isinstance(value, pandas.DataFrame)
    if not is_frame:
        frame = value.to_frame(name="__unnamed__" if value.name is None else value.name)
    made = BytesIO()
    try:
        frame.to_parquet(made, engine="pyarrow")
        back = pandas.read_parquet(BytesIO(made.getbuffer()), engine="pyarrow")
        is_same = not _difference(pandas, value, back if is_frame else _as_series(back))
    except Exception:
        return None
    return made if is_same else None


def _difference(pandas: Any, one: Any, other: Any) -> str:
    """In which way two tables differ, in their types too; nothing if they do not."""
    if type(one) is not type(other) or one.shape != other.shape:
        return "its shape"
    if one.attrs != other.attrs and _attrs(one) is not None:
        return "its attrs"
    if _are_labels_other(pandas, one.index, other.index):
        return "its index"
    if isinstance(one, pandas.Series):
        return "its name" if _are_other([one.name], [other.name]) else _column_differs(pandas, one, other)
    if _are_labels_other(pandas, one.columns, other.columns):
        return "its columns' names"
    found = (_column_differs(pandas, one.iloc[:, at], other.iloc[:, at]) for at in range(one.shape[1]))
    return next((f"column {one.columns[at]!r}: {words}" for at, words in enumerate(found) if words), "")


def _column_differs(pandas: Any, one: Any, other: Any) -> str:
    if one.dtype != other.dtype or str(one.dtype) != str(other.dtype):
        return f"{one.dtype} as {other.dtype}"
    if one.dtype == object:
        return "its values" if _are_other(one.tolist(), other.tolist()) else ""
    try:
        pandas.testing.assert_series_equal(one, other, check_exact=True, check_index=False, check_names=False)
    except AssertionError:
        return "its values"
    return ""


def _are_labels_other(pandas: Any, one: Any, other: Any) -> bool:
    if type(one) is not type(other) or _are_other(list(one.names), list(other.names)):
        return True
    if getattr(one, "freq", None) != getattr(other, "freq", None):
        return True
    levels = range(one.nlevels)
    values = ((one.get_level_values(at), other.get_level_values(at)) for at in levels)
    return any(_column_differs(pandas, mine.to_series(), its.to_series()) for mine, its in values)


def _are_other(one: Any, other: Any) -> bool:
    """Whether two lists hold other things, or things of another type."""
    kinds = list(map(type, one))
    if kinds != list(map(type, other)):
        return True
    if _ATOMS.issuperset(kinds):
        return one != other
    return not all(map(_is_same, one, other))


def _is_same(one: Any, other: Any) -> bool:
    from actwright.tagged import untyped

    kind: Any = untyped(type(one))
    if kind is not type(other):
        return False
    if kind in (list, tuple):
        return not _are_other(one, other)
    if kind is dict:
        return not (_are_other(list(one), list(other)) or _are_other(list(one.values()), list(other.values())))
    if kind.__name__ == "ndarray":
        return (one.dtype, one.shape) == (other.dtype, other.shape) and not _are_other(one.tolist(), other.tolist())
    return one is other or repr(one) == repr(other) or (bool(one != one) and bool(other != other))


def _attrs(value: Any) -> Any:
    """What was said of a table, as JSON with tags; None if that cannot be."""
    try:
        return _tagged(dict(value.attrs))
    except TypeError:
        return None


def _write(file: Any, made: Any) -> None:
    view = made.getbuffer()
    for start in range(0, len(view), 1 << 20):
        file.write(view[start : start + (1 << 20)])


def _write_csv(pandas: Any, value: Any, file: Any) -> None:
    import csv
    import json
    from io import StringIO

    is_frame = isinstance(value, pandas.DataFrame)
    columns = [value.iloc[:, at] for at in range(value.shape[1])] if is_frame else [value]
    index = value.index
    levels: list[Any] = []
    if not isinstance(index, pandas.RangeIndex):
        levels = [pandas.Series(index.get_level_values(at)) for at in range(index.nlevels)]
    described = [_column(pandas, column) for column in (*levels, *columns)]
    schema: dict[str, Any] = {
        "kind": "DataFrame" if is_frame else "Series",
        "rows": len(value),
        "columns": [about for about, _ in described],
        "levels": len(levels),
        "names": _tagged(list(index.names)),
        "labels": _tagged(list(value.columns) if is_frame else [value.name]),
        "axis": _tagged(list(value.columns.names)) if is_frame else None,
        "range": None if levels else [index.start, index.stop, index.step],
        "across": _range_of(pandas, value.columns) if is_frame else None,
        "freq": getattr(index, "freqstr", None),
        "labelled": str(value.columns.dtype) if is_frame else None,
        "beat": getattr(value.columns, "freqstr", None) if is_frame else None,
        "attrs": _attrs(value),
    }
    file.write((json.dumps(schema) + "\n").encode("ascii"))
    rows = zip(*(cells for _, cells in described))
    text = StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow(row)
        if text.tell() > 1 << 18:
            file.write(text.getvalue().encode("utf-8", "surrogatepass"))
            text.seek(0)
            text.truncate()
    file.write(text.getvalue().encode("utf-8", "surrogatepass"))


def _range_of(pandas: Any, labels: Any) -> Any:
    """The numbers of labels that are only counted."""
    return [labels.start, labels.stop, labels.step] if isinstance(labels, pandas.RangeIndex) else None


def _column(pandas: Any, column: Any) -> tuple[dict[str, Any], Any]:
    """What a column is, and its cells as text."""
    dtype = column.dtype
    name = str(dtype)
    kind = getattr(dtype, "kind", "O")
    if isinstance(dtype, pandas.CategoricalDtype):
        about = {"way": "category", "values": _tagged(list(dtype.categories)), "of": str(dtype.categories.dtype)}
        return {**about, "ordered": bool(dtype.ordered)}, (str(code) for code in column.cat.codes)
    if kind in "mM":
        zone = getattr(dtype, "tz", None)
        plain = column.dt.tz_convert("UTC").dt.tz_localize(None) if zone is not None else column
        numbers = plain.to_numpy()
        about = {"way": "time", "dtype": str(numbers.dtype), "zone": None if zone is None else str(zone)}
        return about, (str(number) for number in numbers.view("int64"))
    if kind in _PLAIN and not pandas.api.types.is_extension_array_dtype(dtype):
        return {"way": "plain", "dtype": name}, (repr(item) for item in column.tolist())
    is_object = name == "object"
    cells = (_cell(None if item is pandas.NA and not is_object else item) for item in column.tolist())
    return {"way": "object" if is_object else "extension", "dtype": name}, cells


def _cell(item: Any) -> str:
    import json

    return json.dumps(_tagged(item))


def _tagged(item: Any) -> Any:
    from actwright.tagged import plain

    return plain(item)


def _read_csv(pandas: Any, file: Any) -> Any:
    import json

    from actwright.tagged import value_of

    schema = json.loads(file.readline())
    columns = _cells(file, len(schema["columns"]))
    made = [_series(pandas, about, cells) for about, cells in zip(schema["columns"], columns)]
    levels, values = made[: schema["levels"]], made[schema["levels"] :]
    names = value_of(schema["names"])
    if schema["range"] is not None:
        index = pandas.RangeIndex(*schema["range"], name=names[0])
    elif len(levels) == 1:
        index = pandas.Index(levels[0], name=names[0], dtype=levels[0].dtype)
        if schema.get("freq") is not None and getattr(levels[0].dtype, "kind", "") in "mM":
            index.freq = schema["freq"]
    else:
        index = pandas.MultiIndex.from_arrays(levels, names=names)
    labels, attrs = value_of(schema["labels"]), value_of(schema.get("attrs") or {})
    if schema["kind"] == "Series":
        series = values[0].rename(labels[0])
        series.index, series.attrs = index, attrs
        return series
    # Series and not their arrays, of which another type may be made.
    frame = pandas.DataFrame(dict(enumerate(values)), index=range(schema["rows"]))
    frame.index, frame.attrs = index, attrs
    axis = value_of(schema["axis"])
    if schema.get("across") is not None:
        frame.columns = pandas.RangeIndex(*schema["across"], name=axis[0])
        return frame
    frame.columns = _labels(pandas, schema, labels, axis)
    return frame


def _labels(pandas: Any, schema: dict[str, Any], labels: list[Any], names: list[Any]) -> Any:
    if len(names) > 1:
        return pandas.MultiIndex.from_tuples(labels, names=names)
    made = pandas.Index(labels, dtype=schema.get("labelled"), name=names[0], tupleize_cols=False)
    if schema.get("beat") is not None:
        made.freq = schema["beat"]
    return made


def _cells(file: Any, width: int) -> list[list[str]]:
    """The cells of each column."""
    import csv
    import sys
    from io import TextIOWrapper

    columns: list[list[str]] = [[] for _ in range(width)]
    text = TextIOWrapper(file, encoding="utf-8", errors="surrogatepass", newline="")
    # The module's own limit is 128 kB for a cell.
    limit = csv.field_size_limit(sys.maxsize)
    try:
        for row in csv.reader(text):
            for cells, cell in zip(columns, row):
                cells.append(cell)
    finally:
        csv.field_size_limit(limit)
        text.detach()
    return columns


def _number(kind: str, cell: str) -> Any:
    if kind == "b":
        return cell == "True"
    return float(cell) if kind == "f" else int(cell)


def _series(pandas: Any, about: dict[str, Any], cells: list[str]) -> Any:
    import json

    from actwright.tagged import value_of

    numpy: Any = import_module("numpy")
    way = about["way"]
    if way == "category":
        categories = pandas.Index(value_of(about["values"]), dtype=about["of"])
        codes = numpy.array(cells, dtype="int64")
        return pandas.Series(pandas.Categorical.from_codes(codes, categories, ordered=about["ordered"]))
    if way == "time":
        series = pandas.Series(numpy.array([int(cell) for cell in cells], dtype="int64").view(about["dtype"]))
        return series if about["zone"] is None else series.dt.tz_localize("UTC").dt.tz_convert(about["zone"])
    if way == "plain":
        kind = numpy.dtype(about["dtype"]).kind
        return pandas.Series(numpy.array([_number(kind, cell) for cell in cells], dtype=about["dtype"]))
    items = [value_of(json.loads(cell)) for cell in cells]
    if way == "object":
        made = numpy.empty(len(items), dtype=object)
        for at, item in enumerate(items):
            made[at] = item
        return pandas.Series(made, dtype=object)
    return pandas.Series(items, dtype=about["dtype"])


def scalar(value: Any, kind: type[Any]) -> Any:
    """A single value of pandas as JSON with tags, or None."""
    from actwright.tagged import zone_as

    name = kind.__name__
    if name in ("NAType", "NaTType"):
        return [name]
    if name in ("Timestamp", "Timedelta"):
        plain = value.tz_convert("UTC").tz_localize(None) if getattr(value, "tzinfo", None) is not None else value
        moment = plain.to_numpy()
        unit = str(moment.dtype)[len("datetime64[") if name == "Timestamp" else len("timedelta64[") : -1]
        made = [name, int(moment.view("int64")), unit]
        if plain is value:
            return made
        named = getattr(value.tzinfo, "zone", None)
        # Zones of pytz, which older versions use, come back by their name.
        return [*made, str(named), "named"] if isinstance(named, str) else [*made, zone_as(value.tzinfo)]
    if name == "Period":
        return [name, value.ordinal, value.freqstr]
    if name == "Interval":
        return [name, _tagged(value.left), _tagged(value.right), value.closed]
    return None


def scalar_of(made: Any) -> Any:
    """The single value that `scalar` has made JSON of."""
    from actwright.tagged import value_of, zone_of

    pandas: Any = import_module("pandas")
    name, *parts = made
    if name in ("NAType", "NaTType"):
        return pandas.NA if name == "NAType" else pandas.NaT
    if name == "Period":
        return pandas.Period(ordinal=parts[0], freq=parts[1])
    if name == "Interval":
        return pandas.Interval(value_of(parts[0]), value_of(parts[1]), closed=parts[2])
    numpy: Any = import_module("numpy")
    if name == "Timedelta":
        return pandas.Timedelta(numpy.timedelta64(parts[0], parts[1]))
    moment = pandas.Timestamp(numpy.datetime64(parts[0], parts[1]))
    return moment if len(parts) == 2 else moment.tz_localize("UTC").tz_convert(parts[2] if len(parts) > 3 else zone_of(parts[2]))

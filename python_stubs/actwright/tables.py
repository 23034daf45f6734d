"""DataFrames and Series as bytes: Parquet where pyarrow is installed, else CSV behind a line that says its schema.

CSV alone would lose types, so each column's type stands in the schema, and each cell is written so that it reads back equal.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

_PLAIN = "biuf"


def encoded(pandas: Any, value: Any) -> tuple[str, str, Callable[[Any], Any]]:
    """The form of a table, its media type, and what writes it."""
    kind = "DataFrame" if isinstance(value, pandas.DataFrame) else "Series"
    try:
        import_module("pyarrow")
    except ImportError:
        pass
    else:
        data = _parquet(pandas, value)
        if data is not None:
            return kind, "application/vnd.apache.parquet", lambda file: _write(file, data)
    return kind + ".csv", "text/csv", lambda file: _write_csv(pandas, value, file)


def decoded(form: str, file: Any) -> Any:
    """The table that a form holds."""
    library: Any = import_module("pandas")
    if form.endswith(".csv"):
        return _read_csv(library, file)
    from io import BytesIO

    frame = library.read_parquet(BytesIO(file.read()), engine="pyarrow")
    if form == "DataFrame":
        return frame
    series = frame.iloc[:, 0]
    return series.rename(None) if series.name == "__unnamed__" else series


def _parquet(pandas: Any, value: Any) -> Any:
    """The table as Parquet, if it comes back equal from there."""
    from io import BytesIO

    frame = value
    if not isinstance(value, pandas.DataFrame):
        frame = value.to_frame(name="__unnamed__" if value.name is None else value.name)
    made = BytesIO()
    try:
        frame.to_parquet(made, engine="pyarrow")
        pandas.testing.assert_frame_equal(pandas.read_parquet(BytesIO(made.getbuffer()), engine="pyarrow"), frame)
    except Exception:
        return None
    return made


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
    cells = (_cell(None if item is pandas.NA else item) for item in column.tolist())
    return {"way": "object" if name == "object" else "extension", "dtype": name}, cells


def _cell(item: Any) -> str:
    import json

    return json.dumps(_tagged(item))


def _tagged(item: Any) -> Any:
    from actwright.encoding import plain

    return plain(item)


def _read_csv(pandas: Any, file: Any) -> Any:
    import csv
    import json
    from io import TextIOWrapper

    from actwright.encoding import value_of

    schema = json.loads(file.readline())
    columns: list[list[str]] = [[] for _ in schema["columns"]]
    text = TextIOWrapper(file, encoding="utf-8", errors="surrogatepass", newline="")
    for row in csv.reader(text):
        for cells, cell in zip(columns, row):
            cells.append(cell)
    made = [_series(pandas, about, cells) for about, cells in zip(schema["columns"], columns)]
    levels, values = made[: schema["levels"]], made[schema["levels"] :]
    names = value_of(schema["names"])
    if schema["range"] is not None:
        index = pandas.RangeIndex(*schema["range"], name=names[0])
    elif len(levels) == 1:
        index = pandas.Index(levels[0], name=names[0])
        if schema.get("freq") is not None:
            index.freq = schema["freq"]
    else:
        index = pandas.MultiIndex.from_arrays(levels, names=names)
    labels = value_of(schema["labels"])
    if schema["kind"] == "Series":
        return pandas.Series(values[0].array, index=index, name=labels[0])
    frame = pandas.DataFrame({at: series.array for at, series in enumerate(values)}, index=index)
    axis = value_of(schema["axis"])
    if schema.get("across") is not None:
        frame.columns = pandas.RangeIndex(*schema["across"], name=axis[0])
        return frame
    frame.columns = pandas.MultiIndex.from_tuples(labels, names=axis) if len(axis) > 1 else pandas.Index(labels, name=axis[0])
    return frame


def _number(kind: str, cell: str) -> Any:
    if kind == "b":
        return cell == "True"
    return float(cell) if kind == "f" else int(cell)


def _series(pandas: Any, about: dict[str, Any], cells: list[str]) -> Any:
    import json

    from actwright.encoding import value_of

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

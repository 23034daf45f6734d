"""Arrays, tables and images as artifacts: each comes back equal in type and content, says as what, or is refused."""

import datetime
import decimal
import importlib.util
import pathlib

import numpy as np
import pandas as pd

EQUAL = r"""
np.arange(6, dtype="<f4").reshape(2, 3)
np.arange(6, dtype=">i2")
np.asfortranarray(np.arange(6.0).reshape(2, 3))
np.arange(24).reshape(2, 3, 4)[:, ::2, ::-1]
np.zeros((0, 3))
np.zeros((3, 0, 2), dtype="i1")
np.array(5)
np.array(2.5, dtype="f2")
np.array([], dtype="datetime64[s]")
np.array([True, False])
np.array([[1 + 2j, np.nan]], dtype="c8")
np.array([1, 2], dtype="c16")
np.array([np.nan, np.inf, -np.inf, -0.0])
np.array([1, 2], dtype=np.longdouble)
np.array([2**63 - 1, -(2**63)])
np.array([2**64 - 1], dtype="u8")
np.array(["a", "ünï", ""])
np.array([b"a", b"bc"])
np.array(["2026-01-02", "NaT"], dtype="M8[D]")
np.array([1, 2], dtype="M8[ns]")
np.array([5, "NaT"], dtype="m8[us]")
np.array([(1, 2.5, "x")], dtype=[("a", "i4"), ("b", "f8"), ("c", "U3")])
np.array([(1, [2, 3])], dtype=[("a", "i1"), ("b", "i2", (2,))])
np.array([(1, 2)], dtype=np.dtype([("a", "i1"), ("b", "i8")], align=True))
np.zeros(3, dtype="V7")
np.float64(1.5)
np.float32(0.1)
np.float16(2)
np.longdouble(1) / 3
np.int8(-5)
np.uint64(2**64 - 1)
np.bool_(True)
np.complex64(1 + 2j)
np.str_("text")
np.bytes_(b"raw")
np.datetime64("2026-01-02T03:04:05.123456789")
np.datetime64("NaT")
np.timedelta64(5, "h")
np.array([(1, 2)], dtype=[("a", "i1"), ("b", "i8")])[0]
{"a": np.arange(3), "b": [np.zeros((2, 2)), (np.array(1),)]}
[np.datetime64("2026-01-02"), np.complex64(1j)]
{"frame": pd.DataFrame({"a": [1]}), "series": [pd.Series([1.5])]}
pd.DataFrame()
pd.DataFrame(index=range(3))
pd.DataFrame(columns=["a", "b"])
pd.DataFrame({"a": []})
pd.DataFrame({"a": pd.Series([], dtype="i4")})
pd.DataFrame({"i": [1, 2], "f": [0.5, np.nan], "b": [True, False], "s": ["a", "b"]})
pd.DataFrame({"x": pd.Series([1, 2], dtype="i1"), "y": pd.Series([1, 2], dtype="u8"), "z": pd.Series([1, 2], dtype="f4")})
pd.DataFrame({"x": pd.Series([1, 2], dtype="f2")})
pd.DataFrame({"x": pd.Series([1 + 2j, 3])})
pd.DataFrame({"x": [0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324]})
pd.DataFrame({"x": [2**63, 2**64 - 1]})
pd.DataFrame({"o": [1, "a", None, 2.5, float("nan"), b"x", (1, 2), [3], {"k": {4}}]})
pd.DataFrame({"o": pd.Series([2**100, -1], dtype=object)})
pd.DataFrame({"o": pd.Series([1, 2], dtype=object)})
pd.DataFrame({"o": pd.Series([True, None], dtype=object)})
pd.DataFrame({"o": pd.Series(["a", None, "b"], dtype=object)})
pd.DataFrame({"o": pd.Series(["a", float("nan")], dtype=object)})
pd.DataFrame({"o": pd.Series([None, None], dtype=object)})
pd.DataFrame({"o": pd.Series([pd.NA, pd.NaT, None], dtype=object)})
pd.DataFrame({"o": pd.Series([[1, 2], [], None], dtype=object)})
pd.DataFrame({"o": pd.Series([(1,), (2, 3)], dtype=object)})
pd.DataFrame({"o": pd.Series([{"a": 1}, {"b": 2}], dtype=object)})
pd.DataFrame({"o": pd.Series([{1}, {2, 3}], dtype=object)})
pd.DataFrame({"o": pd.Series([np.arange(2), np.arange(3.0)], dtype=object)})
pd.DataFrame({"o": pd.Series([np.float64(1), np.int8(2)], dtype=object)})
pd.DataFrame({"o": pd.Series([datetime.date(2026, 1, 2), None], dtype=object)})
pd.DataFrame({"o": pd.Series([datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)], dtype=object)})
pd.DataFrame({"o": pd.Series([decimal.Decimal("1.10"), decimal.Decimal("2")], dtype=object)})
pd.DataFrame({"o": pd.Series([pd.Timestamp("2026-01-02", tz="Europe/Berlin"), pd.Timedelta("1h"), pd.Period("2026-01", "M"), pd.Interval(0, 1)], dtype=object)})
pd.DataFrame({"s": ["x" * 200_000, ""]})
pd.DataFrame({"s": ["a,b", 'q"q', "new\nline", "\r\n", "tab\t", "\x00", "é☃😀", " lead", "NA", "null", "nan"]})
pd.DataFrame({"s": pd.Series(["a", None], dtype="string")})
pd.DataFrame({"I": pd.array([1, None, 3], dtype="Int64"), "U": pd.array([1, None, 3], dtype="UInt8")})
pd.DataFrame({"F": pd.array([1.5, None], dtype="Float64"), "B": pd.array([True, None], dtype="boolean")[:2]})
pd.DataFrame({"c": pd.Categorical(["x", "y", None, "x"])})
pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["b", "a", "unused"], ordered=True)})
pd.DataFrame({"c": pd.Categorical([1, 2, 1])})
pd.DataFrame({"c": pd.Categorical(pd.to_datetime(["2026-01-01", "2026-01-02"]))})
pd.DataFrame({"c": pd.cut([1, 5, 9], [0, 3, 6, 10])})
pd.DataFrame({"t": pd.to_datetime(["2026-01-01", None])})
pd.DataFrame({"t": pd.Series(pd.to_datetime(["2026-01-01T00:00:00.123456789"])).astype("M8[ns]")})
pd.DataFrame({"t": pd.Series(np.array(["2026-01-01"], dtype="M8[s]"))})
pd.DataFrame({"t": pd.date_range("2026-10-24", periods=4, freq="D", tz="Europe/Berlin")})
pd.DataFrame({"t": pd.date_range("2026-10-25", periods=5, freq="h", tz="Europe/Berlin")})
pd.DataFrame({"t": pd.date_range("2026", periods=2, tz=datetime.timezone(datetime.timedelta(hours=5)))})
pd.DataFrame({"d": pd.to_timedelta([1, None, -5], unit="s")})
pd.DataFrame({"p": pd.period_range("2026-01", periods=3, freq="M")})
pd.DataFrame({"v": pd.arrays.IntervalArray.from_breaks([0, 1, 2])})
pd.DataFrame({"v": pd.arrays.IntervalArray.from_breaks([0.5, 1, 2], closed="left")})
pd.DataFrame({"a": [1, 2]}, index=["x", "y"])
pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 7], name="n"))
pd.DataFrame({"a": [1, 2]}, index=pd.RangeIndex(10, 30, 10, name="r"))
pd.DataFrame({"a": [1, 2]}, index=pd.Index([0.5, np.nan]))
pd.DataFrame({"a": [1, 2]}, index=pd.Index([(1, 2), "x"], dtype=object))
pd.DataFrame({"a": [1, 2, 3]}, index=pd.date_range("2026", periods=3, freq="D"))
pd.DataFrame({"a": [1, 2, 3]}, index=pd.date_range("2026-01-30", periods=3, freq="MS", tz="UTC"))
pd.DataFrame({"a": [1, 2, 3]}, index=pd.to_datetime(["2026", "2025", None]))
pd.DataFrame({"a": [1, 2]}, index=pd.to_timedelta([1, 2], unit="h"))
pd.DataFrame({"a": [1, 2]}, index=pd.period_range("2026", periods=2, freq="Y"))
pd.DataFrame({"a": [1, 2]}, index=pd.CategoricalIndex(["u", "v"], name="c"))
pd.DataFrame({"a": [1, 2]}, index=pd.IntervalIndex.from_breaks([0, 1, 2]))
pd.DataFrame({"a": range(4)}, index=pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["l", None]))
pd.DataFrame({"a": range(4)}, index=pd.MultiIndex.from_product([pd.date_range("2026", periods=2), pd.Categorical(["u", "v"])]))
pd.DataFrame([[1, 2]], columns=[1, 2])
pd.DataFrame([[1, 2]], columns=["a", "a"])
pd.DataFrame([[1, 2, 3]])
pd.DataFrame([[1, 2]], columns=pd.Index(["a", 5], name="cols"))
pd.DataFrame([[1, 2]], columns=[("a", 1), None])
pd.DataFrame([[1, 2]], columns=pd.date_range("2026", periods=2))
pd.DataFrame([[1, 2, 3, 4]], columns=pd.MultiIndex.from_product([["x", "y"], [1, 2]], names=["p", "q"]))
pd.DataFrame({"__unnamed__": [1]})
attributed(pd.DataFrame({"a": [1]}))
pd.DataFrame(np.random.default_rng(1).normal(size=(500, 4)), columns=list("abcd"))
pd.DataFrame({"n": range(1000), "s": [str(n) for n in range(1000)]})
pd.DataFrame({"a": [1, 2, 2], "b": list("xyz")}).set_index(["a", "b"])
pd.Series([1, 2])
pd.Series([1.5], index=["k"], name="n")
pd.Series([1], name="__unnamed__")
pd.Series([1], name=5)
pd.Series([1], name=("a", 1))
pd.Series([], dtype="f8")
pd.Series([], dtype=object, name="e")
pd.Series(["a", None], dtype=object)
pd.Series(pd.Categorical(["u", "v"]), name="c")
pd.Series(pd.date_range("2026", periods=2, tz="America/New_York"))
pd.Series([1, 2], index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]))
pd.Timestamp("2026-01-02T03:04:05.123456789")
pd.Timestamp("2026-10-25 00:30", tz="UTC").tz_convert("Europe/Berlin")
pd.Timestamp("2026-10-25 01:30", tz="UTC").tz_convert("Europe/Berlin")
pd.Timedelta(5, unit="ns")
pd.NaT
pd.NA
pd.Interval(0, 5, closed="both")
pd.Period("2026Q1")
[pd.Timestamp("2026-01-02"), {"x": pd.NaT, "y": (pd.NA,)}]
{pd.Timestamp("2026-01-02"): 1}
pd.DataFrame({"t": pd.to_datetime(["2026-01-02"])}).to_dict("records")
"""

NOTED = (
    ("[np.float64(1.5), np.int64(2), np.bool_(True)]", "[1.5, 2, True]", "float64 comes back as float"),
    ("{'m': np.float32(0.5)}", "{'m': 0.5}", "float32 comes back as float"),
    ("np.array([(1,)], dtype=[('a', 'i4')]).view(np.recarray)", None, "recarray comes back as numpy.ndarray"),
)

REFUSED = (
    ("np.array([object()])", "cannot be saved without pickle"),
    ("np.array([1, 'a', None], dtype=object)", "cannot be saved without pickle"),
    ("{'x': np.array([None])}", "cannot be saved without pickle"),
    ("np.ma.masked_array([1, 2], mask=[0, 1])", "a masked array cannot be saved"),
    ("np.str_('nul\\0')", "would not come back equal"),
    ("pd.DataFrame({'o': [object()]})", "a value of type object cannot be saved"),
    ("pd.DataFrame({'o': [pathlib]})", "a value of type module cannot be saved"),
    ("pd.Index([1, 2])", "cannot be saved"),
    ("pd.Categorical(['a'])", "cannot be saved"),
    ("pd.DataFrame({'a': [1]}).groupby('a')", "cannot be saved"),
)

if importlib.util.find_spec("PIL"):
    from PIL import Image

    EQUAL += r"""
Image.new("1", (9, 3), 1)
Image.new("L", (3, 2), 7)
Image.new("LA", (3, 2), (1, 2))
Image.new("RGB", (3, 2), (1, 2, 3))
Image.new("RGBA", (3, 2), (1, 2, 3, 0))
Image.new("I;16", (3, 2), 60_000)
Image.new("I", (3, 2), -70_000)
Image.new("F", (3, 2), 0.1)
Image.new("CMYK", (3, 2), (1, 2, 3, 4))
Image.new("RGB", (3, 2), (1, 200, 3)).quantize(4)
[Image.new("L", (2, 2), 9)]
"""
    NOTED += (("Image.new('HSV', (2, 2))", None, "an image of mode HSV comes back in mode RGB"),)
    REFUSED += (("Image.new('RGB', (0, 3))", "an image without pixels"),)


def attributed(frame):
    frame.attrs = {"source": "a", "when": datetime.date(2026, 1, 2)}
    return frame


def is_na(value):
    return value is pd.NA or value is pd.NaT or isinstance(value, float) and value != value


def same(one, other):
    """Equal in type and content, all the way down."""
    if hasattr(one, "tobytes") and hasattr(one, "getpalette"):
        return (one.mode, one.size, one.tobytes(), one.getpalette()) == (other.mode, other.size, other.tobytes(), other.getpalette())
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        layout = one.dtype == other.dtype and one.dtype.str == other.dtype.str and one.shape == other.shape
        return layout and (one.tobytes() == other.tobytes() or same(one.tolist(), other.tolist()))
    if isinstance(one, np.generic):
        return one.dtype == other.dtype and repr(one) == repr(other)
    if isinstance(one, pd.DataFrame):
        alike = one.shape == other.shape and same(one.index, other.index) and same(one.columns, other.columns)
        return alike and one.attrs == other.attrs and all(same(one.iloc[:, at], other.iloc[:, at]) for at in range(one.shape[1]))
    if isinstance(one, pd.Series):
        return same(one.name, other.name) and same(one.index, other.index) and same_values(one, other)
    if isinstance(one, pd.MultiIndex):
        return same(list(one.names), list(other.names)) and all(
            same_values(one.get_level_values(at), other.get_level_values(at)) for at in range(one.nlevels)
        )
    if isinstance(one, pd.Index):
        return same(list(one.names), list(other.names)) and getattr(one, "freq", None) == getattr(other, "freq", None) and same_values(one, other)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one), list(other)) and same(list(one.values()), list(other.values()))
    if is_na(one):
        return is_na(other)
    if isinstance(one, float):
        return one.hex() == other.hex()
    return repr(one) == repr(other) and (one == other or one != one)


def same_values(one, other):
    if one.dtype != other.dtype or str(one.dtype) != str(other.dtype):
        return False
    if isinstance(one.dtype, pd.CategoricalDtype):
        return same_values(one.dtype.categories, other.dtype.categories)
    return same(one.tolist(), other.tolist())


def equal(text):
    value = eval(text)
    saved = artifacts.save("x", value)
    if "comes_back_as" in (saved["metadata"] or {}):
        return text + ": " + saved["metadata"]["comes_back_as"]
    back = artifacts.load("x")
    return None if same(value, back) else f"{text}: {value!r:.300} came back as {back!r:.300}"


def noted(text, wanted, words):
    value = eval(text)
    saved, back = artifacts.save("x", value), artifacts.load("x")
    found = saved["metadata"].get("comes_back_as", "")
    return None if words in found and (wanted is None or same(back, eval(wanted))) else f"{text}: {found}: {back!r:.300}"


def refused(text, words):
    try:
        artifacts.save("x", eval(text))
    except ArtifactError as error:
        return None if error.kind == "type" and words in str(error) else f"{text}: {error.kind}: {error}"
    return f"{text}: it was saved"


def tried(function, rows):
    for row in rows:
        try:
            words = function(*row)
        except Exception as error:
            words = f"{row[0]}: {type(error).__name__}: {error}"
        if words:
            yield words


def all_tried():
    rows = [(line,) for line in EQUAL.strip().split("\n") if line]
    found = [*tried(equal, rows), *tried(noted, NOTED), *tried(refused, REFUSED)]
    return len(rows) + len(NOTED) + len(REFUSED), found

"""Values and what must become of them as artifacts: each comes back equal in type and content, or says as what."""

# Expressions that come back as they are.
EQUAL = r"""
None
True
False
[True, None, False]
0
-1
1 << 62
(1 << 63) - 1
1 << 63
-(1 << 63)
-(1 << 63) - 1
2**100
-(2**100)
10**5000
[2**100, {"n": -(2**64)}]
0.0
-0.0
[-0.0, 0.0]
0.1
5e-324
1.7976931348623157e308
1e16
123456789.123456789
float("nan")
float("inf")
-float("inf")
[1.5, float("nan"), {"x": float("nan"), "y": -float("inf")}]
(float("inf"), [-0.0])
1j
complex(-0.0, 0.0)
complex(float("nan"), -float("inf"))
[1 + 2j, {"z": (3j,)}]
""
"a"
"naïve ☃ 数据 😀"
"\x00\x01\x1f\x7f\x85\u2028\u2029"
"\r\n\r\n\n\r"
"\ud800"
"\udfff\ud800 in the middle"
["\udc80", {"k": "\ud800"}]
{"\udcff": 1, "a": 2}
"\ud83d\ude00"
["\ud83d\ude00", "😀"]
"x" * 3_000_000
"é" * 1_500_000
'{"$": "int"}'
b""
b"\x00"
bytes(range(256))
bytes(range(256)) * 5000
[bytes(range(256)), b""]
bytearray()
bytearray(b"x\x00")
[bytearray(range(256))]
[]
{}
()
set()
frozenset()
[[]]
[[], {}, (), "", b"", set(), frozenset()]
{"": ""}
{"a": {}}
[None]
(None,)
((),)
[((((),),),)]
[1, [2, [3, [4, [5]]]]]
(1, [2, (3, [4])])
{"t": (1, 2), "l": [1, 2]}
{"t": ("a", {"u": ("b",)})}
{1: "a"}
{1: 2, "1": 3}
{True: "t", None: "n"}
{(1, 2): [3]}
{(1, (2, "x")): {4: (5,)}}
{1.5: 0, float("inf"): 1}
{b"k": "v"}
{frozenset({1}): {2}}
{2**80: -(2**80)}
{"$": "int", "v": "0x1"}
{"$": {"$": "tuple"}}
["$"]
[{"$": 1}, ("$",)]
{"b": 1, "a": 2, "c": 3}
{2: "b", 1: "a"}
{1, 2, 3}
{(1, 2), (3, "x")}
{frozenset({(1,)}), frozenset()}
frozenset({1, "a", b"b", None, 2.5})
{float("inf"), -0.5}
[{1}, ({2},), {"s": {3}}]
range(0)
range(5)
range(10, -10, -3)
range(2**70, 2**70 + 5)
{"r": range(3)}
collections.deque()
collections.deque([1, (2,)], maxlen=3)
[collections.deque("ab")]
datetime.datetime(1, 1, 1)
datetime.datetime(9999, 12, 31, 23, 59, 59, 999999)
datetime.datetime(2026, 1, 2, 3, 4, 5, 6)
datetime.datetime(2026, 10, 25, 2, 30, fold=1)
datetime.datetime(2026, 1, 2, tzinfo=UTC)
datetime.datetime(2026, 1, 2, fold=1, tzinfo=UTC)
datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=-5, minutes=-30)))
datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(seconds=3661, microseconds=7)))
datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=1), "CET"))
datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(0), "Z"))
datetime.datetime(2026, 7, 2, tzinfo=zone("Europe/Berlin"))
datetime.datetime(2026, 10, 25, 2, 30, tzinfo=zone("Europe/Berlin"))
datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zone("Europe/Berlin"))
datetime.datetime(2026, 3, 29, 2, 30, tzinfo=zone("Europe/Berlin"))
datetime.datetime(1900, 1, 1, tzinfo=zone("Asia/Kolkata"))
[datetime.datetime(2026, 1, 2), {"when": (datetime.datetime(2026, 1, 3),)}]
datetime.date(1, 1, 1)
datetime.date(2026, 2, 28)
{datetime.date(2026, 1, 2): 1}
datetime.time()
datetime.time(23, 59, 59, 999999)
datetime.time(1, 2, fold=1)
datetime.time(1, 2, tzinfo=UTC)
datetime.time(1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2), "X"))
datetime.time(1, 2, tzinfo=zone("America/New_York"))
datetime.timedelta()
datetime.timedelta(-1, 2, 3)
datetime.timedelta.max
datetime.timedelta.min
datetime.timedelta(microseconds=1)
UTC
datetime.timezone(datetime.timedelta(hours=3), "three")
decimal.Decimal("0")
decimal.Decimal("-0")
decimal.Decimal("1.10")
decimal.Decimal("1E+30")
decimal.Decimal("1e-400")
decimal.Decimal("NaN")
decimal.Decimal("NaN123")
decimal.Decimal("-Infinity")
decimal.Decimal("1." + "1" * 5000)
[decimal.Decimal("2.50"), {"d": decimal.Decimal("3")}]
{decimal.Decimal("1.0"): 1}
fractions.Fraction(1, 3)
fractions.Fraction(-(10**40), 7)
uuid.UUID(int=0)
uuid.UUID(int=2**128 - 1)
[uuid.UUID(int=5)]
{uuid.UUID(int=7): (uuid.UUID(int=8),)}
pathlib.PurePosixPath("/a/b")
pathlib.PureWindowsPath("C:/a")
pathlib.Path("relative/x")
[pathlib.PurePosixPath("a")]
nested(150)
[[i, (i,), {i: {i}}] for i in range(200)]
{str(i): {"n": i, "f": i / 3, "t": (i, None)} for i in range(300)}
"""

# Expressions that come back as something else, as what they say they do, and how they put it.
NOTED = (
    ("memoryview(b'abc')", "b'abc'", "memoryview comes back as bytes"),
    ("memoryview(b'abcdef')[::2]", "b'ace'", "memoryview comes back as bytes"),
    ("Point(1, (2,))", "{'x': 1, 'y': (2,)}", "Point comes back as dict"),
    ("[Point(1, Point(2, None))]", "[{'x': 1, 'y': {'x': 2, 'y': None}}]", "Point comes back as dict"),
    ("{'p': Point(1, {2})}", "{'p': {'x': 1, 'y': {2}}}", "Point comes back as dict"),
    ("Pair(1, [2])", "(1, [2])", "Pair comes back as tuple"),
    ("{Pair(1, 2): 3}", "{(1, 2): 3}", "Pair comes back as tuple"),
    ("Colour.RED", "'red'", "Colour comes back as its value"),
    ("[Colour.RED, Colour.BLUE]", "['red', (1, 2)]", "Colour comes back as its value"),
    ("Level.LOW", "1", "Level comes back as its value"),
    ("Word.YES", "'yes'", "Word comes back as its value"),
    ("{Word.YES: Level.LOW}", "{'yes': 1}", "Word comes back as its value; Level comes back as its value"),
    ("Name('n')", "'n'", "Name comes back as str"),
    ("Number(2**70)", "2**70", "Number comes back as int"),
    ("Weight(-0.0)", "-0.0", "Weight comes back as float"),
    ("Raw(b'a')", "b'a'", "Raw comes back as bytes"),
    ("Many([1, Name('x')])", "[1, 'x']", "Many comes back as list; Name comes back as str"),
    ("collections.Counter('aab')", "{'a': 2, 'b': 1}", "Counter comes back as dict"),
    ("collections.OrderedDict([(2, 1), (1, 2)])", "{2: 1, 1: 2}", "OrderedDict comes back as dict"),
    ("collections.defaultdict(list, a=[1])", "{'a': [1]}", "defaultdict comes back as dict"),
    ("Crowd({1, 2})", "{1, 2}", "Crowd comes back as set"),
    ("datetime.datetime(2026, 7, 1, tzinfo=Odd())", "datetime.datetime(2026, 7, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=7)))", "a time zone of type Odd comes back as the fixed offset that it has then"),
)  # fmt: skip

# Expressions that are refused, and words of the reason.
REFUSED = (
    ("object()", "a value of type object cannot be saved"),
    ("print", "a value of type builtin_function_or_method cannot be saved"),
    ("Point", "a value of type type cannot be saved"),
    ("Ellipsis", "a value of type ellipsis cannot be saved"),
    ("slice(1, 2)", "a value of type slice cannot be saved"),
    ("iter([1])", "cannot be saved"),
    ("ValueError('x')", "a value of type ValueError cannot be saved"),
    ("re.compile('x')", "a value of type Pattern cannot be saved"),
    ("collections.ChainMap({})", "a value of type ChainMap cannot be saved"),
    ("types.SimpleNamespace(a=1)", "a value of type SimpleNamespace cannot be saved"),
    ("[1, {'deep': (object(),)}]", "a value of type object cannot be saved"),
    ("{Point(1, 2)}", "Point comes back as dict, which no set can hold"),
    ("{Point(1, 2): 3}", "Point comes back as dict, which no dict can hold"),
    ("{Colour.RED: 1, 'red': 2}", "Colour comes back as its value, which is in this dict already"),
    ("frozenset({Colour.RED, 'red'})", "which is in this frozenset already"),
    ("nested(300)", "nested too deeply, or contains itself"),
    ("itself()", "nested too deeply, or contains itself"),
    ("datetime.time(1, tzinfo=Odd())", "a time in a zone of type Odd cannot be saved"),
)

SETUP = r"""
import collections, datetime, decimal, enum, fractions, math, pathlib, re, sys, types, uuid
from dataclasses import dataclass

getattr(sys, "set_int_max_str_digits", int)(0)
UTC = datetime.timezone.utc

def zone(name):
    try:
        from zoneinfo import ZoneInfo
        return ZoneInfo(name)
    except Exception:
        return UTC

@dataclass(frozen=True)
class Point:
    x: object
    y: object

Pair = collections.namedtuple("Pair", "a b")

class Colour(enum.Enum):
    RED = "red"
    BLUE = (1, 2)

class Level(enum.IntEnum):
    LOW = 1

class Word(str, enum.Enum):
    YES = "yes"

class Name(str):
    def __str__(self):
        return "another"

class Number(int):
    def __int__(self):
        return 5

class Weight(float):
    def __float__(self):
        return 5.0

class Raw(bytes):
    def __bytes__(self):
        return b"another"

class Many(list):
    def __iter__(self):
        return iter([5])

class Crowd(set):
    def __iter__(self):
        return iter([5])

class Odd(datetime.tzinfo):
    def utcoffset(self, when):
        return None if when is None else datetime.timedelta(hours=when.month)
    def dst(self, when):
        return None
    def tzname(self, when):
        return "odd"

def nested(depth):
    value = []
    for _ in range(depth - 1):
        value = [value]
    return value

def itself():
    value = {}
    value["me"] = (value,)
    return value

def same(one, other):
    if type(one) is not type(other):
        return False
    if isinstance(one, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other) or one != one and other != other
    if isinstance(one, complex):
        return same(one.real, other.real) and same(one.imag, other.imag)
    if isinstance(one, (list, tuple, collections.deque)):
        return len(one) == len(other) and getattr(one, "maxlen", 0) == getattr(other, "maxlen", 0) and all(map(same, one, other))
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, (set, frozenset)):
        return one == other and {repr(item) for item in one} == {repr(item) for item in other}
    if isinstance(one, (datetime.datetime, datetime.time)):
        zones = [(type(each.tzinfo), repr(each.tzinfo), each.tzname(), each.utcoffset(), each.fold) for each in (one, other)]
        return zones[0] == zones[1] and one.replace(tzinfo=None) == other.replace(tzinfo=None)
    return repr(one) == repr(other)

def equal(text):
    value = eval(text)
    saved = artifacts.save("x", value)
    about = saved["metadata"] or {}
    if "comes_back_as" in about:
        return text + ": " + about["comes_back_as"]
    back = artifacts.load("x")
    return None if same(value, back) else f"{text}: {value!r:.200} came back as {back!r:.200}"

def noted(text, wanted, words):
    saved, back = artifacts.save("x", eval(text)), artifacts.load("x")
    found = (saved["metadata"] or {}).get("comes_back_as")
    return None if same(back, eval(wanted)) and found == words else f"{text}: {found}: {back!r:.200}"

def refused(text, words):
    try:
        artifacts.save("x", eval(text))
    except ArtifactError as error:
        return None if error.kind == "type" and words in str(error) else f"{text}: {error.kind}: {error}"
    return f"{text}: it was saved"

def tried(function, rows):
    found = []
    for row in rows:
        try:
            words = function(*row)
        except Exception as error:
            words = f"{row[0]}: {type(error).__name__}: {error}"
        if words:
            found.append(words)
    return found
"""

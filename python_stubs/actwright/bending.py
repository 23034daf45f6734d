"""Plain values as what a skill's annotations name: members of enums, dataclasses, and for clients what JSON has no word for.

A value that fits as it is stays itself. What an annotation does not say, or says in a way that this Python cannot read, is left
alone.
"""

from __future__ import annotations

import sys
from typing import Any, Callable, Optional

from actwright.tagged import untyped

_NONE = type(None)
_SEQUENCES = ("list", "List", "Sequence", "MutableSequence", "Iterable", "Collection")
_SETS = ("set", "Set", "frozenset", "FrozenSet", "AbstractSet", "MutableSet")
_MAPPINGS = ("dict", "Dict", "Mapping", "MutableMapping")


def hints_of(function: Any) -> dict[str, Any]:
    """Its annotations by parameter, or those of a class by field, without those that cannot be evaluated here."""
    from typing import get_type_hints

    try:
        return get_type_hints(function)
    except Exception:
        pass
    found: dict[str, Any] = {}
    names: dict[str, Any] = getattr(function, "__globals__", None) or vars(sys.modules.get(function.__module__, sys))
    for name, hint in getattr(function, "__annotations__", {}).items():
        try:
            found[name] = _evaluated(hint, names) if isinstance(hint, str) else hint
        except Exception:
            pass
    return found


def _evaluated(hint: str, names: dict[str, Any]) -> Any:
    """An annotation that is a text; `A | B` also where this Python knows no such unions."""
    try:
        return eval(hint, names)
    except TypeError:
        pass
    import ast
    from typing import Union

    class Unions(ast.NodeTransformer):
        def visit_BinOp(self, node: ast.BinOp) -> Any:
            self.generic_visit(node)
            if not isinstance(node.op, ast.BitOr):
                return node
            both = ast.Tuple(elts=[node.left, node.right], ctx=ast.Load())
            return ast.Subscript(value=ast.Name(id="__union__", ctx=ast.Load()), slice=both, ctx=ast.Load())

    tree = ast.fix_missing_locations(Unions().visit(ast.parse(hint, mode="eval")))
    return eval(compile(tree, "<annotation>", "eval"), names, {"__union__": Union})


def bent(value: Any, hint: Any, is_json: bool) -> Any:
    """The value as its annotation says; raises ValueError or TypeError with what does not fit."""
    from typing import get_args, get_origin

    base = getattr(hint, "__supertype__", None)
    if base is not None:
        return bent(value, base, is_json)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None:
        return _single(value, hint, is_json)
    if _is_union(origin):
        return _either(value, arguments, is_json)
    if hasattr(hint, "__metadata__"):
        return bent(value, arguments[0], is_json)
    name = getattr(origin, "__name__", "")
    if name in _SEQUENCES and _kind(value) is list and len(arguments) == 1:
        return [bent(item, arguments[0], is_json) for item in value]
    if name in _SETS and len(arguments) == 1 and (_kind(value) in (set, frozenset) or (is_json and _kind(value) is list)):
        kind: Any = frozenset if name in ("frozenset", "FrozenSet") else set
        return kind(bent(item, arguments[0], is_json) for item in value)
    if origin is tuple and (_kind(value) is tuple or (is_json and _kind(value) is list)):
        return _tuple(value, arguments, is_json)
    if name in _MAPPINGS and _kind(value) is dict and len(arguments) == 2:
        return {_key(key, arguments[0], is_json): bent(item, arguments[1], is_json) for key, item in value.items()}
    return value


def _kind(value: Any) -> Any:
    return untyped(type(value))


def _is_record(kind: Any) -> bool:
    from dataclasses import is_dataclass

    return is_dataclass(kind) or hasattr(kind, "_fields")


def _is_class(kind: Any) -> bool:
    return isinstance(kind, type)


def _is_union(origin: Any) -> bool:
    from typing import Union

    return origin is Union or getattr(origin, "__name__", "") == "UnionType"


def _single(value: Any, kind: Any, is_json: bool) -> Any:
    """A value for an annotation without brackets."""
    from enum import Enum

    if not _is_class(kind) or _kind(value) is kind:
        return value
    given: Any = _kind(value)
    if issubclass(kind, Enum):
        return _member(value, kind) if given in (str, int, float, bool) else value
    if given is dict and _is_record(kind):
        return kind(**_fields(value, kind, is_json))
    if given is dict and hasattr(kind, "__total__"):
        return _fields(value, kind, is_json)
    if is_json and given in (str, int, float, list):
        maker = _MAKERS.get((kind.__module__, kind.__name__))
        if maker is not None:
            return maker(value)
    return value


def _member(value: Any, kind: Any) -> Any:
    try:
        return kind(value)
    except ValueError:
        if value in kind.__members__:
            return kind[value]
        known = ", ".join(repr(each.value) for each in list(kind)[:20])
        raise ValueError(f"{value!r} is not a valid {kind.__name__}; it is one of {known}") from None


def _fields(value: dict[str, Any], kind: Any, is_json: bool) -> dict[str, Any]:
    hints = hints_of(kind)
    return {name: bent(item, hints[name], is_json) if name in hints else item for name, item in value.items()}


def _either(value: Any, kinds: tuple[Any, ...], is_json: bool) -> Any:
    """The first of several types that the value is, else the first that it can be bent to."""
    given: Any = _kind(value)
    for kind in kinds:
        if kind is given or kind is Any or (kind is float and given is int) or (value is None and kind in (None, _NONE)):
            return value
    failure: Optional[Exception] = None
    for kind in kinds:
        if kind in (None, _NONE):
            continue
        try:
            made = bent(value, kind, is_json)
        except (TypeError, ValueError) as error:
            failure = error
            continue
        if made is not value:
            return made
    if failure is not None:
        raise failure
    return value


def _tuple(value: Any, kinds: tuple[Any, ...], is_json: bool) -> Any:
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(bent(item, kinds[0], is_json) for item in value)
    if len(kinds) != len(value):
        return tuple(value)
    return tuple(bent(item, kind, is_json) for item, kind in zip(value, kinds))


def _key(key: Any, kind: Any, is_json: bool) -> Any:
    """JSON has only texts for keys."""
    if is_json and kind in (int, float) and _kind(key) is str:
        return kind(key)
    return bent(key, kind, is_json)


def _bytes(value: Any) -> Any:
    from base64 import b64decode

    if _kind(value) is not str:
        return value
    try:
        return b64decode(value, validate=True)
    except ValueError:
        raise ValueError("bytes are given as a text in base64") from None


def _moment(name: str) -> Callable[[Any], Any]:
    def moment(value: Any) -> Any:
        import datetime

        if _kind(value) is not str:
            return value
        text = value
        if sys.version_info < (3, 11) and text.endswith(("Z", "z")):
            text = text[:-1] + "+00:00"
        try:
            return getattr(datetime, name).fromisoformat(text)
        except ValueError:
            raise ValueError(f"{value[:60]!r} is no {name} in ISO 8601") from None

    return moment


def _decimal(value: Any) -> Any:
    from decimal import Decimal, InvalidOperation

    if _kind(value) is list:
        return value
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise ValueError(f"{str(value)[:60]!r} is no number") from None


def _of_text(module: str, name: str) -> Callable[[Any], Any]:
    def made(value: Any) -> Any:
        from importlib import import_module

        return getattr(import_module(module), name)(value) if _kind(value) is str else value

    return made


def _of_list(kind: Any) -> Callable[[Any], Any]:
    return lambda value: kind(value) if _kind(value) is list else value


_MAKERS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("builtins", "bytes"): _bytes,
    ("builtins", "set"): _of_list(set),
    ("builtins", "frozenset"): _of_list(frozenset),
    ("builtins", "tuple"): _of_list(tuple),
    ("datetime", "datetime"): _moment("datetime"),
    ("datetime", "date"): _moment("date"),
    ("datetime", "time"): _moment("time"),
    ("decimal", "Decimal"): _decimal,
    ("uuid", "UUID"): _of_text("uuid", "UUID"),
    ("pathlib", "Path"): _of_text("pathlib", "Path"),
    ("pathlib", "PurePath"): _of_text("pathlib", "PurePath"),
    ("pathlib._local", "Path"): _of_text("pathlib", "Path"),
    ("pathlib._local", "PurePath"): _of_text("pathlib", "PurePath"),
}

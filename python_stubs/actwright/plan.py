"""Calls of functions that exist nowhere, found without running anything: plan first, fill in later."""

from __future__ import annotations

import ast
import builtins

from actwright.scopes import Scopes
from actwright.values import type_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

    from actwright._native import UndefinedOut

_RESULTS = {
    "int": "int",
    "float": "float",
    "str": "str",
    "bool": "bool",
    "bytes": "bytes",
    "bytearray": "bytearray",
    "complex": "complex",
    "list": "list",
    "tuple": "tuple",
    "dict": "dict",
    "set": "set",
    "frozenset": "frozenset",
    "range": "range",
    "object": "object",
    "slice": "slice",
    "len": "int",
    "ord": "int",
    "id": "int",
    "hash": "int",
    "chr": "str",
    "repr": "str",
    "ascii": "str",
    "format": "str",
    "hex": "str",
    "oct": "str",
    "bin": "str",
    "sorted": "list",
    "dir": "list",
    "isinstance": "bool",
    "issubclass": "bool",
    "callable": "bool",
    "hasattr": "bool",
    "any": "bool",
    "all": "bool",
    "enumerate": "enumerate",
    "zip": "zip",
    "map": "map",
    "filter": "filter",
    "reversed": "reversed",
}
_NODES = {
    ast.List: "list",
    ast.ListComp: "list",
    ast.Tuple: "tuple",
    ast.Dict: "dict",
    ast.DictComp: "dict",
    ast.Set: "set",
    ast.SetComp: "set",
    ast.GeneratorExp: "generator",
    ast.JoinedStr: "str",
    ast.Lambda: "function",
}


def undefined_calls(tree: ast.Module, text: str, namespace: dict[str, Any]) -> list[UndefinedOut]:
    """Every call in the cell whose name is bound nowhere; empty where the cell binds names in ways unseen."""
    scopes = Scopes(tree)
    if scopes.unsure:
        return []
    known = Known(scopes, namespace)
    found: list[UndefinedOut] = []
    for call, name in scopes.calls:
        arguments: list[str] = []
        types: list[str] = []
        for argument in call.args:
            arguments.append(_written(argument, text))
            types.append(known.type_of(argument))
        for keyword in call.keywords:
            value = _written(keyword.value, text)
            arguments.append(f"**{value}" if keyword.arg is None else f"{keyword.arg}={value}")
            types.append("?" if keyword.arg is None else known.type_of(keyword.value))
        if known.has(name.partition(".")[0]):
            continue
        found.append({"name": name, "line": call.lineno, "arguments": arguments, "types": types})
    found.sort(key=lambda each: each["line"])
    return found


class Known:
    """What can be said about names and expressions without running anything."""

    def __init__(self, scopes: Scopes, namespace: dict[str, Any]) -> None:
        self._scopes = scopes
        self._namespace = namespace

    def has(self, name: str) -> bool:
        """Whether the session or Python itself defines the name."""
        return name in self._namespace or name in vars(builtins)

    def type_of(self, node: ast.expr, depth: int = 0) -> str:
        """The name of the expression's type, or "?"."""
        if depth > 20:
            return "?"
        if isinstance(node, ast.Constant):
            return type_name(type(node.value))
        for kind, name in _NODES.items():
            if isinstance(node, kind):
                return name
        if isinstance(node, ast.Name):
            return self._type_of_name(node.id, depth)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            return self._type_of_call(node.func.id)
        if isinstance(node, ast.UnaryOp):
            inner = self.type_of(node.operand, depth + 1)
            if isinstance(node.op, ast.Not):
                return "bool"
            return inner if inner in ("int", "float", "complex") else "?"
        if isinstance(node, ast.BinOp):
            return self._type_of_sum(node, depth)
        return "?"

    def _type_of_name(self, name: str, depth: int) -> str:
        if self._scopes.is_bound(name):
            value: Optional[ast.expr] = self._scopes.assigned_once(name)
            return "?" if value is None else self.type_of(value, depth + 1)
        if name in self._namespace:
            return _name_of(type(self._namespace[name]))
        return "?"

    def _type_of_call(self, name: str) -> str:
        if self._scopes.is_bound(name):
            return name if self._scopes.is_class(name) else "?"
        if name in self._namespace:
            return _type_of_instance(self._namespace[name])
        return _RESULTS.get(name, "?")

    def _type_of_sum(self, node: ast.BinOp, depth: int) -> str:
        left, right = self.type_of(node.left, depth + 1), self.type_of(node.right, depth + 1)
        if isinstance(node.op, ast.Mod) and left == "str":
            return "str"
        if isinstance(node.op, ast.Add) and left == right and left in ("str", "list", "tuple", "bytes"):
            return left
        numbers = {left, right}
        if not numbers <= {"int", "float"} or isinstance(node.op, (ast.Pow, ast.MatMult)):
            return "?"
        return "float" if "float" in numbers or isinstance(node.op, ast.Div) else "int"


def _type_of_instance(called: Any) -> str:
    # Only a plain class is sure to give an instance of itself.
    sure = type(called) is type and "__new__" not in vars(called)
    return _name_of(called) if sure else "?"


def _name_of(kind: Any) -> str:
    return type_name(kind)


def _written(node: ast.expr, text: str) -> str:
    try:
        written = ast.get_source_segment(text, node)
    except Exception:
        written = None
    return written if written is not None else ast.unparse(node)

"""Where values go in a piece of syntax: what a container holds, what an assignment or a loop hands to which name."""

from __future__ import annotations

import ast

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
_COPIES = ("list", "tuple", "set", "sorted", "reversed")


def base(node: ast.expr) -> str:
    """The name that an assignment's target or a method's object begins with."""
    while isinstance(node, (ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _parts(node: ast.expr) -> list[ast.expr]:
    """The expressions whose values a container or a choice is made of."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return node.elts
    if isinstance(node, (ast.Starred, ast.Subscript, ast.NamedExpr)):
        return [node.value]
    if isinstance(node, _COMPREHENSIONS):
        return [node.elt]
    if isinstance(node, ast.DictComp):
        return [node.value]
    if isinstance(node, ast.Dict):
        return node.values
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("list", "tuple", "set"):
        return node.args
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        # `tasks.values()` holds what `tasks` holds.
        return [node.func.value] if node.func.attr in ("values", "items", "copy", "pop") else []
    return []


def calls(use: ast.expr) -> list[ast.Call]:
    found: list[ast.Call] = []
    pending = [use]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call):
            found.append(node)
        pending.extend(_parts(node))
    return found


def names(use: ast.expr) -> set[str]:
    found: set[str] = set()
    pending = [use]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        pending.extend(_parts(node))
    return found


def assigned(target: ast.expr, value: ast.expr, wanted: set[str]) -> list[ast.expr]:
    """The expressions whose values an assignment gives to one of the wanted names."""
    if isinstance(target, (ast.Tuple, ast.List)):
        if isinstance(value, (ast.Tuple, ast.List)) and len(target.elts) == len(value.elts):
            pairs = zip(target.elts, value.elts)
            return [found for one, given in pairs for found in assigned(one, given, wanted)]
        return []
    return [value] if base(target) in wanted else []


def looped(
    target: ast.expr, iterable: ast.expr, wanted: set[str]
) -> tuple[list[ast.expr], set[tuple[str, int]]]:
    """The same for a loop; the second is the names of containers of rows that hold such a value in one column."""
    if not isinstance(target, (ast.Tuple, ast.List)):
        return ([iterable] if base(target) in wanted else []), set()
    found: list[ast.expr] = []
    columns: set[tuple[str, int]] = set()
    for index, each in enumerate(target.elts):
        if base(each) in wanted:
            if isinstance(iterable, ast.Name):
                columns.add((iterable.id, index))
            found += column(iterable, index)
    return found, columns


def column(rows: ast.expr, index: int) -> list[ast.expr]:
    """The expressions that stand in one column of rows."""
    if isinstance(rows, (ast.List, ast.Tuple, ast.Set)):
        return [found for row in rows.elts for found in cell(row, index)]
    if isinstance(rows, _COMPREHENSIONS):
        return cell(rows.elt, index)
    if not isinstance(rows, ast.Call):
        return []
    if isinstance(rows.func, ast.Attribute):
        return [rows.func.value] if rows.func.attr == "items" and index == 1 else []
    name = base(rows.func)
    if name == "zip":
        return rows.args[index : index + 1]
    if name == "enumerate":
        return rows.args[:1] if index == 1 else []
    return column(rows.args[0], index) if name in _COPIES and rows.args else []


def cell(row: ast.expr, index: int) -> list[ast.expr]:
    """What a row that is written out holds in one column."""
    return row.elts[index : index + 1] if isinstance(row, (ast.Tuple, ast.List)) else []

"""Which calls in a cell are meant to be awaited, found in its syntax before it runs.

A tool can be called plainly or awaited, also in one cell. Only the place of a call tells which is meant: it stands behind
`await`, among the arguments of `asyncio.gather` and its like, or goes into a name that is awaited later. The function of
such a call is wrapped in a look-up that gives its awaitable form, and gives every other function back as it is.
"""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

    Function = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]

LATER = "__actwright_later__"

_SINKS = frozenset(
    "gather wait_for as_completed shield create_task ensure_future run_until_complete run_coroutine_threadsafe".split()
)
# Names that others use too; these take awaitables only where they belong to asyncio.
_ASYNCIO_SINKS = frozenset(("run", "wait"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_ADDERS = frozenset(("append", "add", "appendleft", "extend", "insert", "setdefault"))


def may_await(text: str) -> bool:
    """Whether a look at the syntax could find anything."""
    return "await" in text or "asyncio" in text or "gather" in text


def mark(body: list[ast.stmt], last: Optional[ast.Expression]) -> None:
    """Wraps the functions of the calls that are meant to be awaited."""
    nodes: list[ast.AST] = list(body)
    if last is not None:
        nodes.append(last)
    scopes = [_Scope(nodes)]
    for scope in scopes:
        scopes.extend(_Scope(inner, function, scope) for function, inner in scope.inner)
    # The innermost first: a name that is awaited there may be made in the code around.
    for scope in reversed(scopes):
        scope.mark()


class _Scope:
    """The code of one function, or of the cell itself, without the functions in it."""

    def __init__(
        self, roots: list[ast.AST], function: Optional[Function] = None, around: Optional[_Scope] = None
    ) -> None:
        self.inner: list[tuple[Function, list[ast.AST]]] = []
        self.awaited: set[str] = set()
        self._around = around
        self._own = _parameters(function) if function is not None else set[str]()
        self._nodes: list[ast.AST] = []
        pending = roots
        while pending:
            node = pending.pop()
            self._nodes.append(node)
            if isinstance(node, _FUNCTIONS):
                self.inner.append((node, list(node.body) if isinstance(node.body, list) else [node.body]))
                continue
            pending.extend(ast.iter_child_nodes(node))

    def _made(self) -> set[str]:
        """The names that belong to this function alone."""
        made, others = set(self._own), set[str]()
        for node in self._nodes:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                made.add(node.id)
            elif isinstance(node, (ast.Global, ast.Nonlocal)):
                others.update(node.names)
        return made - others

    def mark(self) -> None:
        awaited = self.awaited
        before = -1
        uses: list[ast.expr] = []
        while len(awaited) != before:
            before = len(awaited)
            uses = self._uses(awaited)
            for use in uses:
                awaited.update(_names(use))
        if self._around is not None:
            self._around.awaited.update(awaited - self._made())
        done: set[int] = set()
        for use in uses:
            for call in _calls(use):
                if id(call) not in done:
                    done.add(id(call))
                    _wrap(call)

    def _uses(self, awaited: set[str]) -> list[ast.expr]:
        """The expressions that hold awaitables, given the names that do."""
        uses: list[ast.expr] = []
        for node in self._nodes:
            if isinstance(node, ast.Await):
                uses.append(node.value)
            elif isinstance(node, ast.Call):
                if _is_sink(node.func) or _is_adder(node.func, awaited):
                    uses.extend(node.args)
            elif isinstance(node, ast.Assign):
                if any(_base(target) in awaited for target in node.targets):
                    uses.append(node.value)
            elif isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
                if node.value is not None and _base(node.target) in awaited:
                    uses.append(node.value)
            elif isinstance(node, (ast.For, ast.comprehension)) and _base(node.target) in awaited:
                uses.append(node.iter)
        return uses


def _parameters(function: Function) -> set[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return {each.arg for each in every if each is not None}


def _is_sink(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        if _root(function) in ("tools", "skills"):
            return False
        if function.attr in _SINKS:
            return True
        return function.attr in _ASYNCIO_SINKS and _base(function.value) in ("asyncio", "runner")
    return isinstance(function, ast.Name) and function.id in _SINKS


def _is_adder(function: ast.expr, awaited: set[str]) -> bool:
    return isinstance(function, ast.Attribute) and function.attr in _ADDERS and _base(function.value) in awaited


def _base(node: ast.expr) -> str:
    """The name that an assignment's target or a method's object begins with."""
    while isinstance(node, (ast.Subscript, ast.Starred)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _parts(node: ast.expr) -> list[ast.expr]:
    """The expressions whose values a container or a choice is made of."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return node.elts
    if isinstance(node, (ast.Starred, ast.Subscript, ast.NamedExpr)):
        return [node.value]
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp)):
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


def _calls(use: ast.expr) -> list[ast.Call]:
    found: list[ast.Call] = []
    pending = [use]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Call):
            found.append(node)
        pending.extend(_parts(node))
    return found


def _names(use: ast.expr) -> set[str]:
    found: set[str] = set()
    pending = [use]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Name):
            found.add(node.id)
        pending.extend(_parts(node))
    return found


def _wrap(call: ast.Call) -> None:
    function = call.func
    if isinstance(function, ast.Name) and function.id == "map" and call.args:
        call.args[0] = _looked_up(call.args[0])
    elif not _is_sink(function):
        call.func = _looked_up(function)


def _looked_up(function: ast.expr) -> ast.expr:
    name = ast.copy_location(ast.Name(LATER, ast.Load()), function)
    return ast.copy_location(ast.Call(name, [function], []), function)

"""Which calls in a cell are meant to be awaited, found in its syntax before it runs.

A tool can be called plainly or awaited, also in one cell. Only the place of a call tells which is meant: it stands behind
`await`, among the arguments of `asyncio.gather` and its like, of a function of the session that awaits that argument, or
goes into a name that is awaited later. The function of such a call is wrapped in a look-up that gives its awaitable form,
and gives every other function back as it is.

What cannot be seen from the place is called plainly. Where its value is awaited afterwards it is given, so that such code
is right and only its calls do not overlap.
"""

from __future__ import annotations

import ast

from actwright.flows import assigned, base, calls, cell, column, looped, names, root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

    Function = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]

LATER = "__actwright_later__"
GIVEN = "__actwright_given__"
ALL_GIVEN = "__actwright_all_given__"

_SINKS = frozenset(
    "gather wait_for as_completed shield create_task ensure_future run_until_complete run_coroutine_threadsafe".split()
)
# Names that others use too; these take awaitables only where they belong to asyncio.
_ASYNCIO_SINKS = frozenset(("run", "wait"))
# These take a collection of awaitables.
_COLLECTORS = frozenset(("wait", "as_completed"))
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_ADDERS = frozenset(("append", "add", "appendleft", "extend", "insert", "setdefault"))


# The functions of the session that await some of their arguments.
_takers: dict[str, _Taker] = {}


def may_await(text: str) -> bool:
    """Whether a look at the syntax could find anything."""
    return "await" in text or "asyncio" in text or "gather" in text or any(name in text for name in _takers)


def mark(body: list[ast.stmt], last: Optional[ast.Expression]) -> None:
    """Wraps the functions of the calls that are meant to be awaited."""
    nodes: list[ast.AST] = list(body)
    if last is not None:
        nodes.append(last)
    scopes = [_Scope(nodes)]
    for scope in scopes:
        scopes.extend(_Scope(inner, function, scope) for function, inner in scope.inner)
    for name in scopes[0].made:
        _takers.pop(name, None)
    scopes[0].takers.update(_takers)
    # The innermost first: a name that is awaited there may be made in the code around. Twice, because a function may be
    # called above the place where it is made.
    for _ in range(2):
        for scope in reversed(scopes):
            scope.find()
    for scope in scopes:
        scope.mark()
    for function, _ in scopes[0].inner:
        name = getattr(function, "name", "")
        if name in scopes[0].takers:
            _takers[name] = scopes[0].takers[name]


class _Taker:
    """A function that awaits some of its arguments."""

    def __init__(self, function: Function, awaited: set[str]) -> None:
        given = function.args
        self._order = [each.arg for each in (*given.posonlyargs, *given.args)]
        self._rest = given.vararg.arg if given.vararg is not None else ""
        self._awaited = awaited & _parameters(function)

    def __bool__(self) -> bool:
        return bool(self._awaited)

    def taken(self, call: ast.Call) -> list[ast.expr]:
        """The arguments of a call that are awaited."""
        found: list[ast.expr] = []
        for index, argument in enumerate(call.args):
            name = self._order[index] if index < len(self._order) else self._rest
            if name in self._awaited or (isinstance(argument, ast.Starred) and self._rest in self._awaited):
                found.append(argument)
        return found + [keyword.value for keyword in call.keywords if keyword.arg in self._awaited]


class _Scope:
    """The code of one function, or of the cell itself, without the functions in it."""

    def __init__(
        self, roots: list[ast.AST], function: Optional[Function] = None, around: Optional[_Scope] = None
    ) -> None:
        self.inner: list[tuple[Function, list[ast.AST]]] = []
        self.takers: dict[str, _Taker] = {}
        self._awaited: set[str] = set()
        self._columns: set[tuple[str, int]] = set()
        self._uses: list[ast.expr] = []
        self._function = function
        self._around = around
        self._own = _parameters(function) if function is not None else set[str]()
        self._nodes: list[ast.AST] = []
        self._methods: set[int] = set()
        pending = roots
        while pending:
            node = pending.pop()
            self._nodes.append(node)
            if isinstance(node, ast.ClassDef):
                self._methods.update(map(id, node.body))
            if isinstance(node, _FUNCTIONS):
                self.inner.append((node, list(node.body) if isinstance(node.body, list) else [node.body]))
                continue
            pending.extend(ast.iter_child_nodes(node))
        self.made = self._made()

    def _made(self) -> set[str]:
        """The names that belong to this function alone."""
        made, others = set(self._own), set[str]()
        for node in self._nodes:
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                made.add(node.id)
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and id(node) not in self._methods:
                made.add(node.name)
            elif isinstance(node, (ast.Global, ast.Nonlocal)):
                others.update(node.names)
        return made - others

    def find(self) -> None:
        """Finds the expressions that hold awaitables, and tells the code around what is awaited of it."""
        before = -1
        while len(self._awaited) + len(self._columns) != before:
            before = len(self._awaited) + len(self._columns)
            self._uses = [use for node in self._nodes for use in self._used(node)]
            for use in self._uses:
                self._awaited.update(names(use))
        if self._around is None:
            return
        self._around._awaited.update(self._awaited - self.made)
        name = getattr(self._function, "name", "")
        if self._function is not None and name and id(self._function) not in self._around._methods:
            taker = _Taker(self._function, self._awaited)
            if taker:
                self._around.takers[name] = taker
            else:
                self._around.takers.pop(name, None)

    def mark(self) -> None:
        done: set[int] = set()
        for use in self._uses:
            for call in calls(use):
                if id(call) not in done:
                    done.add(id(call))
                    _wrap(call)
        for node in self._nodes:
            if isinstance(node, ast.Await):
                node.value = _through(GIVEN, node.value)
            elif isinstance(node, ast.Call) and _is_sink(node.func):
                _give(node)

    def _taker(self, name: str) -> Optional[_Taker]:
        scope: Optional[_Scope] = self
        while scope is not None:
            if name in scope.takers or name in scope.made:
                return scope.takers.get(name)
            scope = scope._around
        return None

    def _used(self, node: ast.AST) -> list[ast.expr]:
        """The expressions in a node that hold awaitables, given the names that do."""
        awaited = self._awaited
        if isinstance(node, ast.Await):
            return [node.value]
        if isinstance(node, ast.Call):
            return self._handed(node)
        if isinstance(node, ast.Assign):
            found = [use for target in node.targets for use in assigned(target, node.value, awaited)]
            return found + [use for target in node.targets for use in self._rows(base(target), node.value)]
        if isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
            if node.value is None:
                return []
            name = base(node.target)
            return [node.value] if name in awaited else self._rows(name, node.value)
        if isinstance(node, (ast.For, ast.comprehension)):
            found, columns = looped(node.target, node.iter, awaited)
            self._columns |= columns
            return found
        return []

    def _rows(self, name: str, rows: ast.expr) -> list[ast.expr]:
        return [use for known, index in self._columns if known == name for use in column(rows, index)]

    def _handed(self, call: ast.Call) -> list[ast.expr]:
        function = call.func
        if _is_sink(function):
            return [*call.args]
        if isinstance(function, ast.Name):
            taker = self._taker(function.id)
            return taker.taken(call) if taker is not None else []
        if isinstance(function, ast.Attribute) and function.attr in _ADDERS:
            name = base(function.value)
            if name in self._awaited:
                return [*call.args]
            columns = [index for known, index in self._columns if known == name]
            return [use for index in columns for row in call.args for use in cell(row, index)]
        return []


def _parameters(function: Function) -> set[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return {each.arg for each in every if each is not None}


def _is_sink(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        if root(function) in ("tools", "skills"):
            return False
        if function.attr in _SINKS:
            return True
        return function.attr in _ASYNCIO_SINKS and base(function.value) in ("asyncio", "aio", "runner")
    return isinstance(function, ast.Name) and function.id in _SINKS


def _wrap(call: ast.Call) -> None:
    function = call.func
    if isinstance(function, ast.Name) and function.id == "map" and call.args:
        call.args[0] = _looked_up(call.args[0])
    elif not _is_sink(function):
        call.func = _looked_up(function)


def _give(sink: ast.Call) -> None:
    """Lets a sink take the values of calls that were made plainly."""
    name = root(sink.func) if isinstance(sink.func, ast.Name) else getattr(sink.func, "attr", "")
    taken = sink.args if name == "gather" else sink.args[:1]
    for index, argument in enumerate(taken):
        if isinstance(argument, ast.Starred):
            argument.value = _through(ALL_GIVEN, argument.value)
        else:
            sink.args[index] = _through(ALL_GIVEN if name in _COLLECTORS else GIVEN, argument)


def _looked_up(function: ast.expr) -> ast.expr:
    return _through(LATER, function)


def _through(name: str, value: ast.expr) -> ast.expr:
    """The value as a function of ours gives it."""
    function = ast.copy_location(ast.Name(name, ast.Load()), value)
    return ast.copy_location(ast.Call(function, [value], []), value)

"""Which names a cell binds in which scope, and which of its calls find their name in none of them."""

from __future__ import annotations

import ast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional, Union

    Function = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]
    Comprehension = Union[ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp]

# With one of these a cell can define names that no reader of its text can see.
_HIDDEN = frozenset(("exec", "globals", "locals", "__builtins__", "builtins", "__import__"))


class _Scope:
    __slots__ = ("bound", "globals", "is_class", "parent")

    def __init__(self, parent: Optional[_Scope], is_class: bool = False) -> None:
        self.parent = parent
        self.is_class = is_class
        self.bound: set[str] = set()
        self.globals: set[str] = set()


class Scopes(ast.NodeVisitor):
    """Walks a cell once; afterwards `calls` holds the calls whose root name the cell itself does not bind."""

    def __init__(self, tree: ast.Module) -> None:
        self.unsure = False
        self._module = self._scope = _Scope(None)
        self._seen: list[tuple[ast.Call, str, _Scope]] = []
        self._assigned: dict[str, list[Optional[ast.expr]]] = {}
        self._classes: set[str] = set()
        self._guarded = 0
        self._all_bound: set[str] = set()
        try:
            self.visit(tree)
        except RecursionError:
            self.unsure = True
        self.calls = [
            (call, name) for call, name, scope in self._seen if not _finds(scope, name.partition(".")[0])
        ]

    def is_bound(self, name: str) -> bool:
        """Whether the cell binds the name anywhere."""
        return name in self._all_bound

    def is_class(self, name: str) -> bool:
        """Whether the name is nothing but a class that the cell defines."""
        return name in self._classes and self._assigned.get(name) == [None]

    def assigned_once(self, name: str) -> Optional[ast.expr]:
        """The expression of the name's only assignment, if it has just one."""
        values = self._assigned.get(name, [])
        return values[0] if len(values) == 1 else None

    def _bind(self, name: str, value: Optional[ast.expr] = None) -> None:
        scope = self._module if name in self._scope.globals else self._scope
        scope.bound.add(name)
        self._all_bound.add(name)
        self._assigned.setdefault(name, []).append(value)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.unsure = self.unsure or node.id in _HIDDEN
        else:
            self._bind(node.id)

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._bind(target.id, node.value)
            else:
                self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.annotation)
        if node.value is not None:
            self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self._bind(node.target.id, node.value)
        else:
            self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        # A walrus inside a comprehension binds in the scope around it; binding in both does no harm here.
        self._bind(node.target.id, node.value)
        scope = self._scope.parent
        while scope is not None:
            scope.bound.add(node.target.id)
            scope = scope.parent

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name == "*":
                self.unsure = True
            else:
                self._bind(alias.asname or alias.name)

    def visit_Global(self, node: ast.Global) -> None:
        self._scope.globals.update(node.names)
        self._module.bound.update(node.names)
        self._all_bound.update(node.names)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name is not None:
            self._bind(node.name)
        self.generic_visit(node)

    def visit_Try(self, node: ast.Try) -> None:
        guarded = any(_catches_name_error(handler) for handler in node.handlers)
        self._guarded += guarded
        for statement in node.body:
            self.visit(statement)
        self._guarded -= guarded
        for rest in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(rest)

    def visit_TryStar(self, node: ast.Try) -> None:
        self.visit_Try(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self._bind(node.name)
        self._classes.add(node.name)
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outside)
        # Type parameters live in a scope between the class and what is around it, so that methods see them.
        scope = self._enter()
        self._bind_type_parameters(node)
        self._enter(is_class=True)
        for statement in node.body:
            self.visit(statement)
        self._scope = scope

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._function(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self._function(node)

    def visit_ListComp(self, node: ast.ListComp) -> None:
        self._comprehension(node)

    def visit_SetComp(self, node: ast.SetComp) -> None:
        self._comprehension(node)

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> None:
        self._comprehension(node)

    def visit_Call(self, node: ast.Call) -> None:
        name = _dotted(node.func)
        if name == "vars" and not node.args:
            self.unsure = True
        if name is not None and not self._guarded:
            self._seen.append((node, name, self._scope))
        self.generic_visit(node)

    def generic_visit(self, node: ast.AST) -> None:
        # Patterns of `match` and type aliases have their names as plain strings.
        kind = type(node).__name__
        if kind in ("MatchAs", "MatchStar"):
            name = getattr(node, "name", None)
            if name is not None:
                self._bind(name)
        elif kind == "MatchMapping":
            rest = getattr(node, "rest", None)
            if rest is not None:
                self._bind(rest)
        super().generic_visit(node)

    def _function(self, node: Function) -> None:
        arguments = node.args
        for default in (*arguments.defaults, *(each for each in arguments.kw_defaults if each is not None)):
            self.visit(default)
        parameters = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        parameters.extend(each for each in (arguments.vararg, arguments.kwarg) if each is not None)
        if not isinstance(node, ast.Lambda):
            self._bind(node.name)
            for decorator in node.decorator_list:
                self.visit(decorator)
        scope = self._enter()
        if not isinstance(node, ast.Lambda):
            self._bind_type_parameters(node)
        for parameter in parameters:
            self._bind(parameter.arg)
        for statement in node.body if isinstance(node.body, list) else [node.body]:
            self.visit(statement)
        self._scope = scope

    def _comprehension(self, node: Comprehension) -> None:
        scope = self._enter()
        for generator in node.generators:
            self.visit(generator)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.visit(part)
        self._scope = scope

    def _bind_type_parameters(self, node: ast.AST) -> None:
        for parameter in getattr(node, "type_params", ()):
            self._bind(parameter.name)

    def _enter(self, is_class: bool = False) -> _Scope:
        outer = self._scope
        self._scope = _Scope(outer, is_class)
        return outer


def _finds(scope: Optional[_Scope], name: str) -> bool:
    first = True
    while scope is not None:
        if name in scope.bound and (first or not scope.is_class) and name not in scope.globals:
            return True
        first = False
        if scope.parent is None:
            return name in scope.bound
        scope = scope.parent
    return False


def _dotted(node: ast.expr) -> Optional[str]:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))


def _catches_name_error(handler: ast.ExceptHandler) -> bool:
    kind = handler.type
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind]
    return any(isinstance(each, ast.Name) and each.id == "NameError" for each in kinds)

"""From the text of a cell to code objects: newlines, indentation, the last expression, future flags."""

from __future__ import annotations
import __future__

import ast
from builtins import compile as _compile

from actwright.laters import mark, may_await

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Optional, Union

# Only these bits of co_flags may be handed back to compile(). The bit of "nested_scopes" is
# that of CO_NESTED, and nested scopes have long been the rule.
_FUTURES = sum({getattr(__future__, name).compiler_flag for name in __future__.all_feature_names} - {0x10})

_AWAIT = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_TREE = ast.PyCF_ONLY_AST | _AWAIT
_COROUTINE = 0x80
_SHORT = 300


class Program:
    """A cell ready to run: statements, then the expression whose value is the cell's value."""

    __slots__ = ("awaits", "body", "flags", "last", "wants_loop")

    def __init__(
        self, body: Optional[CodeType], last: Optional[CodeType], flags: int, wants_loop: bool = False
    ) -> None:
        self.body = body
        self.last = last
        self.flags = flags
        self.wants_loop = wants_loop
        self.awaits = bool(
            (body is not None and body.co_flags & _COROUTINE)
            or (last is not None and last.co_flags & _COROUTINE)
        )


def read(text: str) -> str:
    """Gives the text as the tokenizer will count it: no byte order mark, one kind of newline."""
    if text.startswith("\ufeff"):
        text = text[1:]
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def lines_of(text: str) -> list[str]:
    """Splits at newlines only; str.splitlines would also split at form feeds and shift every line number."""
    lines = [line + "\n" for line in text.split("\n")]
    if lines[-1] == "\n" and len(lines) > 1:
        lines.pop()
    return lines


def compile_cell(text: str, filename: str, flags: int) -> Program:
    """Compiles a cell under the future flags of the cells before it; raises what the compiler raises."""
    awaits = may_await(text)
    code = None if awaits else _single_expression(text, filename, flags)
    if code is not None:
        return Program(None, code, flags)
    if "\0" in text:
        raise _nul_byte(text, filename)
    tree = parse(text, filename, flags)
    last = _take_last(tree, text)
    if awaits:
        mark(tree.body, last)
    body = None
    if tree.body:
        body = _compile(tree, filename, "exec", flags | _AWAIT, True)
        flags |= body.co_flags & _FUTURES
    last_code = None if last is None else _compile(last, filename, "eval", flags | _AWAIT, True)
    return Program(body, last_code, flags, _wants_loop(text, tree, last))


def parse(text: str, filename: str, flags: int = 0) -> ast.Module:
    """Parses a cell; `if 1:` in front saves indented code whose strings start at the margin."""
    try:
        return _parse(text, filename, flags)
    except IndentationError as error:
        if not _starts_indented(text):
            raise
        first = error
    try:
        tree = _parse("if 1:\n" + text, filename, flags)
    except SyntaxError:
        raise first from None
    block = tree.body[0]
    assert isinstance(block, ast.If)
    tree.body[:1] = block.body
    return ast.increment_lineno(tree, -1)


def margin(text: str) -> str:
    """Takes off the indentation that all lines of a pasted block share."""
    first = text.lstrip("\n")[:1]
    if first not in (" ", "\t", "#", "\f"):
        return text
    if first == "#" and not _starts_indented(text):
        return text
    shared: Optional[str] = None
    for line in text.split("\n"):
        body = line.lstrip(" \t")
        if not body:
            continue
        indent = line[: len(line) - len(body)]
        if shared is None:
            shared = indent
        else:
            while not indent.startswith(shared):
                shared = shared[:-1]
        if not shared:
            return text
    if not shared:
        return text
    cut = len(shared)
    return "\n".join(line[cut:] if line[:cut] == shared else line.lstrip(" \t") for line in text.split("\n"))


def _parse(text: str, filename: str, flags: int) -> ast.Module:
    tree: Union[ast.Module, CodeType] = _compile(text, filename, "exec", flags | _TREE, True)
    assert isinstance(tree, ast.Module)
    return tree


def _single_expression(text: str, filename: str, flags: int) -> Optional[CodeType]:
    # Most short cells are one expression: compiling it straight from text halves the time. Text with a
    # backslash is left out, because its warnings would come twice when the attempt fails.
    if len(text) > _SHORT or "\n" in text or "\\" in text or " = " in text or "\0" in text:
        return None
    try:
        return _compile(text, filename, "eval", flags | _AWAIT, True)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _nul_byte(text: str, filename: str) -> SyntaxError:
    before = text[: text.index("\0")]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    shown = text.split("\n")[line - 1].replace("\0", "\\0")
    return SyntaxError("source code cannot contain null bytes", (filename, line, column, shown))


def _take_last(tree: ast.Module, text: str) -> Optional[ast.Expression]:
    if not tree.body:
        return None
    last = tree.body[-1]
    if not isinstance(last, ast.Expr) or _is_silenced(last, text):
        return None
    tree.body.pop()
    return ast.Expression(last.value)


def _is_silenced(last: ast.Expr, text: str) -> bool:
    if ";" not in text:
        return False
    line = last.end_lineno or 1
    rest = text.split("\n")[line - 1 :]
    after = rest[0].encode("utf-8", "surrogatepass")[last.end_col_offset :].decode("utf-8", "surrogatepass")
    return after.lstrip(" \t\f\\").startswith(";") or (
        after.strip() == "\\" and len(rest) > 1 and rest[1].lstrip().startswith(";")
    )


def _starts_indented(text: str) -> bool:
    for line in text.split("\n"):
        body = line.lstrip(" \t\f")
        if body and not body.startswith("#"):
            return line[0] in " \t"
    return False


_LOOP_NAMES = frozenset(("create_task", "ensure_future", "get_running_loop"))
_RUN_NAMES = frozenset(("run", "run_until_complete", "run_forever", "Runner"))


def _wants_loop(text: str, tree: ast.Module, last: Optional[ast.Expression]) -> bool:
    # Notebooks start tasks at top level without awaiting them; such a cell must run inside the loop.
    if "create_task" not in text and "ensure_future" not in text and "get_running_loop" not in text:
        return False
    found = False
    pending: list[ast.AST] = list(tree.body)
    if last is not None:
        pending.append(last)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _RUN_NAMES:
                return False
            found = found or name in _LOOP_NAMES
        pending.extend(ast.iter_child_nodes(node))
    return found

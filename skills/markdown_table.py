"""Write rows as a Markdown table, numbers aligned to the right.

Args:
    rows: A list of dicts, or of lists.
    columns: The columns to show, in order; all when left out.
"""

from __future__ import annotations

from typing import Any, Optional


def run(rows: list, columns: Optional[list[str]] = None) -> str:
    if columns is None:
        keys = {key: None for row in rows if isinstance(row, dict) for key in row}
        width = max((len(row) for row in rows if not isinstance(row, dict)), default=0)
        columns = list(keys) or [str(number + 1) for number in range(width)]
    table = [[_cell(row.get(name) if isinstance(row, dict) else _at(row, at)) for at, name in enumerate(columns)] for row in rows]
    numeric = [bool(rows) and all(_is_number(row.get(name) if isinstance(row, dict) else _at(row, at)) for row in rows) for at, name in enumerate(columns)]
    head = [_cell(name) for name in columns]
    marks = ["---:" if right else "---" for right in numeric]
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, marks, *table])


def _at(row: Any, at: int) -> Any:
    return row[at] if at < len(row) else None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: Any) -> str:
    return "" if value is None else str(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")

"""Group rows by one or more columns and aggregate the others: count, sum, mean, min, max.

Args:
    rows: A list of dicts.
    by: The columns to group by.
    values: For each column to aggregate one of count, sum, mean, min, max.
    order: The column of the result to sort by, the largest first; by group when left out.
"""

from __future__ import annotations

from typing import Any, Optional

_AGGREGATES = {
    "count": len,
    "sum": sum,
    "mean": lambda values: sum(values) / len(values) if values else None,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
}


def run(rows: list[dict[str, Any]], by: list[str], values: Optional[dict[str, str]] = None, order: Optional[str] = None) -> list[dict[str, Any]]:
    for how in (values or {}).values():
        if how not in _AGGREGATES:
            raise ValueError(f"{how!r} is none of {', '.join(_AGGREGATES)}")
    by = [by] if isinstance(by, str) else by
    groups: dict[tuple, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row.get(name) for name in by), []).append(row)
    result = []
    for key, members in groups.items():
        made = {**dict(zip(by, key)), "rows": len(members)}
        for name, how in (values or {}).items():
            present = [row[name] for row in members if row.get(name) is not None]
            made[f"{how}_{name}"] = _AGGREGATES[how](present)
        result.append(made)
    if order is None:
        return sorted(result, key=lambda row: [str(row[name]) for name in by])
    return sorted(result, key=lambda row: (row[order] is not None, row[order]), reverse=True)

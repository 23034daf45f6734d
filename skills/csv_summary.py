"""Summarise a CSV file or text: for each column its type, missing and distinct values, range, mean and commonest values.

Args:
    text: The CSV itself; leave it out to read a file.
    path: The file to read.
    delimiter: What separates the columns; found out when left out.
    top: How many of the commonest values to show.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any, Optional


def run(text: Optional[str] = None, path: Optional[str] = None, delimiter: Optional[str] = None, top: int = 3) -> dict[str, Any]:
    if (text is None) == (path is None):
        raise ValueError("give either text or path")
    if text is None:
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
    if delimiter is None:
        first = text.partition("\n")[0]
        delimiter = max(",;\t|", key=first.count)
    rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    if not rows:
        return {"rows": 0, "columns": {}}
    header, body = rows[0], [row for row in rows[1:] if row]
    columns = {name: _column([row[at] if at < len(row) else "" for row in body], top) for at, name in enumerate(header)}
    return {"rows": len(body), "columns": columns}


def _column(values: list[str], top: int) -> dict[str, Any]:
    present = [value.strip() for value in values if value.strip()]
    about: dict[str, Any] = {"missing": len(values) - len(present), "distinct": len(set(present))}
    numbers = _numbers(present)
    if numbers:
        whole = all(number == int(number) for number in numbers)
        shown = [int(number) for number in numbers] if whole else numbers
        about.update(type="integer" if whole else "number", min=min(shown), max=max(shown), mean=round(sum(numbers) / len(numbers), 6))
    else:
        about["type"] = "text" if present else "empty"
        about["top"] = [list(each) for each in Counter(present).most_common(top)]
    return about


def _numbers(values: list[str]) -> list[float]:
    try:
        numbers = [float(value) for value in values]
    except ValueError:
        return []
    return numbers if all(number - number == 0 for number in numbers) else []

"""Parse log lines into counts: by level, by hour, or by what a pattern finds, with examples of each.

Args:
    text: The log itself; leave it out to read a file.
    path: The file to read.
    by: level, hour, or a regular expression whose first group is counted.
    examples: How many lines to show of each.
"""

from __future__ import annotations

import re
from typing import Any, Optional

_LEVEL = r"(?i)\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b"
_HOUR = r"(\d{4}-\d{2}-\d{2}[T ]\d{2})"
_SAME = {"WARNING": "WARN", "FATAL": "CRITICAL"}


def run(text: Optional[str] = None, path: Optional[str] = None, by: str = "level", examples: int = 1) -> dict[str, Any]:
    if (text is None) == (path is None):
        raise ValueError("give either text or path")
    pattern = re.compile({"level": _LEVEL, "hour": _HOUR}.get(by, by))
    counts: dict[str, int] = {}
    shown: dict[str, list[str]] = {}
    lines = unmatched = 0
    for line in open(path, encoding="utf-8", errors="replace") if text is None else text.splitlines():
        line = line.rstrip("\r\n")
        if not line.strip():
            continue
        lines += 1
        found = pattern.search(line)
        if found is None:
            unmatched += 1
            continue
        key = found.group(1) if pattern.groups else found.group()
        if by == "level":
            key = _SAME.get(key.upper(), key.upper())
        counts[key] = counts.get(key, 0) + 1
        if len(shown.setdefault(key, [])) < examples:
            shown[key].append(line)
    order = sorted(counts) if by == "hour" else sorted(counts, key=lambda key: (-counts[key], key))
    return {"lines": lines, "unmatched": unmatched, "counts": {key: counts[key] for key in order}, "examples": shown}

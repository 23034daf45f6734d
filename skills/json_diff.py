"""Compare two JSON documents: every value that was added, removed or changed, with its path.

Args:
    before: The older document: a value, or its JSON text.
    after: The newer document: a value, or its JSON text.
    parse: Whether texts are read as JSON.
"""

from __future__ import annotations

import json
from typing import Any


def run(before: Any, after: Any, parse: bool = True) -> list[dict[str, Any]]:
    if parse:
        before, after = (json.loads(each) if isinstance(each, str) else each for each in (before, after))
    changes: list[dict[str, Any]] = []
    pending = [("$", before, after)]
    while pending:
        path, old, new = pending.pop(0)
        if isinstance(old, dict) and isinstance(new, dict):
            for key in [*old, *(key for key in new if key not in old)]:
                _member(f"{path}.{key}", key, old, new, key in old, key in new, changes, pending)
        elif isinstance(old, list) and isinstance(new, list):
            for at in range(max(len(old), len(new))):
                _member(f"{path}[{at}]", at, old, new, at < len(old), at < len(new), changes, pending)
        elif type(old) is not type(new) or old != new:
            changes.append({"path": path, "change": "changed", "before": old, "after": new})
    return changes


def _member(path: str, key: Any, old: Any, new: Any, was: bool, is_now: bool, changes: list[dict[str, Any]], pending: list[Any]) -> None:
    if was and is_now:
        pending.append((path, old[key], new[key]))
    elif was:
        changes.append({"path": path, "change": "removed", "before": old[key]})
    else:
        changes.append({"path": path, "change": "added", "after": new[key]})

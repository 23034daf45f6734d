"""Compare two texts line by line: a unified diff, and how many lines came and went.

Args:
    before: The older text.
    after: The newer text.
    context: Lines to show around each change.
"""

from __future__ import annotations

import difflib
from typing import Any


def run(before: str, after: str, context: int = 3) -> dict[str, Any]:
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), "before", "after", n=context, lineterm=""))
    body = lines[2:]
    return {
        "added": sum(line.startswith("+") for line in body),
        "removed": sum(line.startswith("-") for line in body),
        "diff": "\n".join(lines),
    }

"""Find the largest files below a directory of the workspace.

Args:
    directory: Where to look.
    limit: How many to give.
    pattern: Names to look at, such as *.log.
"""

from __future__ import annotations

import fnmatch
import heapq
import os
from typing import Any


def run(directory: str = ".", limit: int = 10, pattern: str = "*") -> list[dict[str, Any]]:
    found = []
    for place, _, names in os.walk(directory):
        for name in fnmatch.filter(names, pattern):
            path = os.path.join(place, name)
            try:
                size = os.lstat(path).st_size
            except OSError:
                continue
            found.append((size, os.path.relpath(path, directory)))
    return [{"path": path, "bytes": size} for size, path in heapq.nlargest(limit, found)]

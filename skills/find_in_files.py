"""Search the files of the workspace for a text or a regular expression: file, line and the line's text.

Args:
    pattern: What to look for.
    directory: Where to look.
    names: Which files, such as *.py.
    regex: Whether the pattern is a regular expression.
    ignore_case: Whether upper and lower case are the same.
    limit: How many lines to give at most.
"""

from __future__ import annotations

import fnmatch
import os
import re
from typing import Any


def run(pattern: str, directory: str = ".", names: str = "*", regex: bool = False, ignore_case: bool = False, limit: int = 100) -> list[dict[str, Any]]:
    wanted = re.compile(pattern if regex else re.escape(pattern), re.IGNORECASE if ignore_case else 0)
    found: list[dict[str, Any]] = []
    for place, directories, files in os.walk(directory):
        directories.sort()
        for name in sorted(fnmatch.filter(files, names)):
            path = os.path.join(place, name)
            if not os.path.isfile(path):
                continue
            try:
                with open(path, "rb") as file:
                    if b"\0" in file.read(1024):
                        continue
                with open(path, encoding="utf-8", errors="replace") as file:
                    for number, line in enumerate(file, 1):
                        if wanted.search(line):
                            found.append({"path": os.path.relpath(path, directory), "line": number, "text": line.rstrip("\r\n")[:500]})
                            if len(found) >= limit:
                                return found
            except OSError:
                continue
    return found

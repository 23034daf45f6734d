"""Extract the tables of an HTML page as rows of text, nested tables apart.

Args:
    html: The page.
    as_records: Whether the first row names the columns and each further row becomes a dict.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


def run(html: str, as_records: bool = False) -> list[list[Any]]:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    tables = [[row for row in table if row] for table in reader.tables]
    if not as_records:
        return tables
    return [[dict(zip(table[0], row)) for row in table[1:]] if table else [] for table in tables]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tables: list[list[list[str]]] = []
        self._open: list[dict[str, Any]] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "table":
            self.tables.append([])
            self._open.append({"rows": self.tables[-1], "cell": None, "span": 1})
        elif self._open and tag == "tr":
            self._end_cell()
            self._open[-1]["rows"].append([])
        elif self._open and tag in ("td", "th"):
            self._end_cell()
            span = dict(attrs).get("colspan") or "1"
            self._open[-1].update(cell=[], span=min(int(span), 1000) if span.isdigit() else 1)
        elif self._open and tag == "br":
            self.handle_data(" ")

    def handle_endtag(self, tag: str) -> None:
        if self._open and tag in ("td", "th", "tr", "table"):
            self._end_cell()
            if tag == "table":
                self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1]["cell"] is not None:
            self._open[-1]["cell"].append(data)

    def _end_cell(self) -> None:
        table = self._open[-1]
        if table["cell"] is None:
            return
        if not table["rows"]:
            table["rows"].append([])
        text = " ".join("".join(table["cell"]).split())
        table["rows"][-1].extend([text] + [""] * (max(table["span"], 1) - 1))
        table["cell"] = None

"""Extract the links of an HTML page or of plain text: absolute addresses, each once, with their text.

Args:
    text: The page or the text.
    base: The page's own address, to make relative links absolute.
    domain: Only links to this domain or below it.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any, Optional
from urllib.parse import urljoin, urlsplit


def run(text: str, base: str = "", domain: Optional[str] = None) -> list[dict[str, str]]:
    reader = _Reader()
    reader.feed(text)
    reader.close()
    found = reader.links or [(address.rstrip(".,;:!?)"), "") for address in re.findall(r"https?://[^\s<>\"']+", text)]
    links: dict[str, str] = {}
    for address, words in found:
        address = urljoin(base, address.strip())
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https"):
            continue
        host = (parts.hostname or "").lower()
        if domain and host != domain.lower() and not host.endswith("." + domain.lower()):
            continue
        links.setdefault(address, " ".join(words.split()))
    return [{"url": address, "text": words} for address, words in links.items()]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[tuple[str, str]] = []
        self._address: Optional[str] = None
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag == "a":
            self._end()
            self._address = dict(attrs).get("href")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end()

    def handle_data(self, data: str) -> None:
        if self._address is not None:
            self._words.append(data)

    def close(self) -> None:
        super().close()
        self._end()

    def _end(self) -> None:
        if self._address is not None:
            self.links.append((self._address, "".join(self._words)))
        self._address, self._words = None, []

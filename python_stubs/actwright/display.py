"""Rich forms of an object, best first, and `display()` for the agent."""

from __future__ import annotations

from base64 import b64decode
from json import dumps

from actwright import figures
from actwright.streams import owning_cell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    from actwright._native import Channel

    Form = tuple[str, bytes]

_METHODS = (
    ("image/png", "_repr_png_"),
    ("image/jpeg", "_repr_jpeg_"),
    ("image/svg+xml", "_repr_svg_"),
    ("text/html", "_repr_html_"),
    ("text/markdown", "_repr_markdown_"),
    ("text/latex", "_repr_latex_"),
    ("application/json", "_repr_json_"),
)
_RANK = {media: rank for rank, (media, _) in enumerate(_METHODS)}
_BUNDLE = "_repr_mimebundle_"
_NAMES = frozenset([_BUNDLE] + [name for _, name in _METHODS])
_BINARY = ("image/", "audio/", "video/", "application/pdf", "application/octet-stream")
_PLAIN_TYPES = frozenset(
    (int, str, float, bool, list, dict, tuple, set, bytes, complex, frozenset, type, range)
)


def forms_of(value: object) -> list[Form]:
    """All forms of `value` richer than plain text; a form whose method fails is left out."""
    kind = type(value)
    if kind in _PLAIN_TYPES:
        return []
    figure = figures.png_of(value)
    if figure is not None:
        return [("image/png", figure)]
    # Methods are looked up on the class: an instance that answers to every name (a mock) has no forms.
    if not any(name in vars(base) for base in kind.__mro__ for name in _NAMES):
        return []
    found: dict[str, bytes] = {}
    bundle = getattr(kind, _BUNDLE, None)
    if bundle is not None:
        _add_bundle(found, _bundle(bundle, value))
    for media, name in _METHODS:
        method = getattr(kind, name, None)
        if method is not None and media not in found:
            _add(found, media, _called(method, value))
    forms = sorted(found.items(), key=_rank)
    return [] if [media for media, _ in forms] == ["text/plain"] else forms


def make_display(channel: Channel) -> Callable[..., None]:
    """The builtin that shows objects while a cell runs."""

    def display(*objects: object, raw: bool = False, **_options: object) -> None:
        """Show objects now: images, tables and figures as such, everything else as its repr.

        >>> display({"a": 1})
        {'a': 1}
        """
        for value in objects:
            forms = _raw_forms(value) if raw else forms_of(value)
            if not forms:
                print(repr(value))
                continue
            if not raw and not any(media == "text/plain" for media, _ in forms):
                forms.append(("text/plain", _text(_safe_repr(value))))
            figures.close(value)
            send(channel, owning_cell(), forms)

    return display


def send(channel: Channel, cell: int, forms: list[Form]) -> None:
    """Hands the forms over; what nobody is left to see is dropped."""
    try:
        channel.display(cell, forms)
    except Exception:
        pass


def _raw_forms(bundle: object) -> list[Form]:
    found: dict[str, bytes] = {}
    _add_bundle(found, bundle)
    return sorted(found.items(), key=_rank)


def _rank(form: Form) -> int:
    return _RANK.get(form[0], 99 if form[0] == "text/plain" else 50)


def _bundle(method: Callable[..., Any], value: object) -> Any:
    try:
        return method(value, include=None, exclude=None)
    except TypeError:
        return _called(method, value)
    except Exception:
        return None


def _called(method: Callable[[Any], Any], value: object) -> Any:
    try:
        return method(value)
    except Exception:
        return None


def _add_bundle(found: dict[str, bytes], bundle: Any) -> None:
    content: Any = _without_metadata(bundle)
    if not issubclass(type(content), dict):
        return
    items: list[tuple[Any, Any]] = list(content.items())
    for media, data in items:
        if isinstance(media, str):
            _add(found, media, data)


def _without_metadata(data: Any) -> Any:
    """A bundle, and each form by itself, may come in a pair with its metadata."""
    pair: Any = data
    if isinstance(data, tuple) and len(pair) == 2:
        return pair[0]
    return pair


def _add(found: dict[str, bytes], media: str, data: Any) -> None:
    data = _without_metadata(data)
    if data is None:
        return
    try:
        content = _content(media, data)
    except Exception:
        return
    if content is not None:
        found[media] = content


def _content(media: str, data: Any) -> Optional[bytes]:
    if isinstance(data, (bytes, bytearray)):
        return bytes(data)
    if isinstance(data, str):
        if media.startswith(_BINARY) and media != "image/svg+xml":
            return b64decode(data)
        return _text(data)
    if media == "application/json" or media.endswith("+json"):
        return _text(dumps(data, ensure_ascii=False))
    return None


def _text(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception as error:
        return f"<{type(value).__name__}: repr() failed with {type(error).__name__}>"

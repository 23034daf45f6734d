"""Calls that the host answers with a word for what came of them, and the content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from _actwright import HostCallError

if TYPE_CHECKING:
    from actwright._native import Channel


def ask(channel: Channel, failure: Callable[[str, str], Exception], call: str, arguments: dict[str, Any]) -> Any:
    """What the host answers; `failure` makes an error of a kind and a message."""
    try:
        answer: Any = channel.call(call, (), arguments)
    except HostCallError as error:
        word, message = error.args
        raise failure("arguments" if word == "invalid_arguments" else word, message) from None
    except (TypeError, ValueError) as error:
        raise failure("arguments", str(error)) from None
    word, content = answer
    if word == "ok":
        return content
    raise failure(content["kind"], content["message"])

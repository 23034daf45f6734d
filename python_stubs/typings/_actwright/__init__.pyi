"""Lets the type checker see the extension under the name that it has at run time."""

from actwright._native import Channel as Channel
from actwright._native import HostCallError as HostCallError

"""`import skills`, `from tools import x`: what stands ready in a session, for code that imports it out of habit.

Pickle does so too, for it looks for the module in which a skill has made a class. Only what is found nowhere else is found here.
"""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType
    from typing import Any, Optional

READY = ("tools", "skills", "artifacts", "deps")


class _Ready:
    """The finder behind all others, and its own loader."""

    def __init__(self, objects: dict[str, Any]) -> None:
        self._objects = objects

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        return ModuleSpec(name, self) if path is None and name in self._objects else None  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

    def create_module(self, spec: ModuleSpec) -> Any:
        return self._objects[spec.name]

    def exec_module(self, module: Any) -> None:
        """Nothing is left to do: the object stands ready."""


def make_importable(objects: dict[str, Any]) -> None:
    """From now on these can be imported by their names."""
    sys.meta_path.append(_Ready(objects))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

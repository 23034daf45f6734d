"""What a session finds around it: its own home and temporary directory, and the backend that matplotlib draws with."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

_BACKEND = "module://actwright.mpl"


def settle_in() -> None:
    """Points the environment at this session's workspace: the zygote could not know where it would be."""
    here = os.getcwd()
    if os.environ.get("HOME") != here:
        temporary = os.path.join(here, "tmp")
        os.environ.update(HOME=here, TMPDIR=temporary, MPLCONFIGDIR=os.path.join(temporary, ".matplotlib"))
    sys.meta_path.insert(0, _ChooseBackend())  # type: ignore[arg-type]


class _ChooseBackend:
    """Gives matplotlib our backend when it is imported.

    The environment cannot do it: child processes inherit that, and they have no module of ours.
    """

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if name != "matplotlib":
            return None
        from importlib.util import find_spec

        if self in sys.meta_path:
            sys.meta_path.remove(self)  # type: ignore[arg-type]
        spec = find_spec(name)
        loader: Any = None if spec is None else spec.loader
        if loader is None:
            return spec
        execute = loader.exec_module

        def execute_and_choose(module: Any) -> None:
            execute(module)
            if str(module.rcParams._get("backend")).lower() == "agg":
                module.rcParams["backend"] = _BACKEND
            # Code that calls matplotlib.use("Agg") gets its figures shown all the same.
            import warnings

            warnings.filterwarnings("ignore", message=".*non-interactive.*", module="__main__|<cell.*")

        loader.exec_module = execute_and_choose
        return spec

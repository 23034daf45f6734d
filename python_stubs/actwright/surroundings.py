"""What a session finds around it: its own home and temporary directory, its way to the network, what libraries need."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

_BACKEND = "module://actwright.mpl"

# Whether the network is a list of hosts behind the server's proxy; the environment is made by the server alone.
IS_LISTED = os.environ.get("HTTPS_PROXY", "").startswith("http://127.0.0.1:")


def settle_in() -> None:
    """Points the environment at this session's workspace: the zygote could not know where it would be."""
    here = os.getcwd()
    # In the full sandbox the environment is right, and its home is a link to where the workspace is mounted.
    if os.path.realpath(os.environ.get("HOME", "")) != here:
        temporary = os.path.join(here, "tmp")
        os.environ.update(HOME=here, TMPDIR=temporary, MPLCONFIGDIR=os.path.join(temporary, ".matplotlib"))
    after_import("matplotlib", _choose_backend)
    if IS_LISTED:
        after_import("aiohttp", _trust_environment)


def after_import(name: str, action: Callable[[Any], None]) -> None:
    """Does this to a library: at once if it is there, else when it is imported."""
    module = sys.modules.get(name)
    if module is not None:
        action(module)
    else:
        sys.meta_path.insert(0, _AfterImport(name, action))  # type: ignore[arg-type]


class _AfterImport:
    """Does something to a library when it is imported.

    The environment cannot do it: child processes inherit that, and they have no module of ours.
    """

    def __init__(self, name: str, action: Callable[[Any], None]) -> None:
        self._name = name
        self._action = action
        self._is_looking = False

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if name != self._name or self._is_looking:
            return None
        from importlib.util import find_spec

        self._is_looking = True
        try:
            spec = find_spec(name)
        finally:
            self._is_looking = False
        loader: Any = None if spec is None else spec.loader
        if loader is None:
            return spec
        execute, action = loader.exec_module, self._action

        def execute_and_act(module: Any) -> None:
            execute(module)
            action(module)

        loader.exec_module = execute_and_act
        return spec


def _choose_backend(matplotlib: Any) -> None:
    if str(matplotlib.rcParams._get("backend")).lower() == "agg":
        matplotlib.rcParams["backend"] = _BACKEND
    # Code that calls matplotlib.use("Agg") gets its figures shown all the same.
    import warnings

    warnings.filterwarnings("ignore", message=".*non-interactive.*", module="__main__|<cell.*")


def _trust_environment(aiohttp: Any) -> None:
    """Lets aiohttp find the proxy, as the other clients do: by default it does not look into the environment."""
    defaults: Any = getattr(aiohttp.ClientSession.__init__, "__kwdefaults__", None)
    if isinstance(defaults, dict) and "trust_env" in defaults:
        defaults["trust_env"] = True

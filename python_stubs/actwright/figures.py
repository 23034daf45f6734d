"""matplotlib figures as PNG: a figure that is a value, those left open when a cell ends, and plt.show()."""

from __future__ import annotations

import sys
from io import BytesIO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

# The kernel puts in what hands a picture to the host.
present: Callable[[bytes], None] = lambda _png: None  # noqa: E731


def png_of(value: object) -> Optional[bytes]:
    """The PNG of a matplotlib figure; None for anything else."""
    module: Any = sys.modules.get("matplotlib.figure")
    kind = getattr(module, "Figure", None)
    if kind is None or not isinstance(value, kind):
        return None
    return _render(value)


def close(value: object) -> None:
    """Takes a figure that has been shown off pyplot's list, so that it is not shown again."""
    registry = _registry()
    if registry is None:
        return
    try:
        for manager in list(registry.get_all_fig_managers()):
            if manager.canvas.figure is value:
                registry.destroy(manager.num)
    except Exception:
        pass


def take_open() -> list[bytes]:
    """The PNGs of all figures that pyplot holds open, which it then forgets; empty figures are not shown."""
    registry = _registry()
    if registry is None:
        return []
    shown: list[bytes] = []
    try:
        for manager in list(registry.get_all_fig_managers()):
            figure = manager.canvas.figure
            if figure.axes or figure.lines or figure.texts or figure.images or figure.patches:
                png = _render(figure)
                if png is not None:
                    shown.append(png)
    except Exception:
        pass
    finally:
        try:
            registry.destroy_all()
        except Exception:
            registry.figs.clear()
    return shown


def any_open() -> bool:
    """Whether pyplot holds figures that have not been shown."""
    registry = _registry()
    return registry is not None and bool(registry.figs)


def show_open() -> None:
    """Hands over all open figures at once, as plt.show() promises."""
    for png in take_open():
        present(png)


def show_one(figure: object) -> None:
    """Hands over one figure and takes it off pyplot's list."""
    png = _render(figure)
    close(figure)
    if png is not None:
        present(png)


def _registry() -> Any:
    return getattr(sys.modules.get("matplotlib._pylab_helpers"), "Gcf", None)


def _render(figure: Any) -> Optional[bytes]:
    out = BytesIO()
    try:
        figure.savefig(out, format="png", bbox_inches="tight")
    except Exception as error:
        print(f"the figure could not be drawn: {type(error).__name__}: {error}", file=sys.stderr)
        return None
    return out.getvalue()

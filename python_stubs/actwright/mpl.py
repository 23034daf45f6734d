"""The matplotlib backend of a session (MPLBACKEND=module://actwright.mpl): draws with Agg, shows at once."""

# pyright: basic
from __future__ import annotations

from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from actwright import figures


class FigureManager(FigureManagerBase):
    """A figure without a window: fig.show() hands its picture over."""

    def show(self) -> None:
        figures.show_one(self.canvas.figure)


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas, made by our manager."""

    manager_class = FigureManager  # type: ignore[assignment]


def new_figure_manager(num, *args, FigureClass=None, **kwargs):
    """Makes a figure and its manager, as pyplot asks for them."""
    if FigureClass is None:
        from matplotlib.figure import Figure

        FigureClass = Figure
    return new_figure_manager_given_figure(num, FigureClass(*args, **kwargs))


def new_figure_manager_given_figure(num, figure):
    """Makes the manager for an existing figure."""
    return FigureManager(FigureCanvas(figure), num)


def show(*_args, **_kwargs) -> None:
    """plt.show(): shows every open figure and closes it."""
    figures.show_open()

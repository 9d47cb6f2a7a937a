"""A canvas of one look: matplotlib without its global state."""

from __future__ import annotations

from typing import Any

OURS, GREY, WARM = "#1f5f8b", "#9aa5ad", "#d1642b"


def drawing() -> Any:
    """Return what draws; its import takes most of a second, best spent while others are waited for."""
    from matplotlib.figure import Figure

    return Figure


def canvas(width: float = 5.5, height: float = 4.0) -> tuple[Any, Any]:
    """Return a figure and its axes."""
    figure = drawing()(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes

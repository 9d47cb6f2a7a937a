"""Exits that came per exit that was expected, drawn group by group: whom the level does not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from training.fairness.report import FairnessReport, GroupReport

MOST_GROUPS = 40
HIGHEST = 3.0  # of the axis; an interval that ends beyond is cut there


def level_by_group(report: FairnessReport) -> Callable[[], Any]:
    """Return a function that draws observed per expected exits of each group with their exact intervals; 1 is neutral."""

    def draw() -> Any:
        from matplotlib.figure import Figure

        groups = shown_groups(report)
        figure = Figure(figsize=(7, 1.2 + 0.25 * max(len(groups), 1)))
        axes = figure.subplots()
        axes.axvline(1.0, color="grey", linewidth=0.8)
        for place, group in enumerate(reversed(groups)):
            axes.plot([group.o_e_low, min(group.o_e_high, HIGHEST)], [place, place], color="C0")
            axes.plot([min(group.o_e, HIGHEST)], [place], "o", color="C0")
        axes.set_yticks(np.arange(len(groups)), [name_of(group) for group in reversed(groups)], fontsize=7)
        axes.set_xlim(0.0, HIGHEST)
        axes.set_xlabel("exits that came per exit expected, 95 % interval; 1 is neutral")
        axes.set_title(
            "The level, group by group" if groups else "No group has exits enough to be drawn", fontsize=9
        )
        figure.tight_layout()
        return figure

    return draw


def shown_groups(report: FairnessReport) -> list[GroupReport]:
    """Return the groups whose level is known, attribute by attribute; of very many, those with the most people."""
    known = [group for group in report.groups if np.isfinite(group.o_e)]
    kept = sorted(known, key=lambda group: -group.people)[:MOST_GROUPS]
    return sorted(kept, key=lambda group: (group.attribute, group.group))


def name_of(group: GroupReport) -> str:
    """Return a group in words."""
    return f"{group.attribute}: {group.group} ({group.people:,})"

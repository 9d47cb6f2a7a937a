"""The primary metric of a model beside its peers', with intervals."""

from __future__ import annotations

from typing import Any

from training.evaluation import Evaluation
from training.pictures.canvas import GREY, OURS, canvas


def beside_peers(evaluation: Evaluation) -> Any:
    """Draw the primary metric of the model and of every peer, each with its 95 % interval."""
    rows = {"model": evaluation.metrics, **evaluation.peers}
    found = [(name, each[evaluation.primary]) for name, each in rows.items() if evaluation.primary in each]
    figure, axes = canvas(6, 0.6 + 0.4 * len(found))
    for place, (name, value) in enumerate(reversed(found)):
        colour = OURS if name == "model" else GREY
        axes.plot([value.low, value.high], [place, place], color=colour)
        axes.plot(value.value, place, "o", color=colour)
    axes.set_yticks(range(len(found)), [name for name, _ in reversed(found)])
    axes.set_xlabel(f"{evaluation.primary}, 95 % interval")
    axes.set_title(f"{evaluation.question}: beside its baselines", loc="left")
    return figure

"""Pictures of an attrition model: calibration, precision and recall, bands, survival, what moves the score."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from training.attrition.dataset import Dataset
from training.evaluation import Evaluation, Figure
from training.loading import load_scorer
from training.pictures.canvas import GREY, OURS, WARM, canvas
from training.rescoring.attrition import rescore
from training.rescoring.rescored import Floats, Said

FEWEST = 10  # cells of fewer people are not drawn
MOST_FEATURES, MOST_DOTS = 12, 400


def pictures(folder: Path, dataset: Dataset, evaluation: Evaluation) -> dict[str, Figure]:
    """Return the pictures of a payload on the dataset's last block."""
    scorer, said = load_scorer(folder), rescore(folder, dataset).said
    found: dict[str, Figure] = {
        "back_test_by_band": lambda: bands(evaluation),
        "survival_against_kaplan_meier": lambda: survival(scorer, dataset),
        "beeswarm": lambda: beeswarm(scorer, dataset),
    }
    if said is not None:
        found |= {
            "calibration": lambda: calibration(said),
            "precision_recall": lambda: precision_recall(said),
        }
    return found


def calibration(said: Said) -> Any:
    """Draw the share that left against the share predicted, by tenth, with 95 % intervals, beside the diagonal."""
    figure, axes = canvas()
    tenths = [
        rows
        for rows in np.array_split(np.argsort(said.probability, kind="stable"), 10)
        if rows.size >= FEWEST
    ]
    predicted = [float(said.probability[rows].mean()) for rows in tenths]
    actual = [float(said.outcome[rows].mean()) for rows in tenths]
    errors = [
        1.96 * float(np.sqrt(max(p * (1 - p), 1e-9) / rows.size))
        for p, rows in zip(predicted, tenths, strict=True)
    ]
    top = max([*predicted, *actual, 1e-3]) * 1.05
    axes.plot([0, top], [0, top], color=GREY, linewidth=0.8)
    axes.errorbar(predicted, actual, yerr=errors, fmt="o", color=OURS)
    axes.set(xlabel=f"predicted share leaving within {said.horizon}", ylabel="share that left")
    axes.set_title("Does 10 % mean 10 %?", loc="left")
    return figure


def precision_recall(said: Said) -> Any:
    """Draw precision against recall at every tenth person from the top, beside the rate of everybody."""
    order = np.argsort(-said.probability, kind="stable")
    hits = np.cumsum(said.outcome[order])
    taken = np.arange(FEWEST, len(order) + 1, FEWEST)
    figure, axes = canvas()
    axes.plot(hits[taken - 1] / max(hits[-1], 1), hits[taken - 1] / taken, color=OURS)
    axes.axhline(float(said.outcome.mean()), color=GREY, linewidth=0.8)
    axes.set(xlabel="share of the leavers found (recall)", ylabel="share of those named who left (precision)")
    axes.set_title(f"Whom the list names, within {said.horizon}", loc="left")
    return figure


def bands(evaluation: Evaluation) -> Any:
    """Draw predicted beside actual exits of each band; bands of fewer than ten people are left out."""
    rows = [row for row in evaluation.diagnostics.get("bands", []) if row["people"]]
    figure, axes = canvas()
    places = np.arange(len(rows))
    axes.bar(places - 0.2, [row["predicted"] for row in rows], 0.4, color=GREY, label="predicted")
    axes.bar(places + 0.2, [row["actual"] for row in rows], 0.4, color=OURS, label="actual")
    axes.set_xticks(places, [f"{row['band']}\n{row['people']} people" for row in rows])
    axes.set_ylabel("exits")
    axes.legend(frameon=False)
    axes.set_title("Back-test: what was said, and what came", loc="left")
    return figure


def survival(scorer: Any, dataset: Dataset) -> Any:
    """Draw the mean predicted share still here (whatever the cause) beside Kaplan and Meier's estimate."""
    test = dataset.test
    times, here = kaplan_meier(test.duration, test.cause > 0)
    curve = np.asarray(scorer.curve(test.features)).mean(axis=0)
    known = np.arange(len(curve)) * dataset.period
    shown = known <= float(test.duration.max()) + dataset.period
    figure, axes = canvas()
    axes.step(times, here, where="post", color=GREY, label="Kaplan–Meier")
    axes.plot(known[shown], curve[shown], color=OURS, label="model, mean")
    axes.set(xlabel=dataset.units, ylabel="share still here")
    axes.legend(frameon=False)
    axes.set_title("Survival of the last block", loc="left")
    return figure


def kaplan_meier(duration: Floats, has_left: Any) -> tuple[Floats, Floats]:
    """Return moments and the share still here from each of them on.

    References
    ----------
    Kaplan, Meier: Nonparametric estimation from incomplete observations, JASA 1958. doi:10.2307/2281868
    """
    times = np.unique(duration[has_left])
    at_risk = len(duration) - np.searchsorted(np.sort(duration), times)
    exits = np.array([int((has_left & (duration == time)).sum()) for time in times])
    here = np.cumprod(1.0 - exits / np.maximum(at_risk, 1))
    return np.concatenate([[0.0], times]), np.concatenate([[1.0], here])


def beeswarm(scorer: Any, dataset: Dataset) -> Any:
    """Draw what each feature adds to the log-odds of leaving, TreeSHAP and logistic part together.

    Notes
    -----
    Dots are averages of ten people each, sorted by the feature's value: no dot is anybody.
    """
    rows = dataset.test.features[:: max(len(dataset.test.features) // 4_000, 1)]
    parts = np.asarray(scorer.contributions(rows))[:, :-1]
    strongest = np.argsort(-np.abs(parts).mean(axis=0))[:MOST_FEATURES][::-1]
    names = list(dataset.schema)
    figure, axes = canvas(7, 0.8 + 0.35 * len(strongest))
    jitter = np.random.default_rng(0)
    for place, index in enumerate(strongest):
        order = np.argsort(rows[:, index], kind="stable")  # unknown comes last
        groups = np.array_split(order, max(1, min(MOST_DOTS, len(order) // FEWEST)))
        added = [float(parts[group, index].mean()) for group in groups]
        colour = np.linspace(0, 1, len(groups))
        axes.scatter(added, place + jitter.uniform(-0.2, 0.2, len(groups)), c=colour, cmap="coolwarm", s=9)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(strongest)), [names[index] for index in strongest])
    axes.set_xlabel("added to the log-odds of leaving in the next period (blue: low value, red: high)")
    axes.set_title("What moves the score; not what would move the person", loc="left", color=WARM)
    return figure

"""Evaluate a written attrition payload on the last block of time, beside its references, and report on fairness."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from training.attrition import longer
from training.attrition.dataset import Dataset
from training.attrition.judging import horizons as judging
from training.attrition.judging.backtest import drawing
from training.attrition.judging.curves import curve_metrics, judge_curves
from training.attrition.judging.horizons import OURS, Labelled
from training.attrition.judging.metrics import Fold, observed_to_expected
from training.attrition.scorer import Floats
from training.drift import drifts_of
from training.evaluation import Evaluation, Interval
from training.fairness import report as fairness
from training.fairness.drawing import level_by_group
from training.fairness.proxies import proxies
from training.loading import load_scorer

FEWEST_EXITS = 20


def evaluate(folder: Path, dataset: Dataset, rng: np.random.Generator) -> Evaluation:
    """Return what a written payload is worth on people and months it has not seen.

    Parameters
    ----------
    folder : Path
        The payload, read through its own scorer.
    dataset : Dataset
        With the last block.
    rng : numpy.random.Generator
        Redraws people for the intervals.
    """
    scorer = load_scorer(folder)
    seen = float(dataset.test.duration.max())
    judged = [place for place, horizon in enumerate(dataset.horizons) if horizon <= seen + 0.5]
    main = min(1, len(judged) - 1)
    labelled = judging.judge_labels(dataset, scorer, judged[main], with_peers=True)
    if labelled.left.sum() < FEWEST_EXITS:
        return refused(dataset, labelled)
    metrics, peers = judging.label_metrics([labelled], rng)
    curves, _ = judge_curves(dataset, scorer, with_peers=True)
    in_time, peers_in_time = curve_metrics([curves], rng)
    for each in (in_time, *peers_in_time.values()):
        each.pop("o_e")  # the level is judged at the horizon
    units = judging.label_units([labelled])
    report = fairness_report(dataset, scorer, labelled, judged[main])
    further = longer.judge_longer(dataset, scorer.model["choice"], seen)
    name = f"{dataset.horizons[judged[main]]:g} {dataset.units}"
    return Evaluation(
        question="attrition",
        protocol=f"{dataset.protocol} Figures are for leaving voluntarily within {name}.",
        metrics={**metrics, **in_time},
        peers=merged(peers, peers_in_time),
        primary="log_score",
        per_unit=units.pop(OURS),
        peer_units=units,
        diagnostics={
            **diagnostics(dataset, scorer, labelled, judged, report),
            **horizons_told(dataset, judged, further),
        },
        n={
            "people": len(dataset.test.cause),
            "exits": int(labelled.left.sum()),
            "person_months": len(dataset.panel),
            "exits_learnt_from": int((dataset.panel.cause[dataset.final_rows] == 1).sum()),
        },
        figures={
            "predicted_against_actual": figure_of(scorer, labelled, judged[main]),
            "back_test": drawing(scorer.model.get("back_test", [])),
            "level_by_group": level_by_group(report),
        },
        verdict=verdict(metrics, name) + longer.in_words(further),
        gates={"fairness": (report.passes, report.reason)},
        data_digest=dataset.digest,
    )


def refused(dataset: Dataset, labelled: Labelled) -> Evaluation:
    """Return that too few left in the last block to say anything."""
    found = int(labelled.left.sum())
    return Evaluation(
        question="attrition", protocol=dataset.protocol, metrics={}, peers={}, primary="log_score",
        per_unit=np.empty(0), peer_units={}, n={"people": len(labelled.left), "exits": found}, status="refused",
        reason=f"Only {found} people left voluntarily in the last block; {FEWEST_EXITS} are needed to judge a model.",
        data_digest=dataset.digest,
    )  # fmt: skip


def merged(
    first: Mapping[str, Mapping[str, Interval]], second: Mapping[str, Mapping[str, Interval]]
) -> dict[str, dict[str, Interval]]:
    """Return each peer's metrics of both kinds together."""
    return {name: {**first.get(name, {}), **second.get(name, {})} for name in {**first, **second}}


def fairness_report(
    dataset: Dataset, scorer: Any, labelled: Labelled, horizon: int
) -> fairness.FairnessReport:
    """Return how groups are flagged (the highest band) and whether their level holds."""
    said = labelled.said[OURS]
    flagged = said >= scorer.model["bands"]["cut_points"][horizon][-1]
    attributes = fairness.of_people(dataset.protected, dataset.test.names)
    return fairness.report(attributes, flagged, labelled.left, said)


def diagnostics(
    dataset: Dataset, scorer: Any, labelled: Labelled, judged: list[int], report: fairness.FairnessReport
) -> dict[str, Any]:
    """Return what a reader should know beside the metrics."""
    said = scorer.scores(dataset.test.features).reshape(len(dataset.test.features), len(dataset.horizons), -1)
    level = {}
    for place in judged:
        until = dataset.horizons[place]
        for number, cause in enumerate(dataset.causes):
            left = (dataset.test.cause == number + 1) & (dataset.test.duration <= until)
            weight = np.ones(len(left))
            level[f"{cause} {until:g} {dataset.units}"] = {
                "observed": int(left.sum()),
                "expected": float(said[:, place, number].sum()),
                "o_e": observed_to_expected(left, said[:, place, number], weight),
            }
    return {
        "level": level,
        "bands": by_band(scorer, labelled, judged[min(1, len(judged) - 1)]),
        "back_test": scorer.model.get("back_test", []),
        "drift": drifted(dataset),
        "chosen": dict(scorer.model["choice"]),
        "calibration": dict(zip(scorer.causes, scorer.model["calibration"], strict=True)),
        "fairness": {**report.as_json(), "proxies": proxies_of(dataset)},
    }


def horizons_told(dataset: Dataset, judged: list[int], further: Mapping[str, Any]) -> dict[str, Any]:
    """Return what horizons longer than the last block are worth, and those of which nothing can be said."""
    names = {place: f"{horizon:g}" for place, horizon in enumerate(dataset.horizons) if place not in judged}
    left_out = [name for name in names.values() if f"{name} {dataset.units}" not in further]
    why = "the last block is shorter, and the records are too short to judge from an earlier moment"
    return {
        "longer_horizons": dict(further),
        "horizons_not_evaluated": {"horizons": left_out, "why": why} if left_out else {},
    }


def drifted(dataset: Dataset) -> list[dict[str, Any]]:
    """Return the features in which the people of the last block differ from those learnt from."""
    latest = dataset.panel.period == dataset.panel.period.max()
    every = drifts_of(dataset.panel.features[latest], dataset.test.features, list(dataset.schema))
    return [asdict(found) for found in every if found.is_alarm]


def proxies_of(dataset: Dataset) -> dict[str, Any]:
    """Return how well the features predict each protected attribute, which the model does not see."""
    attributes = fairness.of_people(dataset.protected, dataset.test.names)
    return proxies(dataset.test.features, list(dataset.schema), attributes, np.random.default_rng(0))


def by_band(scorer: Any, labelled: Labelled, horizon: int) -> list[dict[str, Any]]:
    """Return predicted against actual exits of each band; bands of fewer than ten people are suppressed."""
    said, left = labelled.said[OURS], labelled.left
    bands = scorer.model["bands"]
    place = np.searchsorted(np.asarray(bands["cut_points"][horizon]), said, side="right")
    found = []
    for number, name in enumerate(bands["names"]):
        members = place == number
        count = int(members.sum())
        shown = count >= fairness.SMALLEST
        found.append({"band": name, "people": count if shown else None,
                      "predicted": float(said[members].sum()) if shown else None,
                      "actual": int(left[members].sum()) if shown else None})  # fmt: skip
    return found


def figure_of(scorer: Any, labelled: Labelled, horizon: int) -> Callable[[], Any]:
    """Return a function that draws predicted against actual exits by tenth of the score."""
    fold: Fold = labelled.fold(OURS)

    def draw() -> Any:
        from matplotlib.figure import Figure

        tenths = np.array_split(np.argsort(fold.probability, kind="stable"), 10)
        predicted: Floats = np.array([fold.probability[rows].mean() for rows in tenths])
        actual: Floats = np.array([fold.left[rows].mean() for rows in tenths])
        figure = Figure(figsize=(5, 4))
        axes = figure.subplots()
        axes.plot([0, predicted.max()], [0, predicted.max()], color="grey", linewidth=0.8)
        axes.plot(predicted, actual, "o")
        axes.set_xlabel(f"predicted share leaving within {scorer.model['horizon_names'][horizon]}")
        axes.set_ylabel("actual share")
        axes.set_title("Predicted against actual, by tenth of the score")
        figure.tight_layout()
        return figure

    return draw


def verdict(metrics: Mapping[str, Interval], name: str) -> str:
    """Return in words what the figures allow to say."""
    ranking, level = metrics["auc"], metrics["o_e"]
    if not ranking.low > 0.5:
        return (
            f"These records do not tell who leaves within {name}: AUC {ranking.value:.2f}, not above chance."
        )
    fits = level.low <= 1.0 <= level.high
    how = (
        "the level holds"
        if fits
        else "more left than was said"
        if level.value > 1
        else "fewer left than was said"
    )
    return (
        f"Leaving within {name} is ranked better than chance (AUC {ranking.value:.2f}, {ranking.low:.2f} to "
        f"{ranking.high:.2f}) and {how} (observed / expected {level.value:.2f}, {level.low:.2f} to {level.high:.2f})."
    )

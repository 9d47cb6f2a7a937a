"""Horizons longer than the last block: judged from an earlier moment, by a model of the same kind that had learnt until then."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.attrition.dataset import Dataset
from training.attrition.fit import Parameters, fit
from training.attrition.fitting.hazard import SHAPES
from training.attrition.judging.horizons import judge_labels, label_metrics
from training.evaluation import Interval
from training.loading import load_scorer
from training.payload import write_payload

FEWEST_EXITS = 20
MOST_ROWS = 400_000  # person-periods that the earlier model learns from
PLAIN_SHAPES = ("pairs", "medium")  # where the model's own shape has no name
SEED = 1


def judge_longer(dataset: Dataset, choice: Mapping[str, Any], seen: float) -> dict[str, Any]:
    """Return what each horizon that the last block is too short for is worth, by name; empty where records are too short too.

    Parameters
    ----------
    dataset : Dataset
        With `longer`, the same records with a last block of a year.
    choice : mapping of str to anything
        The model's, by validation: the shape of its trees and its penalty; the trees' weight is chosen anew from earlier months.
    seen : float
        How long the people of the last block were followed; horizons up to it are judged there.

    Notes
    -----
    The model itself has learnt from months of that year and cannot be asked. Another one of its kind is fitted to the
    months before it alone; of a kind that was fitted elsewhere none can be.
    """
    longer = dataset.longer
    if longer is None or choice["penalty"] is None:
        return {}
    test, until = longer.test, float(longer.test.duration.max())
    left_after = test.duration[test.cause == 1]
    places = [
        place
        for place, days in enumerate(longer.horizons)
        if seen + 0.5 < days <= until + 0.5 and (left_after <= days).sum() >= FEWEST_EXITS
    ]
    if not places:
        return {}
    scorer = earlier_model(longer, choice)
    return {f"{longer.horizons[place]:g} {longer.units}": judged(longer, scorer, place) for place in places}


def judged(longer: Dataset, scorer: Any, place: int) -> dict[str, Any]:
    """Return the metrics of one horizon with their intervals, beside those of the plain methods."""
    labelled = judge_labels(longer, scorer, place, with_peers=True)
    metrics, peers = label_metrics([labelled], np.random.default_rng(SEED))
    return {
        "protocol": f"{longer.protocol} A model of the same kind, fitted to the months before alone, answers.",
        "n": {"people": len(labelled.left), "exits": int(labelled.left.sum())},
        "metrics": plain(metrics),
        "peers": {name: plain(each) for name, each in peers.items()},
    }


def earlier_model(longer: Dataset, choice: Mapping[str, Any]) -> Any:
    """Return the scorer of a model that has learnt from the months before the last year, of some of the people where they are many."""
    shape = choice["shape"]
    named = () if shape == "none" else (shape,) if shape in SHAPES else PLAIN_SHAPES
    parameters = Parameters(shapes=named, penalties=(float(choice["penalty"]),), bags=0)
    payload = fit(sampled(longer), parameters, np.random.default_rng(SEED))
    with tempfile.TemporaryDirectory() as scratch:
        write_payload(payload, Path(scratch) / "payload")
        return load_scorer(Path(scratch) / "payload")


def sampled(longer: Dataset) -> Dataset:
    """Return the dataset with the months of so many people that the model's rows are few enough."""
    step = len(longer.panel) // MOST_ROWS + 1
    if step == 1:
        return longer
    kept = longer.panel.person % step == 0
    folds = [(fitted[kept[fitted]], checked[kept[checked]]) for fitted, checked in longer.folds]
    return replace(longer, folds=folds, final_rows=np.flatnonzero(kept))


def plain(metrics: Mapping[str, Interval]) -> dict[str, dict[str, Any]]:
    """Return metrics as plain values."""
    return {name: asdict(each) for name, each in metrics.items()}


def in_words(found: Mapping[str, Mapping[str, Any]]) -> str:
    """Return in a sentence each what longer horizons are worth; nothing where none was judged."""
    sentences = []
    for name, each in found.items():
        area, level = each["metrics"]["auc"], each["metrics"]["o_e"]
        sentences.append(
            f" Leaving within {name}, asked of a model of the same kind a year before the end: AUC {area['value']:.2f} "
            f"({area['low']:.2f} to {area['high']:.2f}), observed / expected {level['value']:.2f} "
            f"({level['low']:.2f} to {level['high']:.2f})."
        )
    return "".join(sentences)

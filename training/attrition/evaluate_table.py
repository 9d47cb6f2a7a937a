"""``skillpath evaluate attrition``: the estimators of training on any table, each fold reloaded through the scorer."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.attrition.dataset import Dataset
from training.attrition.fit import Parameters, fit
from training.attrition.fitting import time_range
from training.attrition.guards import (
    check_classes,
    check_columns,
    check_lag,
    check_periods,
    exits_and_some,
    pairs_of_periods,
)
from training.attrition.judging import horizons as judging
from training.attrition.judging.curves import Curves, curve_metrics, curve_units, judge_curves
from training.attrition.judging.drivers import Shuffled
from training.attrition.judging.horizons import OURS, Labelled
from training.attrition.plain import groups
from training.attrition.plain.reading import Encoded, Request, read_encoded, read_request
from training.attrition.plain.splits import datasets
from training.evaluation import Evaluation, Interval
from training.loading import load_scorer
from training.payload import write_payload

MOST_FOLDS_SHUFFLED = 5
NO_BAGS = Parameters(bags=0)


def run(arguments: list[str]) -> Evaluation:
    """Evaluate exit probabilities on a plain table.

    Parameters
    ----------
    arguments : list of str
        As after ``skillpath evaluate attrition``.

    Raises
    ------
    BadInputError
        If the table or the arguments cannot be used.
    RefusedError
        If the table cannot be answered honestly: leavers only, a column that holds the outcome …
    """
    request = read_request(arguments)
    table = read_encoded(request)
    found = evaluated(table, request, with_peers=request["peers"] != "none")
    if not request["protected"]:
        return found
    rest = evaluated(read_encoded(request, request["protected"]), request, with_peers=False)
    found.diagnostics["without_protected"] = {"metrics": dict(rest.metrics), "left_out": request["protected"]}  # type: ignore[index]
    return found


def evaluated(table: Encoded, request: Request, *, with_peers: bool) -> Evaluation:
    """Return the evaluation of an encoded table."""
    guard(table, request)
    rng = np.random.default_rng(request["seed"])
    found = Judged(label_time(table, request), max(int(request["horizon"] or 1), 1))
    for dataset in datasets(table, request, rng):
        scorer = fitted(dataset, request, rng)
        found.choices.append(scorer.model["choice"])
        found.add(dataset, scorer, with_peers)
    metrics, peers = found.metrics(rng)
    is_survival = request.shape == "survival"
    units = curve_units(found.curves) if is_survival else judging.label_units(found.labels)
    return Evaluation(
        question="attrition",
        protocol=protocol(request, len(found.choices)),
        metrics=metrics,
        peers=peers,
        primary="ibs" if is_survival else "log_score",
        per_unit=units.pop(OURS),
        peer_units=units,
        diagnostics={**table.notes, **found.at_time(rng), **found.shuffled.reported(), "chosen": chosen_counts(found.choices),
                     **groups.by_group(table, request, found.labels), **groups.fairness_of(table, request, found.labels)},
        n={"rows": len(table.left), "exits": int(table.left.sum()), "people": len(np.unique(table.person)),
           "features": len(table.names), "fits": len(found.choices)},
        verdict=verdict("uno_c" if is_survival else "auc", metrics, peers),
        seeds=(request["seed"],),
        data_digest=table.digest,
    )  # fmt: skip


@dataclass
class Judged:
    """What every fold said, and what came of it.

    Parameters
    ----------
    until : float, optional
        Time of a survival table at which exits count as labels; None for other tables.
    periods : int
        Periods of a panel within which exits count as labels.
    """

    until: float | None
    periods: int
    curves: list[Curves] = field(default_factory=list)
    labels: list[Labelled] = field(default_factory=list)
    choices: list[dict[str, Any]] = field(default_factory=list)
    shuffled: Shuffled = field(default_factory=Shuffled)

    def add(self, dataset: Dataset, scorer: Any, with_peers: bool) -> None:
        """Judge one fold."""
        if self.until is None:
            horizon = min(self.periods, len(dataset.horizons)) - 1
            self.labels.append(judging.judge_labels(dataset, scorer, horizon, with_peers))
            if len(self.labels) <= MOST_FOLDS_SHUFFLED:
                self.shuffled.add(dataset, scorer, horizon, np.random.default_rng(len(self.labels)))
            if dataset.dated is not None:
                self.curves.append(judge_curves(dataset, scorer, with_peers)[0])
            return
        curves, labelled = judge_curves(dataset, scorer, with_peers, self.until)
        assert labelled is not None
        self.curves.append(curves)
        self.labels.append(labelled)

    def metrics(self, rng: np.random.Generator) -> tuple[dict[str, Interval], dict[str, dict[str, Interval]]]:
        """Return every metric of ours and of each reference."""
        metrics, peers = judging.label_metrics(self.labels, rng)
        if not self.curves:
            return metrics, peers
        in_time, peers_in_time = curve_metrics(self.curves, rng)
        if self.until is None:  # a panel's level is judged by its labels, of every period
            for found in (in_time, *peers_in_time.values()):
                found.pop("o_e")
        names = {**peers_in_time, **peers}
        return {**metrics, **in_time}, {
            name: {**peers.get(name, {}), **peers_in_time.get(name, {})} for name in names
        }

    def at_time(self, rng: np.random.Generator) -> dict[str, Any]:
        """Return the time at which exits counted as labels, in words, and how a range of the time would cover."""
        if self.until is None:
            return {}
        range_ = time_range.described(
            [part.reached for part in self.curves], [part.followed for part in self.curves], rng
        )
        return range_ | {
            "labels_at": self.until,
            "labels": "auc, ap, lift@10, brier, ece and calibration are for having left by that time, weighted for "
            "whoever was lost before; uno_c, td_auc, ibs and o_e are over the whole time",
        }


def label_time(table: Encoded, request: Request) -> float | None:
    """Return when a survival table's exits count as labels: the median exit, or half of the horizon asked for."""
    if request.shape != "survival":
        return None
    left = table.duration[table.left]
    return float(np.median(left)) if len(left) else float(np.median(table.duration))


def fitted(dataset: Dataset, request: Request, rng: np.random.Generator) -> Any:
    """Fit as training does, write the payload, and load it back through its scorer."""
    payload = fit(dataset, replace(NO_BAGS, tune=request["tune"]), rng)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "payload"
        write_payload(payload, folder)
        return load_scorer(folder)


def guard(table: Encoded, request: Request) -> None:
    """Raise RefusedError where the table cannot be answered honestly."""
    check_classes(table.left, table.person, "exits", table.left)
    rows = exits_and_some(table.left)
    check_columns(table.features[rows], table.left[rows], table.names, table.categorical)
    if request.shape == "panel":
        check_periods(table.person, table.period, table.left)
        now, before = pairs_of_periods(table.person, table.period, table.left)
        if len(now):
            check_lag(
                table.features[now], table.features[before], table.left[now], table.names, table.categorical
            )


def protocol(request: Request, fits: int) -> str:
    """Return how the table was split and scored, in words."""
    split = request["split"] or ("temporal" if request.shape == "panel" else "cv")
    how = {
        "cv": f"{request['repeats']} × {request['folds']}-fold cross-validation, equal rows in one fold",
        "grouped": f"{request['repeats']} × {request['folds']}-fold cross-validation, groups in one fold",
        "temporal": "split by time, with a gap of the horizon before the last block",
    }[split]
    kind = {"label": "cross-section", "survival": "survival table", "panel": "panel"}[request.shape]
    return (
        f"{kind}; {how}; shape and weight of the trees chosen inside each of {fits} fits; nothing resampled"
    )


def chosen_counts(choices: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return how often each blend was chosen."""
    names = [f"{choice['shape']} × {choice['weight']}" for choice in choices]
    return {name: names.count(name) for name in sorted(set(names))}


def verdict(name: str, metrics: dict[str, Interval], peers: dict[str, dict[str, Interval]]) -> str:
    """Return in words how the ranking, by the metric named, compares with chance and with the best reference."""
    own = metrics[name]
    if not own.low > 0.5:
        return (f"{name} {own.value:.3f} ({own.low:.3f} to {own.high:.3f}): not told from chance; so many people do not show that these "
                "columns tell who leaves")  # fmt: skip
    best = max(
        (found[name].value for found in peers.values() if name in found and np.isfinite(found[name].value)),
        default=float("nan"),
    )
    beside = f", the best reference {best:.3f}" if np.isfinite(best) else ""
    return f"{name} {own.value:.3f} ({own.low:.3f} to {own.high:.3f}){beside}"

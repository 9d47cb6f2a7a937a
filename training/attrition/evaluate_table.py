"""``skillpath evaluate attrition``: the estimators of training on any table, each fold reloaded through the scorer."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.attrition import judging
from training.attrition.dataset import Dataset
from training.attrition.fit import Parameters, fit
from training.attrition.guards import check_classes, check_columns, check_lag
from training.attrition.judging import OURS, Curves, Labelled
from training.attrition.metrics import observed_to_expected
from training.attrition.scorer import Floats
from training.attrition.table import Encoded, Request, read_encoded, read_request
from training.attrition.table_splits import datasets
from training.evaluation import Evaluation, Interval
from training.fairness import report
from training.loading import load_scorer
from training.payload import write_payload

NO_BAGS = Parameters(bags=0)
FLAGGED_SHARE = 0.1


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
    is_survival = request.shape == "survival"
    curves: list[Curves] = []
    labels: list[Labelled] = []
    choices: list[dict[str, Any]] = []
    for dataset in datasets(table, request, rng):
        scorer = fitted(dataset, rng)
        choices.append(scorer.model["choice"])
        if is_survival:
            curves.append(judging.judge_curves(dataset, scorer, with_peers))
        else:
            labels.append(judging.judge_labels(dataset, scorer, 0, with_peers))
    if is_survival:
        metrics, peers = judging.curve_metrics(curves, rng)
        units = judging.curve_units(curves)
    else:
        metrics, peers = judging.label_metrics(labels, rng)
        units = judging.label_units(labels)
    return Evaluation(
        question="attrition",
        protocol=protocol(request, len(choices)),
        metrics=metrics,
        peers=peers,
        primary="ibs" if is_survival else "log_score",
        per_unit=units.pop(OURS),
        peer_units=units,
        diagnostics={**table.notes, "chosen": chosen_counts(choices), **by_group(table, request, labels),
                     **fairness_of(table, request, labels, rng)},
        n={"rows": len(table.left), "exits": int(table.left.sum()), "people": len(np.unique(table.person)),
           "features": len(table.names), "fits": len(choices)},
        verdict=verdict(metrics, peers),
        seeds=(request["seed"],),
        data_digest=table.digest,
    )  # fmt: skip


def fitted(dataset: Dataset, rng: np.random.Generator) -> Any:
    """Fit as training does, write the payload, and load it back through its scorer."""
    payload = fit(dataset, NO_BAGS, rng)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "payload"
        write_payload(payload, folder)
        return load_scorer(folder)


def guard(table: Encoded, request: Request) -> None:
    """Raise RefusedError where the table cannot be answered honestly."""
    check_classes(table.left, table.person, "exits", table.left)
    check_columns(table.features, table.left, table.names, table.categorical)
    if request.shape == "panel":
        order = np.lexsort([table.period, table.person])
        same = (np.diff(table.person[order]) == 0) & (np.diff(table.period[order]) == 1)
        now, before = order[1:][same], order[:-1][same]
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


def by_group(table: Encoded, request: Request, labels: Sequence[Labelled]) -> dict[str, Any]:
    """Return observed per expected exits of each group, where a group was named and labels were judged."""
    if not request["group"] or not labels:
        return {}
    said, left, rows = pooled(labels, table)
    group = table.frame[request["group"]].astype("string").to_numpy()[rows]
    found = {}
    for name in list(dict.fromkeys(group))[:50]:
        members = group == name
        if members.sum() >= 10:
            weight = np.ones(int(members.sum()))
            found[str(name)] = {"n": int(members.sum()), "exits": int(left[members].sum()),
                                "o_e": observed_to_expected(left[members], said[members], weight)}  # fmt: skip
    return {"groups": found}


def fairness_of(
    table: Encoded, request: Request, labels: Sequence[Labelled], rng: np.random.Generator
) -> dict[str, Any]:
    """Return the fairness report of the named protected columns, where labels were judged."""
    if not request["protected"] or not labels or request["id"]:
        return {}
    said, left, rows = pooled(labels, table)
    flagged = said >= np.quantile(said, 1 - FLAGGED_SHARE)
    attributes = {name: table.frame[name].astype("string").to_numpy(dtype=object, na_value=None)[rows]
                  for name in request["protected"]}  # fmt: skip
    return {"fairness": report(attributes, flagged, left, said).as_json()}


def pooled(labels: Sequence[Labelled], table: Encoded) -> tuple[Floats, Any, Any]:
    """Return the mean score of each row over repeats, who left, and which rows they are."""
    rows = np.concatenate([part.person for part in labels])
    said = np.concatenate([part.said[OURS] for part in labels])
    where = np.unique(rows)
    return judging.units_of(rows, said), table.left[where], where


def verdict(metrics: dict[str, Interval], peers: dict[str, dict[str, Interval]]) -> str:
    """Return in words how the ranking compares with chance and with the best reference."""
    name = "uno_c" if "uno_c" in metrics else "auc"
    own = metrics[name]
    if not own.low > 0.5:
        return f"{name} {own.value:.3f}: no better than chance; these columns do not tell who leaves"
    best = max(
        (found[name].value for found in peers.values() if np.isfinite(found[name].value)),
        default=float("nan"),
    )
    beside = f", the best reference {best:.3f}" if np.isfinite(best) else ""
    return f"{name} {own.value:.3f} ({own.low:.3f} to {own.high:.3f}){beside}"

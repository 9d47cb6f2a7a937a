"""A plain table's groups: does the level hold in each, and are the named protected groups flagged alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.attrition.judging.horizons import OURS, Bools, Labelled, units_of
from training.attrition.judging.metrics import auc
from training.attrition.plain.reading import Encoded, Request
from training.attrition.scorer import Floats
from training.fairness import report as fairness

FLAGGED_SHARE = 0.1
MOST_GROUPS = 50


@dataclass(frozen=True)
class Pooled:
    """The rows judged, each once.

    Parameters
    ----------
    rows : (n,) int
        Of the table, ascending.
    said : (n,) float
        Our probability, averaged over repeats.
    left, known : (n,) bool
        Who had left by then; of whom that is known.
    """

    rows: NDArray[np.int64]
    said: Floats
    left: Bools
    known: Bools


def pooled(labels: Sequence[Labelled], *, one_a_person: bool = False) -> Pooled:
    """Return each judged row once, with the mean of what was said of it.

    Parameters
    ----------
    labels : sequence of Labelled
        Of every fold and repeat.
    one_a_person : bool
        Of a panel, the first row judged of each person alone: people, not periods, are compared.
    """
    rows = np.concatenate([part.placed() for part in labels])
    person = np.concatenate([part.person for part in labels])
    known = np.concatenate([
        np.ones(len(part.left), dtype=bool) if part.weight is None else part.weight > 0 for part in labels
    ])  # fmt: skip
    left = np.concatenate([part.left for part in labels])
    said = np.concatenate([part.said[OURS] for part in labels])
    where, first = np.unique(rows, return_index=True)
    found = Pooled(where, units_of(rows, said), left[first], known[first])
    if not one_a_person:
        return found
    chosen = np.unique(person[first], return_index=True)[1]
    return Pooled(where[chosen], found.said[chosen], found.left[chosen], found.known[chosen])


def by_group(table: Encoded, request: Request, labels: Sequence[Labelled]) -> dict[str, Any]:
    """Return people, exits, their ratio to what was expected, and the ranking inside each named group."""
    if not request["group"] or not labels:
        return {}
    found = pooled(labels)
    names = table.frame[request["group"]].astype("string").to_numpy(dtype=object, na_value="unknown")
    group = names[found.rows]
    shown: dict[str, Any] = {}
    suppressed = 0
    for name in list(dict.fromkeys(group)):
        members = (group == name) & found.known
        if members.sum() < fairness.SMALLEST or len(shown) >= MOST_GROUPS:
            suppressed += 1
            continue
        shown[str(name)] = figures(found, members)
    return {"groups": shown, "groups_not_shown": suppressed}


def figures(found: Pooled, members: Bools) -> dict[str, Any]:
    """Return the figures of one group; counts under ten are not shown."""
    exits, expected = int(found.left[members].sum()), float(found.said[members].sum())
    value, low, high = fairness.observed_to_expected(exits, expected)
    return {
        "n": int(members.sum()),
        "exits": exits if exits >= fairness.SMALLEST or exits == 0 else None,
        "o_e": {"value": value, "low": low, "high": high},
        "auc": auc(found.left[members], found.said[members]),
    }


def fairness_of(table: Encoded, request: Request, labels: Sequence[Labelled]) -> dict[str, Any]:
    """Return the fairness report of the named protected columns: the highest tenth is flagged."""
    if not request["protected"] or not labels:
        return {}
    found = pooled(labels, one_a_person=request.shape == "panel")
    flagged = found.said >= np.quantile(found.said, 1 - FLAGGED_SHARE)
    attributes = {
        name: table.frame[name].astype("string").to_numpy(dtype=object, na_value=None)[found.rows]
        for name in request["protected"]
    }
    kept = found.known
    attributes = {name: values[kept] for name, values in attributes.items()}
    report = fairness.report(attributes, flagged[kept], found.left[kept], found.said[kept])
    return {"fairness": report.as_json()}

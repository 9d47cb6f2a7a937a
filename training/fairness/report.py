"""The fairness report of a model version: who is flagged, how often, how sure, and whether the level holds per group.

Protected attributes reach this module and no other. It measures; it does not call a model fair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import chi2, fisher_exact, norm

from training.fairness import gaps as fairness_gaps
from training.multiplicity import holm

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

SMALLEST = 10  # cells of fewer people are not shown
SIGNIFICANT = 0.05
LOWEST_RATIO, HIGHEST_RATIO = 0.8, 1.25
LEVEL = 0.95
UNKNOWN = ("", "nan", "none", "null", "unknown")
MOST_VALUES = 12  # an attribute with more distinct values is taken in bands of as many people each


@dataclass(frozen=True)
class GroupReport:
    """One group of one attribute beside everybody else whose attribute is known.

    Parameters
    ----------
    attribute, group : str
        Which.
    people, flagged, exits : int
        Counts.
    ratio, ratio_low, ratio_high : float
        Flagged rate of the group over that of the others, with its 95 % interval; 1 is neutral.
    ratio_unflagged : float
        The other way round: share not flagged over that of the others; 1 is neutral.
    p_value, p_adjusted : float
        Fisher's exact test, and after Holm's correction over all groups of all attributes.
    o_e, o_e_low, o_e_high : float
        Exits observed per exit expected in the group, with its exact interval; 1 is neutral.
    missed_share : float
        Share of those who left that was not flagged.
    o_e_others : float
        Exits observed per exit expected among the others.
    gaps : mapping of str to mapping
        Error-rate gaps, the gap of the level, the ratio of the unflagged, and bounds were the unknown known.
    """

    attribute: str
    group: str
    people: int
    flagged: int
    exits: int
    ratio: float
    ratio_low: float
    ratio_high: float
    ratio_unflagged: float
    p_value: float
    p_adjusted: float
    o_e: float
    o_e_low: float
    o_e_high: float
    missed_share: float
    o_e_others: float
    gaps: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)

    @property
    def is_disparate(self) -> bool:
        """True where the difference is beyond chance and beyond four fifths, in either direction."""
        beyond = self.ratio < LOWEST_RATIO or self.ratio > HIGHEST_RATIO
        return bool(self.p_adjusted < SIGNIFICANT and beyond)

    @property
    def is_borne_out(self) -> bool:
        """True where whoever is flagged more often also left about as often as was said of them.

        The side that is flagged more must have left at least four fifths as often, against what was said of it, as
        the other side; without outcomes nothing is borne out.
        """
        over, under = (self.o_e, self.o_e_others) if self.ratio > 1 else (self.o_e_others, self.o_e)
        return bool(np.isfinite(over) and np.isfinite(under) and over >= LOWEST_RATIO * under)


@dataclass(frozen=True)
class FairnessReport:
    """What was found, over all groups.

    Parameters
    ----------
    groups : sequence of GroupReport
        Of at least `SMALLEST` people each.
    unknown : mapping of str to int
        People whose attribute is not known, per attribute; they are in no comparison.
    suppressed : int
        Groups that are too small to be shown.
    """

    groups: Sequence[GroupReport]
    unknown: Mapping[str, int]
    suppressed: int

    @property
    def passes(self) -> bool:
        """False where a group is flagged differently, beyond chance and four fifths, whatever the reason."""
        return not any(group.is_disparate for group in self.groups)

    @property
    def reason(self) -> str:
        """The verdict in words."""
        if not self.groups:
            return "no protected attribute is known of enough people: nothing could be measured"
        found = [group for group in self.groups if group.is_disparate]
        if not found:
            return (
                f"{len(self.groups)} groups compared: no difference in flagging beyond chance and four fifths"
            )
        worst = max(found, key=lambda group: (not group.is_borne_out, abs(np.log(max(group.ratio, 1e-9)))))
        supported = "exits as predicted bear it out, which explains it and does not excuse it"
        judged = supported if worst.is_borne_out else "exits do not bear it out"
        return (
            f"{worst.attribute} = {worst.group} is flagged {worst.ratio:.2f} times as often as the others "
            f"({worst.ratio_low:.2f} to {worst.ratio_high:.2f}; p = {worst.p_adjusted:.2g} after Holm's correction); "
            f"{judged}"
        )

    def as_json(self) -> dict[str, Any]:
        """Return the report as plain values; cells of fewer than ten people are null."""
        return {
            "passes": self.passes,
            "reason": self.reason,
            "unknown": dict(self.unknown),
            "suppressed_groups": self.suppressed,
            "groups": [shown(group) for group in self.groups],
        }


def report(
    attributes: Mapping[str, Sequence[Any] | NDArray[Any]],
    flagged: Bools,
    left: Bools | None = None,
    probability: Floats | None = None,
) -> FairnessReport:
    """Compare how often groups are flagged, and whether their level holds.

    Parameters
    ----------
    attributes : mapping of str to (n,) values
        Protected attributes; None where not known.
    flagged : (n,) bool
        Who stands in the highest band.
    left : (n,) bool, optional
        Who left within the horizon.
    probability : (n,) float, optional
        What was said of them.

    Returns
    -------
    FairnessReport

    Notes
    -----
    Each group is compared with all others of the attribute, pairs of attributes too. Fisher's exact test with Holm's correction over all
    groups keeps the chance of blocking a model that treats groups alike below 5 %, where the bare four-fifths rule
    would block nearly all. Exit rates may differ for reasons of work (who is older has longer tenure): the report says
    whether exits bear a disparity out, which explains it and does not excuse it: it blocks all the same. Nothing is called fair.
    """
    found: list[GroupReport] = []
    unknown: dict[str, int] = {}
    suppressed = 0
    every: dict[str, list[Any]] = {name: banded(values) for name, values in attributes.items()}
    for name, groups in {**every, **fairness_gaps.intersections(every)}.items():
        is_known = np.array([value is not None for value in groups], dtype=bool)
        if name in every:
            unknown[name] = int((~is_known).sum())
        names = sorted({str(value) for value in groups if value is not None})
        for group in names:
            inside = np.array([value is not None and str(value) == group for value in groups], dtype=bool)
            if inside.sum() < SMALLEST or (is_known & ~inside).sum() < SMALLEST:
                suppressed += 1
                continue
            found.append(compare((name, group), inside, is_known & ~inside, flagged, left, probability))
    adjusted = holm([each.p_value for each in found])
    groups = [replace(each, p_adjusted=value) for each, value in zip(found, adjusted, strict=True)]
    return FairnessReport(groups, unknown, suppressed)


def compare(
    name: tuple[str, str],
    inside: Bools,
    others: Bools,
    flagged: Bools,
    left: Bools | None,
    probability: Floats | None,
) -> GroupReport:
    """Return one group beside the others."""
    table = np.array(
        [[flagged[rows].sum(), (~flagged[rows]).sum()] for rows in (inside, others)], dtype=np.int64
    )
    ratio, low, high = risk_ratio(table)
    p_value = float(fisher_exact(table)[1])
    exits = int(left[inside].sum()) if left is not None else 0
    below = risk_ratio(table[:, ::-1])
    gaps: dict[str, Mapping[str, float | None]] = {
        "ratio_unflagged": dict(zip(("value", "low", "high"), below, strict=True)),
        "ratio_if_unknown_were_known": fairness_gaps.bounds_if_known(
            inside, others, ~(inside | others), flagged
        ),
    }
    if left is not None:
        gaps |= fairness_gaps.error_gaps(inside, others, flagged, left)
    if left is not None and probability is not None:
        gaps["o_e_ratio"] = fairness_gaps.level_gap(inside, others, left, probability)
    inner, outer = (level_of(rows, left, probability) for rows in (inside, others))
    missed = float((left & ~flagged)[inside].sum() / exits) if left is not None and exits else float("nan")
    return GroupReport(
        attribute=name[0], group=name[1], people=int(inside.sum()), flagged=int(table[0, 0]), exits=exits,
        ratio=ratio, ratio_low=low, ratio_high=high, ratio_unflagged=below[0],
        p_value=p_value, p_adjusted=p_value, o_e=inner[0], o_e_low=inner[1], o_e_high=inner[2], missed_share=missed,
        o_e_others=outer[0], gaps=gaps,
    )  # fmt: skip


def level_of(rows: Bools, left: Bools | None, probability: Floats | None) -> tuple[float, float, float]:
    """Return observed per expected exits of some rows, not a number where outcomes are not known."""
    if left is None or probability is None:
        return float("nan"), float("nan"), float("nan")
    return observed_to_expected(int(left[rows].sum()), float(probability[rows].sum()))


def risk_ratio(table: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return the ratio of two rates with its 95 % interval (Katz; a half added to each cell where one is empty).

    Parameters
    ----------
    table : (2, 2) int
        Rows are the group and the others; columns are flagged and not flagged.
    """
    cells = table + 0.5 * (table[:, 0] == 0).any()
    rates = cells[:, 0] / cells.sum(axis=1)
    ratio = float(rates[0] / rates[1])
    error = np.sqrt((1 / cells[:, 0] - 1 / cells.sum(axis=1)).sum())
    width = float(np.exp(norm.ppf((1 + LEVEL) / 2) * error))
    return ratio, ratio / width, ratio * width


def observed_to_expected(observed: int, expected: float) -> tuple[float, float, float]:
    """Return observed per expected with its exact Poisson interval; 1 is neutral."""
    if expected <= 0:
        return float("nan"), float("nan"), float("nan")
    tail = (1 - LEVEL) / 2
    low = chi2.ppf(tail, 2 * observed) / 2 if observed else 0.0
    high = chi2.ppf(1 - tail, 2 * (observed + 1)) / 2
    return observed / expected, float(low / expected), float(high / expected)


def banded(values: Sequence[Any] | NDArray[Any]) -> list[Any]:
    """Return values as groups: numbers with many distinct values in quarters, all else as it is; unknown is None."""
    plain = [None if value is None or str(value).strip().lower() in UNKNOWN else value for value in values]
    there = [value for value in plain if value is not None]
    if len(set(map(str, there))) <= MOST_VALUES:
        return plain
    try:
        numbers = np.array([float(value) for value in there])
    except (TypeError, ValueError):
        return plain
    cuts = np.quantile(numbers, [0.25, 0.5, 0.75])
    edges = [f"{numbers.min():g}", *(f"{cut:g}" for cut in cuts), f"{numbers.max():g}"]
    names = [f"{edges[place]} to {edges[place + 1]}" for place in range(4)]
    places = iter(np.searchsorted(cuts, numbers).tolist())
    return [None if value is None else names[next(places)] for value in plain]


def of_people(protected: pl.DataFrame, employee_ids: Sequence[str]) -> dict[str, list[Any]]:
    """Return the attributes of people in their order, None where not known."""
    asked = pl.DataFrame({"employee_id": list(employee_ids)}, schema={"employee_id": pl.String})
    rows = asked.join(protected, "employee_id", "left", maintain_order="left")
    return {name: rows[name].to_list() for name in rows.columns if name != "employee_id"}


def shown(group: GroupReport) -> dict[str, Any]:
    """Return a group as plain values; counts of fewer than ten people are null."""
    counts = {"flagged": group.flagged, "exits": group.exits}
    numbers = {name: getattr(group, name) for name in ("ratio", "ratio_low", "ratio_high", "p_value",
               "p_adjusted", "o_e", "o_e_low", "o_e_high", "o_e_others", "missed_share")}  # fmt: skip
    return {
        "attribute": group.attribute,
        "group": group.group,
        "people": group.people,
        **{name: count if count >= SMALLEST or count == 0 else None for name, count in counts.items()},
        **{name: None if not np.isfinite(value) else float(value) for name, value in numbers.items()},
        **{name: dict(gap) for name, gap in group.gaps.items()},
        "is_disparate": group.is_disparate,
        "is_borne_out": group.is_borne_out if group.is_disparate else None,
    }

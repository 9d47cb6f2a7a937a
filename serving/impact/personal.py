"""Each person's own expected effect of each course whose gate stands open, kept per person when scores are made.

Where no gate is open nothing is computed, kept or read. Where one is, `score_everybody` keeps for each person course → effects in
the words of an answer, the person's own where a gate is open and the average where not, so that a ranking reads one row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import polars as pl

from features.history import history
from features.impact.months import covariates
from features.records.facts import FACT_KEYS
from features.records.row_security import everybody
from serving.house import House
from serving.models.answering import LoadedModel
from serving.rights.opt_outs import willing

NEEDED = (
    "employees",
    "job_history",
    "exits",
    "jobs",
    "learning_events",
    "assignments",
    "surveys",
    "outcomes",
)
CANNOT_TELL = "cannot_tell"
CACHE = "impact_covariates"
ENCODER = msgspec.json.Encoder()
Effects = dict[str, list[dict[str, Any]]]


def score_everybody(house: House, employee_ids: Sequence[str], progress: Any) -> Iterator[tuple[str, bytes]]:
    """Yield each person's effects by course; nothing where no gate stands open, or for whom nothing personal is ranked."""
    model = house.models.current("impact")
    places = told_places(model)
    if not places:
        return
    known = known_now(house)
    asked = willing(house.store, "recommendation", employee_ids)
    rows = known.filter(pl.col("employee_id").is_in(asked))
    names = {name for place in places for name in model.scorer.lines[place]["individual"]["line"]["names"]}
    values = values_of(rows, names)
    found = {place: model.scorer.personal(place, values) for place in places}
    for row, person in enumerate(rows["employee_id"]):
        own = {place: spans[row].tolist() for place, spans in found.items()}
        yield person, ENCODER.encode(effects_of(model, own))
        progress(1)


def told_places(model: LoadedModel) -> list[int]:
    """Return the places of the model's lines whose average effect can be told at all."""
    lines = getattr(model.scorer, "lines", [])
    return [place for place, one in enumerate(lines) if one["verdict"]["code"] != CANNOT_TELL]


def effects_of(model: LoadedModel, own: dict[int, list[float]]) -> Effects:
    """Return course → effects of the courses with an open gate, the person's own where there are any."""
    lines = {id(model.scorer.lines[place]): span for place, span in own.items()}
    courses = {model.scorer.lines[place]["course_id"] for place in own}
    found: Effects = {}
    for one in model.scorer.estimates():
        if one["course_id"] not in courses or one["effect"] is None or one["verdict"]["code"] == CANNOT_TELL:
            continue
        average = [one["effect"][name] for name in ("value", "low", "high")]
        value, low, high = lines.get(id(one), average)
        found.setdefault(one["course_id"], []).append(
            {"value": value, "low": low, "high": high, "outcome": one["outcome"], "unit": one.get("unit"),
             "horizon_days": one.get("horizon_days"), "verdict": one["verdict"]["code"], "is_own": id(one) in lines}
        )  # fmt: skip
    return found


@everybody()
def known_now(house: House) -> pl.DataFrame:
    """Return what is known now of everybody employed, once a day: what one person is worth depends on the others."""
    now = house.clock()
    kept = house.cache.get(CACHE)
    if kept is None or kept[0] != now.date():
        kept = (now.date(), covariates(history(house.store.frames(NEEDED), now, FACT_KEYS)))
        house.cache[CACHE] = kept
    found: pl.DataFrame = kept[1]
    return found


def values_of(people: pl.DataFrame, names: set[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Return covariates by the names that training gave them, ``nan`` where unknown.

    Notes
    -----
    Indicators are named after what they indicate: ``department D``, ``NAME unknown``, ``NAME is 0``. What has no column here
    (the month compared, a nomination for the very course) is unknown.
    """
    return {name: value_of(people, name) for name in sorted(names)} | {"": np.zeros(people.height)}


def value_of(people: pl.DataFrame, name: str) -> np.ndarray[Any, Any]:
    """Return one covariate of all people, (n,) float."""
    plain, group = name.removesuffix(" unknown").removesuffix(" is 0"), name.partition(" ")
    if name in people.columns:
        values = people[name].cast(pl.Float64).fill_null(float("nan"))
    elif name.endswith(" unknown") and plain in people.columns:
        values = people[plain].is_null().cast(pl.Float64)
    elif name.endswith(" is 0") and plain in people.columns:
        values = (people[plain] == 0).fill_null(value=False).cast(pl.Float64)
    elif group[0] in ("department", "location"):
        values = (people[group[0]] == group[2]).fill_null(value=False).cast(pl.Float64)
    else:
        values = pl.Series([float("nan")] * people.height, dtype=pl.Float64)
    return np.asarray(values.to_numpy(), dtype=np.float64)

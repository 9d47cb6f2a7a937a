"""What would change it: one actionable thing moved within what most people have, and what the model would then say.

An association, never an effect: the model learnt who left, not what became of people whose circumstances were changed.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query

from features.attrition.meanings import MEANINGS
from features.attrition.population import NAMES
from serving.access import Caller, CallerDependency
from serving.attrition.answering import kept_or_computed
from serving.attrition.answers import Change, Horizon, WhatIf
from serving.attrition.interventions import interventions_of
from serving.attrition.kept import Packed
from serving.attrition.person import check_person
from serving.attrition.purpose import PurposeHeader, check_purpose, check_switch
from serving.attrition.reasons import HORIZONS
from serving.attrition.wording import instead_of
from serving.house import EmployeeId, House, HouseDependency, in_thread
from serving.models.answering import LoadedModel

router = APIRouter(tags=["HR"])
STEPS = 9
LEAST_FALL = 0.001  # a probability that falls by less is not worth a line
MOST_CHANGES = 6
WHOLE = ("0 or 1", "count")  # units of which there are no parts
ELAPSED = "days"
ONLY_MORE = ("learning_hours_365_days", "completions_365_days", "manager_changes_365_days")
ASSOCIATION = (
    "An association found among people of the records, holding all else as it is: who differs in this leaves less often. "
    "Whether changing it for this person would keep them has not been estimated."
)


@router.get("/v1/employees/{employee_id}/attrition-risk/what-if")
async def explore_attrition_risk(
    employee_id: EmployeeId,
    house: HouseDependency,
    caller: CallerDependency,
    purpose: PurposeHeader = None,
    horizon_days: Annotated[Horizon, Query(description="Days ahead.")] = Horizon.HALF_YEAR,
) -> WhatIf:
    """Return which actionable circumstances go with a lower exit probability for somebody like this; never an effect."""
    return await in_thread(what_if, house, caller, employee_id, purpose, int(horizon_days))


def what_if(house: House, caller: Caller, employee_id: str, purpose: str | None, horizon: int) -> WhatIf:
    """Return the changes of one person's probability, its reading written down before."""
    declared = check_purpose(house, caller, "explore_attrition_risk", employee_id, purpose)
    check_switch(house)
    model, now = house.models.current("attrition"), house.clock()
    check_person(house, employee_id, now)
    house.audit.record(caller.prefix, "explore_attrition_risk", employee_id, declared, model.digest)
    found = kept_or_computed(house, model, employee_id, now)
    return WhatIf(
        employee_id=employee_id,
        horizon_days=horizon,
        probability=found.scores.probabilities[HORIZONS.index(horizon) * len(model.scorer.causes)],
        changes=changes_of(found.scores, model, horizon),
        kind="association",
        words=ASSOCIATION,
        interventions=interventions_of(house, employee_id),
        as_of=found.as_of,
        model_version=model.version,
        model_digest=model.digest,
    )


def changes_of(scores: Packed, model: LoadedModel, horizon: int) -> list[Change]:
    """Return the single changes that go with the largest falls, the largest first; none for a cohort's base rate."""
    plausible = model.scorer.model.get("plausible")
    if not scores.is_personal or not plausible:
        return []
    own = np.array([np.nan if value is None else value for value in scores.values], dtype=np.float64)
    tried = [
        (index, value)
        for index in actionable(own)
        for value in reachable(index, float(own[index]), plausible[index])
    ]
    if not tried:
        return []
    rows = np.tile(own, (len(tried) + 1, 1))
    for place, (index, value) in enumerate(tried, start=1):
        rows[place, index] = value
    column = HORIZONS.index(horizon) * len(model.scorer.causes)
    said = np.asarray(model.scorer.scores(rows))[:, column]
    best: dict[int, Change] = {}
    for (index, value), probability in zip(tried, said[1:], strict=True):
        if said[0] - probability < LEAST_FALL or (index in best and best[index].probability <= probability):
            continue
        best[index] = change_of(index, float(own[index]), value, float(probability), float(said[0]))
    return sorted(best.values(), key=lambda change: change.probability)[:MOST_CHANGES]


def actionable(own: np.ndarray) -> list[int]:
    """Return the features that the organisation can change for a person, and that are recorded."""
    return [
        index for index, name in enumerate(NAMES) if MEANINGS[name].is_actionable and not np.isnan(own[index])
    ]


def reachable(index: int, value: float, bounds: list[float] | None) -> list[float]:
    """Return what a feature could become for somebody: between what nine of ten people have, and not the present value.

    Notes
    -----
    What takes whole numbers stays whole. A time since something can only begin anew, and what came within a year cannot
    be undone.
    """
    if bounds is None:
        return []
    name, unit = NAMES[index], MEANINGS[NAMES[index]].unit
    low, high = bounds
    if unit in WHOLE:
        steps = np.arange(np.ceil(low), np.floor(high) + 1)
    else:
        steps = np.array([low]) if unit == ELAPSED else np.linspace(low, high, STEPS)
    if unit == ELAPSED:
        steps = steps[steps < value]
    if name in ONLY_MORE:
        steps = steps[steps > value]
    return [float(step) for step in np.unique(steps) if abs(step - value) > 1e-9]


def change_of(index: int, before: float, after: float, probability: float, now: float) -> Change:
    """Return one change in plain words."""
    meaning = MEANINGS[NAMES[index]]
    return Change(
        feature=NAMES[index],
        words=f"{meaning.words}: {instead_of(after, before, meaning.unit)} goes with {probability:.1%} instead of {now:.1%}",
        now=before,
        then=after,
        unit=meaning.unit,
        probability=probability,
        difference=probability - now,
    )

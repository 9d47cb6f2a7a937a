"""One person's exit probability: kept or computed on the spot, and as it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from features.errors import UnknownRecordError
from serving.attrition.answers import AttritionRisk, Cause, Horizon
from serving.attrition.interventions import interventions_of
from serving.attrition.kept import Packed, score_everybody, unpack
from serving.attrition.person import newest_known
from serving.attrition.reasons import band_of, basis_of, curve_of, probabilities_of, reasons_of
from serving.attrition.reviews import review_of
from serving.house import House
from serving.models.answering import LoadedModel

VALID_DAYS = 90


@dataclass(frozen=True)
class Asked:
    """Which horizon and cause were asked for."""

    horizon: Horizon
    cause: Cause


@dataclass(frozen=True)
class Found:
    """A person's scores, when they were computed, and what they saw."""

    scores: Packed
    as_of: datetime
    computed_at: datetime
    fallback: str | None


def kept_or_computed(house: House, model: LoadedModel, employee_id: str, now: datetime) -> Found:
    """Return the kept scores; computed on the spot where there are none, or they have expired."""
    kept = house.kept.read("attrition", employee_id, model.digest)
    if kept is not None and now < kept.computed_at + timedelta(days=VALID_DAYS):
        stale = newest_known(house, employee_id, kept.as_of, now)
        return Found(unpack(kept.payload), kept.as_of, kept.computed_at, "stale_scores" if stale else None)
    rows = dict(score_everybody(house, [employee_id], lambda _done: None))
    if employee_id not in rows:
        raise UnknownRecordError("There is no such employee at present.", found=employee_id)
    payload = rows[employee_id]
    house.kept.write("attrition", model.digest, [(employee_id, payload)], as_of=now, computed_at=now)
    return Found(unpack(payload), now, now, None)


def answer(house: House, model: LoadedModel, employee_id: str, found: Found, asked: Asked) -> AttritionRisk:
    """Return scores as they are answered."""
    scores, horizon = found.scores, int(asked.horizon)
    every = probabilities_of(scores, model, asked.cause)
    voluntary = probabilities_of(scores, model, Cause.VOLUNTARY)
    place = list(Horizon).index(asked.horizon)
    has_reasons = scores.is_personal and asked.cause is Cause.VOLUNTARY
    return AttritionRisk(
        employee_id=employee_id,
        cause=asked.cause,
        band=band_of(model, horizon, voluntary[place].value),
        probability=every[place],
        probabilities=every,
        curve=curve_of(scores, model),
        reasons=reasons_of(scores) if has_reasons else None,
        basis=basis_of(scores),
        interventions=interventions_of(house, employee_id),
        review=review_of(house, employee_id, model.digest),
        computed_at=found.computed_at,
        as_of=found.as_of,
        expires_at=found.computed_at + timedelta(days=VALID_DAYS),
        model_version=model.version,
        model_digest=model.digest,
        fallback=found.fallback,
    )

"""What courses are expected to change: on average as the impact model estimated it, a person's own where a gate is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from serving.house import House
from serving.models.answering import LoadedModel

QUESTION = "impact"
CANNOT_TELL = "cannot_tell"
Impact = Mapping[str, list[dict[str, Any]]]  # course → its effects
DECODER = msgspec.json.Decoder(dict[str, list[dict[str, Any]]])


def impact_for(house: House, employee_id: str) -> Impact:
    """Return what courses are expected to change for a person: their own kept effects where any gate is open, else averages."""
    model = house.models.held.get(QUESTION)
    if model is None:
        return {}
    average = average_of(house, model)
    if not getattr(model.scorer, "individual_effects", False):
        return average
    kept = house.kept.read(QUESTION, employee_id, model.digest)
    return {**average, **DECODER.decode(kept.payload)} if kept else average


def average_impact(house: House) -> Impact:
    """Return the average effects of courses: what is known for a person who is not stored."""
    model = house.models.held.get(QUESTION)
    return {} if model is None else average_of(house, model)


def average_of(house: House, model: LoadedModel) -> Impact:
    """Return what the model estimated, found once; what it cannot tell is left out."""
    key = ("expected impact", model.digest)
    if key not in house.cache:
        found: dict[str, list[dict[str, Any]]] = {}
        for one in model.scorer.estimates():
            if one["effect"] is not None and one["verdict"]["code"] != CANNOT_TELL:
                shown = {name: one["effect"][name] for name in ("value", "low", "high")}
                shown |= {name: one.get(name) for name in ("outcome", "unit", "horizon_days")}
                found.setdefault(one["course_id"], []).append({**shown, "verdict": one["verdict"]["code"]})
        house.cache[key] = found
    kept: Impact = house.cache[key]
    return kept

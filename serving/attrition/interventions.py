"""What would keep people, where anybody knows: interventions whose effect on leaving was estimated and may be believed.

Who to help is not who is at risk: a high probability says nothing about whether an offer changes it. Interventions are
therefore ranked by their estimated effect alone, from the verified impact model, and only where its verdict allows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa
from pydantic import BaseModel, Field

from features.errors import UnavailableError
from features.records.schema import METADATA
from serving.house import House
from serving.models.answering import LoadedModel

LEAVING = "voluntary_exit"  # as the impact model names the outcome
ALLOWED = ("randomised_evidence", "credible")
MOST = 10
NO_MODEL = (
    "There is no evidence of what would keep whom, for no impact model stands: a high probability does not say that an offer "
    "helps."
)
NO_EVIDENCE = (
    "There is no evidence of what would keep whom: a high probability does not say that an offer helps. Of {looked_at} courses "
    "and programmes whose effect on leaving was asked for, none lowers it on credible or randomised evidence."
)
RANKED = (
    "Ranked by how much they lowered voluntary exits of those who took part, on average. Nobody has shown that one person "
    "gains more than another, so the order is the same whatever a person's own probability."
)


class ExitChange(BaseModel):
    """A change of the probability of leaving voluntarily; negative keeps people, 0 means no effect."""

    value: float = Field(examples=[-0.021])
    low: float = Field(description="Lower end of the 95 % interval.", examples=[-0.034])
    high: float = Field(description="Upper end of the 95 % interval.", examples=[-0.008])


class Intervention(BaseModel):
    """A course or programme whose effect on leaving was estimated, and may be believed."""

    kind: Literal["course", "programme"]
    intervention_id: str = Field(description="Of the course or the programme.", examples=["TM-101"])
    course_id: str | None = Field(description="What is taught; null where a programme names none.")
    title: str | None = Field(examples=["Giving Feedback"])
    change: ExitChange = Field(description="On average over those who took part.")
    shrunk: ExitChange | None = Field(
        description="The same seen together with all other courses: what the order goes by, where there is one."
    )
    horizon_days: int = Field(description="Days after taking part began.", examples=[180])
    people: int = Field(description="Who took part.", examples=[214])
    verdict: Literal["randomised_evidence", "credible"]
    words: str = Field(description="The verdict in words.")
    is_completed: bool | None = Field(
        description="True where this person has completed the course already; null in the list."
    )


class Interventions(BaseModel):
    """What would keep people, where anybody knows; else that nobody does."""

    status: Literal["ranked", "no_evidence"]
    words: str
    items: list[Intervention] = Field(description="The largest fall first; at most ten.")
    looked_at: int = Field(description="Courses and programmes whose effect on leaving was asked for.")
    impact_model_version: str | None = Field(description="Null where no impact model stands.")


def interventions_of(house: House, employee_id: str | None = None) -> Interventions:
    """Return the interventions that lower voluntary exits, or that nobody knows of one.

    Parameters
    ----------
    house : House
        With an impact model, or without.
    employee_id : str, optional
        Whose completed courses are marked; of nobody by default.
    """
    try:
        model = house.models.current("impact")
    except UnavailableError:
        return nothing(NO_MODEL, 0, None)
    found = known_to(house, model)
    if employee_id is None or not found.items:
        return found
    done = completed(house, employee_id, [item.course_id for item in found.items if item.course_id])
    items = [item.model_copy(update={"is_completed": item.course_id in done}) for item in found.items]
    return found.model_copy(update={"items": items})


def known_to(house: House, model: LoadedModel) -> Interventions:
    """Return what a model of impact says keeps people, put together once per model."""
    key = ("interventions", model.digest)
    if key not in house.cache:
        asked = list(estimates_of(model.scorer.body))
        believed = sorted((one for one in asked if is_believed(one)), key=fall)[:MOST]
        looked_at = len(asked)
        titles = titles_of(house, [str(one["course_id"]) for one in believed])
        house.cache[key] = (
            Interventions(status="ranked", words=RANKED, items=[item_of(one, titles) for one in believed],
                          looked_at=looked_at, impact_model_version=model.version)
            if believed else nothing(NO_EVIDENCE.format(looked_at=looked_at), looked_at, model.version)
        )  # fmt: skip
    found: Interventions = house.cache[key]
    return found


def nothing(words: str, looked_at: int, version: str | None) -> Interventions:
    """Return that nobody knows what would keep people."""
    return Interventions(
        status="no_evidence", words=words, items=[], looked_at=looked_at, impact_model_version=version
    )


def estimates_of(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every estimate and refusal about leaving: of courses, then of programmes declared before they started."""
    for one in body["estimates"]:
        if one["outcome"] == LEAVING:
            yield {**one, "kind": "course", "intervention_id": one["course_id"]}
    for report in body.get("programmes", []):
        if report["outcome"] == LEAVING:
            course = (report.get("plan") or {}).get("course_id")
            yield {**report, "kind": "programme", "intervention_id": report["programme_id"], "course_id": course,
                   "horizon_days": report.get("horizon_days") or body["horizon_days"]}  # fmt: skip


def is_believed(one: Mapping[str, Any]) -> bool:
    """Say whether an estimate lowers exits beyond chance, on evidence that may be acted upon."""
    return one["effect"] is not None and one["effect"]["high"] < 0 and one["verdict"]["code"] in ALLOWED


def fall(one: Mapping[str, Any]) -> float:
    """Return what estimates are ordered by: the effect seen together with all others, where there is one."""
    return float((one.get("shrunk") or one["effect"])["value"])


def item_of(one: Mapping[str, Any], titles: Mapping[str, str]) -> Intervention:
    """Return one estimate as it is answered."""
    return Intervention(
        kind=one["kind"], intervention_id=one["intervention_id"], course_id=one["course_id"],
        title=titles.get(str(one["course_id"])), change=ExitChange.model_validate(one["effect"]),
        shrunk=ExitChange.model_validate(one["shrunk"]) if one.get("shrunk") else None,
        horizon_days=one["horizon_days"], people=int(one["n"]["trained"]), verdict=one["verdict"]["code"],
        words=one["verdict"]["words"], is_completed=None,
    )  # fmt: skip


def titles_of(house: House, course_ids: Sequence[str]) -> dict[str, str]:
    """Return the titles of courses."""
    table = METADATA.tables["courses"].c
    with house.store.reading() as connection:
        rows = connection.execute(
            sa.select(table.course_id, table.title).where(table.course_id.in_(course_ids))
        )
        return {course_id: title for course_id, title in rows if title}


def completed(house: House, employee_id: str, course_ids: Sequence[str]) -> set[str]:
    """Return which of some courses a person has completed."""
    table = METADATA.tables["learning_events"].c
    query = sa.select(table.course_id).where(
        table.employee_id == employee_id, table.kind == "completed", table.course_id.in_(course_ids)
    )
    with house.store.reading() as connection:
        return set(connection.scalars(query))

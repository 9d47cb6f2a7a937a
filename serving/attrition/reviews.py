"""What people said of a score: unreviewed → reviewed (agree or override, with a reason) → used for a purpose."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import sqlalchemy as sa

from features.errors import RefusedError
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from serving.access import Caller
from serving.attrition.answers import Review, ReviewBody
from serving.house import House
from serving.models.answering import LoadedModel

TABLE = METADATA.tables["attrition_reviews"]
USED = "used_for"
REVIEWS = (
    sa.select(TABLE.c.status, TABLE.c.reason, TABLE.c.at)
    .where(TABLE.c.employee_id == sa.bindparam("person"), TABLE.c.model_digest == sa.bindparam("digest"))
    .order_by(TABLE.c.at, TABLE.c.review_id)
)


def review_of(house: House, employee_id: str, digest: str) -> Review:
    """Return where a person's score under a model stands."""
    with house.store.reading() as connection:
        rows = connection.execute(REVIEWS, {"person": employee_id, "digest": digest}).all()
    return standing([(row[0], row[1], row[2]) for row in rows])


def standing(rows: Sequence[tuple[str, str, int]]) -> Review:
    """Return the state that reviews, in their order, lead to; a new decision takes back what was used before."""
    decision: tuple[str, str, int] | None = None
    used: tuple[str, str, int] | None = None
    for row in rows:
        if row[0] == USED:
            used = row
        else:
            decision, used = row, None
    if decision is None:
        return Review(status="unreviewed")
    agreed = "agree" if decision[0] == "agree" else "override"
    if used is None:
        return Review(status="reviewed", decision=agreed, reason=decision[1], at=from_micros(decision[2]))
    return Review(
        status="used", decision=agreed, reason=decision[1], used_for=used[1], at=from_micros(used[2])
    )


def review(house: House, caller: Caller, employee_id: str, model: LoadedModel, body: ReviewBody) -> Review:
    """Keep what somebody said of a score, and return where it stands now.

    Raises
    ------
    RefusedError
        If the score is to be used that nobody reviewed, or that a reviewer overrode.
    """
    now = house.clock()
    row = {
        "review_id": uuid.uuid4().hex, "employee_id": employee_id, "model_digest": model.digest, "status": body.decision,
        "reason": body.reason, "actor": caller.prefix, "at": to_micros(now),
    }  # fmt: skip
    with house.store.transaction() as connection:
        if body.decision == USED:
            refuse_unreviewed(house, employee_id, model.digest)
        house.store.upsert(connection, "attrition_reviews", [row])
    return review_of(house, employee_id, model.digest)


def refuse_unreviewed(house: House, employee_id: str, digest: str) -> None:
    """Raise RefusedError unless somebody reviewed the score and agreed with it."""
    found = review_of(house, employee_id, digest)
    if found.status == "unreviewed":
        raise RefusedError("A score that nobody has reviewed is not used.", found="unreviewed",
                           hint="Send a review first: agree or override, with the reason.")  # fmt: skip
    if found.decision == "override":
        raise RefusedError(
            "A reviewer overrode this score: it is not used.", found=f"override: {found.reason}"
        )


def statuses(house: House, digest: str) -> dict[str, str]:
    """Return where each reviewed person's score under a model stands."""
    columns = TABLE.c
    query = sa.select(columns.employee_id, columns.status, columns.reason, columns.at)
    query = query.where(columns.model_digest == digest).order_by(columns.at, columns.review_id)
    rows: dict[str, list[tuple[str, str, int]]] = {}
    with house.store.reading() as connection:
        for employee_id, status, reason, at in connection.execute(query):
            rows.setdefault(employee_id, []).append((status, reason, at))
    return {employee_id: standing(some).status for employee_id, some in rows.items()}

"""Who does not want to be profiled for recommendations: nothing personal is ranked, kept or recomputed for them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from features.records.moments import to_micros
from features.records.people import check_employee
from features.records.schema import METADATA
from features.records.store import Store
from serving.house import House

TABLE = METADATA.tables["opt_outs"]
KEPT = METADATA.tables["kept_scores"]


def opted_out(store: Store, question: str) -> frozenset[str]:
    """Return who opted out of a question."""
    with store.reading() as connection:
        found = connection.scalars(sa.select(TABLE.c.employee_id).where(TABLE.c.question == question))
        return frozenset(found)


def opt_out(house: House, employee_id: str, question: str, reason: str | None) -> None:
    """Note that a person opts out and remove what was kept for them; raise UnknownRecordError for nobody."""
    row = {"employee_id": employee_id, "question": question, "at": to_micros(house.clock()), "reason": reason}
    with house.store.transaction() as connection:
        check_employee(connection, employee_id)
        house.store.upsert(connection, "opt_outs", [row])
        connection.execute(
            sa.delete(KEPT).where(KEPT.c.employee_id == employee_id, KEPT.c.question == question)
        )
    house.opted_out = opted_out(house.store, question)


def opt_in(house: House, employee_id: str, question: str) -> bool:
    """Take an opt-out back; say whether there was one."""
    mine = (TABLE.c.employee_id == employee_id) & (TABLE.c.question == question)
    with house.store.transaction() as connection:
        changed = connection.execute(sa.delete(TABLE).where(mine)).rowcount
    house.opted_out = opted_out(house.store, question)
    house.changes.add([employee_id] if changed else [])
    return bool(changed)


def willing(store: Store, question: str, employee_ids: Sequence[str]) -> list[str]:
    """Return those of some people who have not opted out of a question."""
    unwilling = opted_out(store, question)
    return [person for person in employee_ids if person not in unwilling]

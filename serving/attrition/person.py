"""Whether a person may be scored at all, and whether something about them became known since; statements are built once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from features.errors import RefusedError, UnknownRecordError
from features.records.moments import to_micros
from features.records.schema import METADATA
from serving.attrition.notice import to_come
from serving.house import STALE_SECONDS, House

TABLES = METADATA.tables
FACTS = ("job_history", "exits", "surveys", "learning_events")


def works_here() -> sa.Select[Any]:
    """Return the statement that tells somebody's last spell, as known at a moment: whether it has ended, or will; whether they objected."""
    people, exits, objections = (TABLES[name].c for name in ("employees", "exits", "objections"))
    person: sa.BindParameter[str] = sa.bindparam("person")
    at: sa.BindParameter[int] = sa.bindparam("at")
    spell = sa.select(sa.func.max(people.spell)).where(
        people.employee_id == person, people.hired_at < at, people.known_at < at
    ).scalar_subquery()  # fmt: skip
    gone = sa.exists().where(
        exits.employee_id == person, exits.spell == spell, exits.happened_at < at, exits.known_at < at
    )
    going = sa.exists().where(exits.employee_id == person, exits.spell == spell, to_come(at))
    objected = sa.exists().where(objections.employee_id == person)
    return sa.select(spell, gone, going, objected)


def is_newer() -> sa.Select[Any]:
    """Return the statement that tells whether something about a person became known within a time."""
    person: sa.BindParameter[str] = sa.bindparam("person")
    seen: sa.BindParameter[int] = sa.bindparam("seen")
    late: sa.BindParameter[int] = sa.bindparam("late")
    tables = [TABLES[name].c for name in FACTS]
    return sa.select(sa.or_(*(
        sa.exists().where(table.employee_id == person, table.known_at >= seen, table.known_at < late) for table in tables
    )))  # fmt: skip


WORKS_HERE, IS_NEWER = works_here(), is_newer()


def check_person(house: House, employee_id: str, now: datetime) -> None:
    """Raise UnknownRecordError unless the person works here; RefusedError if they objected, or are known to leave.

    Whether the person is the caller's to see was decided before (`serving.access`).
    """
    with house.store.reading() as connection:
        asked = {"person": employee_id, "at": to_micros(now)}
        spell, is_gone, is_going, has_objected = connection.execute(WORKS_HERE, asked).one()
    if spell is None or is_gone:
        raise UnknownRecordError("There is no such employee at present.", found=employee_id)
    if has_objected:
        raise RefusedError(
            "This person objected to being scored; there is no exit probability for them.", found=employee_id
        )
    if is_going:
        raise RefusedError(
            "This person's exit is on record already; there is nothing to estimate.", found=employee_id
        )


def newest_known(house: House, employee_id: str, seen: datetime, now: datetime) -> bool:
    """Say whether something about the person became known after what the scores saw, more than a moment ago."""
    asked = {
        "person": employee_id,
        "seen": to_micros(seen),
        "late": to_micros(now - timedelta(seconds=STALE_SECONDS)),
    }
    with house.store.reading() as connection:
        return bool(connection.scalar(IS_NEWER, asked))

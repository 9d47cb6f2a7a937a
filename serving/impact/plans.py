"""Plans of training programmes: written down before they start, frozen with a digest, never changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from features.errors import RefusedError, UnknownRecordError
from features.impact.programmes import plan_digest, plan_of
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from serving.house import House


@dataclass(frozen=True)
class Frozen:
    """A plan as it was declared.

    Parameters
    ----------
    plan : dict
        The question: programme, course, KPI, population, design, expected effect, dates.
    terms : dict
        Costs, and what a unit of the KPI is worth.
    digest : str
        Of the plan.
    declared_at : datetime
        When.
    """

    plan: dict[str, Any]
    terms: dict[str, Any]
    digest: str
    declared_at: datetime


def freeze(
    house: House, row: Mapping[str, Any], terms: Mapping[str, Any], actor: str, members: list[dict[str, Any]]
) -> tuple[Frozen, bool]:
    """Keep a plan, its programme and those drawn for it, in one transaction; return it, and whether it was new.

    Raises
    ------
    RefusedError
        If another plan stands under the same name: a plan is not changed after it was declared.
    """
    plan = plan_of(row)
    now = house.clock()
    found = Frozen(plan, dict(terms), plan_digest(plan), now)
    with house.store.transaction() as connection:
        standing = read(connection, str(row["programme_id"]))
        if standing is not None:
            if standing.digest != found.digest:
                raise RefusedError(
                    "A plan is frozen when it is declared; under this name another one stands.",
                    found=f"digest {standing.digest[:12]}, declared {standing.declared_at:%Y-%m-%d}",
                    hint="Declare it under another programme_id.",
                )
            return standing, False
        stored = {
            name: to_micros(value) if isinstance(value, datetime) else value for name, value in row.items()
        }
        house.store.upsert(connection, "programmes", [{**stored, "declared_at": to_micros(now)}])
        plain = {"plan": json.dumps(plan), "terms": json.dumps(dict(terms)), "digest": found.digest}
        kept = {
            "programme_id": row["programme_id"],
            **plain,
            "declared_at": to_micros(now),
            "declared_by": actor,
        }
        house.store.upsert(connection, "programme_plans", [kept])
        house.store.append(connection, "programme_members", members)
    return found, True


def read(connection: sa.Connection, programme_id: str) -> Frozen | None:
    """Return a frozen plan; None where none was declared here."""
    table = METADATA.tables["programme_plans"]
    row = connection.execute(sa.select(table).where(table.c.programme_id == programme_id)).mappings().first()
    if row is None:
        return None
    return Frozen(
        json.loads(row["plan"]), json.loads(row["terms"]), row["digest"], from_micros(row["declared_at"])
    )


def standing_plan(house: House, programme_id: str) -> Frozen:
    """Return the plan of a programme: the frozen one, or what an imported file says of it, without a declaration here.

    Raises
    ------
    UnknownRecordError
        If there is no such programme.
    """
    with house.store.reading() as connection:
        found = read(connection, programme_id)
    if found is not None:
        return found
    table = METADATA.tables["programmes"]
    rows = house.store.frame("programmes", where=table.c.programme_id == programme_id)
    if rows.is_empty():
        raise UnknownRecordError("There is no such training programme.", found=programme_id)
    row = rows.row(0, named=True)
    plan = plan_of(row)
    return Frozen(plan, {}, plan_digest(plan), row["declared_at"] or row["starts_at"])

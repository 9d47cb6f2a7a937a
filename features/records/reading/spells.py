"""Find out which employment of a person a row is about, where the source does not count them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from features.records.reading.staging import StagedTable, Staging
from features.records.schema import METADATA


def fill_spells(staging: Staging) -> None:
    """Give every waiting row without a spell the one it is about.

    A hire after an exit is a new spell; a different hire date without an exit corrects the spell there is.
    A fact belongs to the last spell that had begun when it happened.
    """
    people = staging.tables.get("employees")
    if people and people.has_open_spells:
        take_stored_spells(staging, people)
        count_new_spells(staging, people)
    for staged in staging.tables.values():
        if staged.has_open_spells and staged is not people:
            fill_fact_spells(staging, staged)


def take_stored_spells(staging: Staging, people: StagedTable) -> None:
    """Take the spell of the stored row with the same hire date."""
    waiting, stored = people.sql, METADATA.tables["employees"]
    spell = (
        sa.select(sa.func.min(stored.c.spell))
        .where(stored.c.employee_id == waiting.c.employee_id, stored.c.hired_at == waiting.c.hired_at)
        .scalar_subquery()
    )
    staging.connection.execute(sa.update(waiting).values(spell=spell).where(waiting.c.spell.is_(None)))


def count_new_spells(staging: Staging, people: StagedTable) -> None:
    """Count new hires after the stored spells of the same person."""
    waiting, stored = people.sql, METADATA.tables["employees"]
    open_rows = (
        sa.select(
            waiting.c.staged_no,
            waiting.c.employee_id,
            waiting.c.hired_at,
            sa.func.dense_rank()
            .over(partition_by=waiting.c.employee_id, order_by=waiting.c.hired_at)
            .label("place"),
        )
        .where(waiting.c.spell.is_(None))
        .subquery()
    )
    last = (
        sa.select(sa.func.coalesce(sa.func.max(stored.c.spell), 0))
        .where(stored.c.employee_id == open_rows.c.employee_id)
        .scalar_subquery()
    )
    has_left = sa.or_(*(left_before(exits, open_rows, last) for exits in exit_tables(staging)))
    spell = sa.case((sa.or_(last == 0, has_left), last + open_rows.c.place), else_=last)
    counted = sa.select(open_rows.c.staged_no, spell.label("spell")).subquery()
    staging.connection.execute(
        sa.update(waiting).values(spell=counted.c.spell).where(waiting.c.staged_no == counted.c.staged_no)
    )


def exit_tables(staging: Staging) -> list[sa.Table]:
    """Return where exits may be found: stored, and waiting."""
    staged = staging.tables.get("exits")
    return [METADATA.tables["exits"], *([staged.sql] if staged else [])]


def left_before(exits: sa.Table, hires: Any, spell: Any) -> sa.ColumnElement[bool]:
    """Return the condition that the person's last spell had ended by the hire."""
    is_last = sa.or_(exits.c.spell == spell, exits.c.spell.is_(None))
    return sa.exists().where(
        exits.c.employee_id == hires.c.employee_id, is_last, exits.c.happened_at <= hires.c.hired_at
    )


def fill_fact_spells(staging: Staging, staged: StagedTable) -> None:
    """Take the last spell that had begun when the fact happened; before the first hire, the first one."""
    waiting = staged.sql
    sources = [METADATA.tables["employees"]]
    if "employees" in staging.tables:
        sources.append(staging.tables["employees"].sql)
    begun = [
        sa.select(sa.func.max(hires.c.spell))
        .where(hires.c.employee_id == waiting.c.employee_id, hires.c.hired_at <= waiting.c.happened_at)
        .scalar_subquery()
        for hires in sources
    ]
    known = [sa.func.coalesce(spell, 0) for spell in begun]
    latest = known[0] if len(known) == 1 else sa.case((known[0] > known[1], known[0]), else_=known[1])
    spell = sa.case((latest > 0, latest), else_=1)
    staging.connection.execute(sa.update(waiting).values(spell=spell).where(waiting.c.spell.is_(None)))

"""Whether the records know a person."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from features.errors import UnknownRecordError
from features.records.schema import METADATA

EMPLOYEES = METADATA.tables["employees"].c


def unknown_employees(connection: sa.Connection, employee_ids: Collection[str]) -> set[str]:
    """Return those of the people that are not in the records."""
    wanted = set(employee_ids)
    query = sa.select(EMPLOYEES.employee_id).where(EMPLOYEES.employee_id.in_(wanted))
    return wanted - set(connection.scalars(query)) if wanted else set()


def check_employee(connection: sa.Connection, employee_id: str) -> None:
    """Raise UnknownRecordError where there is no such employee."""
    if unknown_employees(connection, [employee_id]):
        raise UnknownRecordError("There is no such employee.", found=employee_id)

"""The learning event that a statement tells of, once its people and courses are looked up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from features.records.moments import to_micros
from features.records.reading.xapi_lookup import Directory
from features.records.reading.xapi_statement import NotUnderstoodError, Reading

NO_TIME = timedelta(0)
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)


def event_of(
    reading: Reading,
    directory: Directory,
    now: datetime,
    received_at: datetime,
    tolerance: timedelta = NO_TIME,
) -> dict[str, object]:
    """Return the learning event that a statement tells of, as a row.

    Parameters
    ----------
    reading : Reading
        What the statement says.
    directory : Directory
        Who and what it names.
    now : datetime
        Nothing later than this has happened.
    received_at : datetime
        When it happened, where the statement does not say: a statement without a time happened when it came.
    tolerance : timedelta
        How far a sender's clock may be ahead; what lies within it happened now.

    Returns
    -------
    dict
        ``known_at`` is what the statement says of being stored, None where it says nothing.

    Raises
    ------
    NotUnderstoodError
        If person or course are not known, or it lies in the future.
    """
    employee, course = directory.employee(reading.people), directory.course(reading.courses)
    if employee is None:
        raise NotUnderstoodError(f"unknown person: {reading.people[0][1]!r} of {reading.people[0][0]!r}")
    if course is None:
        raise NotUnderstoodError(f"unknown course: {reading.courses[0]!r}")
    happened = reading.happened_at or reading.known_at or received_at
    if happened < EARLIEST:
        raise NotUnderstoodError(f"it lies before {EARLIEST.year}: {happened.isoformat()}")
    if happened > now + tolerance:
        raise NotUnderstoodError(f"it lies in the future: {happened.isoformat()}")
    known = reading.known_at if reading.known_at and reading.known_at <= now else None
    return {
        "event_id": reading.statement_id, "employee_id": employee, "course_id": course, "kind": reading.kind,
        "happened_at": to_micros(min(happened, now)), "known_at": known and to_micros(known),
        **(reading.values or {}),
    }  # fmt: skip

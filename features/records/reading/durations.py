"""ISO 8601 durations, as learning platforms write them."""

from __future__ import annotations

import re

DURATION = re.compile(
    r"^P(?!$)(?:(?P<years>\d+(?:\.\d+)?)Y)?(?:(?P<months>\d+(?:\.\d+)?)M)?(?:(?P<weeks>\d+(?:\.\d+)?)W)?"
    r"(?:(?P<days>\d+(?:\.\d+)?)D)?(?:T(?=\d)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?"
    r"(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?$"
)
HOURS = {"years": 8766.0, "months": 730.5, "weeks": 168.0, "days": 24.0, "hours": 1.0, "minutes": 1 / 60,
         "seconds": 1 / 3600}  # fmt: skip


def hours_of(duration: object) -> float | None:
    """Return an ISO 8601 duration in hours, or None where it is none.

    Examples
    --------
    >>> hours_of("PT1H30M")
    1.5
    >>> hours_of("P1D")
    24.0
    >>> hours_of("soon") is None
    True
    """
    found = DURATION.match(duration.strip().replace(",", ".")) if isinstance(duration, str) else None
    if not found:
        return None
    return sum(float(value) * HOURS[unit] for unit, value in found.groupdict().items() if value)

"""Before any score: for which purpose it is asked, whether attrition is on, and whose person this is."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import Header

from features.errors import BadInputError, RefusedError
from features.records.schema import METADATA
from serving.access import Caller
from serving.house import House
from serving.http.problems import Problem

PURPOSES = ("retention_conversation", "workforce_planning", "audit")
PurposeHeader = Annotated[
    str | None,
    Header(
        alias="Purpose",
        max_length=200,
        description=f"Why the score is read; one of {', '.join(PURPOSES)}. Any other purpose is refused and audited.",
        examples=["retention_conversation"],
    ),
]
SWITCH = "attrition"
SWITCHES = METADATA.tables["switches"].c
IS_ON = sa.select(SWITCHES.is_on).where(SWITCHES.name == SWITCH)


def check_purpose(house: House, caller: Caller, operation: str, subject: str, purpose: str | None) -> str:
    """Return the purpose; refuse any that is not allowed, and write down that it was asked.

    Raises
    ------
    BadInputError
        If none was declared.
    Problem
        403 for a purpose that is not allowed.
    """
    if not purpose:
        raise BadInputError(
            "A score is read for a declared purpose.", found="no Purpose header", allowed=", ".join(PURPOSES)
        )
    if purpose not in PURPOSES:
        house.audit.record(caller.prefix, f"{operation}:refused", subject, purpose)
        raise Problem(
            403, f"Exit probabilities are not shown for this purpose. Allowed: {', '.join(PURPOSES)}.", name="purpose-refused",
            field="Purpose", found=purpose, allowed=", ".join(PURPOSES),
        )  # fmt: skip
    return purpose


def check_switch(house: House) -> None:
    """Raise RefusedError where attrition has been switched off; other questions go on."""
    with house.store.reading() as connection:
        is_on = connection.scalar(IS_ON)
    if is_on is False:
        raise RefusedError("Attrition is switched off: no exit probability is shown to anybody.",
                           hint="Recommendations, skills and impact go on.")  # fmt: skip

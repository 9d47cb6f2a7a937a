"""What the operations of people's rights take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class PersonExport(BaseModel):
    """Everything that is recorded about one person."""

    employee_id: str = Field(examples=["E0001"])
    as_of: datetime
    tables: dict[str, list[dict[str, Any]]] = Field(
        description="Rows by table; `audit` holds who looked, `kept_scores` the scores of the models that answer.",
        examples=[
            {"employees": [{"employee_id": "E0001", "spell": 1, "hired_at": "2024-03-01T00:00:00+00:00"}]}
        ],
    )


class Erasure(BaseModel):
    """What was erased."""

    erasure_id: str = Field(description="The tombstone; it names nobody.", examples=["3f2a9c0d11aa22bb"])
    at: datetime
    rows: dict[str, int] = Field(
        description="Rows removed by table; rows of the audit are emptied of the person, not removed.",
        examples=[{"employees": 1, "job_history": 4, "audit": 12}],
    )
    files: list[str] = Field(description="Exported files that were written anew without the person.")


class Access(BaseModel):
    """Somebody read what is known about a person."""

    sequence: int
    at: datetime
    actor: str = Field(description="The key or token that asked.", examples=["sk_1a2b3c4d"])
    action: str = Field(examples=["get_attrition_risk"])
    purpose: str = Field(examples=["retention_conversation"])
    model_digest: str | None = None


class Accesses(BaseModel):
    """Who looked, the latest first."""

    items: list[Access]
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last.")


class AuditEntry(Access):
    """One row of the audit."""

    subject: str = Field(
        description="The person asked about; empty once they were erased.", examples=["E0001"]
    )


class AuditEntries(BaseModel):
    """The audit, the latest first."""

    items: list[AuditEntry]
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last.")


class OptOut(BaseModel):
    """A person does not want to be profiled for a question."""

    question: Literal["recommendation"] = Field(examples=["recommendation"])
    at: datetime
    reason: str | None = Field(None, examples=["I plan my learning myself."])


class OptOuts(BaseModel):
    """What a person has opted out of."""

    items: list[OptOut]


class OptOutBody(BaseModel):
    """Why, where the person wants to say so."""

    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(None, max_length=2_000, examples=["I plan my learning myself."])


class CorrectionBody(BaseModel):
    """What is wrong, and what it should be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "table": "held_skills",
                    "key": {"skill_id": "S-sql", "source": "inferred", "happened_at": "2026-01-01T00:00:00Z"},
                    "column": "level",
                    "value": 3,
                    "reason": "I have worked with it for years.",
                }
            ]
        },
    )

    table: str = Field(max_length=100, description="A table about people, as in the export.")
    key: dict[str, str | int] = Field(
        max_length=10, description="Key columns of the row beside the person; of a fact also `happened_at`."
    )
    column: str = Field(max_length=100, description="What is wrong.")
    value: str | float | bool | None = Field(description="What should stand there.")
    reason: str | None = Field(None, max_length=2_000)


class Correction(BaseModel):
    """What somebody says is wrong about them, and what became of it."""

    correction_id: str = Field(examples=["5d1f3a9be02c4477"])
    employee_id: str = Field(examples=["E0001"])
    table: str = Field(examples=["held_skills"])
    column: str = Field(examples=["level"])
    key: dict[str, Any] = Field(examples=[{"skill_id": "S-sql", "source": "inferred"}])
    found: Any = Field(description="What stood there when it was said.", examples=[1])
    value: Any = Field(examples=[3])
    reason: str | None = Field(examples=["I have worked with it for years."])
    at: datetime
    status: Literal["open", "applied", "declined"] = Field(examples=["applied"])
    decided_at: datetime | None
    decided_by: str | None = Field(examples=["sk_1a2b3c4d"])
    answer: str | None = Field(examples=["Confirmed by your manager."])


class Corrections(BaseModel):
    """Corrections, the latest first."""

    items: list[Correction]


class Decision(BaseModel):
    """What becomes of a correction."""

    model_config = ConfigDict(extra="forbid")

    decision: Literal["apply", "decline"] = Field(
        description="apply: the value is recorded, as a fact that is known from now on; decline: nothing changes."
    )
    answer: str = Field(min_length=1, max_length=2_000, description="Why, in words that the person reads.")

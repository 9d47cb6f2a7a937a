"""Everything the records say about one person, for that person."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from features.errors import UnknownRecordError
from features.records.columns import Kind
from features.records.moments import from_micros
from features.records.schema import ALL_TABLES, METADATA
from serving.house import House
from serving.models.answering import LoadedModel
from serving.rights.places import PAYLOADS, exported_columns, names_of, payloads_naming, tables_about_people
from serving.scores.batch import columns_of
from serving.settings import QUESTIONS

SUBJECT_ACCESS = "subject_access"
NOT_TEXT = frozenset(
    {"idempotent_answers"}
)  # copies of answers about others too; what they held stands elsewhere


def everything_about(house: House, employee_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return a person's rows by table, with what was received about them, their scores, and who looked.

    Raises
    ------
    UnknownRecordError
        If the records speak of no such person.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    with house.store.reading() as connection:
        for name in tables_about_people():
            column = METADATA.tables[name].c.employee_id
            found[name] = rows_of(connection, name, column == employee_id)
        names = names_of(connection, employee_id)
        for name in sorted(set(PAYLOADS) - NOT_TEXT - set(tables_about_people())):
            ids = list(payloads_naming(connection, name, names))
            found[name] = rows_of(connection, name, METADATA.tables[name].c.id.in_(ids)) if ids else []
        looked = rows_of(connection, "audit", METADATA.tables["audit"].c.subject == employee_id)
        packed = packed_scores(connection, employee_id)
    found["kept_scores"] = [unpacked(house, row) for row in packed]
    present = {name: rows for name, rows in found.items() if rows}
    if not present:
        raise UnknownRecordError("There is no such employee.", found=employee_id)
    return present | {"audit": looked}


def rows_of(connection: sa.Connection, name: str, where: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """Return rows of a table as they are shown, moments as ISO 8601."""
    table = METADATA.tables[name]
    moments = {column.name for column in ALL_TABLES[name].columns if column.kind is Kind.MOMENT}
    query = (
        sa.select(*(table.c[column] for column in exported_columns(name))).where(where).order_by(table.c.id)
    )
    return [
        {
            column: from_micros(value).isoformat() if column in moments and value is not None else value
            for column, value in row.items()
        }
        for row in connection.execute(query).mappings()
    ]


def packed_scores(connection: sa.Connection, employee_id: str) -> list[dict[str, Any]]:
    """Return a person's kept scores as they are packed."""
    table = METADATA.tables["kept_scores"]
    rows = connection.execute(sa.select(table).where(table.c.employee_id == employee_id)).mappings()
    return [dict(row) for row in rows]


def unpacked(house: House, row: dict[str, Any]) -> dict[str, Any]:
    """Return kept scores as plain values, where the model that made them still answers."""
    question = row["question"]
    shown = {name: row[name] for name in ("question", "model_digest")}
    shown |= {name: from_micros(row[name]).isoformat() for name in ("as_of", "computed_at")}
    model: LoadedModel | None = house.models.held.get(question) if question in QUESTIONS else None
    if model is None or model.digest != row["model_digest"]:
        return {**shown, "scores": None}
    scores = columns_of(question)(model, row["payload"])
    return {
        **shown,
        "scores": {name: value for name, value in scores.items() if not isinstance(value, bytes)},
    }

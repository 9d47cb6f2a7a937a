"""A person says that something recorded about them is wrong; somebody decides; what is applied is a later-known fact."""

from __future__ import annotations

import json
import secrets
from typing import Any

import sqlalchemy as sa
from pydantic import TypeAdapter, ValidationError

from features.errors import BadInputError, RefusedError, UnknownRecordError
from features.records.columns import Kind, Nature, Sensitivity, Table
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from features.records.tables import IMPORTABLE
from serving.house import House
from serving.records.derived import field_type, moment, stored
from serving.rights.answers import Correction, CorrectionBody, Decision

TABLE = METADATA.tables["corrections"]
CORRECTABLE = {
    name: table
    for name, table in IMPORTABLE.items()
    if "employee_id" in table.names
    and not any(column.sensitivity is Sensitivity.PROTECTED for column in table.columns)
}
NOT_A_VALUE = frozenset({"employee_id", "spell", "happened_at", "known_at", "event_id"})


def ask_for(house: House, employee_id: str, body: CorrectionBody) -> Correction:
    """Keep what a person says is wrong.

    Raises
    ------
    BadInputError
        If there is no such table or column, or the value cannot stand there.
    UnknownRecordError
        If the person has no such row.
    """
    table = CORRECTABLE.get(body.table)
    if table is None:
        raise BadInputError(
            "No such table is about people.", found=body.table, allowed=", ".join(sorted(CORRECTABLE))
        )
    check_value(table, body.column, body.value)
    with house.store.transaction() as connection:
        found = find_row(connection, table, employee_id, body.key)
        row = {
            "correction_id": secrets.token_hex(8), "employee_id": employee_id, "table_name": table.name,
            "column_name": body.column, "row_key": json.dumps(body.key), "found": json.dumps(plain(table, body.column, found)),
            "value": json.dumps(body.value), "reason": body.reason, "at": to_micros(house.clock()), "status": "open",
        }  # fmt: skip
        house.store.append(connection, "corrections", [row])
    return shown({**dict.fromkeys(TABLE.c.keys()), **row})


def check_value(table: Table, column: str, value: object) -> None:
    """Raise BadInputError where a value cannot stand in a column."""
    allowed = sorted(set(table.names) - set(table.key) - NOT_A_VALUE)
    if column not in allowed:
        raise BadInputError("That column cannot be corrected.", found=column, allowed=", ".join(allowed))
    try:
        kind = field_type(table.column(column))
        TypeAdapter(kind if table.column(column).required else kind | None).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInputError(
            f"The value cannot stand in {column}.", found=str(value)[:200], allowed=first["msg"]
        ) from error


def find_row(
    connection: sa.Connection, table: Table, employee_id: str, key: dict[str, Any]
) -> dict[str, Any]:
    """Return the newest known version of the row a key names; raise where there is none."""
    sql = METADATA.tables[table.name]
    needed = {*table.key, *(("happened_at",) if table.nature is Nature.FACT else ())} - {"employee_id"}
    if set(key) != needed:
        raise BadInputError(
            "The key does not name one row.", found=", ".join(key), allowed=", ".join(sorted(needed))
        )
    where = [sql.c.employee_id == employee_id]
    where += [sql.c[name] == key_value(table, name, value) for name, value in key.items()]
    query = (
        sa.select(sql)
        .where(*where)
        .order_by(sql.c.known_at.desc() if "known_at" in table.names else sql.c.id)
    )
    row = connection.execute(query.limit(1)).mappings().first()
    if row is None:
        raise UnknownRecordError("There is no such record of this person.", found=json.dumps(key)[:200])
    return dict(row)


def key_value(table: Table, name: str, value: object) -> object:
    """Return a key's value as it is stored; raise BadInputError where it cannot be."""
    kind = table.column(name).kind
    if kind is Kind.MOMENT:
        try:
            return to_micros(moment(value))
        except ValueError as error:
            raise BadInputError(f"{name} is no moment.", found=str(value)[:200]) from error
    if kind is Kind.INTEGER:
        if not str(value).isdigit():
            raise BadInputError(f"{name} is a whole number.", found=str(value)[:200])
        return int(str(value)[:15])
    return str(value)


def plain(table: Table, column: str, row: dict[str, Any]) -> object:
    """Return a stored value as JSON can say it."""
    value = row[column]
    is_moment = table.column(column).kind is Kind.MOMENT
    return from_micros(value).isoformat() if is_moment and value is not None else value


def decide(house: House, correction_id: str, decision: Decision, actor: str) -> Correction:
    """Apply or decline a correction; raise RefusedError where that was done before."""
    now = to_micros(house.clock())
    with house.store.transaction() as connection:
        mine = TABLE.c.correction_id == correction_id
        row = connection.execute(sa.select(TABLE).where(mine)).mappings().first()
        if row is None:
            raise UnknownRecordError("There is no such correction.", found=correction_id)
        if row["status"] != "open":
            raise RefusedError("It was decided before.", found=str(row["status"]))
        if decision.decision == "apply":
            apply(house, connection, dict(row), now)
        status = "applied" if decision.decision == "apply" else "declined"
        change = {"status": status, "decided_at": now, "decided_by": actor, "answer": decision.answer}
        connection.execute(sa.update(TABLE).where(mine).values(**change))
    house.changes.add([row["employee_id"]])
    return shown({**row, **change})


def apply(house: House, connection: sa.Connection, row: dict[str, Any], now: int) -> None:
    """Record a corrected value: of a fact as one known from now on, else in its place."""
    table, value = CORRECTABLE[row["table_name"]], json.loads(row["value"])
    found = find_row(connection, table, row["employee_id"], json.loads(row["row_key"]))
    found.pop("id")
    if table.column(row["column_name"]).kind is Kind.MOMENT and value is not None:
        value = moment(value)
    corrected = found | stored(table, {row["column_name"]: value})
    if table.nature is Nature.FACT:
        house.store.append(connection, table.name, [corrected | {"known_at": now}])
    else:
        house.store.upsert(connection, table.name, [corrected])


def listed(house: House, where: sa.ColumnElement[bool], limit: int) -> list[Correction]:
    """Return corrections, the latest first."""
    query = sa.select(TABLE).where(where).order_by(TABLE.c.at.desc(), TABLE.c.id.desc()).limit(limit)
    with house.store.reading() as connection:
        return [shown(dict(row)) for row in connection.execute(query).mappings()]


def shown(row: dict[str, Any]) -> Correction:
    """Return a kept correction as it is answered."""
    texts = {name: json.loads(row[name]) for name in ("found", "value")}
    rest = {
        name: row[name]
        for name in ("correction_id", "employee_id", "reason", "status", "decided_by", "answer")
    }
    moments = {name: row[name] and from_micros(row[name]) for name in ("at", "decided_at")}
    where = {"table": row["table_name"], "column": row["column_name"], "key": json.loads(row["row_key"])}
    return Correction(**rest, **texts, **moments, **where)

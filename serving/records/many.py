"""Records kept and listed by many: each item is judged alone, what is good is kept, each other comes back with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import BaseModel, Field, ValidationError

from features.errors import BadInputError, RefusedError, UnknownRecordError
from features.records.columns import Nature
from features.records.moments import to_micros
from features.records.schema import METADATA
from features.records.store import Store
from features.records.tables import IMPORTABLE
from serving.house import House
from serving.http.problems import invalid_fields, shown
from serving.records.derived import Strict, shown_row, stored
from serving.records.kinds import Kind
from serving.records.store import Noun, changed, exists

Row = dict[str, Any]


class RejectedRecord(BaseModel):
    """A record that was not kept, and why."""

    index: int = Field(description="Its place in the request, from 0.", examples=[3])
    reason: str = Field(examples=["There is no such employee."])
    field: str = Field("", examples=["employee_id"])
    found: str = Field("", examples=["E9999"])
    allowed: str = ""


class RecordReceipt(BaseModel):
    """What became of the records of a request."""

    accepted: int = Field(description="New, or changed.", examples=[2])
    duplicates: int = Field(description="Stood so before.", examples=[1])
    rejected: list[RejectedRecord] = Field(default_factory=list)


RecordReceipt.model_config["json_schema_extra"] = {
    "examples": [{"accepted": 2, "duplicates": 1, "rejected": []}]
}
RecordReceipt.model_rebuild(force=True)


def read(model: type[Strict], items: Sequence[Any], rejected: list[RejectedRecord]) -> dict[int, Strict]:
    """Return the items that are as the contract says, by their places; the others are rejected."""
    good: dict[int, Strict] = {}
    for index, item in enumerate(items):
        try:
            good[index] = model.model_validate(item)
        except ValidationError as error:
            first = invalid_fields([{**each, "loc": ("body", *each["loc"])} for each in error.errors()])[0]
            reason = f"{first['field']}: {first['allowed']}" if first["field"] else first["allowed"]
            why = {name: first[name] for name in ("field", "found", "allowed")}
            rejected.append(RejectedRecord(index=index, reason=reason, **why))
    return good


def keep_many(house: House, kind: Kind, items: Sequence[Any]) -> RecordReceipt:
    """Keep records of one kind in one transaction; facts are added, everything else replaced by its key."""
    rejected: list[RejectedRecord] = []
    table, now = IMPORTABLE[kind.table], to_micros(house.clock())
    good = read(kind.model, items, rejected)
    rows = {index: stored(table, dict(model)) for index, model in good.items()}
    is_fact = table.nature is Nature.FACT
    with house.store.transaction() as connection:
        if is_fact:
            refuse_future(rows, now, rejected)
        refuse_unknown(connection, kind.table, rows, rejected)
        if is_fact:
            refuse_twice(kind.table, rows, rejected)
        given = list(rows.values())
        new = changed(connection, kind.table, given) if is_fact else given
        if is_fact:
            house.store.append(connection, kind.table, [{**row, "known_at": now} for row in new])
        else:
            house.store.upsert(connection, kind.table, given)
    house.changes.add({row["employee_id"] for row in new if "employee_id" in row})
    return RecordReceipt(
        accepted=len(new),
        duplicates=len(items) - len(rejected) - len(new),
        rejected=sorted(rejected, key=lambda each: each.index),
    )


def refuse_future(rows: dict[int, Row], now: int, rejected: list[RejectedRecord]) -> None:
    """Reject facts that have not happened yet."""
    for index in [index for index, row in rows.items() if row["happened_at"] > now]:
        del rows[index]
        why = {"field": "happened_at", "allowed": "until now"}
        rejected.append(RejectedRecord(index=index, reason="A fact lies in the future.", **why))


def refuse_twice(table: str, rows: dict[int, Row], rejected: list[RejectedRecord]) -> None:
    """Take out facts that a request names twice; reject those that say something else of the same moment."""
    first: dict[tuple[Any, ...], Row] = {}
    for index in list(rows):
        row = rows[index]
        before = first.setdefault((*(row[name] for name in IMPORTABLE[table].key), row["happened_at"]), row)
        if before is row:
            continue
        del rows[index]
        if before != row:
            reason = "An earlier item of this request says something else of the same moment."
            rejected.append(RejectedRecord(index=index, reason=reason, field="happened_at"))


def refuse_unknown(
    connection: sa.Connection, table: str, rows: dict[int, Row], rejected: list[RejectedRecord]
) -> None:
    """Reject rows that name what is not in the records; one query a column."""
    for column in IMPORTABLE[table].columns:
        wanted = {row[column.name] for row in rows.values() if row.get(column.name) is not None}
        if not column.refers_to or not wanted:
            continue
        other, name = column.refers_to.split(".")
        known = exists(connection, other, name, wanted)
        for index in [index for index, row in rows.items() if row.get(column.name) not in {None, *known}]:
            found, reason = (
                shown(rows.pop(index)[column.name]),
                f"There is no such {name.removesuffix('_id')}.",
            )
            rejected.append(RejectedRecord(index=index, reason=reason, field=column.name, found=found))


def keep_wholes(
    house: House, model: type[Strict], key: str, items: Sequence[Any], keep: Callable[[House, str, Any], bool]
) -> RecordReceipt:
    """Keep employees, courses or jobs one after the other, each whole."""
    rejected: list[RejectedRecord] = []
    accepted = 0
    for index, body in read(model, items, rejected).items():
        name = getattr(body, key)
        if name is None:
            rejected.append(RejectedRecord(index=index, reason=f"{key} is missing.", field=key))
            continue
        try:
            keep(house, name, body)
        except BadInputError as error:
            said = {"found": str(error.found or ""), "allowed": str(error.allowed or "")}
            rejected.append(RejectedRecord(index=index, reason=str(error), **said))
        else:
            accepted += 1
    return RecordReceipt(
        accepted=accepted, duplicates=0, rejected=sorted(rejected, key=lambda each: each.index)
    )


def listed(
    store: Store, kind: Kind, about: Sequence[str] | None, limit: int, after: int
) -> tuple[list[Row], str | None]:
    """Return a page of records in the order in which they were kept, and where the next one begins."""
    sql, table = METADATA.tables[kind.table], IMPORTABLE[kind.table]
    query = sa.select(sql).where(sql.c.id > after).order_by(sql.c.id).limit(limit + 1)
    if about:
        query = query.where(sql.c[kind.about].in_(about))
    with store.reading() as connection:
        found = connection.execute(query).mappings().all()
    hidden = {"known_at"}
    rows = [
        {name: value for name, value in shown_row(table, dict(row)).items() if name not in hidden}
        for row in found[:limit]
    ]
    return rows, str(found[limit - 1]["id"]) if len(found) > limit else None


def keys_after(store: Store, table: str, key: str, limit: int, after: str) -> tuple[list[str], str | None]:
    """Return a page of keys in their order, and where the next one begins."""
    column = METADATA.tables[table].c[key]
    query = sa.select(column).where(column > after).distinct().order_by(column).limit(limit + 1)
    with store.reading() as connection:
        found = list(connection.scalars(query))
    return found[:limit], found[limit - 1] if len(found) > limit else None


def remove(house: House, noun: Noun, key: str) -> None:
    """Remove a course or a job with its own lists.

    Raises
    ------
    UnknownRecordError
        If there is none.
    RefusedError
        If anything in the records is about it: what happened stays told.
    """
    own = {nested.table for nested in noun.lists}
    with house.store.transaction() as connection:
        if not exists(connection, noun.table, noun.key, [key]):
            raise UnknownRecordError(f"There is no such {noun.singular}.", found=key)
        for table in IMPORTABLE.values():
            for column in table.columns:
                is_own = table.name in own and column.name == noun.key
                if column.refers_to != f"{noun.table}.{noun.key}" or is_own:
                    continue
                if exists(connection, table.name, column.name, [key]):
                    raise RefusedError(
                        f"This {noun.singular} is named in {table.name}.", found=key,
                        hint="A course ends with valid_until; what happened stays told.",
                    )  # fmt: skip
        for name in (*own, noun.table):
            sql = METADATA.tables[name]
            connection.execute(sa.delete(sql).where(sql.c[noun.key] == key))

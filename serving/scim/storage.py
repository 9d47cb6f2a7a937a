"""Where SCIM's resources are kept: in our store, one transaction per operation, people projected into the records."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import sqlalchemy as sa
from scim2_models import (
    InvalidCursorException,
    Meta,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    ScimProvider,
    SearchRequest,
    UniquenessException,
)
from scim2_server.storage import ScimStorage, SearchPage

from features.records.identities import name_key
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from features.records.store import Store
from serving.scim.narrowing import narrowing
from serving.scim.people import Projection
from serving.scim.searching import found

TABLE = METADATA.tables["scim_resources"]
WRITE_LOCK = 0x5C111_5C1A1

Row = sa.RowMapping


class ScimRecords(ScimStorage):
    """The resources of SCIM in the records.

    Parameters
    ----------
    store : Store
        Where they are kept.
    provider : ScimProvider
        Knows the model of each resource type.
    clock : callable
        Now, aware UTC.
    is_reading : bool
        True where an operation only reads, and so takes no write lock.
    """

    supports_cursors = True

    def __init__(
        self,
        store: Store,
        provider: ScimProvider,
        clock: Callable[[], datetime],
        *,
        is_reading: bool = False,
    ) -> None:
        self.store, self.provider, self.clock, self.is_reading = store, provider, clock, is_reading
        self.open: sa.Connection | None = None
        self.people = Projection(store)

    @contextmanager
    def operation(self) -> Iterator[None]:
        """Hold one transaction for the whole operation; a failed one keeps nothing."""
        with self.connected():
            yield

    @contextmanager
    def connected(self) -> Iterator[sa.Connection]:
        """Give the operation's connection, or one for this call alone."""
        if self.open is not None:
            yield self.open
            return
        opened = self.store.reading() if self.is_reading else self.store.transaction()
        with opened as connection:
            if self.store.is_postgres and not self.is_reading:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": WRITE_LOCK})
            self.open = connection
            try:
                yield connection
            finally:
                self.open = None

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """Return a resource; raise NotFoundException where there is none of that type."""
        del response_parameters  # the whole resource is at hand
        with self.connected() as connection:
            return self.read(self.row(connection, resource_type, resource_id))

    def search(
        self,
        resource_types: list[ResourceType],
        search_request: SearchRequest[Any],
        *,
        position: Any = None,
    ) -> SearchPage:
        """Return one page of what matches, and how much does."""
        names = list(dict.fromkeys(str(each.name) for each in resource_types))
        asked = search_request.filter
        known = narrowing(asked.ast, is_postgres=self.store.is_postgres) if asked is not None else None
        of_types = TABLE.c.resource_type.in_(names)
        condition = sa.and_(of_types, known.condition) if known is not None else of_types
        is_exact = asked is None or (known is not None and known.is_exact)
        with self.connected() as connection:
            if is_exact and search_request.sort_by is None:
                return self.plain_page(connection, condition, search_request, position)
            rows = connection.execute(sa.select(TABLE).where(condition).order_by(TABLE.c.id)).mappings()
            return found(search_request, (self.read(row) for row in rows), position)

    def plain_page(
        self,
        connection: sa.Connection,
        condition: sa.ColumnElement[bool],
        asked: SearchRequest[Any],
        position: Any,
    ) -> SearchPage:
        """Return a page of the rows of which a condition is true, in the order in which they were created."""
        total = connection.scalar(sa.select(sa.func.count()).select_from(TABLE).where(condition))
        query = sa.select(TABLE).where(condition)
        query = query.limit(asked.count) if asked.count is not None else query
        if asked.cursor is None:
            query = query.order_by(TABLE.c.id).offset(asked.start_index_0 or 0)
            return SearchPage(total, [self.read(row) for row in connection.execute(query).mappings()])
        rows = rows_beside(connection, query, position)
        page = SearchPage(total, [self.read(row) for row in rows])
        if rows:
            first, last = rows[0]["id"], rows[-1]["id"]
            page.previous = (
                position_of(first, False) if any_of(connection, condition & (TABLE.c.id < first)) else None
            )
            page.next = (
                position_of(last, True) if any_of(connection, condition & (TABLE.c.id > last)) else None
            )
        return page

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Keep a new resource, and the person it is; raise UniquenessException where its name is taken."""
        made = resource.model_copy(deep=True)
        made.id, now = uuid.uuid4().hex, to_micros(self.clock())
        with self.connected() as connection:
            return self.write(connection, resource_type, made, now)

    def update(
        self,
        resource_type: ResourceType,
        resource: Resource[Any],
        *,
        expected_version: str | None = None,
    ) -> Resource[Any]:
        """Replace a resource, and what the records say of the person it is."""
        with self.connected() as connection:
            before = self.row(connection, resource_type, cast(str, resource.id))
            check_version(before, expected_version)
            changed = resource.model_copy(deep=True)
            now = to_micros(self.clock())
            return self.write(connection, resource_type, changed, now, before)

    def delete(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        expected_version: str | None = None,
    ) -> None:
        """Remove a resource; a person's access ends with their user."""
        with self.connected() as connection:
            before = self.row(connection, resource_type, resource_id)
            check_version(before, expected_version)
            connection.execute(sa.delete(TABLE).where(TABLE.c.id == before["id"]))
            if before["employee_id"] is not None:
                self.people.end_access(connection, before["employee_id"], to_micros(self.clock()))

    def row(self, connection: sa.Connection, resource_type: ResourceType, resource_id: str) -> Row:
        """Return a kept resource; raise NotFoundException where there is none of that type."""
        mine = (TABLE.c.resource_type == resource_type.name) & (TABLE.c.resource_id == resource_id)
        row = connection.execute(sa.select(TABLE).where(mine)).mappings().first()
        if row is None:
            raise NotFoundException(detail=f"There is no such {resource_type.name}.")
        return row

    def read(self, row: Row) -> Resource[Any]:
        """Return a kept resource as SCIM has it."""
        kind = next(each for each in self.provider.resource_types if each.name == row["resource_type"])
        model = cast(type[Resource[Any]], self.provider.model_for(kind))
        resource: Resource[Any] = model.model_validate_json(row["payload"])
        resource.meta = Meta(
            resource_type=row["resource_type"],
            created=from_micros(row["created_at"]),
            last_modified=from_micros(row["modified_at"]),
            version=f'W/"{row["version"]}"',
        )
        return resource

    def write(
        self,
        connection: sa.Connection,
        kind: ResourceType,
        resource: Any,
        now: int,
        before: Row | None = None,
    ) -> Resource[Any]:
        """Keep a resource as it is now, without a password, and return it."""
        resource.meta = None
        unique_name = employee_id = None
        if kind.name == "User":
            resource.password = None
            unique_name = name_key(resource.user_name)
            refuse_taken(connection, unique_name, resource.id)
            said_before = self.read(before) if before is not None else None
            was = before["employee_id"] if before is not None else None
            employee_id = self.people.keep(connection, resource, now, said_before, was)
        row = {
            "resource_type": kind.name, "resource_id": resource.id, "unique_name": unique_name, "employee_id": employee_id,
            "version": before["version"] + 1 if before is not None else 1,
            "created_at": before["created_at"] if before is not None else now,
            "modified_at": now, "payload": resource.model_dump_json(),
        }  # fmt: skip
        self.store.upsert(connection, "scim_resources", [row])
        return self.read(cast(Row, row))


def position_of(number: int, is_after: bool) -> dict[str, Any]:
    """Return where a page begins after a row, or ends before one."""
    return {"row": number, "after": is_after}


def rows_beside(connection: sa.Connection, query: sa.Select[Any], position: Any) -> list[Row]:
    """Return the rows of a page that begins after, or ends before, a position; the first page without one.

    Raises
    ------
    InvalidCursorException
        If the position is of a search in another order.
    """
    if position is None:
        return list(connection.execute(query.order_by(TABLE.c.id)).mappings())
    number, is_after = position.get("row"), position.get("after")
    if not isinstance(number, int):
        raise InvalidCursorException
    if is_after:
        return list(connection.execute(query.where(TABLE.c.id > number).order_by(TABLE.c.id)).mappings())
    before = query.where(TABLE.c.id < number).order_by(TABLE.c.id.desc())
    return list(reversed(connection.execute(before).mappings().all()))


def any_of(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> bool:
    """Say whether there is any row of a condition."""
    return connection.execute(sa.select(TABLE.c.id).where(condition).limit(1)).first() is not None


def refuse_taken(connection: sa.Connection, unique_name: str, own_id: str) -> None:
    """Raise UniquenessException where another user has the name."""
    other = (TABLE.c.unique_name == unique_name) & (TABLE.c.resource_id != own_id)
    taken = sa.select(TABLE.c.id).where(TABLE.c.resource_type == "User", other)
    if connection.execute(taken.limit(1)).first() is not None:
        raise UniquenessException(detail="Another user has this userName.")


def check_version(row: Row, expected: str | None) -> None:
    """Raise PreconditionFailedException where a resource is no longer what the caller saw."""
    if expected is not None and expected != f'W/"{row["version"]}"':
        raise PreconditionFailedException

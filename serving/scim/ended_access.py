"""A person whose account is deactivated is refused at once, whatever key or token acts for them."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from starlette.types import ASGIApp, Receive, Scope, Send

from features.records.schema import METADATA
from features.records.store import Store
from serving.access import refuse_unknown

TABLE = METADATA.tables["ended_access"]


class EndedAccess:
    """Refuse callers that act for somebody whose access has ended.

    Parameters
    ----------
    app : ASGI application
        What answers.
    store : Store
        Says whose access has ended.
    """

    def __init__(self, app: ASGIApp, store: Store) -> None:
        self.app, self.store = app, store
        self.known: set[str] = set()  # what was last seen, for when the store is away

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Look the person up, and refuse or go on."""
        asks = scope.get("caller") if scope["type"] == "http" else None
        person = asks.employee_id if asks is not None else None
        if person is not None and await asyncio.to_thread(self.has_ended, person):
            scope["caller"] = None
            await refuse_unknown(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def has_ended(self, employee_id: str) -> bool:
        """Say whether a person's access has ended; as last seen where the store does not answer."""
        query = sa.select(TABLE.c.employee_id).where(TABLE.c.employee_id == employee_id)
        try:
            with self.store.reading() as connection:
                is_ended = connection.execute(query).first() is not None
        except sa.exc.SQLAlchemyError:
            return employee_id in self.known
        (self.known.add if is_ended else self.known.discard)(employee_id)
        return is_ended

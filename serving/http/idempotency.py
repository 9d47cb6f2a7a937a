"""`Idempotency-Key`: a POST that was finished is answered again in the same words, and done once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from features.records import row_security
from features.records.moments import to_micros
from features.records.schema import METADATA
from serving.house import House
from serving.http.limits import header
from serving.http.problems import MEDIA_TYPE, refuse

TABLE = METADATA.tables["idempotent_answers"]
NAME = b"idempotency-key"
LONGEST_KEY = 255
RUNNING = 0
GIVEN_UP = timedelta(minutes=2)  # a request that was cut off is done again after this
KEPT_FOR = timedelta(hours=24)


@dataclass
class Answer:
    """An answer on its way out."""

    status: int = 0
    body: list[bytes] = field(default_factory=list)


class Idempotency:
    """Do a POST with an `Idempotency-Key` once.

    Parameters
    ----------
    app : ASGI application
        What answers.
    house : House
        Where finished answers are kept.
    """

    def __init__(self, app: ASGIApp, house: House) -> None:
        self.app, self.house = app, house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer again, refuse, or do it and keep the answer."""
        key = header(scope, NAME) if scope["type"] == "http" and scope["method"] == "POST" else b""
        if not key or scope.get("caller") is None:
            await self.app(scope, receive, send)
            return
        if len(key) > LONGEST_KEY or not key.isascii():
            await refuse(
                scope, receive, send, 400, f"An Idempotency-Key has at most {LONGEST_KEY} ASCII characters."
            )
            return
        row = {
            "idempotency_key": key.decode(),
            "actor": scope["caller"].prefix,
            "request_digest": digest(scope),
        }
        before = await asyncio.to_thread(self.claim, row)
        if before is None:
            await self.do(row, scope, receive, send)
        elif before["request_digest"] != row["request_digest"]:
            await refuse(scope, receive, send, 422, "This Idempotency-Key was used for another request.")
        elif before["status"] == RUNNING:
            later = {"Retry-After": "1"}
            await refuse(
                scope, receive, send, 409, "The first request of this key is running.", headers=later
            )
        else:
            await stored_answer(before)(scope, receive, send)

    def claim(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """Take a key, or return what stands under it."""
        now = self.house.clock()
        mine = (TABLE.c.idempotency_key == row["idempotency_key"]) & (TABLE.c.actor == row["actor"])
        cut_off = (TABLE.c.status == RUNNING) & (TABLE.c.at < to_micros(now - GIVEN_UP))
        old = TABLE.c.at < to_micros(now - KEPT_FOR)
        new = {**row, "status": RUNNING, "answer": "", "at": to_micros(now)}
        with self.house.store.transaction() as connection:
            connection.execute(sa.delete(TABLE).where(mine & (cut_off | old)))
            if self.house.store.append(connection, "idempotent_answers", [new]):
                return None
            found = connection.execute(sa.select(TABLE).where(mine)).mappings().one()
        return dict(found)

    async def do(self, row: dict[str, Any], scope: Scope, receive: Receive, send: Send) -> None:
        """Do the request and keep its answer; one that failed here is forgotten, so that it can be tried again."""
        answer = Answer()

        async def listening(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
            elif message["type"] == "http.response.body":
                answer.body.append(message.get("body", b""))
                if not message.get("more_body", False):
                    await asyncio.to_thread(self.keep, row, answer)
            await send(message)

        try:
            await self.app(scope, receive, listening)
        except Exception:
            await asyncio.to_thread(self.keep, row, Answer(500))
            raise

    @row_security.everybody()  # called while the operation answers, behind its caller's lock
    def keep(self, row: dict[str, Any], answer: Answer) -> None:
        """Keep a finished answer."""
        mine = (TABLE.c.idempotency_key == row["idempotency_key"]) & (TABLE.c.actor == row["actor"])
        with self.house.store.transaction() as connection:
            if answer.status >= 500:
                connection.execute(sa.delete(TABLE).where(mine))
                return
            text = b"".join(answer.body).decode()
            connection.execute(sa.update(TABLE).where(mine).values(status=answer.status, answer=text))


def forget_old(house: House) -> None:
    """Remove answers that are kept for longer than they can be asked for again."""
    oldest = to_micros(house.clock() - KEPT_FOR)
    with house.store.transaction() as connection:
        connection.execute(sa.delete(TABLE).where(TABLE.c.at < oldest))


def digest(scope: Scope) -> str:
    """Return the SHA-256 of a request's route and body."""
    total = hashlib.sha256(scope["path"].encode("utf-8", "replace") + b"\n" + scope["query_string"] + b"\n")
    total.update(scope.get("body", b""))
    return total.hexdigest()


def stored_answer(row: dict[str, Any]) -> Response:
    """Return a kept answer, marked as such."""
    kind = MEDIA_TYPE if row["status"] >= 400 else "application/json"
    return Response(row["answer"], row["status"], {"Idempotency-Replayed": "true"}, kind)

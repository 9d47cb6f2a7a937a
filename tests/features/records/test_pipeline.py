"""Statements under way on one PostgreSQL session: each gets its own answer, an error its own, a lost session is replaced."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import psycopg
import pytest

from features.records import pipeline
from features.records.readers import Reader
from features.records.row_security import only
from features.records.store import Store, open_store

pytestmark = pytest.mark.postgres
ASKED = "SELECT CAST(10 / CAST($1 AS bigint) AS text), current_setting('skillpath.people'), CAST(pg_backend_pid() AS text)"


@pytest.fixture
def opened(postgres_url: str) -> Iterator[Store]:
    store = open_store(postgres_url, upgrade=False)
    yield store
    store.close()


def test_each_of_many_gets_its_own_answer_and_an_error_is_nobody_elses(opened: Store) -> None:
    async def ask() -> list[object]:
        waiting = [opened.readers.row(ASKED, [str(number).encode()]) for number in (1, 2, 0, 5)]
        return [
            one if isinstance(one, BaseException) else one[0]
            for one in await asyncio.gather(*waiting, return_exceptions=True)
        ]

    one, two, none, five = asyncio.run(ask())
    assert (one, two, five) == (b"10", b"5", b"2")
    assert isinstance(none, psycopg.Error)
    assert "division by zero" in str(none)


def test_the_session_shows_everybody_whoever_opened_it(opened: Store) -> None:
    async def ask() -> bytes | None:
        with only(["ann"]):
            return (await opened.readers.row(ASKED, [b"1"]))[1]

    assert asyncio.run(ask()) == b"*"


def test_a_session_that_the_server_ended_is_replaced(opened: Store, postgres_url: str) -> None:
    async def ask() -> tuple[bytes | None, bytes | None]:
        first = (await opened.readers.row(ASKED, [b"1"]))[2]
        assert first is not None
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", [int(first)])
        return first, (await opened.readers.row(ASKED, [b"1"]))[2]

    first, second = asyncio.run(ask())
    assert second is not None
    assert second != first


def test_each_loop_has_a_session_of_its_own(opened: Store) -> None:
    async def ask() -> bytes | None:
        return (await opened.readers.row(ASKED, [b"1"]))[2]

    assert asyncio.run(ask()) != asyncio.run(ask())


def test_a_server_that_owes_an_answer_for_too_long_counts_as_lost(
    opened: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "MOST_SECONDS", 0.05)
    slow = "SELECT CAST(pg_sleep(CAST($1 AS double precision)) AS text)"

    async def ask() -> None:
        await opened.readers.row(slow, [b"30"])

    with pytest.raises(psycopg.OperationalError, match="does not answer"):
        asyncio.run(ask())


def test_whoever_left_is_not_waited_for(opened: Store) -> None:
    async def ask() -> bytes | None:
        gone = asyncio.ensure_future(opened.readers.row(ASKED, [b"1"]))
        await asyncio.sleep(0)
        gone.cancel()
        return (await opened.readers.row(ASKED, [b"5"]))[0]

    assert asyncio.run(ask()) == b"2"


def test_while_the_server_is_away_not_everybody_tries_to_reach_it(opened: Store) -> None:
    tried: list[str] = []

    def away() -> Reader:
        tried.append("again")
        raise psycopg.OperationalError("nobody there")

    async def ask() -> list[object]:
        asked = pipeline.Pipeline(away, ASKED)
        return list(await asyncio.gather(*(asked.row([b"1"]) for _ in range(20)), return_exceptions=True))

    assert all(isinstance(one, psycopg.OperationalError) for one in asyncio.run(ask()))
    assert tried == ["again"]

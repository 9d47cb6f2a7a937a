"""A worker that stops loses nobody: not even a caller whose connection it took a moment before."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvicorn

from serving import worker
from serving.http.envelope import Drain, Envelope

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"


async def answer(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer everything with 200."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


class Standing:
    """A worker's server in this very loop, and the pipes it was given."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.drain = Drain()
        self.ready, ready_end = os.pipe()
        self.leash, self.leash_end = os.pipe()
        config = uvicorn.Config(
            Envelope(answer, self.drain),
            http="httptools",
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=5,
        )
        self.server = worker.DrainingServer(config, self.drain, 0.0, ready_end, self.leash)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection and return once the worker took it."""
        before = len(self.server.server_state.connections)
        opened = await asyncio.open_connection(*self.listener.getsockname())
        while len(self.server.server_state.connections) == before:
            await asyncio.sleep(0.001)
        return opened

    async def stopping(self) -> None:
        """Tell the worker to stop, and return once it takes no more connections."""
        self.server.handle_exit(15, None)
        while any(server.is_serving() for server in self.server.servers):
            await asyncio.sleep(0.001)

    def close(self) -> None:
        """Close what was opened."""
        self.listener.close()
        for descriptor in (self.ready, self.leash, self.leash_end):
            os.close(descriptor)


def stand(play: Callable[[Standing], Awaitable[None]]) -> None:
    """Run a play against a worker's server, and see it end."""

    async def run() -> None:
        standing = Standing()
        serving = asyncio.create_task(standing.server.serve([standing.listener]))
        try:
            while not standing.server.started:
                await asyncio.sleep(0.001)
            await play(standing)
            await asyncio.wait_for(serving, 30)
        finally:
            standing.close()

    asyncio.run(run())


def test_a_request_on_a_connection_taken_just_before_the_stop_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "FIRST_REQUEST_SECONDS", 30.0)

    async def play(standing: Standing) -> None:
        reader, writer = await standing.connect()
        await standing.stopping()
        await asyncio.sleep(2 * worker.SETTLE_SECONDS)
        writer.write(REQUEST)
        said = await reader.read()
        assert said.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in said
        writer.close()

    stand(play)


def test_a_connection_that_never_asks_does_not_keep_a_worker_from_stopping(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "FIRST_REQUEST_SECONDS", 0.3)

    async def play(standing: Standing) -> None:
        reader, writer = await standing.connect()
        await standing.stopping()
        assert await reader.read() == b""
        writer.close()

    stand(play)


def test_an_answer_while_stopping_asks_for_another_connection_and_one_before_does_not() -> None:
    async def play(standing: Standing) -> None:
        reader, writer = await standing.connect()
        writer.write(REQUEST)
        before = await reader.readuntil(b"\r\n\r\n")
        standing.drain.is_draining = True
        writer.write(REQUEST)
        during = await reader.read()
        assert b"connection: close" not in before
        assert b"connection: close" in during
        writer.close()
        standing.drain.is_draining = False
        await standing.stopping()

    stand(play)

"""A worker process: answers on the socket it inherited, and drains before it stops."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Iterator
from types import FrameType

import uvicorn

from features.errors import SkillpathError
from serving.app import create_app
from serving.http.door import Door, behind
from serving.http.envelope import Drain
from serving.http.logs import configure
from serving.settings import read_settings

log = logging.getLogger("skillpath.worker")

GRACE_SECONDS = 4
KEEP_ALIVE_SECONDS = 75
SIGNALS = (signal.SIGTERM, signal.SIGINT)
FIRST_REQUEST_SECONDS = 1.0  # how long a stopping worker waits for what a connection that it took will ask
SETTLE_SECONDS = (
    0.2  # until a connection that was just taken is seen as one: its handshake, where it is encrypted
)


class DrainingServer(uvicorn.Server):  # type: ignore[misc]
    """Uvicorn that goes on answering for a moment after it is told to stop, closing each connection as it does.

    Parameters
    ----------
    config : uvicorn.Config
        What to serve.
    drain : Drain
        Told when it begins.
    drain_seconds : float
        How long the moment is.
    ready : int
        Pipe end that is closed once requests are answered.
    leash : int
        Pipe end that reads as closed when the parent process is gone.
    """

    def __init__(
        self, config: uvicorn.Config, drain: Drain, drain_seconds: float, ready: int, leash: int
    ) -> None:
        super().__init__(config)
        self.drain, self.drain_seconds, self.ready, self.leash = drain, drain_seconds, ready, leash

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Begin to drain at the first signal, stop at once at the second."""
        self.loop = asyncio.get_running_loop()
        before = {each: signal.signal(each, self.handle_exit) for each in SIGNALS}
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain, or stop."""
        if self.drain.is_draining:
            super().handle_exit(sig, frame)
            return
        self.begin_to_drain()

    def begin_to_drain(self) -> None:
        """Ask callers for new connections from now on, and stop a moment later."""
        self.drain.is_draining = True
        self.loop.call_soon_threadsafe(self.loop.call_later, self.drain_seconds, self.stop)

    def stop(self) -> None:
        """Leave the main loop."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer, say so, and watch the parent."""
        await super().startup(sockets)
        with contextlib.suppress(BrokenPipeError):  # nobody waits for a worker that replaces another
            os.write(self.ready, b"1")
        os.close(self.ready)
        self.loop.add_reader(self.leash, self.parent_is_gone)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no more connections, let each that was taken ask what it came for, and then close them.

        Notes
        -----
        Callers open a connection to ask at once. One that was taken just now and closed before its request was read would
        be lost to its caller; one that has had its answer was told to close with it.
        """
        for server in self.servers:
            server.close()
        deadline = self.loop.time() + FIRST_REQUEST_SECONDS
        await asyncio.sleep(SETTLE_SECONDS)
        while self.is_expecting() and self.loop.time() < deadline and not self.force_exit:
            await asyncio.sleep(SETTLE_SECONDS / 10)
        await super().shutdown(sockets)

    def is_expecting(self) -> bool:
        """Say whether a connection was taken that has not asked anything yet."""
        return any(connection.cycle is None for connection in self.server_state.connections)

    def parent_is_gone(self) -> None:
        """Stop because nobody would restart or stop this process any more."""
        self.loop.remove_reader(self.leash)
        if not self.drain.is_draining:
            self.begin_to_drain()


def serve(listener: socket.socket, ready: int, leash: int) -> None:
    """Answer until told to stop."""
    settings = read_settings()
    configure(settings.log_level)
    drain, door = Drain(), Door()
    config = uvicorn.Config(
        create_app(settings, drain=drain, door=door),
        loop="uvloop",
        http=behind(door, drain),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=settings.trusted_proxies.split(),
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    DrainingServer(config, drain, settings.drain_seconds, ready, leash).run(sockets=[listener])


def main(arguments: list[str]) -> int:
    """Run a worker on inherited file descriptors; return its exit code."""
    listener, ready, leash = (int(argument) for argument in arguments)
    try:
        serve(socket.socket(fileno=listener), ready, leash)
    except SkillpathError as error:
        sys.stderr.write(f"skillpath: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""The supervisor: opens the socket, keeps workers and the puller running, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from types import FrameType

from features.errors import SkillpathError, UnavailableError
from serving.operation.running import running_or_not
from serving.processes import Kept, Succession
from serving.settings import ServingSettings

BACKLOG = 2048
PULLER = "puller"
TURN_SECONDS = 0.1
STOP_SECONDS = 8.0
TEACHING_EXITS = (1, 2, 3, 4, 5)  # the process said itself what is wrong
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")


class Supervisor:
    """Runs the service's processes.

    Parameters
    ----------
    settings : ServingSettings
        How it runs; the processes read the same from their environment.
    environment : dict
        Environment of the processes.
    tell : callable
        Called with a sentence when something a person wants to know happens.
    """

    def __init__(
        self, settings: ServingSettings, environment: dict[str, str], tell: Callable[[str], None]
    ) -> None:
        threads = dict.fromkeys(THREADS, str(settings.threads))
        self.settings, self.tell = settings, tell
        self.environment = {**threads, **environment}
        if settings.metrics_port is not None:
            from serving.metrics import prepare  # its libraries only where something is measured

            self.environment = prepare(settings, self.environment)
        self.is_stopping = self.has_answered = False
        self.listener = listen(settings)
        self.leash, self.leash_end = os.pipe()
        self.ready: int | None = None
        workers = [Kept(f"worker {number}", self.start_worker) for number in range(settings.workers)]
        measured = [] if settings.metrics_port is None else [Kept("metrics", self.start_metrics)]
        self.kept = [*workers, Kept(PULLER, self.start_puller), *measured]
        self.succession = Succession(self.start_waiting, tell)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.listener.getsockname()[:2]
        scheme = "https" if self.settings.tls_certificate else "http"
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def start_worker(self) -> subprocess.Popen[bytes]:
        """Start a worker on the socket; listen for the first of all to answer."""
        process, ready = self.start_waiting()
        if self.ready is None and not self.has_answered:
            self.ready = ready
        else:
            os.close(ready)
        return process

    def start_waiting(self) -> tuple[subprocess.Popen[bytes], int]:
        """Start a worker on the socket; return it with the pipe end that says when it answers."""
        ready, ready_end = os.pipe()
        descriptors = (self.listener.fileno(), ready_end, self.leash)
        process = self.start("serving.worker", *map(str, descriptors), descriptors=descriptors)
        os.close(ready_end)
        return process, ready

    def start_puller(self) -> subprocess.Popen[bytes]:
        """Start the puller."""
        return self.start("serving.models.puller", str(os.getpid()))

    def start_metrics(self) -> subprocess.Popen[bytes]:
        """Start what answers `/metrics`."""
        return self.start("serving.metrics")

    def start(
        self, module: str, *arguments: str, descriptors: tuple[int, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """Start a process of this very program."""
        command = [sys.executable, "-m", module, *arguments]
        return subprocess.Popen(  # noqa: S603 - this very program
            command, env=self.environment, pass_fds=descriptors, stdin=subprocess.DEVNULL
        )

    def run(self) -> None:
        """Keep everything running until told to stop.

        Raises
        ------
        SkillpathError
            If no worker could start; its exit code is the worker's, which has said why.
        """
        with running_or_not(self.settings, is_alone=False), self.signals():
            try:
                while not self.is_stopping:
                    self.turn()
            finally:
                self.stop()

    def turn(self) -> None:
        """Tend every process once."""
        for kept in self.kept:
            if kept.name == PULLER and not self.has_answered:
                continue  # it would take a core from the workers' start, and what is on the shelf answers meanwhile
            code = kept.tend()
            if code is None:
                continue
            if code in TEACHING_EXITS and kept.name.startswith("worker") and not self.has_answered:
                error = SkillpathError("The service cannot start.")
                error.exit_code = code
                raise error
            self.tell(f"{kept.name} ended with {code}; starting another.")
        self.succession.turn()
        self.listen_for_ready()

    def listen_for_ready(self) -> None:
        """Wait a moment, and say when the first worker answers."""
        if self.ready is None:
            time.sleep(TURN_SECONDS)
            return
        readable, _, _ = select.select([self.ready], [], [], TURN_SECONDS)
        if not readable:
            return
        if os.read(self.ready, 1):
            self.has_answered = True
            self.tell(f"Skillpath listens on {self.url} (contract: {self.url}/docs). Ctrl-C stops it.")
        os.close(self.ready)
        self.ready = None

    def stop(self) -> None:
        """Let the workers drain, then end whatever is left; close what was opened."""
        kept = [each.process for each in self.kept if each.process]
        running = [each for each in (*kept, *self.succession.processes()) if each.poll() is None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.settings.drain_seconds + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.listener.close()
        for descriptor in (self.leash, self.leash_end, self.ready):
            if descriptor is not None:
                os.close(descriptor)

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Stop at SIGTERM and Ctrl-C, replace the workers at SIGHUP."""
        before = {each: signal.signal(each, self.ask_to_stop) for each in (signal.SIGTERM, signal.SIGINT)}
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, self.ask_to_replace)
        try:
            yield
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)

    def ask_to_stop(self, _signal: int, _frame: FrameType | None) -> None:
        """Note that the service is to stop."""
        self.is_stopping = True

    def ask_to_replace(self, _signal: int, _frame: FrameType | None) -> None:
        """Note that every worker is to be replaced."""
        self.succession.ask(kept for kept in self.kept if kept.name.startswith("worker"))


def listen(settings: ServingSettings) -> socket.socket:
    """Open the socket that workers inherit; raise UnavailableError where it cannot be opened."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        raise UnavailableError(
            f"Port {settings.port} of {settings.host} cannot be opened.",
            found=error.strerror or str(error),
            hint="Choose another by --port, or stop what listens there.",
        ) from error
    return listener

"""Requests at an even rate from one thread, by bare sockets: the load generator must take less of the machine than what it loads."""

from __future__ import annotations

import gc
import selectors
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

CONNECTIONS = 64
NAP_SECONDS = 0.002
PATIENCE_SECONDS = 10.0
MOST_BYTES = 65_536


@dataclass(frozen=True)
class Question:
    """What is asked again and again.

    Parameters
    ----------
    name : str
        Names its answers.
    request : bytes
        As it is sent.
    per_second : float
        How often, evenly spaced, whether or not earlier ones were answered.
    """

    name: str
    request: bytes
    per_second: float


@dataclass(frozen=True)
class Answer:
    """One answer: to which question, its status, whether it says when to come again, the seconds since it was due, and then."""

    name: str
    status: bytes
    says_when: bool
    seconds: float
    due_at: float


class Asking:
    """One kept connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.name, self.due_at, self.read = "", 0.0, b""

    def ask(self, question: Question, due_at: float) -> None:
        """Send a request; it is far shorter than what a socket takes at once."""
        self.name, self.due_at, self.read = question.name, due_at, b""
        self.socket.send(question.request)

    def answer(self) -> Answer | None:
        """Return the answer once it is whole; raise ConnectionError where the connection was closed before."""
        part = self.socket.recv(MOST_BYTES)
        if not part:
            raise ConnectionError("closed in the middle of an answer")
        self.read += part
        end = self.read.find(b"\r\n\r\n")
        if end < 0:
            return None
        place = self.read.find(b"content-length: ", 0, end) + 16
        if len(self.read) < end + 4 + int(self.read[place : self.read.index(b"\r\n", place)]):
            return None
        says_when = self.read.find(b"retry-after: ", 0, end) > 0
        return Answer(self.name, self.read[9:12], says_when, time.perf_counter() - self.due_at, self.due_at)


def flood(port: int, questions: Sequence[Question], seconds: float) -> list[Answer]:
    """Ask every question at its rate; what finds no free connection is asked late, and its wait counts.

    Parameters
    ----------
    port : int
        Of a server on loopback that answers with `content-length`.
    questions : sequence of Question
        What is asked.
    seconds : float
        How long.

    Returns
    -------
    list of Answer
        One for each request; of those without an answer 10 s after the end with no status.
    """
    with no_collection():
        return flooded(port, questions, seconds)


@contextmanager
def no_collection() -> Iterator[None]:
    """Keep the collector of this process from walking through a hundred thousand answers: that pause is none of the service's."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def flooded(port: int, questions: Sequence[Question], seconds: float) -> list[Answer]:
    """Do it."""
    answers: list[Answer] = []
    started = time.perf_counter()
    due = [started + 1.0 / question.per_second for question in questions]
    with selectors.EpollSelector() as selector:
        idle = deque(Asking(port) for _ in range(CONNECTIONS))
        for each in idle:
            selector.register(each.socket, selectors.EVENT_READ, each)
        while time.perf_counter() < started + seconds + PATIENCE_SECONDS:
            ask_what_is_due(questions, due, idle, started + seconds)
            if min(due) > started + seconds and len(idle) == CONNECTIONS:
                break
            for key, _ in selector.select(nap(min(due), bool(idle))):
                found = key.data.answer()
                if found is not None:
                    answers.append(found)
                    idle.append(key.data)
        for registered in list(selector.get_map().values()):
            each = registered.data
            if each not in idle:
                answers.append(Answer(each.name, b"", False, float("inf"), each.due_at))
            each.socket.close()
    return answers


def ask_what_is_due(
    questions: Sequence[Question], due: list[float], idle: deque[Asking], ends: float
) -> None:
    """Ask each question as often as its time has come, as long as a connection is free; note when it is due next."""
    now = min(time.perf_counter(), ends)
    for place, question in enumerate(questions):
        while due[place] <= now and idle:
            idle.popleft().ask(question, due[place])
            due[place] += 1.0 / question.per_second


def nap(due_at: float, has_idle: bool) -> float:
    """Return how long to wait for answers: until the next request is due, where a connection is free to send it."""
    return min(NAP_SECONDS, max(0.0, due_at - time.perf_counter())) if has_idle else NAP_SECONDS

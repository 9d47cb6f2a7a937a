"""Row 8: bodies that nobody should read, sent to a running worker whose memory is looked at."""

from __future__ import annotations

import http.client
import json
import re
import socket
import time
import zlib
from collections.abc import Iterable, Iterator
from itertools import repeat
from pathlib import Path

from benchmarks.trust.killing import Running, running
from benchmarks.trust.requests import event
from benchmarks.trust.scorecard import Effort, Fact

MOST_MIB = 20.0


def bodies(effort: Effort) -> Iterator[Fact]:
    """Send bodies that are too large, endless, compressed bombs, or nested 100,000 deep."""
    rounds = effort.of(40)
    with running() as service:
        for number in range(200):  # warm, so that what is measured is the bodies' own
            service.ask("POST", "/v1/events", json.dumps(event(number)))
        worker, statuses = service.workers()[0], set()
        before = peak_mib(worker)
        for _ in range(rounds):
            statuses |= {
                ("200 MB declared", send(service, {"Content-Length": "200000000"}, [b"x" * 1_000])),
                ("endless", send(service, {"Transfer-Encoding": "chunked"}, chunks(repeat(b"x" * 65_536)))),
                ("gzip bomb", sized(service, gzip_bomb(200), {"Content-Encoding": "gzip"})),
                ("100,000 deep", sized(service, b"[" * 100_000)),
            }
        grown, after = peak_mib(worker) - before, service.ask("GET", "/v1/models")
        is_same = service.workers() == [worker]
    found = f"{dict(sorted(statuses))}; + {grown:.0f} MiB; the same worker answers {after}"
    holds = (
        {status for _, status in statuses} <= {400, 413, 415}
        and grown <= MOST_MIB
        and after == 200
        and is_same
    )
    yield Fact(
        f"200 MB, endless, gzip bomb, 100,000 deep: {rounds} times", found, "413/400/415; ≤ + 20 MiB", holds
    )


def sized(service: Running, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Send a body with its length; return the status."""
    return send(service, {"Content-Length": str(len(body)), **(headers or {})}, [body])


def chunks(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield parts as chunks of a body without a length."""
    for part in parts:
        yield f"{len(part):x}\r\n".encode() + part + b"\r\n"


def send(service: Running, headers: dict[str, str], parts: Iterable[bytes]) -> int:
    """Send a body until there is an answer; return its status, 0 where there is none."""
    said = {"Host": "127.0.0.1", "X-API-Key": service.key, "Content-Type": "application/json", **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(f"POST /v1/events HTTP/1.1\r\n{head}\r\n".encode())
        try:
            for part in parts:
                connection.sendall(part)
                if is_answered(connection):
                    break
        except OSError:  # the service closed what it does not read
            pass
        return status_of(connection)


def is_answered(connection: socket.socket) -> bool:
    """Say whether something has come back."""
    connection.setblocking(False)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(10)


def status_of(connection: socket.socket) -> int:
    """Return the status of what came back, 0 where nothing did."""
    answer = http.client.HTTPResponse(connection)
    try:
        answer.begin()
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        time.sleep(0.01)
    return answer.status


def gzip_bomb(megabytes: int) -> bytes:
    """Return a small body that unpacks to so many megabytes."""
    packed, block = zlib.compressobj(9, wbits=31), b"0" * 1_000_000
    return b"".join([*(packed.compress(block) for _ in range(megabytes)), packed.flush()])


def peak_mib(pid: int) -> float:
    """Return the most memory a process has had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1024 if found else 0.0

"""Row 7: ten times as much as one caller may send; what is let in is answered as ever, the rest told when to come again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack

import numpy as np

from benchmarks.http_load import request
from benchmarks.processes import on_core
from benchmarks.trust.flood import Answer, Question, flood
from benchmarks.trust.killing import Running, running
from benchmarks.trust.scorecard import Effort, Fact

LIMIT, TIMES, SECONDS = 200, 10, 60
LIVE_PER_SECOND = 5.0
MOST_TIMES, REFUSED_MS, LIVE_MS = 2.0, 50.0, 100.0
LATER = (b"429", b"503")
COURSE, LIVE = "/v1/courses/C1", "/health/live"


def overload(effort: Effort) -> Iterator[Fact]:
    """Send half of what one caller may, then ten times as much, asking meanwhile whether the service lives."""
    seconds = max(3, effort.of(SECONDS))
    with ExitStack() as stack:
        with on_core(min):
            service = stack.enter_context(running(requests_per_second=str(LIMIT)))
        stack.enter_context(on_core(max))
        sent(service, LIMIT / 2, 2.0)
        nominal = sent(service, LIMIT / 2, seconds)
        sent(service, LIMIT * TIMES, 2.0)  # what may come at once has come; the time after is asked about
        began = time.process_time()
        found = sent(service, LIMIT * TIMES, seconds)
        generator = (time.process_time() - began) / seconds
    yield judged(nominal, found, seconds, generator)


def sent(service: Running, rate: float, seconds: float) -> list[Answer]:
    """Send requests for a course at a rate, and a few that ask whether the service lives."""
    asked = {COURSE: rate, LIVE: LIVE_PER_SECOND}
    questions = [Question(path, request(path, service.key, service.port), asked[path]) for path in asked]
    return flood(service.port, questions, seconds)


def judged(nominal: Sequence[Answer], found: Sequence[Answer], seconds: int, generator: float) -> Fact:
    """Return what came of a flood, beside what a caller within the limit got."""
    courses = [each for each in found if each.name == COURSE]
    let_in = [each for each in courses if each.status == b"200"]
    refused = [each for each in courses if each.status in LATER and each.says_when]
    before, during, refusal = (p99_ms(some) for some in (of_courses(nominal), let_in, refused))
    live = [each.seconds if each.status == b"200" else float("inf") for each in found if each.name == LIVE]
    live_ms = max(live, default=float("inf")) * 1e3
    other = len(courses) - len(let_in) - len(refused)
    what = f"{LIMIT * TIMES:,} requests/s for {seconds} s, {LIMIT}/s allowed"
    said = (
        f"{len(let_in):,} answered, p99 {during:.1f} ms ({before:.1f} ms at half the limit); {len(refused):,} refused with "
        f"Retry-After, p99 {refusal:.1f} ms; {other} otherwise; live {live_ms:.0f} ms at most; "
        f"the generator took {generator:.0%} of another core; in the middle one of all seconds p99 "
        f"{middle_second_ms(let_in):.1f} ms ({middle_second_ms(of_courses(nominal)):.1f} ms)"
    )
    holds = during <= MOST_TIMES * before and refusal <= REFUSED_MS and live_ms <= LIVE_MS and not other
    return Fact(what, said, f"≤ {MOST_TIMES:.0f} times; ≤ {REFUSED_MS:.0f} ms; 0; ≤ {LIVE_MS:.0f} ms", holds)


def of_courses(answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers about the course."""
    return [each for each in answers if each.name == COURSE]


def middle_second_ms(answers: Sequence[Answer]) -> float:
    """Return the median of the seconds' own p99 in milliseconds: what others on the machine do for a moment moves it little."""
    seconds: dict[int, list[Answer]] = {}
    for each in answers:
        seconds.setdefault(int(each.due_at), []).append(each)
    return float(np.median([p99_ms(some) for some in seconds.values()])) if seconds else float("nan")


def p99_ms(answers: Sequence[Answer]) -> float:
    """Return the 99th percentile of latencies in milliseconds; NaN, which is below nothing, without any."""
    return float(np.percentile([each.seconds for each in answers], 99)) * 1e3 if answers else float("nan")

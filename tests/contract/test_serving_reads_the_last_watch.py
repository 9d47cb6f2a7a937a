"""What training writes of a watch is what the service's metrics port tells; a torn or foreign file is left out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from serving.watched import MOST_BYTES, LastWatch, read
from training.drift import Drift
from training.evaluation import Interval
from training.watching.report import keep_last
from training.watching.watch import Watch
from training.watching.worth import Worth

FOUND = Watch(
    "recommendation",
    "3",
    "2026-01-01",
    [Drift("events a person", 0.6, 1e-9, 1e-8, 500, 500)],
    worths=[Worth("shadow", "4", 60, Interval(0.3, 0.2, 0.4), why_not="")],
)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"metrics": 3}', b'{"version": "1", "metrics": {"a": "b"}}', b" " * (MOST_BYTES + 1)]
)  # fmt: skip
def test_a_file_that_is_none_of_a_watch_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "skills.json").write_bytes(content)
    assert read(tmp_path / "skills.json") is None
    assert read(tmp_path / "missing.json") is None


def test_the_numbers_of_the_last_watch_are_gauges(tmp_path: Path) -> None:
    registry = pytest.importorskip("prometheus_client", reason="metrics are an extra").CollectorRegistry()
    os.utime(keep_last(FOUND, tmp_path / "watch"), (0, 0))
    registry.register(LastWatch(tmp_path / "watch"))
    own = {"question": "recommendation", "version": "3"}
    assert registry.get_sample_value("skillpath_watch_alarms", own) == 1
    assert registry.get_sample_value("skillpath_watch", own | {"number": "drift/events a person"}) == 0.6
    assert registry.get_sample_value("skillpath_watch", own | {"number": "shadow/taken_share_low"}) == 0.2
    age = registry.get_sample_value("skillpath_watch_age_seconds", own)
    assert age is not None
    assert age > 365 * 86_400

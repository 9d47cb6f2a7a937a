"""Logs as JSON lines on stderr; only members that name no person, no key and no score can be in one."""

from __future__ import annotations

import logging
import traceback
from datetime import UTC, datetime
from typing import Any

import msgspec

MEMBERS = frozenset(
    {
        "request_id", "operation", "method", "status", "ms", "key",
        "question", "version", "why", "rows", "people", "error", "process", "code", "url",
    }
)  # fmt: skip
DEEPEST = 12


class JsonLines(logging.Formatter):
    """One JSON object a line; of an exception its type and where it was, never what it said."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage() if record.name.startswith("skillpath") else str(record.msg),
        }
        line |= {name: value for name, value in vars(record).items() if name in MEMBERS and value is not None}
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = type(record.exc_info[1]).__name__
            frames = traceback.extract_tb(record.exc_info[1].__traceback__)[-DEEPEST:]
            line["where"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
        return msgspec.json.encode(line).decode()


def configure(level: str) -> None:
    """Send every logger's lines to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("skillpath").setLevel(level.upper())

"""Others' advice kept out of the way: warnings, byte code, and names and passwords in what they say."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "GIT_PYTHON_REFRESH": "quiet",
}


def safe(text: str) -> str:
    """Return a message without what could be a name and password in a URI."""
    return re.sub(r"://[^/@\s]+@", "://", text)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep MLflow's advice out of the way, and byte code out of payloads."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.showwarning = unseen  # MLflow turns its own advice on again
            yield
    finally:
        sys.dont_write_bytecode = before


def unseen(*_: object, **__: object) -> None:
    """Show no warning."""

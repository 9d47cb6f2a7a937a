"""The contract as a file: `python -m serving.http.openapi > docs/openapi.json`; a test keeps it equal to the app's."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from fastapi import FastAPI


def as_text(app: FastAPI) -> str:
    """Return the OpenAPI document of an app as text that shows a change line by line."""
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    from serving.roles import described_app

    with tempfile.TemporaryDirectory() as scratch:
        print(as_text(described_app(Path(scratch))), end="")  # noqa: T201 - it is what this command is for

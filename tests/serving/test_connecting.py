"""The commands of docs/connecting.md, run as an administrator would: one after the other, against a running service."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from features.records.store import Store, open_store
from serving.app import create_app
from serving.settings import ServingSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "connecting.md").read_text()
BLOCKS = [
    block
    for block in re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL)
    if not block.startswith("scim2")  # the public tester is run by tests/serving/test_scim.py
]


@pytest.fixture
def records(serving_settings: ServingSettings) -> Iterator[Store]:
    """Return the records of the settings, with the person and the course that the page names."""
    store = open_store(serving_settings.url)
    with store.transaction() as connection:
        person = {"employee_id": "E0001", "spell": 1, "hired_at": 0, "known_at": 0}
        store.upsert(connection, "employees", [person])
        store.upsert(connection, "courses", [{"course_id": "C0001", "title": "Python"}])
    yield store
    store.close()


@pytest.fixture
def service(records: Store, make_house: Any) -> Iterator[str]:
    """Serve the records on a free port; return the address."""
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(house=make_house(records)), port=0, log_config=None, lifespan="off", ws="none"
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


def test_the_commands_of_the_page_run_and_leave_what_they_say(
    service: str, records: Store, serving_settings: ServingSettings, tmp_path: Path
) -> None:
    script = "\n".join(BLOCKS).replace("http://127.0.0.1:8000", service)
    assert script.count("curl") == 6
    here = {"SKILLPATH_VAR": str(serving_settings.var), "SKILLPATH_STORE_URL": serving_settings.url}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, **here, "PATH": path}, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert '"replayed":1' in done.stdout
    assert "ERROR" not in done.stdout
    kept = records.frame("learning_events")
    assert sorted(kept["employee_id"]) == ["E0001", "E0001"]
    assert records.frame("outcomes")["kpi"].to_list() == ["sales"]
    assert {"3", "4"} <= set(records.frame("identities")["identifier"])

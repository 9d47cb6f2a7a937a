"""The commands of docs/operating.md that save and restore PostgreSQL, run as they stand; who was erased since stays erased."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from features.records.store import open_store
from serving.rights import erasure
from serving.settings import ServingSettings
from tests.conftest import PostgresCluster, skip_or_fail

pytestmark = pytest.mark.postgres
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operating.md").read_text().replace("\n", " ")
DUMP, RESTORE = (re.search(rf"`({start}[^`]*)`", PAGE) for start in ("PGOPTIONS=[^`]*pg_dump", "pg_restore"))


def run(command: str, settings: ServingSettings, programs: Path, folder: Path) -> str:
    """Run a command of the page; return what it printed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), str(programs), os.environ["PATH"]])
    here = {"SKILLPATH_VAR": str(settings.var), "SKILLPATH_STORE_URL": settings.store_url, "PATH": path}
    done = subprocess.run(
        command, shell=True, cwd=folder, env={**os.environ, **here}, capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_dump_that_is_put_back_holds_everybody_but_who_was_erased_since(
    postgres_cluster: PostgresCluster,
    postgres_url: str,
    serving_settings: ServingSettings,
    make_house: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert DUMP is not None
    assert RESTORE is not None
    if shutil.which("pg_dump") is None and not (postgres_cluster.programs / "pg_dump").is_file():
        skip_or_fail("pg_dump is not installed (Debian: apt-get install postgresql-client)")
    monkeypatch.setattr(erasure, "SETTLING_SECONDS", 0.0)
    settings = serving_settings.model_copy(update={"store_url": postgres_url})
    store = open_store(postgres_url)
    with store.transaction() as connection:
        for person in ("ann", "bob"):
            row = {"employee_id": person, "spell": 1, "hired_at": 0, "known_at": 0}
            store.upsert(connection, "employees", [row])
            shown = {
                "recommendation_id": person,
                "model_digest": "d",
                "shown_at": 0,
                "first_rank": 1,
                "items": "[]",
            }
            store.append(connection, "recommendations_shown", [{**shown, "employee_id": person}])
    run(DUMP[1], settings, postgres_cluster.programs, tmp_path)
    erasure.erase(make_house(store), "ann", "sk_1")
    assert store.frame("employees")["employee_id"].to_list() == ["bob"]
    store.close()
    run(RESTORE[1], settings, postgres_cluster.programs, tmp_path)
    assert '"erased_again": 1' in run("skillpath upgrade --json", settings, postgres_cluster.programs, ROOT)
    again = open_store(postgres_url)
    for name in ("employees", "recommendations_shown"):
        assert again.frame(name)["employee_id"].to_list() == ["bob"], name
    again.close()

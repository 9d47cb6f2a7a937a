"""What an operator does: refusals first; a restored backup is what was saved, and who was erased stays erased."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from features.errors import BadInputError, UnavailableError
from features.records.moments import to_micros
from features.records.store import Store, data_digest, open_store
from features.records.tables import IMPORTABLE
from serving.audit import ANCHOR, TABLE, Audit
from serving.commands import app as keys_and_more
from serving.models.answering import Models
from serving.models.puller import Puller
from serving.operation.backup import manifest_path, restore, save
from serving.operation.retention import let_go
from serving.operation.rollback import release, roll_back
from serving.operation.running import running_or_not
from serving.rights.erasure import Erased, erase_records, remember_outside
from serving.settings import ServingSettings

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def records(serving_settings: ServingSettings) -> Store:
    """Return the records of the settings, with two people."""
    store = open_store(serving_settings.url)
    at = to_micros(NOW)
    with store.transaction() as connection:
        rows = [{"employee_id": who, "spell": 1, "hired_at": at, "known_at": at} for who in ("ann", "bob")]
        store.upsert(connection, "employees", rows)
    return store


def audit_of(store: Store, settings: ServingSettings) -> Audit:
    return Audit(store, lambda: NOW, settings.var / ANCHOR)


def test_a_backup_overwrites_nothing_and_needs_records(
    serving_settings: ServingSettings, tmp_path: Path
) -> None:
    with pytest.raises(UnavailableError, match="no records"):
        save(serving_settings, tmp_path / "b.db")
    (tmp_path / "b.db").write_text("mine")
    with pytest.raises(BadInputError, match="exists"):
        save(serving_settings, tmp_path / "b.db")
    assert (tmp_path / "b.db").read_text() == "mine"
    elsewhere = serving_settings.model_copy(update={"store_url": "postgresql://x/y"})
    with pytest.raises(BadInputError, match="pg_dump"):
        save(elsewhere, tmp_path / "c.db")


def test_a_changed_or_torn_or_unnamed_backup_is_refused_and_nothing_changes(
    serving_settings: ServingSettings, records: Store, tmp_path: Path
) -> None:
    file = tmp_path / "b.db"
    save(serving_settings, file)
    whole = file.read_bytes()
    for content in (whole[:-4096], whole[:5000] + b"x" + whole[5001:], b""):
        file.write_bytes(content)
        with pytest.raises(BadInputError, match="not what was saved"):
            restore(serving_settings, file)
    manifest_path(file).unlink()
    with pytest.raises(BadInputError, match="no manifest"):
        restore(serving_settings, file)
    assert records.count("employees") == 2


def test_nothing_is_restored_while_the_service_runs(
    serving_settings: ServingSettings, records: Store, tmp_path: Path
) -> None:
    save(serving_settings, tmp_path / "b.db")
    with (
        running_or_not(serving_settings, is_alone=False),
        pytest.raises(UnavailableError, match="Stop the service"),
    ):
        restore(serving_settings, tmp_path / "b.db")


def test_what_is_restored_is_what_was_saved(
    serving_settings: ServingSettings, records: Store, tmp_path: Path
) -> None:
    row = {"employee_id": "ann", "model_digest": "d", "shown_at": 1, "first_rank": 1, "items": "[]"}
    with records.transaction(is_deferred=True) as connection:
        records.append(connection, "recommendations_shown", [{**row, "recommendation_id": "r1"}])
    names = (*IMPORTABLE, "recommendations_shown")
    before = data_digest(records.frames(names))
    saved = save(serving_settings, tmp_path / "b.db")
    assert (saved.rows["employees"], saved.rows["recommendations_shown"]) == (2, 1)
    with records.transaction() as connection:
        connection.exec_driver_sql("DELETE FROM employees")
        connection.exec_driver_sql("DELETE FROM recommendations_shown")
    after = data_digest(records.frames(names))
    records.close()
    done = restore(serving_settings, tmp_path / "b.db")
    assert done.rows == {**saved.rows, "audit": 1}  # that it was restored
    again = open_store(serving_settings.url)
    assert data_digest(again.frames(names)) == before
    again.close()
    aside = open_store(f"sqlite:///{done.before}")
    assert data_digest(aside.frames(names)) == after
    aside.close()


def test_a_restored_backup_erases_again_and_keeps_the_newer_audit(
    serving_settings: ServingSettings, records: Store, tmp_path: Path
) -> None:
    audit = audit_of(records, serving_settings)
    audit.record_many("sk_1", "list_attrition_risks", ["ann", "bob"], "audit")
    save(serving_settings, tmp_path / "b.db")
    audit.record("sk_1", "get_attrition_risk", "bob", "audit")
    erased = Erased("tomb", NOW)
    assert erase_records(records, "ann", erased, audit, "sk_1") is not None
    remember_outside(records, serving_settings.var, "tomb")
    records.close()
    done = restore(serving_settings, tmp_path / "b.db")
    assert (done.erased_again, done.audit_rows_kept) == (1, 2)
    again = open_store(serving_settings.url)
    assert again.frame("employees")["employee_id"].to_list() == ["bob"]
    assert "ann" not in again.frame("audit")["subject"].to_list()
    verdict = audit_of(again, serving_settings).verify()
    assert verdict.holds, verdict
    again.close()
    Path(done.before).unlink()
    Path(
        serving_settings.var / "skillpath.db"
    ).unlink()  # the database is lost, the file of tombstones is not
    assert restore(serving_settings, tmp_path / "b.db").erased_again == 1


def test_what_was_kept_for_long_enough_goes_and_the_chain_holds(
    store: Store, serving_settings: ServingSettings
) -> None:
    audit = Audit(store, lambda: NOW - timedelta(days=2_000))
    audit.record("sk_1", "get_attrition_risk", "ann", "audit")
    audit.clock = lambda: NOW
    audit.record("sk_1", "get_attrition_risk", "bob", "audit")
    line = {"source": "f", "payload": "x", "reason": "x"}
    ages = {"old": 400, "new": 10}
    rows = [
        {**line, "content_digest": name, "received_at": to_micros(NOW - timedelta(days=days))}
        for name, days in ages.items()
    ]
    with store.transaction() as connection:
        store.append(connection, "quarantine", rows)
    counted = let_go(store, audit, serving_settings, is_dry=True)
    assert (counted["quarantine"], counted["audit"], store.count("quarantine")) == (1, 1, 2)
    assert let_go(store, audit, serving_settings) == counted
    assert store.frame("quarantine")["content_digest"].to_list() == ["new"]
    assert store.frame("audit").sort("sequence")["subject"].to_list() == ["", "bob", ""]
    assert audit.verify().holds
    assert let_go(store, audit, serving_settings)["audit"] == 0


def test_a_rolled_back_version_stays_away_until_another_is_promoted_or_it_is_released(
    serving_settings: ServingSettings, bundler: Any, registry: Any, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="no such question"):
        roll_back(serving_settings, "weather")
    with pytest.raises(UnavailableError, match="no earlier bundle"):
        roll_back(serving_settings, "attrition")
    puller, models = Puller(serving_settings, registry), Models(serving_settings)
    for version, weight in (("1", 2.0), ("2", 5.0)):
        promote(bundler, registry, tmp_path / version, version, weight)
        assert puller.turn() == ["attrition"]
    done = roll_back(serving_settings, "attrition")
    assert (done.version, done.held_back) == ("1", "2")
    models.refresh()
    assert models.current("attrition").version == "1"
    assert puller.turn() == []
    promote(bundler, registry, tmp_path / "3", "3", 7.0)
    assert puller.turn() == ["attrition"]
    roll_back(serving_settings, "attrition")
    assert puller.turn() == []
    release(serving_settings, "attrition")
    assert puller.turn() == ["attrition"]


def promote(bundler: Any, registry: Any, folder: Path, version: str, weight: float) -> None:
    written = bundler.write(folder, weight)
    registry.promote(
        "attrition", version, written, bundler.sign(bundler.statement(written, "attrition", version))
    )


def skillpath(settings: ServingSettings, *arguments: str) -> tuple[int, Any]:
    """Return exit code and JSON of a command."""
    environment = {**os.environ, "SKILLPATH_VAR": str(settings.var)}
    command = [sys.executable, "-m", "skillpath", *arguments, "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=ROOT)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_the_command_line_verifies_the_audit_and_its_exit_code_tells(
    serving_settings: ServingSettings, records: Store
) -> None:
    audit_of(records, serving_settings).record_many("sk_1", "list_attrition_risks", ["ann", "bob"], "audit")
    code, said = skillpath(serving_settings, "audit", "verify")
    assert (code, said["holds"], said["rows"]) == (0, True, 2)
    assert skillpath(serving_settings, "audit", "verify", "--head", "two")[0] == 2
    with records.transaction() as connection:
        connection.execute(sa.update(TABLE).where(TABLE.c.sequence == 1).values(actor="nobody"))
    code, broken = skillpath(serving_settings, "audit", "verify", "--head", said["head"])
    assert (code, broken["holds"], broken["broken_at"]) == (4, False, 1)


def test_an_upgrade_saves_first_and_says_where_the_schema_is(
    serving_settings: ServingSettings, records: Store, tmp_path: Path
) -> None:
    code, said = skillpath(serving_settings, "upgrade", "--backup", str(tmp_path / "before.db"))
    assert code == 0, said
    assert said["schema"] == pl.Series(sorted(
        path.name[:4] for path in (ROOT / "features" / "records" / "migrations" / "versions").glob("0*.py")
    )).max()  # fmt: skip
    assert manifest_path(tmp_path / "before.db").is_file()


def test_a_key_for_a_person_says_whose_it_is_and_whether_they_are_known(
    serving_settings: ServingSettings, records: Store
) -> None:
    runner, here = CliRunner(), {"SKILLPATH_VAR": str(serving_settings.var)}
    for person, is_known in (("ann", True), ("dan", False)):
        asked = ["keys", "create", "somebody", "--role", "manager", "--employee", person]
        done = runner.invoke(keys_and_more, asked, env=here)
        assert done.exit_code == 0, done.output
        assert ("There is no employee dan" in done.stderr) != is_known
    assert "somebody  for ann" in runner.invoke(keys_and_more, ["keys", "list"], env=here).stdout

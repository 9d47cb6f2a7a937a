"""Row 14: a migration and a restore killed in their middle, again and again; what is there afterwards, and who is not."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.trust.people import count_of
from benchmarks.trust.scorecard import Effort, Fact, own_settings, stocked
from features.records.schema import METADATA
from features.records.store import Store, data_digest, open_store
from serving.audit import ANCHOR, Audit
from serving.opening import build_house
from serving.operation.backup import restore, save
from serving.operation.database_files import put_in_place
from serving.rights.erasure import erase
from serving.settings import ServingSettings

PEOPLE, ERASED = 200, 3
KEPT = ("employees", "courses", "jobs", "statements")
ADDED_SINCE = ("scim_resources", "ended_access", "pull_positions", "programme_plans", "evaluations")
KILLED_UPGRADE = """
import os, signal, sys
import sqlalchemy as sa
from features.records.store import open_store
left = int(sys.argv[2])

def count(*_of_a_statement):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

sa.event.listen(sa.engine.Engine, "after_cursor_execute", count)
open_store(sys.argv[1]).close()
print(int(sys.argv[2]) - left)
"""
RESTORE = """
import sys
from pathlib import Path
from serving.operation.backup import restore
from serving.settings import ServingSettings
settings = ServingSettings(var=Path(sys.argv[1]), store_url="", clock="", progress=False)
print("begins", flush=True)
restore(settings, Path(sys.argv[2]))
"""


def interrupted(effort: Effort) -> Iterator[Fact]:
    """Kill migrations after a statement, and restores after a while; try each again, and look at what is there."""
    yield migrations(effort.of(100))
    yield restores(effort.of(20))


def migrations(times: int) -> Fact:
    """Kill upgrades of the first version's records after one statement or another."""
    with own_settings() as settings:
        before = first_version(settings)
        old, url = settings.var / "old.db", settings.url
        put_in_place(settings.var / "skillpath.db", old)
        whole = upgraded(old, settings, 0)
        killed = wrong = 0
        for number in range(times):
            done = upgraded(old, settings, 1 + number * (whole - 1) // times)
            killed += done < 0
            store = open_store(url)
            wrong += digest_of(store) != before
            store.close()
    found = f"{killed} killed, of {whole} statements; {wrong} with another content after the next start"
    return Fact(f"an upgrade of the first version's records, killed {times} times", found, "all killed, 0 differ", killed == times and not wrong)  # fmt: skip


def first_version(settings: ServingSettings) -> str:
    """Keep people and statements as the first version had them; return their digest."""
    store = stocked(settings, PEOPLE)
    sent = [{"statement_id": f"s{number}", "content_digest": "d", "payload": "{}", "received_at": number} for number in range(PEOPLE)]  # fmt: skip
    with store.transaction() as connection:
        store.append(connection, "statements", sent)
    before = digest_of(store)
    with store.transaction() as connection:
        METADATA.tables["recommendations_shown"].create(connection)  # it had no file of its own then
        connection.exec_driver_sql("DROP TABLE ledger.recommendations_shown")
        for table in ADDED_SINCE:
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("DROP INDEX ix_statements_authority_received_at")
        connection.exec_driver_sql("ALTER TABLE statements DROP COLUMN authority")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    store.close()
    return before


def digest_of(store: Store) -> str:
    """Return a digest over what the first version had already."""
    return data_digest(store.frames(KEPT))


def upgraded(old: Path, settings: ServingSettings, statement: int) -> int:
    """Upgrade a copy of old records in a process that dies after so many statements; return how many it made, −9 where it died."""
    for left in settings.var.glob("skillpath*.db*"):
        left.unlink()
    shutil.copy(old, settings.var / "skillpath.db")
    command = [sys.executable, "-c", KILLED_UPGRADE, settings.url, str(statement)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout) if done.returncode == 0 else done.returncode


def restores(times: int) -> Fact:
    """Kill restores of a backup that still holds who was erased since; restore once more, and look for them."""
    with own_settings() as settings:
        store = stocked(settings, PEOPLE)
        audit = Audit(store, lambda: datetime.now(UTC), settings.var / ANCHOR)
        audit.record_many("sk_1", "list_attrition_risks", [f"E{n}" for n in range(PEOPLE)], "audit")
        backup = settings.var / "backup.db"
        save(settings, backup)
        for number in range(ERASED):
            erase(build_house(settings, store), f"E{number}", "sk_1")
        wanted = digest_of(store)
        store.close()
        took = restoring(settings, backup, None)
        traces = wrong = 0
        for number in range(times):
            restoring(settings, backup, took * (number + 0.5) / times)
            restore(settings, backup)
            again = open_store(settings.url)
            traces += sum(count_of(again, f"E{number}") for number in range(ERASED))
            wrong += digest_of(again) != wanted
            wrong += not Audit(again, lambda: datetime.now(UTC), settings.var / ANCHOR).verify().holds
            again.close()
    found = f"{traces} traces of {ERASED} erased people, {wrong} times another content or a broken audit"
    return Fact(f"a restore killed {times} times, each time done again", found, "0 traces, 0 differ", not traces and not wrong)  # fmt: skip


def restoring(settings: ServingSettings, backup: Path, after_seconds: float | None) -> float:
    """Restore in another process, killed after a while where one is given; return the seconds it was let run."""
    command = [sys.executable, "-c", RESTORE, str(settings.var), str(backup)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    started = time.perf_counter()
    if after_seconds is not None:
        time.sleep(after_seconds)
        process.kill()
    process.wait()
    process.stdout.close()
    return time.perf_counter() - started

"""Save the records in one file while the service runs, and restore them: erased people stay erased, the audit stays whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from features.errors import BadInputError, UnavailableError
from features.records.schema import METADATA
from features.records.store import Store, open_store
from serving.audit import ANCHOR, LAST, TABLE, Audit
from serving.operation.database_files import contents, copy, discard, put_in_place, set_aside
from serving.operation.running import running_or_not
from serving.rights.erasure import empty_journals, erase_again, tombstones_outside
from serving.settings import ServingSettings

AT_ONCE = 1_000
PAGES = 4_096  # copied between two breaths of the writers


@dataclass(frozen=True)
class Manifest:
    """What a backup holds; it lies beside it.

    Parameters
    ----------
    sha256 : str
        Digest of the file.
    schema : str
        Version of the schema.
    created_at : str
        When, ISO 8601.
    rows : mapping
        Rows by table.
    """

    sha256: str
    schema: str
    created_at: str
    rows: Mapping[str, int]


def manifest_path(backup: Path) -> Path:
    """Return where a backup's manifest lies."""
    return backup.with_name(f"{backup.name}.json")


def database_file(settings: ServingSettings) -> Path:
    """Return the SQLite file of the records; raise BadInputError where they are in PostgreSQL."""
    url = sa.make_url(settings.url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise BadInputError(
            "These records are in PostgreSQL; its own tools save and restore them.",
            hint="pg_dump --format=custom, pg_restore, and then `skillpath upgrade`: docs/operating.md.",
        )
    return Path(url.database)


def save(settings: ServingSettings, target: Path) -> Manifest:
    """Copy the records into a file, consistent, while others read and write.

    Raises
    ------
    BadInputError
        If the records are in PostgreSQL, or the file exists.
    UnavailableError
        If there are no records, or the copy is not sound.
    """
    source = database_file(settings)
    if target.exists():
        raise BadInputError(
            "The file exists.", found=str(target), hint="Give another name; nothing is overwritten."
        )
    if not source.is_file():
        raise UnavailableError("There are no records to save.", found=str(source))
    partial = target.with_name(f".{target.name}.part")
    try:
        partial.touch(mode=0o600)
        copy(source, partial)
        made = described(partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    manifest_path(target).write_text(json.dumps(asdict(made), indent=1) + "\n")
    return made


def described(path: Path) -> Manifest:
    """Return the manifest of a saved database."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    schema, rows = contents(path)
    return Manifest(digest, schema, datetime.now(UTC).isoformat(), rows)


@dataclass(frozen=True)
class Restored:
    """What a restore brought back."""

    rows: Mapping[str, int]
    erased_again: int
    audit_rows_kept: int
    before: str


def restore(settings: ServingSettings, source: Path) -> Restored:
    """Put a backup in the place of the records; who was erased since stays erased, and the newer audit is kept.

    Raises
    ------
    BadInputError
        If the file is not what its manifest says.
    UnavailableError
        If the service runs, or the file is no sound database; nothing was changed.
    """
    target = database_file(settings)
    check_against_manifest(source)
    with running_or_not(settings, is_alone=True):
        incoming = target.with_name(f".{target.name}.restoring")
        discard(incoming)
        try:
            copy(source, incoming)
            kept, again = settle(settings, incoming, target)
            before = set_aside(target)
            put_in_place(incoming, target)
        finally:
            discard(incoming)
        return Restored(contents(target)[1], again, kept, str(before) if before else "")


def check_against_manifest(source: Path) -> None:
    """Raise BadInputError where a backup is not what was saved."""
    if not source.is_file():
        raise BadInputError("There is no such backup.", found=str(source))
    beside = manifest_path(source)
    if not beside.is_file():
        raise BadInputError("The backup has no manifest beside it.", found=str(source), allowed=beside.name)
    said = json.loads(beside.read_text())
    with source.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != said.get("sha256"):
        raise BadInputError(
            "The backup is not what was saved.", found=digest, allowed=str(said.get("sha256"))
        )


def settle(settings: ServingSettings, incoming: Path, target: Path) -> tuple[int, int]:
    """Bring a restored database up to date: schema, newer audit, erasures; return (audit rows kept, people erased)."""
    restored = open_store(f"sqlite:///{incoming}")
    current = open_store(f"sqlite:///{target}") if target.is_file() else None
    try:
        audit = Audit(restored, lambda: datetime.now(UTC), settings.var / ANCHOR)
        kept = keep_newer_audit(restored, current) if current else 0
        tombstones: list[Mapping[str, Any]] = [*tombstones_outside(settings.var)]
        if current is not None:
            tombstones += [
                {n: v for n, v in row.items() if n != "id"} for row in rows_of(current, "erasures")
            ]
        again = erase_again(restored, audit, tombstones)
        audit.record("operator", "restore_backup", "", "operation")
        empty_journals(restored)
    finally:
        restored.close()
        if current is not None:
            current.close()
    return kept, again


def rows_of(store: Store, name: str) -> list[dict[str, Any]]:
    """Return every row of a table as it is stored."""
    table = METADATA.tables[name]
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()]


def keep_newer_audit(restored: Store, current: Store) -> int:
    """Let the current audit stand where it goes on from the restored one; return how many rows are newer."""
    with restored.reading() as connection:
        last = connection.execute(LAST).first()
    rows = rows_of(current, "audit")
    sequence, row_hash = (last[0], last[1]) if last else (0, "")
    goes_on = sequence == 0 or any((row["sequence"], row["row_hash"]) == (sequence, row_hash) for row in rows)
    if not goes_on:
        return 0
    with restored.transaction() as connection:
        connection.execute(sa.delete(TABLE))
        for start in range(0, len(rows), AT_ONCE):
            connection.execute(sa.insert(TABLE), rows[start : start + AT_ONCE])
    return len(rows) - sequence

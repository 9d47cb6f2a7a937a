"""Erase one person everywhere: records, scores, what was shown, what was received, caches and exported files.

What stays: the audit's chain, with the person's rows emptied; and a tombstone, by whose digest a restored backup is erased again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from features.errors import UnavailableError, UnknownRecordError
from features.records.ledger_file import indexed_by_person
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from features.records.store import Store
from serving.audit import ERASED, TABLE, Audit
from serving.house import House
from serving.rights.places import MENTIONS, PAYLOADS, Names, names_of, payloads_naming, tables_about_people

TOMBSTONES = METADATA.tables["erasures"]
TOMBSTONE_FILE = "erasures.jsonl"
SETTLING_SECONDS = 1.2  # what other processes had under way is written by then, and erased by a second look
PERSONAL_CACHES = ("attrition", "skills of everybody")
AT_ONCE = 500


@dataclass
class Erased:
    """What an erasure removed: rows by table, and files that were written anew."""

    erasure_id: str
    at: datetime
    rows: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def add(self, name: str, count: int) -> None:
        """Count removed rows of a table."""
        if count > 0:
            self.rows[name] = self.rows.get(name, 0) + count


def erase(house: House, employee_id: str, actor: str) -> Erased:
    """Erase a person from the records and from this process; return what was removed.

    Raises
    ------
    UnknownRecordError
        If the records speak of no such person.
    UnavailableError
        If the records or the audit cannot be written: nothing was erased.
    """
    house.ledger.flush()
    erased = Erased(secrets.token_hex(8), house.clock())
    try:
        names = erase_records(house.store, employee_id, erased, house.audit, actor)
    except sa.exc.SQLAlchemyError as error:
        raise UnavailableError(
            "Nothing was erased: the records and their audit cannot be written.", hint="Try again later."
        ) from error
    if names is None:
        raise UnknownRecordError("There is no such employee.", found=employee_id)
    remember_outside(house.store, house.settings.var, erased.erasure_id)
    forget_in_memory(house, employee_id)
    erased.files = rewrite_exports(house.settings.var / "scores", employee_id)
    time.sleep(SETTLING_SECONDS)
    house.ledger.flush()
    with house.store.transaction() as connection:
        remove(connection, names, erased)
    empty_journals(house.store)
    return erased


def erase_records(store: Store, employee_id: str, erased: Erased, audit: Audit, actor: str) -> Names | None:
    """Remove a person's rows, leave the tombstone and say so in the audit, in one transaction.

    Returns
    -------
    Names or None
        The person's identifiers; None where the records speak of no such person, and nothing was changed.
    """
    with store.transaction() as connection:
        names = names_of(connection, employee_id)
        remove(connection, names, erased)
        emptied = empty_audit(connection, employee_id)
        erased.add("audit", emptied)
        if not erased.rows:
            return None
        leave_tombstone(connection, employee_id, erased)
        purpose = json.dumps({"emptied": emptied, "rows": sum(erased.rows.values())})
        row = {
            "actor": actor,
            "action": ERASED,
            "subject": erased.erasure_id,
            "purpose": purpose,
            "model_digest": None,
        }
        head = audit.extend(connection, [dict(row)])
    audit.remember(head)
    return names


def remove(connection: sa.Connection, names: Names, erased: Erased) -> None:
    """Remove every row about a person, every text that names them, and their name where it stands beside others."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(
            "PRAGMA secure_delete=ON"
        )  # else the bytes stay in the file until a page is reused
    for name in PAYLOADS:
        ids = list(payloads_naming(connection, name, names))
        table = METADATA.tables[name]
        for start in range(0, len(ids), AT_ONCE):
            chunk = ids[start : start + AT_ONCE]
            erased.add(name, connection.execute(sa.delete(table).where(table.c.id.in_(chunk))).rowcount)
    for name in tables_about_people():
        table = METADATA.tables[name]
        mine = table.c.employee_id == names.employee_id
        erased.add(name, connection.execute(sa.delete(table).where(mine)).rowcount)
    for name, column in MENTIONS.items():
        table = METADATA.tables[name]
        change = sa.update(table).where(table.c[column] == names.employee_id).values({column: None})
        erased.add(f"{name}.{column}", connection.execute(change).rowcount)


def empty_journals(store: Store) -> None:
    """Let SQLite move its journals into the files and cut them off: they still hold pages of before.

    Where somebody reads at that moment, a journal stays until it is next begun anew. PostgreSQL keeps removed rows until its
    vacuum, which runs by itself.
    """
    if not store.is_postgres:
        with closing(store.engine.raw_connection()) as raw:
            raw.cursor().execute(
                "PRAGMA wal_checkpoint(TRUNCATE)"
            ).fetchall()  # of every file that is attached


def empty_audit(connection: sa.Connection, employee_id: str) -> int:
    """Empty the subject of a person's audit rows; return how many."""
    change = sa.update(TABLE).where(TABLE.c.subject == employee_id, TABLE.c.subject_salt != "")
    return connection.execute(change.values(subject="", subject_salt="")).rowcount


def leave_tombstone(connection: sa.Connection, employee_id: str, erased: Erased) -> None:
    """Leave a digest by which the person is recognised in a backup, and by nothing else."""
    salt = connection.scalar(sa.select(TOMBSTONES.c.salt).limit(1)) or secrets.token_hex(16)
    row = {"erasure_id": erased.erasure_id, "person_digest": person_digest(salt, employee_id), "salt": salt}
    connection.execute(sa.insert(TOMBSTONES), [{**row, "at": to_micros(erased.at)}])


def person_digest(salt: str, employee_id: str) -> str:
    """Return the digest of a tombstone."""
    return hashlib.sha256(f"{salt}:{employee_id}".encode()).hexdigest()


def remember_outside(store: Store, var: Path, erasure_id: str) -> None:
    """Append a tombstone to a file beside the database, durably: it outlives the database."""
    query = sa.select(TOMBSTONES).where(TOMBSTONES.c.erasure_id == erasure_id)
    with store.reading() as connection:
        row = dict(connection.execute(query).mappings().one())
    row.pop("id")
    var.mkdir(parents=True, exist_ok=True)
    with (var / TOMBSTONE_FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def tombstones_outside(var: Path) -> Iterator[Mapping[str, object]]:
    """Yield the tombstones of the file beside the database; a torn last line is left out."""
    path = var / TOMBSTONE_FILE
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def erase_again(store: Store, audit: Audit, tombstones: Iterable[Mapping[str, object]]) -> int:
    """Erase from restored records whoever was erased after they were saved; return how many people that were."""
    rows = [dict(row) for row in tombstones]
    with store.transaction() as connection:
        store.append(connection, "erasures", rows)
        known = connection.execute(sa.select(TOMBSTONES)).mappings().all()
        people = everybody_named(connection)
    wanted = {str(row["person_digest"]): row for row in known}
    salts = {str(row["salt"]) for row in known}
    back = {
        person: found
        for person in people
        if (
            found := next((wanted[d] for salt in salts if (d := person_digest(salt, person)) in wanted), None)
        )
    }
    if not back:
        return 0
    with indexed_by_person(store.engine):
        for person, found in back.items():
            erase_one_again(store, audit, person, found)
    return len(back)


def erase_one_again(store: Store, audit: Audit, person: str, found: sa.RowMapping) -> None:
    """Erase a person who was erased before, under the tombstone that they have."""
    with store.transaction() as connection:
        erased = Erased(str(found["erasure_id"]), from_micros(int(found["at"])))
        remove(connection, names_of(connection, person), erased)
        emptied = empty_audit(connection, person)
        purpose = json.dumps({"emptied": emptied, "rows": sum(erased.rows.values())})
        row = {"actor": "restore", "action": ERASED, "subject": erased.erasure_id, "purpose": purpose}
        head = audit.extend(connection, [{**row, "model_digest": None}])
    audit.remember(head)


def erase_who_came_back(store: Store, audit: Audit, var: Path) -> int:
    """Erase from records that were put back by other tools whoever the file beside them knows as erased; return how many.

    Parameters
    ----------
    store : Store
        Records that may be older than some erasures.
    audit : Audit
        Theirs.
    var : Path
        Folder with the file of tombstones.
    """
    with store.reading() as connection:
        known = set(connection.scalars(sa.select(TOMBSTONES.c.erasure_id)))
    missing = [row for row in tombstones_outside(var) if row.get("erasure_id") not in known]
    if not missing:
        return 0
    again = erase_again(store, audit, missing)
    empty_journals(store)
    return again


def everybody_named(connection: sa.Connection) -> list[str]:
    """Return everybody whom any table is about or mentions."""
    columns = [METADATA.tables[name].c.employee_id for name in tables_about_people()]
    columns += [METADATA.tables[name].c[column] for name, column in MENTIONS.items()]
    columns.append(TABLE.c.subject)
    found: set[str] = set()
    for column in columns:
        found.update(connection.scalars(sa.select(column).where(column.is_not(None)).distinct()))
    return sorted(found)


def forget_in_memory(house: House, employee_id: str) -> None:
    """Let this process forget a person: waiting recomputation, and caches that hold people."""
    house.changes.waiting.pop(employee_id, None)
    drop_personal_caches(house)


def drop_personal_caches(house: House) -> None:
    """Drop what this process keeps about people; it is read again from the records."""
    for key in list(house.cache):
        if isinstance(key, str) and key.startswith(PERSONAL_CACHES):
            house.cache.pop(key, None)


def rewrite_exports(folder: Path, employee_id: str) -> list[str]:
    """Write the files of exported scores anew without the person; return which held them."""
    import polars as pl

    changed = []
    for path in sorted(folder.glob("*.parquet")) if folder.is_dir() else ():
        frame = pl.read_parquet(path)
        rest = frame.filter(pl.col("employee_id") != employee_id)
        if rest.height < frame.height:
            partial = path.with_suffix(".part")
            partial.touch(mode=0o600)
            rest.write_parquet(partial)
            partial.replace(path)
            changed.append(path.name)
    return changed

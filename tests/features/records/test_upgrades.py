"""A database of an earlier version is brought up to date, and keeps what it holds."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from features.records import migrations
from features.records.ledger_file import SCHEMA, indexed_by_person, ledger_file
from features.records.schema import METADATA
from features.records.store import Store, upgrade_schema


def put_the_ledger_among_the_records(store: Store) -> None:
    """Let SQLite's ledger stand where earlier versions and backups have it."""
    if store.is_postgres:
        return
    with store.transaction() as connection:
        METADATA.tables["recommendations_shown"].create(connection)
        connection.exec_driver_sql(
            "INSERT INTO main.recommendations_shown SELECT * FROM ledger.recommendations_shown"
        )
        connection.exec_driver_sql("DROP TABLE ledger.recommendations_shown")


def go_back_to_the_first_version(store: Store) -> None:
    """Take away what the second version added."""
    put_the_ledger_among_the_records(store)
    with store.transaction() as connection:
        for table in ("scim_resources", "ended_access", "pull_positions"):
            connection.exec_driver_sql(f"DROP TABLE {table}")
        connection.exec_driver_sql("DROP INDEX ix_statements_authority_received_at")
        connection.exec_driver_sql("ALTER TABLE statements DROP COLUMN authority")
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")


def test_the_first_version_gets_what_the_second_added_and_keeps_its_statements(store: Store) -> None:
    statement = {"statement_id": "s", "content_digest": "d", "payload": "{}", "received_at": 1}
    with store.transaction() as connection:
        store.append(connection, "statements", [statement])
    go_back_to_the_first_version(store)
    upgrade_schema(store.engine)
    assert store.frame("statements")["authority"].to_list() == [None]
    assert store.frame("statements")["statement_id"].to_list() == ["s"]
    found = sa.inspect(store.engine)
    assert {"scim_resources", "ended_access", "pull_positions"} <= set(found.get_table_names())
    assert "ix_statements_authority_received_at" in {
        index["name"] for index in found.get_indexes("statements")
    }
    upgrade_schema(store.engine)


def test_a_ledger_among_the_records_moves_into_its_own_file_and_once(sqlite_store: Store) -> None:
    shown = [{"recommendation_id": f"r{number}", "employee_id": "ann", "model_digest": "d", "shown_at": number,
              "first_rank": 1, "items": "[]"} for number in range(3)]  # fmt: skip
    with sqlite_store.transaction(is_deferred=True) as connection:
        sqlite_store.append(connection, "recommendations_shown", shown)
    before = sqlite_store.frame("recommendations_shown")
    put_the_ledger_among_the_records(sqlite_store)
    with sqlite_store.transaction() as connection:  # it was interrupted once: copied in part, not removed
        METADATA.tables["recommendations_shown"].to_metadata(sa.MetaData(), schema=SCHEMA).create(
            connection
        )  # with its index
        connection.exec_driver_sql(
            "INSERT INTO ledger.recommendations_shown SELECT * FROM main.recommendations_shown LIMIT 1"
        )
    for _ in range(2):
        upgrade_schema(sqlite_store.engine)
        assert sqlite_store.frame("recommendations_shown").equals(before)
        found = sa.inspect(sqlite_store.engine)
        assert "recommendations_shown" not in found.get_table_names()
        assert not found.get_indexes("recommendations_shown", schema=SCHEMA)  # it grows at its end alone
        assert found.get_unique_constraints("recommendations_shown", schema=SCHEMA)
    file = Path(str(sqlite_store.engine.url.database))
    with closing(sqlite3.connect(ledger_file(file))) as connection:
        assert connection.execute("SELECT count(*) FROM recommendations_shown").fetchone() == (3,)


def test_the_ledger_is_written_while_the_records_are_and_the_records_while_it_is(sqlite_store: Store) -> None:
    row = {"employee_id": "ann", "model_digest": "d", "shown_at": 1, "first_rank": 1, "items": "[]"}
    with sqlite_store.transaction(is_deferred=True) as one:
        sqlite_store.append(one, "recommendations_shown", [{**row, "recommendation_id": "a"}])
        with sqlite_store.transaction(is_deferred=True) as other:
            sqlite_store.append(
                other,
                "statements",
                [{"statement_id": "s", "content_digest": "d", "payload": "{}", "received_at": 1}],
            )
    assert (sqlite_store.count("recommendations_shown"), sqlite_store.count("statements")) == (1, 1)


def test_an_audit_from_before_rights_is_carried_over_and_a_break_in_it_stays(store: Store) -> None:
    before, rows = "0" * 64, []
    for sequence, subject in enumerate(("ann", "böb", "eve"), 1):
        said = [sequence, 5, "sk_1", "get_attrition_risk", subject, "audit", None, before]
        digest = hashlib.sha256(
            json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode()
        ).hexdigest()
        names = (
            "sequence",
            "at",
            "actor",
            "action",
            "subject",
            "purpose",
            "model_digest",
            "previous_hash",
            "row_hash",
        )
        rows.append(dict(zip(names, [*said, digest], strict=True)))
        before = digest
    put_the_ledger_among_the_records(store)
    rows[2]["purpose"] = "other"  # tampered with, before the upgrade
    with store.transaction() as connection:
        for column in ("subject_salt", "subject_digest"):
            connection.exec_driver_sql(f"ALTER TABLE audit DROP COLUMN {column}")
        for name in ("actor_at", "subject"):
            connection.exec_driver_sql(f"DROP INDEX ix_audit_{name}")
        connection.execute(sa.insert(sa.table("audit", *map(sa.column, rows[0]))), rows)
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0003'")
    upgrade_schema(store.engine)
    kept = store.frame("audit").to_dicts()
    assert [row["subject"] for row in kept] == ["ann", "böb", "eve"]
    assert kept[1]["previous_hash"] == kept[0]["row_hash"]
    assert kept[0]["subject_digest"] == hashlib.sha256((kept[0]["subject_salt"] + "ann").encode()).hexdigest()
    assert kept[2]["previous_hash"] != kept[1]["row_hash"]


def test_the_last_file_s_number_is_the_version_that_alembic_leads_to(store: Store) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations.FOLDER))
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.newest()]
    with store.reading() as connection:
        assert migrations.version_of(connection) == migrations.newest()


def test_a_store_that_is_up_to_date_is_opened_without_alembic(store: Store) -> None:
    program = "import sys; from features.records.store import open_store; open_store(sys.argv[1]); print('alembic' in sys.modules)"
    url = store.engine.url.render_as_string(hide_password=False)
    done = subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_ledger_can_be_looked_up_by_person_for_a_while(store: Store) -> None:
    before = sa.inspect(store.engine).get_indexes("recommendations_shown", **ledger_of(store))
    with indexed_by_person(store.engine):
        found = sa.inspect(store.engine).get_indexes("recommendations_shown", **ledger_of(store))
        assert ["employee_id"] in [index["column_names"] for index in found]
    assert sa.inspect(store.engine).get_indexes("recommendations_shown", **ledger_of(store)) == before


def ledger_of(store: Store) -> dict[str, str]:
    """Return where the ledger's table stands."""
    return {} if store.is_postgres else {"schema": SCHEMA}

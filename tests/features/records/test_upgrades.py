"""A database of an earlier version is brought up to date, and keeps what it holds."""

from __future__ import annotations

import hashlib
import json

import sqlalchemy as sa

from features.records.store import Store, upgrade_schema


def go_back_to_the_first_version(store: Store) -> None:
    """Take away what the second version added."""
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

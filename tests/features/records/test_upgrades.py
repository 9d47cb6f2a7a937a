"""A database of an earlier version is brought up to date, and keeps what it holds."""

from __future__ import annotations

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

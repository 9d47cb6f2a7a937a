"""The records in words: the page `docs/records.md`, derived from the tables."""

from __future__ import annotations

from features.records.columns import Column, Table
from features.records.tables import IMPORTABLE

HEADER = """# Records

Every table and column that can be imported, spelled once in `features/records/tables.py`; this page is derived from it
(`python -m features.records.describe > docs/records.md`, kept equal by a test).

Facts are append-only on their key, `happened_at` and `known_at`: a correction is a later-known fact. Entities hold one
current row per key. Times are UTC; a date without an hour means 00:00 UTC. **Bold** columns are required.
"""


def describe_tables() -> str:
    """Return the page: one section a table, one line a column."""
    return HEADER + "\n".join(describe(table) for table in IMPORTABLE.values())


def describe(table: Table) -> str:
    """Return the section of one table."""
    lines = [f"\n## {table.name}", "", f"{table.meaning} ({table.nature}; key: {', '.join(table.key)})", ""]
    lines += ["| column | type | meaning | unit or allowed | sensitivity |", "|---|---|---|---|---|"]
    lines += [line(column) for column in table.columns]
    return "\n".join(lines) + "\n"


def line(column: Column) -> str:
    """Return the table line of one column."""
    name = f"**{column.name}**" if column.required else column.name
    limits = ", ".join(column.allowed) or column.unit
    if column.refers_to:
        limits = f"a {column.refers_to}"
    return f"| {name} | {column.kind} | {column.meaning} | {limits} | {column.sensitivity} |"


if __name__ == "__main__":
    print(describe_tables(), end="")  # noqa: T201 - a page for standard output

"""The book-keeping of people's rights: who was erased, who opted out, what somebody says is wrong."""

from __future__ import annotations

from features.records.columns import Column, Kind, Nature, Sensitivity, Table

TEXT, INTEGER, MOMENT = Kind.TEXT, Kind.INTEGER, Kind.MOMENT
PERSONAL = Sensitivity.PERSONAL
SYSTEM = Nature.SYSTEM

PERSON = Column("employee_id", TEXT, "the person", sensitivity=PERSONAL, required=True)

RIGHTS_TABLES: dict[str, Table] = {table.name: table for table in (
    Table("erasures", "A tombstone: who was erased is recognised by a digest, so that a restored backup erases them again.", SYSTEM,
          ("erasure_id",), (
        Column("erasure_id", TEXT, "names the erasure", required=True),
        Column("person_digest", TEXT, "SHA-256 over the salt and the person's identifier", required=True),
        Column("salt", TEXT, "random, the same for all tombstones of these records", required=True),
        Column("at", MOMENT, "when", required=True),
    ), (("person_digest",),)),
    Table("opt_outs", "A person does not want to be profiled for a question.", SYSTEM, ("employee_id", "question"), (
        PERSON, Column("question", TEXT, "what for", required=True, allowed=("recommendation",)),
        Column("at", MOMENT, "since when", required=True),
        Column("reason", TEXT, "in words", sensitivity=PERSONAL),
    )),
    Table("corrections", "A person says that something recorded about them is wrong, and what became of it.", SYSTEM,
          ("correction_id",), (
        Column("correction_id", TEXT, "names it", required=True),
        PERSON, Column("table_name", TEXT, "where it stands", required=True),
        Column("column_name", TEXT, "what is wrong", required=True),
        Column("row_key", TEXT, "which row, as JSON of its key columns", sensitivity=PERSONAL, required=True),
        Column("found", TEXT, "what stood there, as JSON", sensitivity=PERSONAL, required=True),
        Column("value", TEXT, "what should stand there, as JSON", sensitivity=PERSONAL, required=True),
        Column("reason", TEXT, "why, in words", sensitivity=PERSONAL),
        Column("at", MOMENT, "when it was said", required=True),
        Column("status", TEXT, "what became of it", required=True, allowed=("open", "applied", "declined")),
        Column("decided_at", MOMENT, "when"), Column("decided_by", TEXT, "key or token that decided"),
        Column("answer", TEXT, "why, in words"),
    ), (("employee_id",), ("status",))),
)}  # fmt: skip

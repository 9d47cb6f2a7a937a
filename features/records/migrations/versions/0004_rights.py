"""People's rights: tombstones, opt-outs, corrections; an audit whose chain holds after a person was erased from it."""

import hashlib
import json
import secrets
from typing import Any

import sqlalchemy as sa
from alembic import op

from features.records.schema import METADATA

revision = "0004"
down_revision = "0003"

ADDED = ("erasures", "opt_outs", "corrections")
INDEXES = {"ix_audit_actor_at": ["actor", "at"], "ix_audit_subject": ["subject"]}
BEFORE = ("sequence", "at", "actor", "action", "subject", "purpose", "model_digest", "previous_hash")
AFTER = ("sequence", "at", "actor", "action", "subject_digest", "purpose", "model_digest", "previous_hash")


def upgrade() -> None:
    connection = op.get_bind()
    for name in ADDED:  # a new database has them since its first migration
        METADATA.tables[name].create(connection, checkfirst=True)
    if "subject_digest" in {column["name"] for column in sa.inspect(connection).get_columns("audit")}:
        return
    op.add_column("audit", sa.Column("subject_salt", sa.Text))
    op.add_column("audit", sa.Column("subject_digest", sa.Text))
    for name, columns in INDEXES.items():
        op.create_index(name, "audit", columns)
    chain_again(connection)


def chain_again(connection: sa.Connection) -> None:
    """Carry the chain over to digests of subjects, as far as it held: where it was broken it stays broken."""
    table = METADATA.tables["audit"]
    before, old_before = "0" * 64, "0" * 64
    for found in connection.execute(sa.select(table).order_by(table.c.sequence)).mappings().all():
        row = dict(found)
        held = row["previous_hash"] == old_before and row["row_hash"] == hash_of(row, BEFORE)
        old_before = row["row_hash"]
        salt = secrets.token_hex(16)
        new = {
            "subject_salt": salt,
            "subject_digest": hashlib.sha256((salt + row["subject"]).encode()).hexdigest(),
        }
        if held:
            new["previous_hash"] = before
            new["row_hash"] = before = hash_of({**row, **new}, AFTER)
        connection.execute(sa.update(table).where(table.c.sequence == row["sequence"]).values(**new))


def hash_of(row: dict[str, Any], names: tuple[str, ...]) -> str:
    """Return the SHA-256 over an audit row."""
    said = json.dumps([row[name] for name in names], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()

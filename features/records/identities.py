"""Who a person is elsewhere: (issuer, identifier) → employee, and what waited for that is tried again.

One person is `E0001` in the HRIS, `e0001` in xAPI and `3` in the LMS. The issuer is the account's home page in xAPI, or
``mbox``, ``mbox_sha1sum`` or ``openid``; for other systems any text that names them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from features.records.schema import METADATA
from features.records.store import Store

TABLE = METADATA.tables["identities"]

Identity = tuple[str, str]


def name_key(name: str) -> str:
    """Return an account's name as names are compared: in either case, composed or decomposed, of full or half width.

    References
    ----------
    The Unicode Standard, section 3.13, compatibility caseless matching (NFKC with case folding).
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def mapped(connection: sa.Connection, identities: Iterable[Identity]) -> dict[Identity, str]:
    """Return the employee of each identity that is mapped."""
    pairs = list(identities)
    query = sa.select(TABLE).where(sa.tuple_(TABLE.c.issuer, TABLE.c.identifier).in_(pairs))
    rows = connection.execute(query) if pairs else ()
    return {(row.issuer, row.identifier): row.employee_id for row in rows}


def map_people(
    store: Store, connection: sa.Connection, people: Mapping[Identity, str]
) -> dict[Identity, str]:
    """Keep whom identities stand for; return those that are new or stand for somebody else now."""
    before = mapped(connection, people)
    changed = {
        identity: employee for identity, employee in people.items() if before.get(identity) != employee
    }
    rows = [
        {"issuer": issuer, "identifier": identifier, "employee_id": employee}
        for (issuer, identifier), employee in changed.items()
    ]
    store.upsert(connection, "identities", rows)
    return changed


def forget(connection: sa.Connection, identity: Identity) -> bool:
    """Remove one mapping; return whether it stood."""
    issuer, identifier = identity
    mine = (TABLE.c.issuer == issuer) & (TABLE.c.identifier == identifier)
    return bool(connection.execute(sa.delete(TABLE).where(mine)).rowcount)


def listed(
    connection: sa.Connection, employee_id: str | None, issuer: str | None, after: int, limit: int
) -> Sequence[sa.RowMapping]:
    """Return mappings in the order in which they were first made, those after a number."""
    query = sa.select(TABLE).where(TABLE.c.id > after).order_by(TABLE.c.id).limit(limit)
    if employee_id is not None:
        query = query.where(TABLE.c.employee_id == employee_id)
    if issuer is not None:
        query = query.where(TABLE.c.issuer == issuer)
    return connection.execute(query).mappings().all()

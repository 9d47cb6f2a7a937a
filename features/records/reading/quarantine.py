"""Try again what was put aside, once a person, a course or a mapping is known."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

import sqlalchemy as sa

from features.records.moments import from_micros
from features.records.reading.engine import Origin
from features.records.reading.options import ImportOptions, ImportReport
from features.records.reading.xapi import Received, take
from features.records.reading.xapi_statement import NotUnderstoodError, parse
from features.records.reading.xapi_statement import identifiers as identifiers_of
from features.records.schema import METADATA
from features.records.store import Store

TABLE = METADATA.tables["quarantine"]
FETCH_ROWS = 5_000
MOST_NAMED = 50
PLAIN = re.compile(r"[A-Za-z0-9@._-]+")  # spelled the same in every JSON, which may escape anything else
# What begins so waits for nothing: its learning event was taken, only the platform's mistake is noted.
NOT_CONFORMANT = "not conformant: "


def replay_quarantine(
    store: Store, options: ImportOptions | None = None, identifiers: Collection[str] | None = None
) -> ImportReport:
    """Take in the statements of the quarantine that are understood by now; the others stay.

    Parameters
    ----------
    store : Store
        Whose quarantine.
    options : ImportOptions, optional
        Clock, and the rule for ``known_at`` of statements that came in files.
    identifiers : collection of str, optional
        Only statements that name one of them; all by default.

    Returns
    -------
    ImportReport
        ``accepted``: now learning events and out of the quarantine; ``duplicates``: still there.
    """
    rows: Iterable[Received] = waiting(store, naming(identifiers))
    if identifiers is not None:
        names = set(identifiers)
        rows = (one for one in rows if names & people_named(one.text))
    return take(store, rows, Origin("xapi", "quarantine", ""), options or ImportOptions(), is_replay=True)


def naming(identifiers: Collection[str] | None) -> sa.ColumnElement[bool]:
    """Return the condition that a statement holds one of the identifiers, where a text can tell."""
    if identifiers is None or len(identifiers) > MOST_NAMED or not all(map(PLAIN.fullmatch, identifiers)):
        return sa.true()
    return sa.or_(sa.false(), *(TABLE.c.payload.contains(name, autoescape=True) for name in identifiers))


def people_named(text: str) -> set[str]:
    """Return the identifiers of the person that a statement is about; none where it cannot be read."""
    try:
        actor = parse(text).get("actor")
        return {name for _, name in identifiers_of(actor)} if isinstance(actor, dict) else set()
    except NotUnderstoodError:
        return set()


def waiting(store: Store, condition: sa.ColumnElement[bool]) -> Iterator[Received]:
    """Yield what is put aside, in the order in which it came."""
    last = 0
    while True:
        query = sa.select(TABLE).where(
            TABLE.c.id > last, ~TABLE.c.reason.startswith(NOT_CONFORMANT), condition
        )
        query = query.order_by(TABLE.c.id).limit(FETCH_ROWS)
        with store.reading() as connection:
            rows = list(connection.execute(query))
        if not rows:
            return
        yield from (Received(row.line, row.payload, row.source, from_micros(row.received_at)) for row in rows)
        last = rows[-1].id

"""API keys: 256 random bits, shown once; only their SHA-256 is kept; revoked at once."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from starlette.types import ASGIApp, Receive, Scope, Send

from features.errors import BadInputError, UnknownRecordError
from features.records.moments import from_micros, to_micros
from features.records.schema import METADATA
from features.records.store import Store
from serving.access import Caller, granted, parse_scopes, refuse_unknown
from serving.tokens import Issuer, is_token

log = logging.getLogger("skillpath.keys")

TABLE = METADATA.tables["api_keys"]
COLUMNS = ("prefix", "key_hash", "name", "scopes", "employee_id", "created_at", "expires_at", "revoked_at")
BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
KEY_LENGTH = len("sk_12345678_") + 43
MOST_LOOKED_UP = (
    50  # prefixes of nobody that the store is asked for in a second: more would take its threads from others
)
FRESH_SECONDS = 1.0  # a revocation holds at the latest after this
SOON_SHARE = 0.7  # of that; then they are read again, beside the answers
MOST_SECONDS = 1.0  # that anybody waits for a store that does not answer
GRACE_SECONDS = 600.0  # how long known keys go on where the store is away


@dataclass(frozen=True, slots=True)
class KeptKey:
    """A key as kept: everything but the key."""

    key_hash: bytes
    caller: Caller
    expires_at: datetime | None


NOBODY = KeptKey(b"0" * 64, Caller("", ""), None)


def digest(key: str) -> bytes:
    """Return the SHA-256 of a key, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest().encode()


def prefix_of(key: str) -> str:
    """Return the part of a key that names it: `sk_` and eight characters."""
    return key[:11]


def create_key(
    store: Store,
    name: str,
    scopes: Iterable[str],
    now: datetime,
    expires_at: datetime | None = None,
    employee_id: str | None = None,
) -> str:
    """Keep a new key's hash and return the key, for the only time; one for a person sees them and their reports.

    Raises
    ------
    BadInputError
        If a scope does not exist, the name is empty or the end lies in the past.
    """
    allowed = parse_scopes(scopes)
    if not name.strip() or (expires_at is not None and expires_at <= now):
        raise BadInputError("A key needs a name, and an end that lies ahead.", found=f"{name!r} {expires_at}")
    key = f"sk_{secrets.token_hex(4)}_{secrets.token_urlsafe(32)}"
    row = {
        "prefix": prefix_of(key),
        "key_hash": digest(key).decode(),
        "name": name,
        "scopes": " ".join(sorted(allowed)),
        "created_at": to_micros(now),
        "expires_at": to_micros(expires_at) if expires_at else None,
        "employee_id": employee_id,
    }
    with store.transaction() as connection:
        connection.execute(sa.insert(TABLE), [row])
    return key


def rotate_key(store: Store, prefix: str, now: datetime, overlap: timedelta) -> str:
    """Return a new key in place of an old one, which goes on being valid for the overlap and then ends.

    Raises
    ------
    UnknownRecordError
        If no valid key has that prefix.
    """
    mine = TABLE.c.prefix == prefix_of(prefix)
    with store.reading() as connection:
        row = (
            connection.execute(sa.select(TABLE).where(mine, TABLE.c.revoked_at.is_(None))).mappings().first()
        )
    if row is None or (row["expires_at"] is not None and row["expires_at"] <= to_micros(now)):
        raise UnknownRecordError("No valid key has that prefix.", found=prefix_of(prefix))
    ends = from_micros(row["expires_at"]) if row["expires_at"] is not None else None
    lasted = ends - from_micros(row["created_at"]) if ends else None
    end = now + lasted if lasted else None
    key = create_key(store, row["name"], row["scopes"].split(), now, end, row["employee_id"])
    last_day = min(to_micros(now + overlap), row["expires_at"] or to_micros(now + overlap))
    with store.transaction() as connection:
        connection.execute(sa.update(TABLE).where(mine).values(expires_at=last_day))
    return key


def list_keys(store: Store) -> list[dict[str, Any]]:
    """Return every key but its secret, oldest first; moments are aware times."""
    shown = ("prefix", "name", "scopes", "employee_id", "created_at", "expires_at", "revoked_at")
    query = sa.select(*(TABLE.c[name] for name in shown)).order_by(TABLE.c.id)
    with store.reading() as connection:
        rows = [dict(row) for row in connection.execute(query).mappings()]
    for row in rows:
        for name in ("created_at", "expires_at", "revoked_at"):
            row[name] = from_micros(row[name]) if row[name] is not None else None
    return rows


def revoke_key(store: Store, prefix: str, now: datetime) -> None:
    """Make a key void; raise UnknownRecordError if there is none of that prefix."""
    change = (
        sa.update(TABLE)
        .where(TABLE.c.prefix == prefix_of(prefix), TABLE.c.revoked_at.is_(None))
        .values(revoked_at=to_micros(now))
    )
    with store.transaction() as connection:
        changed = connection.execute(change).rowcount
    if not changed:
        raise UnknownRecordError("No valid key has that prefix.", found=prefix_of(prefix))


class KeyRing:
    """The valid keys, read again every second; a request costs a hash and a look-up.

    Parameters
    ----------
    store : Store
        Where hashes are kept.
    clock : callable
        Now, aware UTC.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store, self.clock = store, clock
        self.kept: dict[str, KeptKey] = {}
        self.unknown: set[str] = set()  # prefixes that were asked for in vain since the keys were read
        self.looked_up = 0  # how many were, or are being, asked for in vain since then
        self.read_at = self.looked_at = self.began_at = float("-inf")
        self.task: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Read all keys that are not revoked."""
        query = sa.select(*(TABLE.c[name] for name in COLUMNS)).where(TABLE.c.revoked_at.is_(None))
        with self.store.reading() as connection:
            rows = connection.execute(query).mappings().all()
        self.kept = {row["prefix"]: kept_key(row) for row in rows}
        self.unknown, self.looked_up = set(), 0

    def made_just_now(self, prefix: str) -> KeptKey | None:
        """Return a key that was not there a moment ago, or None."""
        query = sa.select(*(TABLE.c[name] for name in COLUMNS))
        try:
            with self.store.reading() as connection:
                row = connection.execute(query.where(TABLE.c.prefix == prefix)).mappings().first()
        except sa.exc.SQLAlchemyError:
            return None
        return kept_key(row) if row is not None and row["revoked_at"] is None else None

    async def refresh(self) -> None:
        """Have the keys read again each second, before anybody has to wait for it; where the store is away, the known ones go on."""
        now = time.monotonic()
        if now - self.looked_at < FRESH_SECONDS * SOON_SHARE:
            return
        if self.task is None or self.task.done() or self.task.get_loop() is not asyncio.get_running_loop():
            self.task, self.began_at = asyncio.create_task(self.read_again()), now
        if now - self.looked_at >= FRESH_SECONDS:
            await asyncio.wait({self.task}, timeout=max(0.0, self.began_at + MOST_SECONDS - now))

    async def read_again(self) -> None:
        """Read the keys; where the store is away, go on with the known ones for a while."""
        began_at = time.monotonic()  # what is written meanwhile may not be among them
        try:
            await asyncio.to_thread(self.load)
            self.read_at = began_at
        except sa.exc.SQLAlchemyError as error:
            log.warning("keys cannot be read", extra={"why": type(error).__name__})
            if time.monotonic() - self.read_at > GRACE_SECONDS:
                self.kept = {}
        self.looked_at = began_at

    async def caller(self, key: str) -> Caller | None:
        """Return who holds a key, or None where it is not valid."""
        await self.refresh()
        prefix = prefix_of(key)
        kept = self.kept.get(prefix)
        is_new = kept is None and prefix not in self.unknown and len(key) == KEY_LENGTH
        if is_new and self.looked_up < MOST_LOOKED_UP:
            self.looked_up += 1
            kept = await asyncio.to_thread(self.made_just_now, prefix)
            if kept is None:
                self.unknown.add(prefix)
            else:
                self.looked_up -= 1
                self.kept[prefix] = kept
        holds = hmac.compare_digest(
            (kept or NOBODY).key_hash, digest(key)
        )  # the same work for a prefix of nobody
        if kept is None or not holds:
            return None
        if kept.expires_at is not None and kept.expires_at <= self.clock():
            return None
        return kept.caller


def kept_key(row: sa.RowMapping) -> KeptKey:
    """Return a stored key as it is looked up."""
    who = Caller(row["prefix"], row["name"], granted(row["scopes"].split()), row["employee_id"])
    expires_at = from_micros(row["expires_at"]) if row["expires_at"] is not None else None
    return KeptKey(row["key_hash"].encode(), who, expires_at)


def sent_key(scope: Scope) -> str | None:
    """Return the key of a request's headers, or None."""
    for name, value in scope["headers"]:
        if name == b"authorization" and value[:7].lower() == b"bearer ":
            return str(value[7:].strip(), "latin-1")
        if name == b"authorization" and value[:6].lower() == b"basic ":
            return basic_password(value[6:].strip())
        if name == b"x-api-key":
            return str(value.strip(), "latin-1")
    return None


def basic_password(encoded: bytes) -> str | None:
    """Return the password of HTTP Basic, which is the key (learning platforms send nothing else); the user name is free."""
    try:
        said = base64.b64decode(encoded, validate=True)
    except ValueError:
        return None
    return str(said.partition(b":")[2], "latin-1") or None


class Authentication:
    """Find out who asks; `serving.access.Guard` decides what they may.

    Parameters
    ----------
    app : ASGI application
        What answers.
    ring : KeyRing
        The valid keys.
    issuer : Issuer, optional
        Verifies the tokens of an identity provider.
    """

    def __init__(self, app: ASGIApp, ring: KeyRing, issuer: Issuer | None = None) -> None:
        self.app, self.ring, self.issuer = app, ring, issuer

    async def caller(self, sent: str) -> Caller | None:
        """Return who asks, by key or by token."""
        if self.issuer is not None and is_token(sent):
            return await self.issuer.caller(sent)
        return await self.ring.caller(sent)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the caller into the scope where the key is valid."""
        if scope["type"] == "http":
            key = sent_key(scope)
            scope["caller"] = await self.caller(key) if key else None
            if scope["caller"] is None and scope["method"] not in BODILESS:
                await refuse_unknown(scope, receive, send)  # nobody's body is read
                return
        await self.app(scope, receive, send)

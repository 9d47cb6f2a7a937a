"""Bearer tokens of an identity provider (OpenID Connect): verified here, with keys found by discovery and kept while it is away.

What a token must be: a JWT signed by a key of the issuer's JWKS, by an algorithm that both the issuer's discovery document
and the settings name; with ``iss``, ``aud``, ``exp`` and ``sub``. Its scopes are read from one claim. It acts for the person
its employee claim names; without that claim it sees nobody, unless it has the scope ``people:all``.

References
----------
OpenID Connect Discovery 1.0; RFC 7517 (JWK); RFC 8725 (JSON Web Token Best Current Practices).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from serving.access import ALL_SCOPES, Caller, granted
from serving.outward import is_safe, opener
from serving.settings import ServingSettings

log = logging.getLogger("skillpath.tokens")

PEOPLE_ALL = "people:all"
REQUIRED = ["iss", "aud", "exp", "sub"]
FETCH_SECONDS = 3.0
LARGEST_BYTES = 1024 * 1024
LONGEST_TOKEN = 16 * 1024
REFRESH_SECONDS = 600.0
RETRY_SECONDS = 5.0  # for a key id that is not known, or an issuer that is away
STALE_SECONDS = 24 * 3600.0  # how long known keys go on where the issuer is away
LEEWAY_SECONDS = 30.0


def fetch(url: str) -> Mapping[str, Any]:
    """Return a JSON object of a URL; raise OSError or ValueError where there is none."""
    if not is_safe(url):
        raise ValueError("not https")
    with opener().open(url, timeout=FETCH_SECONDS) as answer:
        said = json.loads(answer.read(LARGEST_BYTES))
    if not isinstance(said, dict):
        raise ValueError("not a JSON object")
    return said


@dataclass(frozen=True)
class Keys:
    """What the issuer says of itself: its signing keys by id, and the algorithms that are allowed of them."""

    by_id: Mapping[str, jwt.PyJWK] = field(default_factory=dict)
    algorithms: tuple[str, ...] = ()


def discover(issuer: str, allowed: frozenset[str]) -> Keys:
    """Return an issuer's signing keys.

    Raises
    ------
    OSError, ValueError
        If it cannot be reached, or says something else than it must.
    """
    said = fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if said.get("issuer") != issuer:
        raise ValueError("the discovery document is of another issuer")
    named = said.get("id_token_signing_alg_values_supported")
    algorithms = allowed.intersection(named if isinstance(named, list) else ())
    if not algorithms:
        raise ValueError("no algorithm is both offered and allowed")
    listed = fetch(str(said.get("jwks_uri", "")))
    try:
        keys = jwt.PyJWKSet.from_dict(dict(listed)).keys
    except jwt.PyJWTError as error:
        raise ValueError("the key set cannot be read") from error
    usable = {key.key_id: key for key in keys if key.key_id and key.public_key_use in (None, "sig")}
    return Keys(usable, tuple(sorted(algorithms)))


class Issuer:
    """Verifies the tokens of one identity provider.

    Parameters
    ----------
    settings : ServingSettings
        Who the issuer is, for which audience, and which claims are read.
    """

    def __init__(self, settings: ServingSettings) -> None:
        self.settings = settings
        self.keys = Keys()
        self.read_at = self.tried_at = float("-inf")
        self.reading = asyncio.Lock()

    async def caller(self, token: str) -> Caller | None:
        """Return whom a token names, or None where it does not hold."""
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            key_id = str(jwt.get_unverified_header(token).get("kid", ""))
        except jwt.PyJWTError:
            return None
        await self.refresh(key_id)
        key = self.keys.by_id.get(key_id)
        if key is None:
            return None
        try:
            claims = self.verified(token, key)
        except (jwt.PyJWTError, ValueError) as error:
            log.info("token refused", extra={"why": type(error).__name__})
            return None
        return self.named(claims)

    async def refresh(self, key_id: str) -> None:
        """Read the issuer's keys again from time to time, and soon where a token names one that is not known."""
        now = time.monotonic()
        is_due = now - self.read_at > REFRESH_SECONDS or key_id not in self.keys.by_id
        if not is_due or now - self.tried_at < RETRY_SECONDS:
            return
        async with self.reading:
            if time.monotonic() - self.tried_at < RETRY_SECONDS:
                return
            self.tried_at = time.monotonic()
            await asyncio.to_thread(self.load)

    def load(self) -> None:
        """Read the issuer's keys; where it is away, the known ones go on for a day."""
        allowed = frozenset(self.settings.oidc_algorithms.split())
        try:
            self.keys = discover(self.settings.oidc_issuer, allowed)
            self.read_at = time.monotonic()
        except (OSError, ValueError) as error:
            log.warning("the issuer's keys cannot be read", extra={"why": type(error).__name__})
            if time.monotonic() - self.read_at > STALE_SECONDS:
                self.keys = Keys()

    def verified(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        """Return a token's claims; raise jwt.PyJWTError where it does not hold."""
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(self.keys.algorithms),
            audience=self.settings.oidc_audience,
            issuer=self.settings.oidc_issuer,
            leeway=LEEWAY_SECONDS,
            options={"require": REQUIRED},
        )
        return claims

    def named(self, claims: Mapping[str, Any]) -> Caller:
        """Return the caller that verified claims name."""
        given = claims.get(self.settings.oidc_scope_claim, ())
        said = given.split() if isinstance(given, str) else [str(each) for each in given or ()]
        person = claims.get(self.settings.oidc_employee_claim)
        acts_for = None if PEOPLE_ALL in said else str(person) if isinstance(person, str | int) else ""
        name = str(claims["sub"])
        return Caller(
            actor_of(self.settings.oidc_issuer, name), name, granted(set(said) & set(ALL_SCOPES)), acts_for
        )


def actor_of(issuer: str, subject: str) -> str:
    """Return how audit and log name the subject of a token: a digest that who knows the subject can compute."""
    return f"jt_{hashlib.sha256(f'{issuer} {subject}'.encode()).hexdigest()[:16]}"


def is_token(sent: str) -> bool:
    """Say whether what was sent as a bearer is a signed token rather than a key."""
    return sent.count(".") == 2 and not sent.startswith("sk_")

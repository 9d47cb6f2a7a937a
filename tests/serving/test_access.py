"""Who may do what: refusals first."""

from __future__ import annotations

import asyncio
import re
import threading
from datetime import UTC, datetime, timedelta

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from features.errors import BadInputError, UnknownRecordError
from features.records.store import Store
from serving import keys
from serving.access import ALL_SCOPES, ANY_KEY, OPEN, SCOPES, Caller, Guard, granted
from serving.app import create_app
from serving.house import House
from serving.keys import (
    FRESH_SECONDS,
    SOON_SHARE,
    KeyRing,
    create_key,
    list_keys,
    prefix_of,
    revoke_key,
    rotate_key,
)
from serving.roles import ROLES, is_allowed
from serving.roles import operations as matrix_operations

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PARAMETER = re.compile(r"\{[^}]*\}")


def operations(app: FastAPI) -> list[tuple[str, str, str]]:
    """Return (operation id, method, path) of every route of the app itself."""
    routes = [route for route in app.router.routes if isinstance(route, APIRoute)]
    return [(route.name, method, route.path) for route in routes for method in sorted(route.methods)]


def test_every_route_is_denied_without_a_key_but_the_two_of_health(sqlite_house: House) -> None:
    app = create_app(house=sqlite_house)
    client = TestClient(app)
    answers = {
        name: client.request(method, PARAMETER.sub("1", path)).status_code
        for name, method, path in operations(app)
    }
    is_open = {name for name in answers if SCOPES[name] == OPEN}
    assert is_open == {"get_live", "get_ready"}
    assert {answers[name] for name in answers if name not in is_open} == {401}
    assert not {answers[name] for name in is_open} & {401, 403}


def test_every_route_is_denied_with_every_scope_but_its_own(sqlite_house: House) -> None:
    app = create_app(house=sqlite_house)
    for name, method, path in operations(app):
        needed = SCOPES[name]
        if needed in (OPEN, ANY_KEY):
            continue
        others = [scope for scope in ALL_SCOPES if needed not in granted([scope])]
        key = create_key(sqlite_house.store, "others", others, datetime.now(UTC))
        client = TestClient(app, headers={"X-API-Key": key})
        answer = client.request(method, PARAMETER.sub("1", path))
        assert answer.status_code == 403, name
        assert answer.json()["allowed"] == needed


def test_every_entry_of_the_app_stands_behind_the_guard(sqlite_house: House) -> None:
    for route in create_app(house=sqlite_house).router.routes:
        assert isinstance(getattr(route, "app", None), Guard), route


@pytest.mark.parametrize("role", ROLES)
def test_a_role_reaches_what_its_scopes_allow_and_nothing_else(sqlite_house: House, role: str) -> None:
    app = create_app(house=sqlite_house)
    if role == "nobody":
        client = TestClient(app)
    else:
        key = create_key(sqlite_house.store, role, ROLES[role], datetime.now(UTC))
        client = TestClient(app, headers={"X-API-Key": key})
    for name, method, path, needed in matrix_operations(app):
        status = client.request(method, PARAMETER.sub("1", path)).status_code
        assert (status not in (401, 403)) == is_allowed(role, needed), (name, status)


def test_a_route_without_a_scope_stops_the_start(sqlite_house: House) -> None:
    forgotten = APIRouter()

    @forgotten.get("/v1/forgotten")
    async def read_everything() -> None: ...

    with pytest.raises(BadInputError, match="read_everything has no scope"):
        create_app(house=sqlite_house, routers=[forgotten])


def test_a_key_of_another_secret_but_the_same_prefix_is_refused(sqlite_house: House, full_key: str) -> None:
    client = TestClient(create_app(house=sqlite_house))
    forged = prefix_of(full_key) + "_" + "A" * 43
    answer = client.get("/v1/models", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_revoked_key_is_refused_by_the_running_service(sqlite_house: House, full_key: str) -> None:
    app = create_app(house=sqlite_house)
    ring = next(layer.kwargs["ring"] for layer in app.user_middleware if "ring" in layer.kwargs)
    client = TestClient(app, headers={"X-API-Key": full_key})
    assert client.get("/v1/nothing-here").status_code == 404
    assert client.post("/v1/events", json=[]).status_code != 401
    revoke_key(sqlite_house.store, full_key, datetime.now(UTC))
    ring.looked_at -= 1.0  # a second later
    assert client.post("/v1/events", json=[]).status_code == 401


def test_nobody_waits_while_the_keys_are_read_again_in_time(
    sqlite_house: House, full_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, held = KeyRing(sqlite_house.store, lambda: datetime.now(UTC)), threading.Event()

    async def ask() -> None:
        assert await ring.caller(full_key)
        revoke_key(sqlite_house.store, full_key, datetime.now(UTC))
        load = ring.load
        monkeypatch.setattr(ring, "load", lambda: (held.wait(5), load()))
        ring.looked_at -= FRESH_SECONDS * SOON_SHARE  # soon they are too old
        assert await ring.caller(full_key)  # and the reading under way holds nobody up
        ring.looked_at -= FRESH_SECONDS
        held.set()
        assert await ring.caller(full_key) is None

    asyncio.run(ask())


def test_a_store_that_does_not_answer_holds_a_known_key_up_for_a_moment_alone(
    sqlite_house: House, full_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, held = KeyRing(sqlite_house.store, lambda: datetime.now(UTC)), threading.Event()
    monkeypatch.setattr(keys, "MOST_SECONDS", 0.01)

    async def ask() -> None:
        assert await ring.caller(full_key)
        monkeypatch.setattr(ring, "load", lambda: held.wait(5))
        ring.looked_at -= 2 * FRESH_SECONDS
        assert await ring.caller(full_key)
        held.set()

    asyncio.run(ask())


def test_an_expired_key_is_refused(sqlite_house: House) -> None:
    key = create_key(sqlite_house.store, "short", ALL_SCOPES, NOW, NOW + timedelta(days=1))
    client = TestClient(create_app(house=sqlite_house), headers={"X-API-Key": key})
    assert client.post("/v1/events", json=[]).status_code == 401


def test_a_key_is_kept_only_as_its_hash_and_listed_without_it(store: Store) -> None:
    key = create_key(store, "lms", ["events:write"], NOW)
    rows = store.frame("api_keys").to_dicts()
    assert key not in repr(rows)
    assert len(key.rsplit("_", 1)[-1]) >= 43 or "_" in key[12:]
    listed = list_keys(store)
    assert [(row["name"], row["scopes"], row["revoked_at"]) for row in listed] == [
        ("lms", "events:write", None)
    ]
    assert "key_hash" not in listed[0]


def test_an_unknown_scope_or_none_or_a_past_end_makes_no_key(sqlite_store: Store) -> None:
    for scopes, expires_at in ((["all"], None), ([], None), (["events:write"], NOW)):
        with pytest.raises(BadInputError):
            create_key(sqlite_store, "x", scopes, NOW, expires_at)
    assert sqlite_store.count("api_keys") == 0


def test_revoking_a_key_that_is_not_there_says_so(sqlite_store: Store) -> None:
    with pytest.raises(UnknownRecordError):
        revoke_key(sqlite_store, "sk_00000000", NOW)


def test_a_rotated_key_and_its_successor_both_hold_for_the_overlap_and_then_only_the_new_one(
    sqlite_house: House,
) -> None:
    store = sqlite_house.store
    old = create_key(store, "lms", ["events:write"], NOW, NOW + timedelta(days=90), "ann")
    sqlite_house.clock = lambda: NOW + timedelta(days=80)
    new = rotate_key(store, prefix_of(old), sqlite_house.clock(), timedelta(days=1))
    ring = KeyRing(store, sqlite_house.clock)
    both = asyncio.run(callers(ring, old, new))
    assert [each and (each.name, each.scopes, each.employee_id) for each in both] == [
        ("lms", frozenset({"events:write"}), "ann")
    ] * 2
    sqlite_house.clock = lambda: NOW + timedelta(days=82)
    later = KeyRing(store, sqlite_house.clock)
    assert [each is not None for each in asyncio.run(callers(later, old, new))] == [False, True]
    ends = {row["prefix"]: row["expires_at"] for row in list_keys(store)}
    assert ends[prefix_of(new)] == NOW + timedelta(days=170)


async def callers(ring: KeyRing, *keys: str) -> list[Caller | None]:
    return [await ring.caller(key) for key in keys]


def test_a_key_that_is_void_is_not_rotated(sqlite_store: Store) -> None:
    key = create_key(sqlite_store, "lms", ["events:write"], NOW, NOW + timedelta(days=1))
    with pytest.raises(UnknownRecordError):
        rotate_key(sqlite_store, key, NOW + timedelta(days=2), timedelta(hours=1))
    with pytest.raises(UnknownRecordError):
        rotate_key(sqlite_store, "sk_00000000", NOW, timedelta(hours=1))

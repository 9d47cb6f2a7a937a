"""Fixtures of the serving tests: a house without models, a client with every scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from features.records.store import Store
from serving.access import ALL_SCOPES
from serving.app import build_house, create_app
from serving.house import House
from serving.keys import create_key
from serving.settings import ServingSettings

MakeHouse = Callable[[Store], House]


@pytest.fixture
def serving_settings(tmp_path: Path) -> ServingSettings:
    """Return settings that write below this test's own folder."""
    return ServingSettings(var=tmp_path / "var", progress=False)


@pytest.fixture
def make_house(serving_settings: ServingSettings) -> MakeHouse:
    """Return a function that builds a house over a store; hold models in it by `house.models.hold(…)`."""
    return lambda store: build_house(serving_settings, store)


@pytest.fixture
def sqlite_house(make_house: MakeHouse, sqlite_store: Store) -> House:
    """Return a house over an empty SQLite store, without models."""
    return make_house(sqlite_store)


@pytest.fixture
def full_key(sqlite_house: House) -> str:
    """Return a key of the SQLite house with every scope."""
    return create_key(sqlite_house.store, "tests", ALL_SCOPES, datetime.now(UTC))


@pytest.fixture
def client(sqlite_house: House, full_key: str) -> Iterator[TestClient]:
    """Return a client of the SQLite house, its background work running, with every scope."""
    app = create_app(house=sqlite_house)
    with TestClient(app, headers={"Authorization": f"Bearer {full_key}"}) as opened:
        yield opened

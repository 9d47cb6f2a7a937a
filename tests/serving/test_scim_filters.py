"""What a SCIM filter finds is the same whether the database narrows it or not, and few rows are read for it."""

from __future__ import annotations

import itertools
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from scim2_models import Group, ScimFilter, SearchRequest
from scim2_models.path import CompareOperator

from features.records.store import Store
from serving.app import create_app
from serving.keys import create_key
from serving.scim import storage as storage_module
from serving.scim.narrowing import AS_ASCII, LONGEST, pattern
from serving.scim.provider import provider
from serving.scim.storage import ScimRecords

USER = next(each for each in provider().resource_types if each.name == "User")
GROUP = next(each for each in provider().resource_types if each.name == "Group")
MODEL: Any = provider().model_for(USER)
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
START = datetime(2026, 1, 1, tzinfo=UTC)
NAMES = ["Ann", "Bob_1", "Böb", "bo%b", "Kurt", "\u212aurt", "Zoe\u0308", 'Quo"te', "back\\slash", "Weiß"]
FILTERS = [
    'displayName eq "ann"',
    'displayName eq "BÖB"',
    'displayName eq "kurt"',
    'displayName eq "zoë"',
    'displayName co "o"',
    'displayName co "_"',
    'displayName co "%"',
    'displayName sw "b"',
    'displayName ew "ß"',
    'displayName eq "quo\\"te"',
    'displayName co "\\\\"',
    'displayName ne "Ann"',
    'not (displayName eq "Ann")',
    "displayName pr",
    'emails eq "p3@example.org"',
    'emails.value co "@EXAMPLE"',
    'emails[type eq "work" and value sw "p1"]',
    'emails[type eq "home"]',
    'userName eq "P2@example.org"',
    'externalId eq "hr-4"',
    'externalId eq "HR-4"',
    "active eq true",
    "active eq false",
    "active ne true",
    f'{ENTERPRISE}:manager.value eq "boss"',
    f'{ENTERPRISE}:manager eq "boss"',
    f'{ENTERPRISE}:department eq "finance"',
    'meta.lastModified gt "2026-01-01T00:00:03Z"',
    'meta.lastModified ge "2026-01-01T01:00:03+01:00"',
    'meta.lastModified lt "2026-01-01T00:00:03.000001Z"',
    'meta.created le "2026-01-01T00:00:03Z"',
    'meta.lastModified gt "2026-01-01T00:00:03Z" and active eq true',
    'active eq false or meta.lastModified le "2026-01-01T00:00:01Z"',
    'displayName sw "b" and not (active eq true)',
    'displayName eq "Ann" or userName co "p5"',
    'title eq "nobody has it"',
]


@pytest.fixture
def kept(store: Store) -> ScimRecords:
    """Return people with names that are hard to compare, each a second after the other, and a group."""
    ticks = itertools.count()
    records = ScimRecords(store, provider(), lambda: START + timedelta(seconds=next(ticks)))
    for number, name in enumerate(NAMES):
        records.create(USER, MODEL.model_validate(person(number, name)))
    records.create(GROUP, Group(display_name="Ann"))
    return records


def person(number: int, name: str) -> dict[str, Any]:
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "userName": f"p{number}@example.org",
        "externalId": f"HR-{number}",
        "displayName": name,
        "active": number % 3 != 0,
        "emails": [{"value": f"p{number}@example.org", "type": "work" if number % 2 else "home"}],
        ENTERPRISE: {
            "department": "Finance" if number % 2 else "Sales",
            "manager": {"value": "boss" if number % 4 == 0 else "Chef"},
        },
    }


def found_by(records: ScimRecords, text: str, **asked: Any) -> list[str]:
    request = SearchRequest[MODEL](filter=ScimFilter[MODEL](text), **asked)
    resources: list[Any] = records.search([USER], request).resources
    return sorted(each.display_name for each in resources)


def test_a_filter_finds_what_the_library_finds_among_everybody(kept: ScimRecords) -> None:
    everybody: list[Any] = kept.search([USER], SearchRequest[MODEL]()).resources
    for text in FILTERS:
        condition = ScimFilter[MODEL](text)
        assert found_by(kept, text) == sorted(
            each.display_name for each in everybody if condition.match(each)
        ), text


FEW = [
    ('displayName eq "ann"', 2),  # and the one whose letter becomes ASCII
    ('emails[type eq "work" and value sw "p1@"]', 2),
    (f'{ENTERPRISE}:manager.value eq "boss" and displayName sw "kurt"', 2),
    ('meta.lastModified gt "2026-01-01T00:00:07Z"', 2),
    ("active eq false", 4),
]


def test_rows_that_a_filter_cannot_be_about_are_not_read(
    kept: ScimRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(self: ScimRecords, row: Any) -> Any:
        read.append(row["resource_id"])
        return plain(self, row)

    plain = storage_module.ScimRecords.read
    monkeypatch.setattr(storage_module.ScimRecords, "read", counted)
    for text, most in FEW:
        read.clear()
        assert 0 < len(found_by(kept, text)) <= len(read) <= most, text


def test_changes_since_a_moment_come_page_by_page_and_are_counted_whole(kept: ScimRecords) -> None:
    text = 'meta.lastModified ge "2026-01-01T00:00:04Z"'
    pages: list[Any] = [
        kept.search([USER], SearchRequest[MODEL](filter=ScimFilter[MODEL](text), start_index=start, count=4))
        for start in (1, 5)
    ]
    assert [page.total for page in pages] == [6, 6]
    assert [each.display_name for page in pages for each in page.resources] == NAMES[4:]


def test_the_letters_that_become_ascii_are_all_named() -> None:
    becoming = {
        letter
        for letter in map(chr, range(0x80, 0x3000))
        for form in (letter, unicodedata.normalize("NFC", letter))
        if any(ord(part) < 0x80 for part in (form + form.lower()))
    }
    assert becoming == set(AS_ASCII)


def test_a_long_text_is_looked_for_by_its_beginning() -> None:
    assert len(pattern("a" * 100_000, CompareOperator.eq)) == LONGEST + 3


@pytest.fixture
def idp(store: Store, make_house: Any) -> TestClient:
    """Return an identity provider."""
    house = make_house(store)
    key = create_key(store, "okta", ["records:write"], datetime.now(UTC))
    return TestClient(create_app(house=house), headers={"Authorization": f"Bearer {key}"})


ODD = [
    'userName eq "a\\u0000b"',
    'userName eq "\\ud800"',
    'displayName co "\\ud800"',
    'id eq "\\u0000"',
    'displayName co "\\u0000"',
    'meta.lastModified gt "2026-02-31T00:00:00Z"',
    'meta.lastModified gt "0001-01-01T00:00:00+23:59"',
    f'displayName eq "{"x" * 6_000}"',
    "(" * 400 + 'displayName eq "a"' + ")" * 400,
]


def test_an_odd_filter_is_answered_or_refused_as_scim_refuses(idp: TestClient) -> None:
    for text in ODD:
        body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": text}
        answer = idp.post("/scim/v2/Users/.search", json=body)
        assert answer.status_code in (200, 400), (text, answer.text)
        assert answer.headers["content-type"].startswith("application/scim+json")

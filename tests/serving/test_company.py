"""A large organisation is read beside the answers, not inside them, and never brings an erased person back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import adbc_driver_manager
import pytest
import sqlalchemy as sa
from adbc_driver_manager import AdbcStatusCode

from features.errors import UnavailableError
from features.records.moments import to_micros
from features.records.schema import METADATA
from serving.house import House
from serving.rights.erasure import drop_personal_caches
from serving.skills import company
from serving.skills.company import KEY, Company, company_of

LONG_AGO = to_micros(datetime(2024, 1, 1, tzinfo=UTC))


def hire(house: House, name: str) -> None:
    who = {"employee_id": name, "spell": 1, "happened_at": LONG_AGO, "known_at": LONG_AGO, "job_id": "j"}
    with house.store.transaction() as connection:
        house.store.append(connection, "job_history", [who])


def people(found: Company) -> list[str]:
    return found.people["employee_id"].to_list()


def age(house: House, took: float) -> None:
    """Let what is kept be old, and have taken so long to read."""
    kept = house.cache[KEY]
    house.cache[KEY] = company.Kept(kept.company, time.monotonic() - 1_000.0, took)


def wait_for(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert holds()


@pytest.fixture
def staffed(sqlite_house: House) -> House:
    hire(sqlite_house, "ann")
    assert people(company_of(sqlite_house)) == ["ann"]
    hire(sqlite_house, "bob")
    return sqlite_house


def test_what_was_read_is_kept_and_a_small_organisation_is_read_again_when_it_is_old(staffed: House) -> None:
    assert people(company_of(staffed)) == ["ann"]
    age(staffed, took=0.1)
    assert people(company_of(staffed)) == ["ann", "bob"]


def test_a_large_one_answers_from_what_is_in_hand_while_it_is_read_beside(
    staffed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(staffed, took=5.0)
    is_read, read = threading.Event(), company.read_company

    def slowly(house: House) -> Company:
        is_read.wait(30)
        return read(house)

    monkeypatch.setattr(company, "read_company", slowly)
    assert people(company_of(staffed)) == people(company_of(staffed)) == ["ann"]
    is_read.set()
    wait_for(lambda: people(company_of(staffed)) == ["ann", "bob"])
    wait_for(lambda: not company.RENEWING.locked())


def test_who_was_erased_while_it_was_read_does_not_come_back(
    staffed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(staffed, took=5.0)
    read = company.read_company

    def erased_meanwhile(house: House) -> Company:
        found = read(house)
        jobs = METADATA.tables["job_history"]
        with house.store.transaction() as connection:
            connection.execute(sa.delete(jobs).where(jobs.c.employee_id == "ann"))
        drop_personal_caches(house)
        return found

    monkeypatch.setattr(company, "read_company", erased_meanwhile)
    company_of(staffed)
    wait_for(lambda: not company.RENEWING.locked())
    monkeypatch.undo()
    assert people(company_of(staffed)) == ["bob"]


def test_of_what_grows_with_the_people_the_columns_that_are_looked_at_are_read_as_the_store_has_them(
    staffed: House,
) -> None:
    found = company.read_company(staffed)
    for name, columns in company.COLUMNS.items():
        assert found.records[name].equals(staffed.store.frame(name, columns))


@pytest.mark.parametrize("is_first", [True, False])
def test_a_driver_that_finds_no_records_says_that_they_are_away(
    staffed: House, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    def away(*_asked: object) -> None:
        raise adbc_driver_manager.OperationalError("unable to open", status_code=AdbcStatusCode.IO)

    monkeypatch.setattr(company, "columns_of_table", away)
    if is_first:
        staffed.cache.pop(KEY)
        with pytest.raises(UnavailableError, match="cannot be read"):
            company_of(staffed)
    else:
        age(staffed, took=5.0)
        assert people(company_of(staffed)) == ["ann"]
        wait_for(lambda: not company.RENEWING.locked())
        assert people(company_of(staffed)) == ["ann"]
        wait_for(lambda: not company.RENEWING.locked())


def test_where_the_store_is_away_the_one_in_hand_goes_on(
    staffed: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    age(staffed, took=5.0)

    def away(_house: House) -> Company:
        raise sa.exc.OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(company, "read_company", away)
    assert people(company_of(staffed)) == ["ann"]
    wait_for(lambda: not company.RENEWING.locked())
    assert people(company_of(staffed)) == ["ann"]
    wait_for(lambda: not company.RENEWING.locked())

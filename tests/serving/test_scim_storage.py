"""The storage contract of the SCIM library, on both databases."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract

from features.records.store import Store
from serving.scim.provider import provider as our_provider
from serving.scim.storage import ScimRecords


class TestScimRecordsKeepTheContract(ScimStorageContract):
    """What the library asks of every storage."""

    @pytest.fixture
    def provider(self) -> ScimProvider:
        return our_provider()

    @pytest.fixture
    def storage(self, store: Store) -> ScimRecords:
        ticks = itertools.count()
        start = datetime(2026, 1, 1, tzinfo=UTC)
        return ScimRecords(store, our_provider(), lambda: start + timedelta(seconds=next(ticks)))

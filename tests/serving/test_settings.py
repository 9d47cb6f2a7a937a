"""Settings: each documented; one that cannot work says which, what was found and what is allowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from features.errors import BadInputError
from serving.opening import clock_of
from serving.settings import ServingSettings, read_settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": 70_000}, "SKILLPATH_PORT"),
        ({"port": "eighty"}, "SKILLPATH_PORT"),
        ({"workers": 0}, "SKILLPATH_WORKERS"),
        ({"body_limit_bytes": -1}, "SKILLPATH_BODY_LIMIT_BYTES"),
        ({"log_level": "loud"}, "SKILLPATH_LOG_LEVEL"),
        ({"clock": "noon"}, "Invalid isoformat"),
        ({"clock": "2026-01-01T00:00:00"}, "no time zone"),
        ({"ready_questions": "skills weather"}, "weather"),
        ({"tls_key": "key.pem"}, "go together"),
        ({"tls_key": "no.pem", "tls_certificate": "no.pem"}, "no file"),
        ({"cors_origins": "*"}, "no star"),
        ({"cors_origins": "https://a.example.org/path"}, "an origin is like"),
        ({"requests_per_second": 0}, "SKILLPATH_REQUESTS_PER_SECOND"),
        ({"oidc_issuer": "http://login.example.org", "oidc_audience": "x"}, "not https"),
        ({"oidc_issuer": "https://login.example.org"}, "oidc_audience"),
        ({"oidc_issuer": "https://i.example.org", "oidc_audience": "x", "oidc_algorithms": "HS256"}, "HS256"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        read_settings(**given)


def test_every_setting_says_what_it_is() -> None:
    for name, field in ServingSettings.model_fields.items():
        assert field.description, name


def test_the_clock_ticks_on_from_where_it_was_put() -> None:
    clock = clock_of(read_settings(clock="2025-12-31T00:00:00Z"))
    start = datetime(2025, 12, 31, tzinfo=UTC)
    first, second = clock(), clock()
    assert start <= first <= second < start + timedelta(minutes=1)

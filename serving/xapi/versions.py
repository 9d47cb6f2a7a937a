"""Which xAPI is spoken: the version header, negotiated, and said in every answer, also in refusals."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from serving.http.problems import Problem, shown

HEADER = "X-Experience-API-Version"
CONSISTENT = "X-Experience-API-Consistent-Through"
ALLOWED = "1.0, 1.0.x, 2.0 or 2.0.x"
NEWEST = {"1": "1.0.3", "2": "2.0.0"}
SPOKEN = re.compile(r"([12])\.0(\.\d+)?")


def negotiated(request: Request) -> str:
    """Return the version to answer in; raise Problem (400) where none is named, or one that is not spoken."""
    asked = request.headers.get(HEADER)
    spoken = SPOKEN.fullmatch(asked.strip()) if asked is not None else None
    if spoken is None:
        raise Problem(
            400,
            f"The header {HEADER} must name the version of xAPI that is spoken.",
            headers={HEADER: NEWEST["1"]},
            field=HEADER,
            found=shown(asked) if asked is not None else "",
            allowed=ALLOWED,
        )
    return NEWEST[spoken.group(1)]


@contextmanager
def speaking(request: Request) -> Iterator[str]:
    """Give the negotiated version, and say it in whatever is refused inside."""
    version = negotiated(request)
    try:
        yield version
    except Problem as error:
        error.headers = {**(error.headers or {}), HEADER: version}
        raise

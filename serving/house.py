"""The house: everything an endpoint may use, built once by `create_app` and found by a dependency.

How a question's module (`serving/<question>.py`) is written::

    router = APIRouter(tags=["LMS"])          # full paths, no prefix

    @router.get("/v1/employees/{employee_id}/skill-gaps")
    async def get_skill_gaps(employee_id: EmployeeId, house: HouseDependency) -> SkillGaps:
        '''Return what the person's job asks for and what they hold.'''

- The operation id is the function's name; its scope stands in `serving.access.SCOPES`, else the start fails.
- **Identifiers in paths** are typed `EmployeeId`, `CourseId` or `JobId` and named `employee_id`, `course_id`, `job_id`.
  They may hold ``/`` and ``:``: callers percent-encode them (``%2F`` stays inside its segment), or write ``-`` in
  the path and give the identifier as a query parameter of the same name:
  ``/v1/employees/-/skill-gaps?employee_id=https://hr/7``. The middleware of `serving.http.paths` does both; an endpoint
  sees the plain identifier and needs no second route.
- Errors are raised from `features.errors`; `serving.http.problems` answers them as problem+json.
- Who asks is `caller: CallerDependency` (`serving.access`): `caller.prefix` is the audit's actor.
- A few rows of one record are read by ``await looked_up(house, function, …)``: at once on SQLite, in a thread on PostgreSQL.
- What writes may wait for a lock: call ``house.audit.record(…)`` from a plain ``def`` endpoint, or from an ``async def`` one
  by ``await in_thread(house.audit.record, …)``.
- The model: ``house.models.current("attrition")`` raises UnavailableError (503) where none is verified; where a canary may answer
  a share of the people, ``house.models.of("recommendation", employee_id)``. Take it once per request, so that no answer mixes
  two versions.
- Kept scores: ``house.kept.read(question, employee_id, model.digest)``; stale where the person's newest record became known
  after ``kept.as_of`` and more than `STALE_SECONDS` ago: answer with them, and say ``fallback: "stale_scores"``.
- A question that keeps scores has ``score_everybody(house, employee_ids, progress) -> Iterator[tuple[str, bytes]]``; it is
  called by `skillpath score` and, for a handful of people, in the background when their records change. Where it can be
  switched off, ``check_switch(house)`` beside it raises RefusedError, and `skillpath score` writes no file.
- ``exported_columns(model, payload) -> dict[str, object]`` in ``serving/<question>_kept.py`` unpacks one person's payload into
  plain columns for the Parquet file of `skillpath score`.
- Where ``features/<question>.py`` has ``FEATURE_SCHEMA: Mapping[str, str]`` (feature name → kind and unit), a bundle whose
  signed ``feature_schema_digest`` differs from ``SHA-256(canonical JSON of it)`` is refused.
- ``house.cache`` is per process: key by (name, ``house.models.current(…).digest`` or a version of the records).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ParamSpec, TypeVar

from fastapi import Depends, Request

from features.errors import UnavailableError
from features.records.store import Store
from serving.audit import Audit
from serving.http.paths import CourseId, EmployeeId, JobId
from serving.ledger import Ledger
from serving.models.answering import Models
from serving.scores.kept import Changes, KeptScores
from serving.settings import ServingSettings

__all__ = ["CourseId", "EmployeeId", "House", "HouseDependency", "JobId", "house", "in_thread", "looked_up"]

STALE_SECONDS = 2.0
MOST_SECONDS_WAITING = 10.0  # for a thread; callers give up about then

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class House:
    """Everything an endpoint may use.

    Parameters
    ----------
    settings : ServingSettings
        As the service was started.
    store : Store
        The records.
    models : Models
        The verified models, swapped while running.
    kept : KeptScores
        People's model scores, one row per question, person and model.
    ledger : Ledger
        What was shown to whom, committed in groups.
    audit : Audit
        Who read whose score, written before the answer.
    encoder : callable, optional
        Texts to L2-normalised float32 vectors (n, d); None where no exported encoder stands.
    clock : callable
        Now, aware UTC.
    changes : Changes
        People whose records changed; their kept scores are recomputed in the background.
    cache : dict
        Per-process caches.
    opted_out : frozenset of str
        Who does not want personal recommendations; read again every second.
    """

    settings: ServingSettings
    store: Store
    models: Models
    kept: KeptScores
    ledger: Ledger
    audit: Audit
    clock: Callable[[], datetime]
    encoder: Callable[[Sequence[str]], Any] | None = None
    changes: Changes = field(default_factory=Changes)
    cache: dict[Any, Any] = field(default_factory=dict)
    opted_out: frozenset[str] = frozenset()


async def house(request: Request) -> House:
    """Return the house of the running application."""
    found: House = request.app.state.house
    return found


HouseDependency = Annotated[House, Depends(house)]


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run something that may wait, without making other requests wait.

    Raises
    ------
    UnavailableError
        If no thread was free in time: what its caller no longer waits for is not begun.
    """
    asked_at = time.monotonic()

    def begun() -> R:
        if time.monotonic() - asked_at > MOST_SECONDS_WAITING:
            raise UnavailableError("Too much is under way here; this was not begun.", hint="Try again later.")
        return function(*args, **kwargs)

    return await asyncio.to_thread(begun)


async def looked_up(house: House, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what a function reads of a few rows by their key.

    On SQLite at once: a thread takes longer than such a read, and no lock makes it wait. A database server may be away, and is
    asked from a thread.
    """
    if house.store.is_postgres:
        return await in_thread(function, *args, **kwargs)
    return function(*args, **kwargs)

"""What the shadow would have shown, computed after the answer was given, logged beside it and shown to nobody."""

from __future__ import annotations

import logging
import time
from typing import Any

import msgspec

from features.errors import SkillpathError
from features.records.shown import shadow_key
from serving.house import House
from serving.http.admission import Rate
from serving.recommendation.body import ledger_row
from serving.recommendation.context import Context, Page
from serving.recommendation.filters import RecommendationQuery
from serving.recommendation.recommending import QUESTION, recommended

log = logging.getLogger("skillpath.shadow")

KEY = "answers a shadow may look at"


def note_shown(house: House, context: Context, page: Page, asked: RecommendationQuery) -> None:
    """Write down what was shown; where a shadow stands, a moment later, with what that would have shown instead."""
    row = ledger_row(context, page, asked)
    if QUESTION in house.models.shadows and is_affordable(house):
        house.ledger.later.append((row, asked))
        return
    house.ledger.shown(row)


def is_affordable(house: House) -> bool:
    """Say whether a shadow may look at one more answer now, and count it: so many a second are this process's budget."""
    budget: Rate | None = house.cache.get(KEY)
    if budget is None:
        budget = house.cache[KEY] = Rate(house.settings.shadows_per_second)
    return budget.wait(QUESTION, time.monotonic()) == 0


def keep_shown(house: House) -> int:
    """Compute the shadow's answers that wait, and commit all that was shown; return how many rows."""
    with house.ledger.flushing:
        for _ in range(len(house.ledger.later)):
            row, asked = house.ledger.later.popleft()
            house.ledger.shown(with_shadow(house, dict(row), asked))
        return house.ledger.flush()


def with_shadow(house: House, row: dict[str, Any], asked: RecommendationQuery) -> dict[str, Any]:
    """Return a row with the shadow's list under ``model:`` and its digest; without one where it cannot answer."""
    model = house.models.shadows.get(QUESTION)
    if model is None:
        return row
    try:
        context, page = recommended(house, row["employee_id"], asked, model)
    except SkillpathError:
        return row  # the person is gone meanwhile, or the store is away
    except Exception:  # a shadow may break as it likes; nobody sees it
        log.exception("the shadow gave no answer", extra={"version": model.version})
        return row
    shadows = msgspec.json.decode(row["shadows"]) if row["shadows"] else {}
    return {
        **row,
        "shadows": msgspec.json.encode(shadows | {shadow_key(model.digest): listed(context, page)}).decode(),
    }


def listed(context: Context, page: Page) -> list[str]:
    """Return the courses of a page in their order."""
    return [context.catalogue.course_ids[each.course] for each in page.ranking]

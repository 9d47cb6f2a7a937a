"""What the shadow would have shown, computed after the answer was given, logged beside it and shown to nobody."""

from __future__ import annotations

import logging
import time
from typing import Any

import msgspec

from features.errors import SkillpathError
from serving.house import House
from serving.models.answering import LoadedModel
from serving.recommendation.body import Context, Page, ledger_row
from serving.recommendation.filters import RecommendationQuery

log = logging.getLogger("skillpath.shadow")

QUESTION = "recommendation"
KEY = "answers a shadow may look at"


class Budget:
    """So many answers a second; what is not used is kept for a second.

    Parameters
    ----------
    per_second : float
        Answers.
    """

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self.left, self.looked_at = per_second, time.monotonic()

    def take(self) -> bool:
        """Say whether another one is within the budget, and count it."""
        now = time.monotonic()
        self.left = min(self.per_second, self.left + (now - self.looked_at) * self.per_second)
        self.looked_at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


def note_shown(house: House, context: Context, page: Page, asked: RecommendationQuery) -> None:
    """Write down what was shown; where a shadow stands, a moment later, with what that would have shown instead."""
    row = ledger_row(context, page, asked)
    if QUESTION in house.models.shadows and budget_of(house).take():
        house.ledger.later.append((row, asked))
        return
    house.ledger.shown(row)


def budget_of(house: House) -> Budget:
    """Return this process's budget."""
    found: Budget | None = house.cache.get(KEY)
    if found is None:
        found = house.cache[KEY] = Budget(house.settings.shadows_per_second)
    return found


def keep_shown(house: House) -> int:
    """Compute the shadow's answers that wait, and commit all that was shown; return how many rows."""
    for _ in range(len(house.ledger.later)):
        try:
            row, asked = house.ledger.later.popleft()
        except IndexError:  # flushed by somebody else meanwhile
            break
        house.ledger.shown(with_shadow(house, dict(row), asked))
    return house.ledger.flush()


def with_shadow(house: House, row: dict[str, Any], asked: RecommendationQuery) -> dict[str, Any]:
    """Return a row with the shadow's list under ``model:`` and its digest; without one where it cannot answer."""
    from serving.recommendation.routes import recommended

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
    return {**row, "shadows": msgspec.json.encode(shadows | {key_of(model): listed(context, page)}).decode()}


def key_of(model: LoadedModel) -> str:
    """Return the name under which a model's list lies among the shadows; no policy's name has a colon."""
    return f"model:{model.digest}"


def listed(context: Context, page: Page) -> list[str]:
    """Return the courses of a page in their order."""
    return [context.catalogue.course_ids[each.course] for each in page.ranking]

"""From a ranking to the answer's body, and to the ledger's row."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import Response

from features.records.shown import packed
from serving.recommendation.context import Context, Page
from serving.recommendation.filters import RecommendationQuery
from serving.recommendation.items import ENCODER, items, stamp


def new_id(now: int) -> str:
    """Return a new answer's identifier; later ones sort later, so that the ledger grows at one end."""
    return f"{now:014x}{secrets.token_hex(5)}"


def answer(context: Context, page: Page, asked: RecommendationQuery) -> Response:
    """Return the answer, encoded."""
    return Response(ENCODER.encode(body(context, page, asked)), media_type="application/json")


def body(context: Context, page: Page, asked: RecommendationQuery) -> dict[str, Any]:
    """Return the answer as the contract (`serving.recommendation.answers`) shows it."""
    return {
        "employee_id": context.employee_id,
        "recommendation_id": context.recommendation_id,
        "model_version": context.model.version,
        "as_of": stamp(context.now),
        "fallback": context.fallback,
        "arm": context.arm,
        "target_job_id": context.job_id,
        "items": items(context, page.ranking, asked.offset + 1, is_explained=asked.explain),
        "shortfall": page.shortfall,
    }


def ledger_row(context: Context, page: Page, asked: RecommendationQuery) -> dict[str, Any]:
    """Return what was shown, as the ledger keeps it."""
    course_ids = context.catalogue.course_ids
    shown = zip(page.ranking, page.chances, strict=True)
    return {
        "recommendation_id": context.recommendation_id,
        "employee_id": context.employee_id,
        "model_digest": context.model.digest,
        "shown_at": context.now,
        "first_rank": asked.offset + 1,
        "items": packed([(course_ids[one.course], one.score, chance) for one, chance in shown]),
        "arm": context.arm,
        "shadows": ENCODER.encode(context.shadows).decode() if context.shadows else None,
    }

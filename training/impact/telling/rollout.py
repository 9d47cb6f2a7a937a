"""A staggered roll-out as plain data, with its verdict."""

from __future__ import annotations

from typing import Any

from training.impact.doubts.pretrends import breakdown
from training.impact.estimators.staggered import Panel, refuse_unusable_panel, staggered_effects
from training.impact.telling.evidence import Evidence
from training.impact.telling.record import placebo_record, span
from training.impact.telling.verdict import verdict
from training.impact.telling.words import Subject, in_words


def rollout_record(panel: Panel, about: Subject, n_left_out: int) -> dict[str, Any]:
    """Return what a roll-out shows, as the payload keeps it.

    Raises
    ------
    RefusedError
        If it shows nothing.
    """
    refuse_unusable_panel(panel)
    found = staggered_effects(panel)
    effect = found.overall
    withstands = breakdown(found)
    judged = verdict(
        Evidence(
            "staggered", "full", (effect.low, effect.high),
            placebo=(found.before.low, found.before.high) if found.before else None,
            clusters=effect.freedom + 1, pretrend_p_value=found.pretrend_p_value, breakdown=withstands,
            missing_share=n_left_out / max(n_left_out + panel.first.size, 1),
        )
    )  # fmt: skip
    trained = int(((panel.first > 0) & (panel.first < panel.periods.size)).sum())
    words = in_words(judged.code, (effect.value, effect.low, effect.high), about, judged.reasons)
    return {
        "status": "estimated", "reason": "", "effect": span(effect), "design": "staggered", "estimand": "att",
        "pipeline": "full", "standard_error": effect.standard_error, "p_value": effect.p_value,
        "n": {"trained": trained, "compared": int(panel.first.size) - trained, "left_out": n_left_out},
        "verdict": {"code": judged.code.replace(" ", "_"), "words": words},
        "verdict_reasons": list(judged.reasons), "placebo": placebo_record(found.before),
        "pretrend_p_value": found.pretrend_p_value, "breakdown": withstands, "twfe": found.twfe,
        "event_study": {str(age): span(one) for age, one in found.by_age.items()},
    }  # fmt: skip

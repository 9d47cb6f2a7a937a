"""An estimate as plain data: what the payload keeps and what the service answers."""

from __future__ import annotations

from typing import Any

from training.impact.doubts.sensitivity import Sensitivity
from training.impact.doubts.variants import Variant
from training.impact.estimate import Estimate
from training.impact.estimators.aipw import Effect
from training.impact.telling.words import CANNOT_TELL, Subject, in_words

SHOWN = 8


def span(effect: Effect | None) -> dict[str, float] | None:
    """Return an effect as value, low and high."""
    if effect is None:
        return None
    return {"value": effect.value, "low": effect.low, "high": effect.high}


def diagnostics(estimate: Estimate, shown: int | None = None) -> dict[str, Any]:
    """Return every report beside the number; of the balance (the love plot's data) so many covariates as are shown, or all."""
    found: dict[str, Any] = {
        "estimand": estimate.estimand,
        "design": estimate.design,
        "pipeline": estimate.pipeline,
        "standard_error": estimate.effect.standard_error,
        "p_value": estimate.effect.p_value,
        "by_seed": list(estimate.by_seed),
        "verdict_reasons": list(estimate.verdict.reasons),
    }
    if estimate.overlap:
        found["overlap"] = {
            "effective_sample": estimate.overlap.effective_sample,
            "outside_share": estimate.overlap.outside_share,
            "trained_outside_share": estimate.overlap.trained_outside_share,
            "largest_weight_share": estimate.overlap.largest_weight_share,
        }
    if estimate.balance:
        balance = estimate.balance
        listed = list(zip(balance.names, balance.before, balance.after, strict=True))[:shown]
        found["balance"] = {
            "largest_before": balance.largest_before,
            "largest_after": balance.largest_after,
            "covariates": [{"name": n, "before": b, "after": a} for n, b, a in listed],
        }
    if estimate.sensitivity:
        found["sensitivity"] = {
            "robustness_value": estimate.sensitivity.robustness_value,
            "robustness_value_interval": estimate.sensitivity.robustness_value_interval,
            "strongest_covariate": estimate.sensitivity.strongest_covariate,
            "strongest_value": estimate.sensitivity.strongest_value,
            "e_value": estimate.sensitivity.e_value,
            "hidden": hidden_record(estimate.sensitivity),
        }
    found["placebo"] = placebo_record(estimate.placebo)
    if estimate.placebos:
        found["placebos"] = [placebo_record(one) for one in estimate.placebos]
    found["negative_control"] = placebo_record(estimate.negative_control)
    found["variants"] = [variant_record(one) for one in estimate.variants]
    found["bounds"] = list(estimate.bounds) if estimate.bounds else None
    return found


def hidden_record(sensitivity: Sensitivity) -> dict[str, float] | None:
    """Return the hidden cause that the placebo shows, and the effect it would leave."""
    found = sensitivity.hidden
    if found is None:
        return None
    return {"strength": found.strength, "left": found.left, "left_low": found.low, "left_high": found.high}


def variant_record(variant: Variant) -> dict[str, Any]:
    """Return a variant with its own estimand."""
    return {
        "name": variant.name,
        "estimand": variant.estimand,
        **(span(variant.effect) or {}),
        "effective_sample": variant.effective_sample,
        "trained": variant.n_trained,
    }


def placebo_record(placebo: Effect | None) -> dict[str, Any] | None:
    """Return a placebo with whether it passed: it passes where its interval includes 0."""
    return None if placebo is None else {**(span(placebo) or {}), "passed": not placebo.excludes_zero}


def estimated_record(estimate: Estimate, about: Subject) -> dict[str, Any]:
    """Return an estimate as the payload keeps it."""
    effect = (estimate.effect.value, estimate.effect.low, estimate.effect.high)
    return {
        "status": "estimated",
        "reason": "",
        "effect": span(estimate.effect),
        "n": dict(estimate.n),
        "verdict": {
            "code": estimate.verdict.code.replace(" ", "_"),
            "words": in_words(estimate.verdict.code, effect, about, estimate.verdict.reasons),
        },
        **diagnostics(estimate, SHOWN),
    }


def refused_record(reason: str, n: dict[str, int]) -> dict[str, Any]:
    """Return a refusal as the payload keeps it."""
    return {
        "status": "refused",
        "reason": reason,
        "effect": None,
        "n": n,
        "verdict": {"code": CANNOT_TELL.replace(" ", "_"), "words": f"Cannot tell. {reason}"},
    }

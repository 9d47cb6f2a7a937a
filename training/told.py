"""What a program is told of a trained model, as JSON."""

from __future__ import annotations

from typing import Any

from training.evaluation import as_json


def logged_json(logged: Any) -> dict[str, Any]:
    """Return what names a logged model."""
    names = ("name", "version", "run_id", "payload_digest", "data_digest")
    return {name: getattr(logged, name) for name in names}


def evaluation_json(evaluation: Any) -> dict[str, Any]:
    """Return the evaluation as the contract of ``evaluate`` spells it, with the primary metric's name."""
    return {"primary": evaluation.primary, **as_json(evaluation)}


def rounded(seconds: Any) -> dict[str, float]:
    """Return seconds to the hundredth."""
    return {name: round(value, 2) for name, value in seconds.items()}

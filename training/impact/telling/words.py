"""The rungs of the ladder by name, and a verdict as a manager reads it."""

from __future__ import annotations

from dataclasses import dataclass

RANDOMISED, CREDIBLE, SUGGESTIVE, CANNOT_TELL = "randomised evidence", "credible", "suggestive", "cannot tell"
LADDER = (CANNOT_TELL, SUGGESTIVE, CREDIBLE, RANDOMISED)


@dataclass(frozen=True)
class Subject:
    """What a sentence about an effect talks about."""

    outcome: str
    unit: str = ""
    horizon_days: int | None = None
    trained: str = "people who enrolled"


def figure(value: float) -> str:
    """Return a number as a manager reads it: three digits, or whole with thousands apart."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def in_words(code: str, effect: tuple[float, float, float], about: Subject, reasons: tuple[str, ...]) -> str:
    """Return the verdict as a manager reads it: what was found, how sure, and why not surer."""
    value, low, high = effect
    unit = f" {about.unit}" if about.unit else ""
    later = f" {about.horizon_days} days later" if about.horizon_days else ""
    span = f"(95 % interval {figure(low)} to {figure(high)})"
    direction = "higher" if value >= 0 else "lower"
    found = f"{about.outcome} of {about.trained} was {figure(abs(value))}{unit} {direction}{later} {span}"
    if code == CANNOT_TELL:
        lead = f"Cannot tell whether the training did anything. The comparison says that {found}, but that is no answer."
    elif low <= 0 <= high:
        lead = f"{code.capitalize()}: no clear effect; {found}."
    else:
        lead = f"{code.capitalize()}: {found} than it would have been."
    return " ".join([lead, *reasons])

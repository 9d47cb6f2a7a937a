"""Scales of proficiency as other sources write them, each with its map onto 0–5, as data."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from features.errors import BadInputError

# 0 none, 1 aware, 2 assisted, 3 independent, 4 advanced, 5 expert.
WORDS: Mapping[str, Mapping[str, float]] = MappingProxyType({
    "dreyfus": {"novice": 1, "advanced beginner": 2, "competent": 3, "proficient": 4, "expert": 5},
    "course": {"beginner": 2, "beginner level": 2, "introductory": 2, "intermediate": 3, "intermediate level": 3,
               "advanced": 4, "advanced level": 4, "expert": 5},
    "cefr": {"a1": 1, "a2": 2, "b1": 3, "b2": 3.5, "c1": 4, "c2": 5},
    "nih": {"not applicable": 0, "fundamental awareness": 1, "novice": 2, "intermediate": 3, "advanced": 4, "expert": 5},
    "linkedin": {"beginner": 1.5, "intermediate": 3, "advanced": 4, "expert": 5},
})  # fmt: skip
# lowest, highest: what stands between them is mapped in a straight line onto the two levels behind.
NUMBERS: Mapping[str, tuple[float, float, float, float]] = MappingProxyType({
    "skillpath": (0, 5, 0, 5),
    "onet": (0, 7, 0, 5),  # scale LV
    "sfia": (1, 7, 1, 5),
    "likert_1_5": (1, 5, 1, 5),
    "stars_0_5": (0, 5, 0, 5),
    "percent": (0, 100, 0, 5),
    "share": (0, 1, 0, 5),
    "ten": (0, 10, 0, 5),
})  # fmt: skip
SCALES = (*NUMBERS, *WORDS)


def level_of(value: float | str, scale: str = "skillpath") -> float:
    """Return a value of another scale as a level 0–5.

    Raises
    ------
    BadInputError
        If the scale is not known, or the value not on it.

    Examples
    --------
    >>> level_of(7, "onet"), level_of("B1", "cefr"), level_of("50", "percent"), level_of("Expert", "dreyfus")
    (5.0, 3.0, 2.5, 5.0)
    """
    if scale in WORDS:
        word = str(value).strip().lower()
        if word not in WORDS[scale]:
            raise BadInputError(f"There is no such level on the scale {scale}.", found=str(value)[:80],
                                allowed=", ".join(WORDS[scale]))  # fmt: skip
        return float(WORDS[scale][word])
    if scale not in NUMBERS:
        raise BadInputError("The scale is not known.", found=scale[:80], allowed=", ".join(SCALES))
    low, high, lowest, highest = NUMBERS[scale]
    number = number_of(value)
    if number is None or not low <= number <= high:
        raise BadInputError(
            f"The value is not on the scale {scale}.", found=str(value)[:80], allowed=f"{low:g} to {high:g}"
        )
    return lowest + (highest - lowest) * (number - low) / (high - low)


def number_of(value: float | str) -> float | None:
    """Return a number, None where there is none."""
    try:
        return float(value)
    except ValueError:
        return None

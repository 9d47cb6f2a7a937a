"""Drawings of a printable page, as plain SVG: the effect, the event study, the balance, and what a hidden cause would leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.impact.answers import Balance, EffectInterval, Sensitivity
from serving.impact.page_parts import number, text

WIDTH, EDGE, ROW = 640, 40, 20
LABEL = 210  # where names stand before a row of points
BALANCED = 0.1
BEFORE, AFTER = "#c8553d", "#1f6f8b"


@dataclass(frozen=True)
class Axis:
    """Places values on a line of the drawing.

    Parameters
    ----------
    low, high : float
        What is drawn at the two ends.
    start, end : float
        Where the ends stand, in the drawing's units.
    """

    low: float
    high: float
    start: float = EDGE
    end: float = WIDTH - EDGE

    def __call__(self, value: float) -> float:
        """Return where a value stands."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(self.start + share * (self.end - self.start), 1)


def svg(height: float, label: str, parts: Sequence[str]) -> str:
    """Return a drawing that says what it shows to who cannot see it."""
    body = "".join(parts)
    return f"<svg viewBox='0 0 {WIDTH} {height:g}' role='img' aria-label='{text(label)}'>{body}</svg>"


def line(ends: tuple[float, float, float, float], colour: str = "#222", width: float = 1.0) -> str:
    """Return a line from x₁, y₁ to x₂, y₂."""
    x1, y1, x2, y2 = ends
    return (
        f"<line x1='{x1:g}' y1='{y1:g}' x2='{x2:g}' y2='{y2:g}' stroke='{colour}' stroke-width='{width:g}'/>"
    )


def dot(x: float, y: float, colour: str, radius: float = 4) -> str:
    """Return a filled circle."""
    return f"<circle cx='{x:g}' cy='{y:g}' r='{radius:g}' fill='{colour}'/>"


def word(x: float, y: float, said: str, anchor: str = "middle") -> str:
    """Return a small escaped text."""
    return f"<text x='{x:g}' y='{y:g}' text-anchor='{anchor}' font-size='12'>{text(said)}</text>"


def effect_drawing(effect: EffectInterval, colour: str) -> str:
    """Return an effect with its interval and 0."""
    ends = (0.0, effect.low, effect.high)
    at = Axis(min(ends), max(ends))
    shown = (effect.low, effect.value, effect.high)
    return svg(90, "effect with its 95 % interval", [
        line((at(0.0), 8, at(0.0), 58)), word(at(0.0), 8, "no effect"),
        line((at(effect.low), 38, at(effect.high), 38), colour, 4), dot(at(effect.value), 38, colour, 7),
        *(word(at(value), 78, number(value)) for value in shown),
    ])  # fmt: skip


def event_study_drawing(study: dict[str, EffectInterval]) -> str:
    """Return effects by periods since training with their intervals; those before 0 should be 0."""
    ages = sorted(int(age) for age in study)
    effects = [study[str(age)] for age in ages]
    low, high = min(0.0, *(one.low for one in effects)), max(0.0, *(one.high for one in effects))
    across, up = Axis(ages[0] - 0.5, ages[-1] + 0.5), Axis(low, high, 180, 15)
    parts = [
        line((EDGE, up(0.0), WIDTH - EDGE, up(0.0)), "#999"),
        line((across(-0.5), 10, across(-0.5), 185), "#999"),
    ]
    parts += [word(EDGE - 4, up(value) + 4, number(value), "end") for value in (low, high)]
    for age, one in zip(ages, effects, strict=True):
        x = across(age)
        parts += [
            line((x, up(one.low), x, up(one.high)), AFTER, 2),
            dot(x, up(one.value), AFTER),
            word(x, 200, str(age)),
        ]
    return svg(
        222, "effects by periods since training", [*parts, word(WIDTH / 2, 218, "periods since training")]
    )


def balance_drawing(balance: Balance) -> str:
    """Return how far trained and compared differ in each covariate, before and after weighting (a love plot)."""
    rows = balance.covariates
    most = max([0.2, *(abs(one.before) for one in rows), *(abs(one.after) for one in rows)])
    at = Axis(0.0, most, LABEL)
    bottom = ROW * (len(rows) + 1)
    parts = [line((at(0.0), 5, at(0.0), bottom)), line((at(BALANCED), 5, at(BALANCED), bottom), "#999")]
    for place, one in enumerate(rows, start=1):
        y = ROW * place
        parts += [
            word(LABEL - 8, y + 4, one.name, "end"),
            dot(at(abs(one.before)), y, BEFORE),
            dot(at(abs(one.after)), y, AFTER),
        ]
    parts += [word(at(value), bottom + 14, number(value)) for value in (0.0, BALANCED, most)]
    said = (
        "difference in standard deviations: red before, blue after weighting; left of the grey line is alike"
    )
    return svg(bottom + 36, "how alike the groups are", [*parts, word(WIDTH / 2, bottom + 32, said)])


def sensitivity_drawing(found: Sensitivity) -> str:
    """Return how strong a hidden cause must be to explain the effect, beside the strongest recorded one and the placebo's."""
    marks = [
        ("needed to explain the effect", found.robustness_value),
        ("needed to reach the interval's end", found.robustness_value_interval),
        (f"strongest recorded: {found.strongest_covariate}", found.strongest_value),
    ]
    if found.hidden is not None:
        marks.append(("shown by the placebo", found.hidden.strength))
    at = Axis(0.0, max(0.05, *(value for _, value in marks)), LABEL + 60)
    parts = []
    for place, (name, value) in enumerate(marks, start=1):
        y = ROW * place
        colour = AFTER if place < 3 else BEFORE
        parts += [word(LABEL + 50, y + 4, name, "end"), line((at(0.0), y, at(value), y), colour, 8),
                  word(at(value) + 6, y + 4, number(value), "start")]  # fmt: skip
    return svg(ROW * (len(marks) + 1), "strength of a hidden cause, partial R²", parts)

"""A comparison as a page and as a picture."""

from __future__ import annotations

from math import isfinite
from typing import Any

from training import pages
from training.comparison import Challenge, Comparison, Contestant, comparison_json
from training.evaluation import Interval
from training.logged import Record, flattened
from training.pictures.canvas import GREY, OURS, canvas

COSTS = (
    ("fit_seconds", "fit, s"),
    ("rows_per_second", "rows scored a second"),
    ("payload_bytes", "size, bytes"),
)
KINDS = {"better": "good", "worse": "bad"}


def comparison_page(comparison: Comparison) -> str:
    """Return one self-contained HTML page."""
    head = (
        f"{comparison.n_units:,} units, scored again by each model's own saved scorer. "
        f"Data as of {comparison.as_of}. {comparison.protocol}"
    )
    sides = [comparison.reference, *(each.contestant for each in comparison.challenges)]
    parts = [
        pages.paragraph(head, "dim"),
        pages.heading("What each is worth, and what it costs"),
        sides_table(sides),
    ]
    for each in comparison.challenges:
        parts += challenge_parts(comparison, each)
    note = "Differences are paired on the same people; positive: the challenger is better. Metrics are shown so that higher is better."
    return pages.page(
        f"{comparison.question}: against {comparison.against}", *parts, pages.paragraph(note, "dim")
    )


def comparison_record(comparison: Comparison, html: str) -> Record:
    """Return a comparison as a run of its question's experiment: all its figures as metrics, the page beside them."""
    metrics = side_numbers("reference", comparison.reference)
    for each in comparison.challenges:
        name = f"version_{each.model.version}"
        found = {comparison.primary: each.difference, **each.further}
        metrics |= side_numbers(name, each.contestant)
        metrics |= flattened(found, prefix=f"{name}/difference/")
        metrics |= flattened({part.name: part.difference for part in each.slices}, prefix=f"{name}/slice/")
    versions = " ".join(each.model.version for each in comparison.challenges)
    tags = {"part": "comparison", "against": comparison.against, "versions": versions, "as_of": comparison.as_of,
            "primary": comparison.primary, "n_units": str(comparison.n_units), "mlflow.note.content": comparison.protocol,
            "verdicts": "; ".join(f"{each.model.version}: {each.verdict}" for each in comparison.challenges)}  # fmt: skip
    name = f"compare {versions} against {comparison.against}"
    return Record(
        comparison.question,
        name,
        metrics,
        tags,
        {"comparison": comparison_json(comparison)},
        {"comparison": html},
    )


def side_numbers(name: str, side: Contestant) -> dict[str, float]:
    """Return one side's metrics and costs under its name, those that are numbers."""
    numbers = {**side.values, **{f"cost/{cost}": value for cost, value in side.costs.items()}}
    return {f"{name}/{key}": value for key, value in numbers.items() if isfinite(value)}


def sides_table(sides: list[Contestant]) -> str:
    """Return metrics and costs, one column per side."""
    metrics = list(dict.fromkeys(name for side in sides for name in side.values))
    rows = [[name, *(number(side.values.get(name)) for side in sides)] for name in metrics]
    rows += [[words, *(number(side.costs.get(name)) for side in sides)] for name, words in COSTS]
    return pages.table(["", *(side.name for side in sides)], rows)


def challenge_parts(comparison: Comparison, each: Challenge) -> list[str]:
    """Return a challenger's verdict, differences and slices."""
    rows = [[comparison.primary, bounds(each.difference)]]
    rows += [[name, bounds(found)] for name, found in each.further.items()]
    parts = [
        pages.heading(f"Version {each.model.version} against {comparison.against}"),
        pages.paragraph(f"Verdict: {each.verdict}.", KINDS.get(each.verdict, "dim")),
        pages.table(["metric", "difference (95 %)"], rows),
    ]
    if each.slices:
        cells = [[part.name, f"{part.n_units:,}", bounds(part.difference)] for part in each.slices]
        parts += [
            pages.table(["slice", "people", "difference (95 %)"], cells),
            pages.picture(slices_figure(each)),
        ]
    return parts


def slices_figure(each: Challenge) -> Any:
    """Draw the difference in every slice, with its interval."""
    rows = [*each.slices][::-1]
    figure, axes = canvas(7, 0.8 + 0.3 * len(rows))
    for place, part in enumerate(rows):
        axes.plot([part.difference.low, part.difference.high], [place, place], color=OURS)
        axes.plot(part.difference.value, place, "o", color=OURS, markersize=4)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [part.name for part in rows])
    axes.set_xlabel("difference; right of the line the challenger is better")
    return figure


def bounds(found: Interval) -> str:
    """Return a difference with its sign and interval."""
    return f"{found.value:+.4g} ({found.low:+.4g} to {found.high:+.4g})"


def number(value: float | None) -> str:
    """Return a number, or a dash."""
    return (
        "–"
        if value is None or not isfinite(value)
        else f"{value:,.4g}"
        if abs(value) < 1000
        else f"{value:,.0f}"
    )

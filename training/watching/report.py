"""What was seen of a champion, told: as JSON, as a run of MLflow, as one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from math import isfinite
from typing import Any

from training import pages
from training.drift import FLOOR, LEVEL
from training.evaluation import plain
from training.logged import Record
from training.pictures.canvas import GREY, OURS, WARM, canvas
from training.watching.level import Level
from training.watching.watch import Watch


def watch_json(found: Watch) -> dict[str, Any]:
    """Return what was seen as plain values."""
    return {
        "question": found.question,
        "version": found.version,
        "as_of": found.as_of,
        "alarms": found.alarms,
        "drifts": [{**plain(each), "is_alarm": each.is_alarm} for each in found.drifts],
        "level": plain(found.level) if found.level else None,
        "shown": plain(found.shown) if found.shown else None,
    }


def watch_record(found: Watch) -> Record:
    """Return what was seen as a run of its question's experiment."""
    metrics: dict[str, float] = {f"drift/{each.name}": each.index for each in found.drifts}
    metrics["alarms"] = float(len(found.alarms))
    for name, part in (("level", found.level), ("shown", found.shown)):
        numbers: Mapping[str, Any] = asdict(part) if part is not None else {}
        metrics |= {f"{name}/{key}": float(value) for key, value in numbers.items() if isfinite(value)}
    tags = {
        "part": "watch",
        "version": found.version,
        "as_of": found.as_of,
        "alarms": "; ".join(found.alarms) or "none",
    }
    name = f"watch version {found.version} {found.as_of[:10]}"
    return Record(
        found.question, name, metrics, tags, {"watch": watch_json(found)}, {"watch": watch_page(found)}
    )


def watch_page(found: Watch) -> str:
    """Return one self-contained page."""
    parts = [pages.paragraph(f"Champion version {found.version}, as of {found.as_of}.", "dim")]
    parts += [pages.paragraph(words, "bad") for words in found.alarms] or [
        pages.paragraph("No alarm.", "good")
    ]
    if found.level is not None:
        parts += [pages.heading("Does the level hold?"), pages.paragraph(level_words(found.level))]
    if found.shown is not None:
        rows = [
            [name, "–" if not isfinite(value) else f"{value:,.3g}"]
            for name, value in asdict(found.shown).items()
        ]
        parts += [pages.heading("What was shown, and what became of it"), pages.table(["", ""], rows)]
    rule = f"An alarm needs both: beyond chance (p < {LEVEL:g} after correction for all that is watched) and an index above {FLOOR:g}."
    cells = [
        [each.name, f"{each.index:.3f}", f"{each.p_adjusted:.2g}", "alarm" if each.is_alarm else ""]
        for each in found.drifts
    ]
    parts += [pages.heading("What drifts"), pages.picture(drift_figure(found)),
              pages.table(["", "index", "p, corrected", ""], cells), pages.paragraph(rule, "dim")]  # fmt: skip
    return pages.page(f"{found.question}: watched", *parts)


def level_words(found: Level) -> str:
    """Return observed against expected in words."""
    return (
        f"Of everybody employed {found.horizon_days:.0f} days ago, {found.observed} left voluntarily since; "
        f"{found.expected:.1f} were said to: {found.ratio:.2f} per expected ({found.low:.2f} to {found.high:.2f})."
    )


def drift_figure(found: Watch) -> Any:
    """Draw the largest indices beside the floor."""
    rows = list(found.drifts)[:15][::-1]
    figure, axes = canvas(7, 0.8 + 0.28 * max(len(rows), 1))
    axes.barh(
        [each.name for each in rows],
        [each.index for each in rows],
        color=[WARM if each.is_alarm else OURS for each in rows],
    )
    axes.axvline(FLOOR, color=GREY, linewidth=0.8)
    axes.set_xlabel("population stability index against half a year before")
    return figure

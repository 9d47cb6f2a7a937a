"""What was seen of a champion, told: as JSON, as a run of MLflow, as one page."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from training import pages
from training.drift import FLOOR, LEVEL
from training.evaluation import Interval, plain
from training.logged import Record
from training.pictures.canvas import GREY, OURS, WARM, canvas
from training.watching.level import Level
from training.watching.rival import Rival
from training.watching.watch import Watch
from training.watching.worth import WITHIN_DAYS, Worth


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
        "worths": [plain(each) for each in found.worths],
        "rival": plain(found.rival) if found.rival else None,
    }


def watch_metrics(found: Watch) -> dict[str, float]:
    """Return what was seen as plain numbers; what is no number is left out."""
    numbers = {f"drift/{each.name}": each.index for each in found.drifts}
    numbers["alarms"] = float(len(found.alarms))
    for name, part in (("level", found.level), ("shown", found.shown), ("shadow", found.rival)):
        numbers |= {f"{name}/{key}": value for key, value in (asdict(part) if part else {}).items()}
    for worth in found.worths:
        numbers |= {f"{worth.role}/{key}": value for key, value in asdict(worth).items()}
    return dict(flat(numbers))


def flat(numbers: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield finite numbers; of an interval its value and its ends."""
    for name, value in numbers.items():
        if isinstance(value, dict):
            ends = {name if key == "value" else f"{name}_{key}": each for key, each in value.items()}
            yield from flat(ends)
        elif isinstance(value, int | float) and isfinite(value):
            yield name, float(value)


def watch_record(found: Watch) -> Record:
    """Return what was seen as a run of its question's experiment."""
    tags = {
        "part": "watch",
        "version": found.version,
        "as_of": found.as_of,
        "alarms": "; ".join(found.alarms) or "none",
    }
    name = f"watch version {found.version} {found.as_of[:10]}"
    page = watch_page([found])
    return Record(
        found.question, name, watch_metrics(found), tags, {"watch": watch_json(found)}, {"watch": page}
    )


def keep_last(found: Watch, folder: Path) -> Path:
    """Write what was seen where the service's metrics port reads the last watch, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    said = {"version": found.version, "as_of": found.as_of, "metrics": watch_metrics(found)}
    path = folder / f"{found.question}.json"
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(said, allow_nan=False), encoding="utf-8")
    partial.replace(path)
    return path


def watch_page(watched: Sequence[Watch]) -> str:
    """Return one self-contained page about all that was watched."""
    names = " and ".join(each.question for each in watched)
    return pages.page(
        f"{names}: watched", *(part for each in watched for part in sections(each, len(watched) > 1))
    )


def sections(found: Watch, is_named: bool) -> list[str]:
    """Return the parts of the page about one question."""
    parts = [pages.heading(found.question.capitalize())] if is_named else []
    parts.append(pages.paragraph(f"Champion version {found.version}, as of {found.as_of}.", "dim"))
    parts += [pages.paragraph(words, "bad") for words in found.alarms] or [
        pages.paragraph("No alarm.", "good")
    ]
    if found.level is not None:
        parts += [pages.heading("Does the level hold?"), pages.paragraph(level_words(found.level))]
    if found.rival is not None:
        parts += [pages.heading("The shadow beside the champion"), pages.paragraph(rival_words(found.rival))]
    if found.shown is not None:
        rows = [
            [name, "–" if not isfinite(value) else f"{value:,.3g}"]
            for name, value in asdict(found.shown).items()
        ]
        parts += [pages.heading("What was shown, and what became of it"), pages.table(["", ""], rows)]
    return [*parts, *worth_parts(found.worths), *drift_parts(found)]


def worth_parts(worths: Sequence[Worth]) -> list[str]:
    """Return the part of the page about what lists bring."""
    if not worths:
        return []
    rows = [
        [f"{each.role}, version {each.version}", f"{each.people:,}", told(each.taken_share), told(each.difference),
         told(each.reached_share), each.estimator or each.why_not]
        for each in worths
    ]  # fmt: skip
    columns = ["", "people", "taken up", "above the champion", "could be shown", "how, or why not"]
    words = (
        f"Share of the courses shown that were begun within {WITHIN_DAYS} days; intervals over people, 95 %."
    )
    return [pages.heading("What the lists bring"), pages.table(columns, rows), pages.paragraph(words, "dim")]


def told(found: Interval | None) -> str:
    """Return an interval in words."""
    if found is None:
        return "–"
    ends = f" ({found.low:.3f} to {found.high:.3f})" if isfinite(found.low) else ""
    return f"{found.value:.3f}{ends}"


def drift_parts(found: Watch) -> list[str]:
    """Return the part of the page about drift."""
    rule = f"An alarm needs both: beyond chance (p < {LEVEL:g} after correction for all that is watched) and an index above {FLOOR:g}."
    cells = [
        [each.name, f"{each.index:.3f}", f"{each.p_adjusted:.2g}", "alarm" if each.is_alarm else ""]
        for each in found.drifts
    ]
    return [pages.heading("What drifts"), pages.picture(drift_figure(found)),
            pages.table(["", "index", "p, corrected", ""], cells), pages.paragraph(rule, "dim")]  # fmt: skip


def rival_words(found: Rival) -> str:
    """Return in words how a shadow compares."""
    alike = (
        f"Version {found.version} and the champion put {found.people:,} people in orders whose rank correlation is "
        f"{found.rank_correlation:.2f}; on average it says {found.mean_difference:+.3f} beside it. "
    )
    if found.gain is None:
        return f"{alike}Who was nearer to what came cannot be told yet: {found.why_not}."
    return f"{alike}Log score per person above the champion's, on what came since: {told(found.gain)}."


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
    axes.set_xlabel("population stability index against a year before")
    return figure

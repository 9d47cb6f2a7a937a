"""Look at the champions: one report, one run in MLflow, and whether somebody should be woken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from features.errors import UnknownRecordError
from training import pages
from training.comparison import fetched
from training.evaluation import plain
from training.logged import LoggedModel, Record
from training.pictures.canvas import GREY, OURS, WARM, canvas
from training.questions import Question
from training.watching.drift import FLOOR, LEVEL, Drift, drifts, reference_of
from training.watching.level import Level, level, now_and_then
from training.watching.shown import Shown, shown

if TYPE_CHECKING:
    from training.runs import Workbench

WATCHED = ("attrition", "recommendation")
DAYS = 182.625
CLOCKS = (
    "season_",
    "tenure_days",
    "days_since_",
)  # they move by themselves: with the year, with the round of surveys


@dataclass(frozen=True)
class Watch:
    """What was seen of one question's champion.

    Parameters
    ----------
    question, version, as_of : str
        Which model, when.
    drifts : sequence of Drift
        Inputs and score, the largest first.
    level : Level, optional
        Where the question says probabilities.
    shown : Shown, optional
        Where lists are shown.
    """

    question: str
    version: str
    as_of: str
    drifts: Sequence[Drift] = ()
    level: Level | None = None
    shown: Shown | None = None

    @property
    def alarms(self) -> list[str]:
        """Why somebody should look, in words; empty where nobody should."""
        found = [f"{each.name} drifts: index {each.index:.2f}" for each in self.drifts if each.is_alarm]
        if self.level is not None and self.level.is_alarm:
            found.append(f"{self.level.observed} left where {self.level.expected:.0f} were said to")
        return found


def watch(bench: Workbench, question: Question, ledger: Ledger | None = None) -> Watch:
    """Look at a question's champion.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Of `WATCHED`.
    ledger : Ledger, optional
        What was shown, for a question that shows lists.

    Raises
    ------
    UnknownRecordError
        If there is no champion to look at.
    """
    champion = bench.tracking.champion(question.name)
    if champion is None:
        raise UnknownRecordError(
            "There is no champion to watch.", found=question.name, hint="skillpath promote"
        )
    bench.say(f"{question.name}: watching version {champion.version}")
    with fetched(bench, champion) as folder:
        if question.name == "attrition":
            return watch_probabilities(bench, champion, folder)
    return watch_lists(bench, champion, ledger)


def watch_probabilities(bench: Workbench, champion: LoggedModel, folder: Path) -> Watch:
    """Return drift of inputs and score over half a year, and whether the level holds."""
    then, now = now_and_then(folder, bench.context, DAYS)
    references = {name: reference_of(values) for name, values in then.items() if not name.startswith(CLOCKS)}
    as_of = bench.context.as_of.isoformat()
    return Watch(
        champion.name, champion.version, as_of, drifts(references, now), level(folder, bench.context)
    )


@dataclass(frozen=True)
class Ledger:
    """What was shown: rows of the store's table ``recommendations_shown``."""

    rows: pl.DataFrame


def watch_lists(bench: Workbench, champion: LoggedModel, ledger: Ledger | None) -> Watch:
    """Return what this champion showed, what became of it, and how what people take has drifted."""
    records, as_of = bench.context.records, bench.context.as_of
    events = records["learning_events"].filter(pl.col("happened_at") < as_of)
    half = pl.lit(as_of).dt.offset_by(f"-{int(DAYS)}d")
    taken = {
        name: events.filter(rows).group_by("employee_id").len()["len"].to_numpy().astype(float)
        for name, rows in (("then", (pl.col("happened_at") >= half.dt.offset_by(f"-{int(DAYS)}d")) & (pl.col("happened_at") < half)),
                           ("now", pl.col("happened_at") >= half))
    }  # fmt: skip
    found = drifts({"events a person": reference_of(taken["then"])}, {"events a person": taken["now"]})
    said = None
    if ledger is not None:
        rows = ledger.rows.filter(pl.col("model_digest") == champion.payload_digest)
        said = shown(rows, events, records["courses"]["course_id"].n_unique())
    return Watch(champion.name, champion.version, as_of.isoformat(), found, None, said)


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

"""Look at the champions: what drifts, whether the level holds, what is shown, and whether somebody should be woken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from features.errors import UnknownRecordError
from training.comparison import fetched
from training.drift import Drift, drifts, reference_of
from training.logged import LoggedModel
from training.promotion import CANARY, SHADOW
from training.questions import Question
from training.watching.level import Level, level, now_and_then
from training.watching.rival import Rival, rival
from training.watching.shown import Shown, shown
from training.watching.worth import Worth, canary_worth, champion_worth, outcomes, shadow_worth

if TYPE_CHECKING:
    from training.runs import Workbench

WATCHED = ("attrition", "recommendation")
YEAR_DAYS = 365.25  # what goes by the year (pay rounds, reviews, courses in spring) is no drift
HALF_DAYS = 182.625
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
    worths : sequence of Worth
        What the lists of champion, canary and shadow bring, where lists are shown.
    rival : Rival, optional
        The shadow beside the champion, where the question says probabilities and a shadow stands.
    """

    question: str
    version: str
    as_of: str
    drifts: Sequence[Drift] = ()
    level: Level | None = None
    shown: Shown | None = None
    worths: Sequence[Worth] = ()
    rival: Rival | None = None

    @property
    def alarms(self) -> list[str]:
        """Why somebody should look, in words; empty where nobody should."""
        found = [f"{each.name} drifts: index {each.index:.2f}" for each in self.drifts if each.is_alarm]
        if self.level is not None and self.level.is_alarm:
            found.append(f"{self.level.observed} left where {self.level.expected:.0f} were said to")
        found += [f"the {each.role}, version {each.version}, is taken up less than the champion: roll it back"
                  for each in self.worths if each.is_alarm]  # fmt: skip
        return found


def watch_all(
    bench: Workbench, questions: Sequence[Question], ledger: pl.DataFrame | None = None
) -> list[Watch]:
    """Look at the champions of several questions; those that have none are left out.

    Raises
    ------
    UnknownRecordError
        If none of them has a champion.
    """
    found, missing = [], None
    for question in questions:
        try:
            found.append(watch(bench, question, ledger))
        except UnknownRecordError as error:
            missing = error
    if not found and missing is not None:
        raise missing
    return found


def watch(bench: Workbench, question: Question, ledger: pl.DataFrame | None = None) -> Watch:
    """Look at a question's champion.

    Parameters
    ----------
    bench : Workbench
        Records and registry.
    question : Question
        Of `WATCHED`.
    ledger : polars.DataFrame, optional
        Rows of ``recommendations_shown``, for a question that shows lists.

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
    """Return drift of inputs and score over a year, whether the level holds, and how a shadow compares."""
    context = bench.context
    then, now = now_and_then(folder, context, YEAR_DAYS)
    references = {name: reference_of(values) for name, values in then.items() if not name.startswith(CLOCKS)}
    return Watch(
        champion.name,
        champion.version,
        context.as_of.isoformat(),
        drifts(references, now),
        level(folder, context),
        rival=beside(bench, champion, folder),
    )


def beside(bench: Workbench, champion: LoggedModel, folder: Path) -> Rival | None:
    """Return how the shadow compares with the champion's payload, or None where none stands."""
    shadow = bench.tracking.standing(champion.name, SHADOW)
    if shadow is None:
        return None
    learnt_until = bench.tracking.tags(shadow).get("as_of", "")
    with fetched(bench, shadow) as other:
        rng = bench.rng(champion.name, "watch")
        return rival((folder, other), (shadow.version, learnt_until), bench.context, rng)


def watch_lists(bench: Workbench, champion: LoggedModel, ledger: pl.DataFrame | None) -> Watch:
    """Return what this champion showed, what became of it, and how what people take has drifted."""
    records, as_of = bench.context.records, bench.context.as_of
    events = records["learning_events"].filter(pl.col("happened_at") < as_of)
    half, year = timedelta(days=HALF_DAYS), timedelta(days=YEAR_DAYS)
    taken = {
        name: events.filter(pl.col("happened_at").is_between(end - half, end, closed="left"))
        .group_by("employee_id").len()["len"].to_numpy().astype(float)
        for name, end in (("then", as_of - year), ("now", as_of))
    }  # fmt: skip
    found = drifts({"events a person": reference_of(taken["then"])}, {"events a person": taken["now"]})
    said, worths = None, []
    if ledger is not None:
        rows = ledger.filter(pl.col("model_digest") == champion.payload_digest)
        said = shown(rows, events, records["courses"]["course_id"].n_unique())
        worths = worths_of(bench, champion, outcomes(ledger, events, as_of))
    return Watch(champion.name, champion.version, as_of.isoformat(), found, None, said, worths)


def worths_of(bench: Workbench, champion: LoggedModel, rows: pl.DataFrame) -> list[Worth]:
    """Return what the lists of the champion, and of who stands beside it, bring."""
    rng = bench.rng(champion.name, "watch")
    own = rows.filter(pl.col("model_digest") == champion.payload_digest)
    found = [champion_worth(own, champion.version, rng)]
    canary, shadow = (bench.tracking.standing(champion.name, role) for role in (CANARY, SHADOW))
    if canary is not None:
        digests = (champion.payload_digest, canary.payload_digest)
        found.append(canary_worth(rows, digests, canary.version, rng))
    if shadow is not None:
        found.append(shadow_worth(own, (shadow.payload_digest, shadow.version), rng))
    return found

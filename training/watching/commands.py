"""The part of the command line that looks after champions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import BadInputError, SkillpathError
from training.commands import AsJson, AsOf, QuestionName, page_folder, tell
from training.session import workbench

if TYPE_CHECKING:
    import polars as pl

    from training.settings import TrainingSettings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


class AlarmError(SkillpathError):
    """Something drifted, or a level does not hold: a person should look."""

    exit_code = 6


@app.callback()
def watching() -> None:
    """Look after champions."""


@app.command("watch")
def watch_command(
    question: QuestionName = "all",
    page: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the report as one self-contained page as well."),
    ] = None,
    is_logged: Annotated[bool, typer.Option("--log/--no-log", help="Log what was seen to MLflow.")] = True,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Look at the champions: drift of inputs and scores, the level as outcomes arrive, what is shown and taken.

    What canary and shadow bring instead is told beside them. The service's metrics port tells the last watch.

    Example: skillpath watch attrition --html watch.html

    Exit codes: 0 nothing to see, 2 bad input, 3 no champion, 5 a part is missing, 6 alarm.
    """
    from training.questions import Question
    from training.questions import question as named
    from training.settings import TrainingSettings
    from training.watching.report import keep_last, watch_json, watch_page, watch_record
    from training.watching.watch import WATCHED, watch_all

    chosen = [Question(name) for name in WATCHED] if question == "all" else [named(question)]
    if chosen[0].name not in WATCHED:
        raise BadInputError(
            "There is nothing to watch in this question.", found=question, allowed=", ".join(WATCHED)
        )
    page_folder(page)
    settings = TrainingSettings()
    ledger = ledger_of(settings)
    bodies: list[dict[str, Any]] = []
    with workbench(as_of) as bench:
        found = watch_all(bench, chosen, ledger)
        for each in found:
            bodies.append(watch_json(each))
            keep_last(each, settings.var / "watch")
            if is_logged:
                bodies[-1]["logged_run_id"] = bench.tracking.log_page(watch_record(each))
    if page is not None:
        page.write_text(watch_page(found), encoding="utf-8")
    lines = [
        f"{each.question} version {each.version}: {'; '.join(each.alarms) or 'no alarm'}" for each in found
    ]
    tell(as_json, {"watched": bodies}, lines)
    alarms = [f"{each.question}: {words}" for each in found for words in each.alarms]
    if alarms:
        raise AlarmError("A person should look.", found="; ".join(alarms))


def ledger_of(settings: TrainingSettings) -> pl.DataFrame:
    """Return what was shown, as the service wrote it down."""
    from features.records.store import open_store

    store = open_store(settings.url)
    try:
        return store.frame("recommendations_shown")
    finally:
        store.close()

"""The part of the command line that looks after champions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from features.errors import BadInputError, SkillpathError
from training.commands import AsJson, AsOf, QuestionName, tell, workbench

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

    Example: skillpath watch attrition --html watch.html

    Exit codes: 0 nothing to see, 2 bad input, 3 no champion, 5 a part is missing, 6 alarm.
    """
    from features.records.store import open_store
    from training.questions import Question
    from training.questions import question as named
    from training.settings import TrainingSettings
    from training.watching.report import watch_json, watch_page, watch_record
    from training.watching.watch import WATCHED, watch

    chosen = [Question(name) for name in WATCHED] if question == "all" else [named(question)]
    if chosen[0].name not in WATCHED:
        raise BadInputError(
            "There is nothing to watch in this question.", found=question, allowed=", ".join(WATCHED)
        )
    store = open_store(TrainingSettings().url)
    ledger = store.frame("recommendations_shown")
    store.close()
    bodies: list[dict[str, Any]] = []
    with workbench(as_of) as bench:
        found = [watch(bench, each, ledger) for each in chosen]
        for each in found:
            bodies.append(watch_json(each))
            if is_logged:
                bodies[-1]["logged_run_id"] = bench.tracking.log_page(watch_record(each))
            if page is not None:
                target = page if len(found) == 1 else page.with_stem(f"{page.stem}-{each.question}")
                target.write_text(watch_page(each), encoding="utf-8")
    lines = [
        f"{each.question} version {each.version}: {'; '.join(each.alarms) or 'no alarm'}" for each in found
    ]
    tell(as_json, {"watched": bodies}, lines)
    alarms = [f"{each.question}: {words}" for each in found for words in each.alarms]
    if alarms:
        raise AlarmError("A person should look.", found="; ".join(alarms))

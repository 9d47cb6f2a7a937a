"""The part of the command line that runs by the clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from features.errors import RefusedError, SkillpathError
from training.commands import AsJson, AsOf, QuestionName, refuse_failed, tell
from training.session import workbench

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def upkeep() -> None:
    """Keep models current."""


@app.command("retrain")
def retrain_command(
    question: QuestionName = "all",
    and_promote: Annotated[
        bool, typer.Option("--promote", help="Then promote what passes the gates.")
    ] = False,
    is_forced: Annotated[bool, typer.Option("--force", help="Train although nothing changed.")] = False,
    with_defaults: Annotated[
        bool, typer.Option("--defaults", help="Start from the shipped parameters, not the newest model's.")
    ] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Train again every question whose data or code changed since its newest model; leave the others alone.

    Example: skillpath retrain --promote --json

    Fit for cron: one at a time on a host; what goes wrong with one question is in the summary and stops no other; a run that
    was killed is gone on with by the next.

    Exit codes: 0 done (or nothing to do), 1 a question broke, 4 the data cannot answer or a gate failed, 5 a part is missing,
    75 another one runs.
    """
    from training.questions import asked
    from training.settings import TrainingSettings
    from training.upkeep.lock import alone
    from training.upkeep.retraining import Wish, retrain

    began, started = datetime.now(UTC), time.perf_counter()
    wish = Wish(and_promote, is_forced, with_defaults)
    with alone(TrainingSettings().var / "retrain.lock"), workbench(as_of) as bench:
        found = [retrain(bench, each, wish) for each in asked(question)]
        moment = bench.context.as_of
    body = {
        "started_at": began.isoformat(timespec="seconds"),
        "as_of": moment.isoformat(),
        "seconds": round(time.perf_counter() - started, 2),
        "questions": found,
    }
    tell(as_json, body, [in_words(each) for each in found])
    raise_failed(found)
    refused = [f"{each['question']}: {each['why']}" for each in found if each["action"] == "refused"]
    if refused:
        raise RefusedError("The data cannot answer.", found=" ".join(refused))
    refuse_failed([each["promotion"] for each in found if "promotion" in each])


def raise_failed(found: list[dict[str, Any]]) -> None:
    """Raise SkillpathError, with the first one's exit code, where a question broke or a part was missing."""
    failed = [each for each in found if each["action"] == "failed"]
    if failed:
        words = "; ".join(f"{each['question']}: {each['why']}" for each in failed)
        error = SkillpathError("Not every question could be trained again.", found=words)
        error.exit_code = failed[0]["exit_code"]
        raise error


@app.command("rollback")
def rollback_command(
    question: QuestionName,
    role: Annotated[
        str, typer.Option("--as", metavar="PLACE", help="champion; or canary, shadow: take its place away.")
    ] = "champion",
    as_json: AsJson = False,
) -> None:
    """Give the champion's place back to who held it before; doing it twice changes nothing in the end.

    Every service takes it up at its next look, from its own shelf. `skillpath revert` does it on one host, registry or not.

    Example: skillpath rollback attrition

    Exit codes: 0 rolled back, 2 no such place, 4 there is nobody to go back to, or to send away, 5 a part is missing.
    """
    from training.promotion import roll_back, take_away
    from training.questions import asked
    from training.settings import TrainingSettings
    from training.tracking import Tracking

    tracking = Tracking(TrainingSettings())
    told = []
    for each in asked(question):
        if role != "champion":
            left = take_away(tracking, each.name, role)
            told.append({"question": each.name, "place": role, "version": None, "before": left.version})
            continue
        now, before = roll_back(tracking, each.name)
        told.append({"question": each.name, "version": now.version, "before": before.version})
    words = [
        f"{each['question']}: version {each['before']} is no {role} any more"
        if each["version"] is None
        else f"{each['question']}: version {each['version']} answers again, not {each['before']}"
        for each in told
    ]
    tell(as_json, {"rolled_back": told}, words)


def in_words(found: dict[str, Any]) -> str:
    """Return what became of a question, in a line."""
    version = f" as version {found['version']}" if "version" in found else ""
    promoted = f"; {found['promotion']['status']}" if "promotion" in found else ""
    why = f" ({found['why']})" if found["why"] else ""
    return f"{found['question']}: {found['action']}{version}{why}{promoted}, {found['seconds']:.1f} s"

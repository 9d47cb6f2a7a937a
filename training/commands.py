"""Training's part of the command line: train, evaluate, compare, promote."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from features.errors import BadInputError, RefusedError, UnknownRecordError
from training.session import workbench

if TYPE_CHECKING:
    from training.logged import LoggedModel
    from training.tracking import Tracking

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

PLAIN_WIDTH = 200  # columns where stdout is no terminal
QUESTION_HELP = "skills, recommendation, attrition, impact; or all."
QuestionName = Annotated[str, typer.Argument(metavar="QUESTION", help=QUESTION_HELP)]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; all else goes to stderr.")
]
AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of", metavar="DATE", help="End of the data (UTC); by default after the last known fact."
    ),
]


@app.command("train")
def train_command(
    question: QuestionName,
    settings_of_fit: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the fit; repeatable."),
    ] = None,
    and_promote: Annotated[
        bool, typer.Option("--promote", help="Then promote what passes the gates, without evaluating twice.")
    ] = False,
    tune: Annotated[
        int,
        typer.Option(
            "--tune", metavar="N", help="Search parameters: N trials in all; a killed search goes on."
        ),
    ] = 0,
    folds: Annotated[
        int, typer.Option("--folds", metavar="N", help="Judge the same fit at N earlier moments too.")
    ] = 0,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Train a question's model from the records, evaluate what was saved, and log it to MLflow.

    Nothing answers from it until it is promoted.

    Example: skillpath train attrition --set bags=20 --as-of 2025-01-01

    Exit codes: 0 trained, 2 bad input, 4 the data cannot answer the question or a gate failed, 5 a part is missing.
    """
    from training.questions import asked
    from training.side_by_side import train_one, train_side_by_side

    chosen = asked(question)
    if len(chosen) > 1 and (settings_of_fit or tune or folds):
        raise BadInputError("--set, --tune and --folds belong to one question.", found=question)
    if len(chosen) > 1:
        told = train_side_by_side(chosen, and_promote, as_of)
    else:
        with workbench(as_of) as bench:
            told = [train_one(bench, chosen[0], settings_of_fit or [], and_promote, (tune, folds))]
    tell(
        as_json,
        {"trained": [body for body, _ in told]},
        [report for _, reports in told for report in reports],
    )
    refused = [f"{body['name']}: {body['reason']}" for body, _ in told if body["status"] == "refused"]
    if refused:
        raise RefusedError("The data cannot answer.", found=" ".join(refused))
    refuse_failed([body["promotion"] for body, _ in told if "promotion" in body])


def refuse_failed(promotions: list[dict[str, Any]]) -> None:
    """Raise RefusedError where a gate was not passed."""
    failed = [f"{each['question']}: {', '.join(each['failed'])}" for each in promotions if each["failed"]]
    if failed:
        raise RefusedError("Gates were not passed, so nothing was changed there.", found="; ".join(failed))


@app.command("evaluate", context_settings={
    "allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": [],
})  # fmt: skip
def evaluate_command(
    context: typer.Context,
    question: Annotated[str, typer.Argument(metavar="QUESTION", help=QUESTION_HELP)] = "--help",
) -> None:
    """Evaluate a question on any plain table, beside its strongest simple baselines.

    Options are the question's own: skillpath evaluate attrition --help. All take --json.

    Example: skillpath evaluate attrition --table turnover.csv --duration stag --event event

    Exit codes: 0 estimated, 2 bad input, 4 refused, with the reason.
    """
    from training.evaluation import refusal
    from training.questions import question as named

    arguments = list(context.args)
    if question in ("--help", "-h"):
        print(context.get_help())
        return
    as_json = "--json" in arguments
    rest = [argument for argument in arguments if argument != "--json"]
    module = named(question).evaluate_table
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        try:
            found = module.run(rest)
        except RefusedError as error:
            found = refusal(question, str(error))
    if not hasattr(found, "metrics"):  # the question's own --help was asked
        return
    report_evaluation(found, as_json)


def report_evaluation(found: Any, as_json: bool) -> None:
    """Print an evaluation; raise RefusedError where the data could not answer."""
    from training.evaluation import as_json as in_json
    from training.reports import evaluation_report

    tell(as_json, in_json(found), [evaluation_report(found)])
    if found.status == "refused":
        raise RefusedError(found.reason or "The data cannot answer the question.")


@app.command("compare")
def compare_command(
    question: QuestionName,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN]…", help="Versions or run ids; by default the newest beside the champion."
        ),
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page as well.")
    ] = None,
    is_logged: Annotated[
        bool, typer.Option("--log/--no-log", help="Log the comparison to MLflow too.")
    ] = True,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Compare champion and challengers on the same people and dates, with paired intervals.

    Without a champion the first of several runs is what the others have to beat; one alone meets the strongest baseline.

    Example: skillpath compare recommendation 4 5 --html comparison.html

    Exit codes: 0 compared, 2 bad input, 3 no such model, 5 a part is missing.
    """
    from training.questions import asked

    chosen = asked(question)
    if len(chosen) > 1 and runs:
        raise BadInputError("Runs belong to one question.", found=question)
    page_folder(page)
    bodies: list[dict[str, Any]] = []
    reports: list[Any] = []
    with workbench(as_of, chosen) as bench:
        from training.comparison import compare, comparison_json  # while a thread reads the records
        from training.pictures.canvas import drawing
        from training.pictures.comparison import comparison_page, comparison_record
        from training.reports import comparison_report

        drawing()
        for each in chosen:
            models = [bench.tracking.model(each.name, run) for run in runs or ()]
            comparison = compare(bench, each, models or [newest_beside_champion(bench.tracking, each.name)])
            bodies.append(comparison_json(comparison))
            reports.append(comparison_report(comparison))
            html = comparison_page(comparison)
            if is_logged:
                bodies[-1]["logged_run_id"] = bench.tracking.log_page(comparison_record(comparison, html))
            if page is not None:
                target = page if len(chosen) == 1 else page.with_stem(f"{page.stem}-{each.name}")
                target.write_text(html, encoding="utf-8")
    tell(as_json, {"comparisons": bodies}, reports)


def newest_beside_champion(tracking: Tracking, name: str) -> LoggedModel:
    """Return the newest version that is not the champion; raise UnknownRecordError where there is none."""
    champion = tracking.champion(name)
    if champion is None:
        return tracking.model(name)
    others = [model for model in tracking.models(name) if model.version != champion.version]
    if not others:
        raise UnknownRecordError(
            f"There is no {name} model beside the champion.",
            found=f"version {champion.version} alone",
            hint=f"Train one: skillpath train {name} --set key=value.",
        )
    return others[0]


def page_folder(page: Path | None) -> None:
    """Raise BadInputError where a page cannot be written, before there is anything to write."""
    if page is not None and (page.is_dir() or not page.resolve().parent.is_dir()):
        raise BadInputError(
            "The page cannot be written.", found=str(page), allowed="a file in a folder that is there"
        )


@app.command("promote")
def promote_command(
    question: QuestionName,
    version: Annotated[
        str, typer.Option("--version", help="Version to promote; the newest by default.")
    ] = "",
    against: Annotated[
        str,
        typer.Option(
            "--against", help="champion, or baseline where the champion cannot be evaluated any more."
        ),
    ] = "champion",
    role: Annotated[
        str,
        typer.Option(
            "--as", metavar="PLACE", help="champion; canary (shown to a share); shadow (never shown)."
        ),
    ] = "champion",
    share: Annotated[
        float, typer.Option("--share", help="Share of people who get a canary's answers.")
    ] = 0.1,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Pass the gates, sign, and make a model the champion; or say which gates failed.

    With --as shadow or canary it first stands beside the champion: docs/bundle.md.

    Example: skillpath promote attrition --version 3 --as shadow

    Exit codes: 0 promoted, 3 no such model, 4 a gate failed and the champion stays, 5 a part is missing.
    """
    from training.promotion import Place, promote, promotion_json
    from training.questions import asked
    from training.reports import promotion_report

    chosen = asked(question)
    place = Place(role, against, share)
    if len(chosen) > 1 and version:
        raise BadInputError("--version belongs to one question.", found=question)
    bodies: list[dict[str, Any]] = []
    reports: list[Any] = []
    with workbench(as_of) as bench:
        models = [bench.tracking.model(each.name, version) for each in chosen]
        for each, model in zip(chosen, models, strict=True):
            promotion = promote(bench, each, model, place=place)
            bodies.append(promotion_json(promotion))
            reports.append(promotion_report(promotion))
    tell(as_json, {"promotions": bodies}, reports)
    refuse_failed(bodies)


def tell(as_json: bool, value: dict[str, Any], reports: Sequence[Any]) -> None:
    """Print one JSON object for a program, or the reports for a person, on stdout."""
    from rich.console import Console

    if as_json:
        print(json.dumps(value, ensure_ascii=False, allow_nan=False))
        return
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    for report in reports:
        console.print(report)

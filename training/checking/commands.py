"""The part of the command line that takes other people's models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from features.errors import RefusedError
from training.commands import AsJson, AsOf, tell
from training.session import workbench

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Uri = Annotated[
    str, typer.Argument(metavar="MODEL_URI", help="models:/NAME/VERSION, runs:/ID/PATH, or a folder.")
]
Name = Annotated[str, typer.Argument(metavar="QUESTION", help="skills, recommendation, attrition or impact.")]

Convertible = Annotated[
    str, typer.Argument(metavar="QUESTION", help="attrition or recommendation; the others enter as bundles.")
]


@app.callback()
def checking() -> None:
    """Bring your own model."""


@app.command("check")
def check_command(
    uri: Uri,
    question: Name,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Execute pickles too, for this offline comparison only.")
    ] = False,
    as_of: AsOf = None,
    as_json: AsJson = False,
) -> None:
    """Try any MLflow model by the question's contract, in a process of its own, and set it beside ours.

    Example: skillpath check models:/my-logistic/1 attrition

    Exit codes: 0 it meets the contract, 2 bad input, 3 no such model, 4 refused, with the reasons, 5 a part is missing.
    """
    from training.questions import question as named

    asked = named(question)
    with workbench(as_of, [asked]) as bench:
        from training.checking.check import check, checked_json  # while a thread reads the records

        found = check(bench, asked, uri, allow_pickle)
    tell(as_json, checked_json(found), [*gate_lines(found.gates), found.lacks])
    if found.failed:
        raise RefusedError(
            "The model does not meet the contract.", found=", ".join(gate.name for gate in found.failed)
        )


@app.command("convert")
def convert_command(uri: Uri, question: Convertible, as_of: AsOf = None, as_json: AsJson = False) -> None:
    """Make a bundle of somebody's model and log it as the next version.

    Of attrition a LightGBM booster or an ONNX graph (of leaving next month); of recommendation the weights between courses.

    Example: skillpath convert runs:/0123abcd/model attrition

    Exit codes: 0 logged, 2 it cannot be converted, 3 no such model, 4 no converter, or the data cannot answer, 5 a part is
    missing.
    """
    from training.checking.adopting import adopt, model_of
    from training.questions import question as named
    from training.reports import evaluation_report
    from training.told import evaluation_json, logged_json

    with workbench(as_of) as bench:
        asked = named(question)
        found = adopt(bench, asked, model_of(bench, asked, uri), uri)
    body: dict[str, Any] = {**logged_json(found.logged), **evaluation_json(found.evaluation)}
    tell(as_json, body, [evaluation_report(found.evaluation), f"{question} version {found.logged.version}"])


def gate_lines(gates: Any) -> list[str]:
    """Return a line for each gate."""
    return [f"{'passed' if gate.passed else 'FAILED'}  {gate.name}: {gate.explanation}" for gate in gates]

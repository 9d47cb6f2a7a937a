"""The command line: thin, and lazy, so that `skillpath --help` answers at once."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable

import typer

app = typer.Typer(
    name="skillpath",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What people can do, what to learn next, who may leave, and whether a training helped.",
)

PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

COMMANDS: dict[str, tuple[str, str]] = {
    "sample": (
        "features.commands",
        "Write a sample organisation as files, with the planted truth beside it.",
    ),
    "import": ("features.commands", "Import files into the records, all or nothing per file."),
    "embed": ("features.commands", "Embed texts of jobs, courses and skills, once per content."),
    "train": ("training.commands", "Train a question's model and log it to MLflow."),
    "evaluate": ("training.commands", "Evaluate a question on any table, beside its baselines."),
    "compare": ("training.commands", "Compare champion and challenger on the same people and dates."),
    "promote": ("training.commands", "Pass the gates, sign, and make a model the champion."),
    "score": ("serving.commands", "Score everybody for a question and keep the scores."),
    "recommend": ("serving.commands", "Print one employee's recommendations, with reasons."),
    "serve": ("serving.commands", "Serve the answers over HTTP."),
    "keys": ("serving.commands", "Create, list and revoke API keys."),
}


def forward(name: str, module: str) -> Callable[[typer.Context], None]:
    """Return a command that imports its stage only when it is called."""

    def run(context: typer.Context) -> None:
        commands = importlib.import_module(module)
        commands.app(args=[name, *context.args], prog_name="skillpath", standalone_mode=False)

    return run


for _name, (_module, _help) in COMMANDS.items():
    app.command(_name, help=_help, context_settings=PASS_ON)(forward(_name, _module))


def main() -> None:
    """Run the command line; an error that teaches goes to stderr with its own exit code."""
    try:
        app(standalone_mode=False)
    except Exception as error:  # the one place where every error becomes an exit code
        sys.exit(exit_code(error))


def exit_code(error: Exception) -> int:
    """Print an error for a person and return the exit code that scripts can use."""
    from click import ClickException, exceptions

    from features.errors import SkillpathError

    if isinstance(error, exceptions.Exit):
        return int(error.exit_code)
    if isinstance(error, ClickException):
        error.show()
        return int(error.exit_code)
    if isinstance(error, exceptions.Abort | KeyboardInterrupt):
        return 130
    if isinstance(error, SkillpathError):
        print(f"skillpath: {error}", file=sys.stderr)
        return error.exit_code
    raise error


if __name__ == "__main__":
    main()

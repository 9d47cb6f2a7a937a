"""The command line: thin, and lazy, so that `skillpath --help` answers at once."""

from __future__ import annotations

import importlib
import os
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
    "pull": (
        "serving.pulling.commands",
        "Read statements or courses of other systems, as the settings name them.",
    ),
    "embed": ("features.commands", "Embed texts of jobs, courses and skills, once per content."),
    "tag": ("serving.skills.commands", "Tag courses and jobs that nobody tagged with skills."),
    "train": ("training.commands", "Train a question's model and log it to MLflow."),
    "retrain": ("training.upkeep.commands", "Train again whatever changed in data or code; fit for cron."),
    "evaluate": ("training.commands", "Evaluate a question on any table, beside its baselines."),
    "compare": ("training.commands", "Compare champion and challenger on the same people and dates."),
    "check": (
        "training.checking.commands",
        "Try anybody's MLflow model by a question's contract, beside ours.",
    ),
    "convert": ("training.checking.commands", "Make a bundle of somebody's model."),
    "promote": ("training.commands", "Pass the gates, sign, and make a model the champion."),
    "rollback": ("training.upkeep.commands", "Give the champion's place back to who held it before."),
    "watch": (
        "training.watching.commands",
        "Look at the champions: drift, level, what is shown; alarm by exit code.",
    ),
    "score": ("serving.commands", "Score everybody for a question and keep the scores."),
    "recommend": ("serving.commands", "Print one employee's recommendations, with reasons."),
    "serve": ("serving.commands", "Serve the answers over HTTP."),
    "backup": ("serving.operation.commands", "Save the records in one file while the service runs."),
    "restore": ("serving.operation.commands", "Put a backup in the place of the records."),
    "upgrade": ("serving.operation.commands", "Bring the schema of the records up to this version."),
    "revert": (
        "serving.operation.commands",
        "Let the model before answer on this host, at once, registry or not.",
    ),
    "audit": ("serving.operation.commands", "Verify who-saw-what: nothing changed, cut off or emptied."),
    "retention": ("serving.operation.commands", "Remove what was kept for longer than the settings say."),
    "keys": ("serving.commands", "Create, list and revoke API keys."),
}


# Work is shared out once, by the program: OpenMP gets its threads, the linear algebra beneath gets one,
# and who waits does not spin. Set before numpy is imported; what the environment says already stands.
THREADS = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1",
           "POLARS_MAX_THREADS": "2", "OMP_WAIT_POLICY": "passive"}  # fmt: skip


def forward(name: str, module: str) -> Callable[[typer.Context], None]:
    """Return a command that imports its stage only when it is called."""

    def run(context: typer.Context) -> None:
        commands = importlib.import_module(module)
        commands.app(args=[name, *context.args], prog_name="skillpath")

    return run


for _name, (_module, _help) in COMMANDS.items():
    app.command(_name, help=_help, context_settings=PASS_ON)(forward(_name, _module))


def main() -> None:
    """Run the command line; an error that teaches goes to stderr, with its own exit code."""
    from features.errors import SkillpathError

    for name, value in THREADS.items():
        os.environ.setdefault(name, os.environ.get("SKILLPATH_THREADS", value) if value == "2" else value)
    try:
        app()
    except SkillpathError as error:
        print(f"skillpath: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()

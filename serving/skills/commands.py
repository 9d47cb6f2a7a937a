"""The skills question's part of the command line: tag."""

from __future__ import annotations

import json
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=False, add_completion=False, pretty_exceptions_enable=False)

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; all else goes to stderr.")
]


@app.command()
def tag(as_json: AsJson = False) -> None:
    """Tag courses and jobs that nobody tagged: skills read from their texts, or those of the public occupation of a title.

    Tags that people gave, validated or rejected stand; what an earlier run wrote is replaced.

    Example: skillpath tag

    Exit codes: 0 tagged, 5 no verified skills model or encoder.
    """
    from serving.opening import build_house
    from serving.settings import read_settings
    from serving.skills.tagging import tag_records

    done = tag_records(build_house(read_settings()))
    if as_json:
        print(json.dumps(vars(done)))
        return
    print(f"skills version {done.model_version}: {done.courses} courses and {done.jobs} jobs tagged; "
          f"{done.without_courses} courses and {done.without_jobs} jobs without anything it is sure of")  # fmt: skip

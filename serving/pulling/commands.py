"""The command that reads from other systems; meant for a timer: it goes on where it was, and a second time changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from features.records.reading import ImportReport
    from features.records.store import Store
    from serving.pulling.settings import PullSettings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
KINDS = ("statements", "moodle", "pages")


@app.callback()
def reading() -> None:
    """Read from other systems."""


@app.command()
def pull(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="statements, moodle or pages.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on standard output.")
    ] = False,
) -> None:
    """Read statements of another xAPI store, a Moodle's courses, or pages with courses, as the settings name them.

    Example: SKILLPATH_LRS_URL=https://lrs.example/xapi/statements skillpath pull statements

    Exit codes: 0 read, 2 a setting cannot work, 5 the other system does not answer; what was read until then is kept.
    """
    from features.records.store import open_store
    from serving.pulling.settings import PullSettings

    settings = PullSettings()
    store = open_store(settings.url)
    try:
        report = pulled(store, settings, kind)
    finally:
        store.close()
    said = report.as_json()
    if as_json:
        print(json.dumps(said))
    else:
        print(", ".join(f"{name} {said[name]}" for name in ("accepted", "duplicates", "quarantined")))


def pulled(store: Store, settings: PullSettings, kind: str) -> ImportReport:
    """Read one kind of system; raise BadInputError for a kind that there is not."""
    from features.errors import BadInputError
    from serving.pulling.catalogue import now, pull_moodle, pull_pages
    from serving.pulling.statements import RecordStore, pull_statements

    if kind == "statements":
        password = settings.lrs_password.get_secret_value()
        return pull_statements(
            store, RecordStore(settings.address("lrs_url"), settings.lrs_user, password), now
        )
    if kind == "moodle":
        return pull_moodle(
            store, settings.address("moodle_url"), settings.moodle_token.get_secret_value(), now
        )
    if kind == "pages":
        return pull_pages(store, settings.pages, now)
    raise BadInputError("Unknown kind of system.", found=kind, allowed=", ".join(KINDS))

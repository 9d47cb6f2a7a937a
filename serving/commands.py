"""Serving's part of the command line: score, recommend, serve, keys."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from features.records.store import Store

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
keys_app = typer.Typer(no_args_is_help=True, help="Create, list and revoke API keys.")
app.add_typer(keys_app, name="keys")

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout; all else goes to stderr.")
]


def say(text: str) -> None:
    """Print to stderr, where a person looks and no program reads."""
    print(text, file=sys.stderr, flush=True)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (127.0.0.1).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (8000); 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes (1).")] = None,
) -> None:
    """Serve the answers over HTTP until Ctrl-C; models that are promoted meanwhile are taken up.

    Example: skillpath serve --port 8080 --workers 2

    Exit codes: 0 stopped, 2 a setting cannot work, 5 the port or the store cannot be opened.
    """
    from serving.settings import read_settings
    from serving.supervisor import Supervisor

    given = {"host": host, "port": port, "workers": workers}
    settings = read_settings(**given)
    if settings.ranking_file:
        from serving.recommendation.policy import read_policies  # numpy and more: only where there is a file

        read_policies(settings.ranking_file)  # one that cannot work stops the start
    chosen = {f"SKILLPATH_{name.upper()}": str(value) for name, value in given.items() if value is not None}
    Supervisor(settings, {**os.environ, **chosen}, say).run()


@app.command()
def score(
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help="A question that keeps scores; or all.")
    ],
    employee: Annotated[list[str] | None, typer.Option(help="Only these people; repeatable.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score everybody with the promoted models and keep the scores; a stopped run goes on where it was.

    Example: skillpath score all

    Exit codes: 0 scored, 2 no such question, 3 no such person, 5 no verified model.
    """
    from serving.settings import read_settings

    settings = read_settings()
    bound_threads(settings.threads)
    from serving.scores.batch import Scored, fetch_champions, score_questions

    fetch_champions()
    done: list[Scored] = score_questions(settings, question, employee or [])
    if as_json:
        print(
            json.dumps(
                {"scored": [{name: plain(value) for name, value in vars(each).items()} for each in done]}
            )
        )
        return
    for each in done:
        counts = f"{each.scored} people scored, {each.stood} stood already"
        where = f"; {each.file}" if each.file else " (the shadow: kept apart, shown to nobody)"
        print(f"{each.question} version {each.version}: {counts}, as of {each.as_of:%Y-%m-%d}{where}")


def bound_threads(threads: int) -> None:
    """Bound the numeric libraries' threads, before they are imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS"):
        os.environ.setdefault(name, str(threads))


@app.command()
def recommend(
    employee: Annotated[str, typer.Argument(metavar="EMPLOYEE", help="The person, as the HRIS knows them.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=100, help="How many courses.")] = 10,
    job: Annotated[str | None, typer.Option(help="The job aimed at; by default the person's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print one employee's gaps and recommendations, with reasons, as the service would answer them.

    Example: skillpath recommend E00042 --n 5

    Exit codes: 0 answered, 2 bad input, 3 no such person or job, 5 no verified model.
    """
    import asyncio

    from serving.settings import read_settings

    settings = read_settings()
    bound_threads(settings.threads)
    from serving.person import answers_about, in_words

    said = asyncio.run(answers_about(settings, employee, n, job))
    print(json.dumps(said) if as_json else in_words(employee, said))


@keys_app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Who holds the key.")],
    scopes: Annotated[str, typer.Option(help="What it allows, blank-separated.")] = "",
    role: Annotated[
        str, typer.Option(help="The scopes of a role (docs/access.md), beside those given.")
    ] = "",
    employee: Annotated[
        str | None, typer.Option(help="The person it acts for: they and their reports are seen, nobody else.")
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="Until when (YYYY-MM-DD, UTC); without: no end.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create an API key and show it, for the only time; only its hash is kept.

    Example: skillpath keys create lms --scopes "recommendations:read events:write" --expires 2027-01-31
    """
    from serving.keys import create_key, prefix_of
    from serving.roles import scopes_of

    wanted = [*scopes.replace(",", " ").split(), *scopes_of(role)]
    store = opened()
    key = create_key(store, name, wanted, datetime.now(UTC), end_of(expires), employee)
    if employee is not None and not is_known(store, employee):
        say(f"There is no employee {employee} in the records yet: until there is, this key sees nobody.")
    if as_json:
        print(json.dumps({"key": key, "prefix": prefix_of(key), "name": name}))
    else:
        say(f"The key of {name}; it is not shown again:")
        print(key)


@keys_app.command("rotate")
def rotate(
    prefix: Annotated[str, typer.Argument(help="The first eleven characters of the key.")],
    overlap_hours: Annotated[
        float, typer.Option(min=0, help="How long the old key goes on beside the new one.")
    ] = 24,
    as_json: AsJson = False,
) -> None:
    """Create the successor of a key, with its scopes; the old one ends after the overlap.

    Example: skillpath keys rotate sk_1a2b3c4d --overlap-hours 48
    """
    from serving.keys import prefix_of, rotate_key

    key = rotate_key(opened(), prefix, datetime.now(UTC), timedelta(hours=overlap_hours))
    if as_json:
        print(json.dumps({"key": key, "prefix": prefix_of(key)}))
    else:
        say(f"The new key; it is not shown again. {prefix_of(prefix)} ends in {overlap_hours:g} h:")
        print(key)


@keys_app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the keys, without their secrets.

    Example: skillpath keys list
    """
    from serving.keys import list_keys

    rows = list_keys(opened())
    if as_json:
        print(json.dumps({"keys": [{name: plain(value) for name, value in row.items()} for row in rows]}))
        return
    for row in rows:
        state = "revoked" if row["revoked_at"] else f"until {row['expires_at'] or 'revoked'}"
        whom = f"  for {row['employee_id']}" if row["employee_id"] else ""
        print(f"{row['prefix']}  {row['name']}{whom}  [{row['scopes']}]  {state}")


@keys_app.command("revoke")
def revoke(prefix: Annotated[str, typer.Argument(help="The first eleven characters of the key.")]) -> None:
    """Make a key void; the running service refuses it within a second.

    Example: skillpath keys revoke sk_1a2b3c4d
    """
    from serving.keys import revoke_key

    revoke_key(opened(), prefix, datetime.now(UTC))
    say("Revoked.")


def opened() -> Store:
    """Open the records."""
    from features.records.settings import RecordsSettings
    from features.records.store import open_store

    return open_store(RecordsSettings().url)


def is_known(store: Store, employee_id: str) -> bool:
    """Say whether the records know a person."""
    from features.records.people import unknown_employees

    with store.reading() as connection:
        return not unknown_employees(connection, [employee_id])


def end_of(expires: str | None) -> datetime | None:
    """Return the end of a key's validity; raise BadInputError where it is no date."""
    from features.errors import BadInputError

    if expires is None:
        return None
    try:
        found = datetime.fromisoformat(expires)
    except ValueError as error:
        raise BadInputError("--expires is no date.", found=expires, allowed="YYYY-MM-DD") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def plain(value: Any) -> Any:
    """Return a moment as text and everything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value

"""An operator's part of the command line: backup, restore, upgrade, revert, audit, retention."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from features.records.store import Store
    from serving.audit import Audit
    from serving.settings import ServingSettings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
audit_app = typer.Typer(no_args_is_help=True, help="Verify the audit's chain, and print where it ends.")
app.add_typer(audit_app, name="audit")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def tell(said: dict[str, Any], as_json: bool, words: str) -> None:
    """Print a result for a program, or for a person."""
    print(json.dumps(said, default=str) if as_json else words)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where to save the records; it must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Save the records (SQLite) in one file while the service runs, with a manifest beside it.

    Example: skillpath backup backups/2026-01-31.db

    Exit codes: 0 saved, 2 the file exists or the records are in PostgreSQL, 5 there are none.
    """
    from serving.operation.backup import save
    from serving.settings import read_settings

    made = save(read_settings(), file)
    tell(asdict(made), as_json, f"Saved {sum(made.rows.values())} rows, schema {made.schema}, in {file}.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A backup, its manifest beside it.")], as_json: AsJson = False
) -> None:
    """Put a backup in the place of the records; who was erased since stays erased, and the newer audit is kept.

    Example: skillpath restore backups/2026-01-31.db

    Exit codes: 0 restored, 2 the file is not what was saved, 5 the service runs, or the file is not sound.
    """
    from serving.operation.backup import restore as put_back
    from serving.settings import read_settings

    done = put_back(read_settings(), file)
    words = f"Restored {sum(done.rows.values())} rows; {done.erased_again} people erased again; "
    tell(
        asdict(done),
        as_json,
        words + f"{done.audit_rows_kept} newer audit rows kept. Before: {done.before or 'nothing'}",
    )


@app.command()
def upgrade(
    save_to: Annotated[
        Path | None, typer.Option("--backup", help="Save the records here first (SQLite).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring the schema of the records up to this version; a killed upgrade leaves the schema as it was.

    Whoever was erased since records were saved that other tools put back (`pg_restore`) is erased from them again.

    Example: skillpath upgrade --backup backups/before.db

    Exit codes: 0 up to date, 5 the store cannot be opened.
    """
    from serving.operation.backup import save
    from serving.rights.erasure import erase_who_came_back
    from serving.settings import read_settings

    if save_to is not None:
        save(read_settings(), save_to)
    settings, store, audit = opened()
    with store.reading() as connection:
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    again = erase_who_came_back(store, audit, settings.var)
    store.close()
    words = f"The schema is {version}." + (f" {again} people erased again." if again else "")
    tell({"schema": version, "erased_again": again}, as_json, words)


@app.command()
def revert(
    question: Annotated[
        str, typer.Argument(metavar="QUESTION", help="skills, recommendation, attrition or impact.")
    ],
    release: Annotated[
        bool,
        typer.Option("--release", help="Hold nothing back any more; the registry's champion comes again."),
    ] = False,
    role: Annotated[
        str,
        typer.Option("--as", metavar="PLACE", help="champion; or canary, shadow: take its place away."),
    ] = "champion",
    as_json: AsJson = False,
) -> None:
    """Let the model before answer again on this host, within a second, registry or not.

    The one that is left is held back until another is promoted. `skillpath rollback` does the same in the registry, for all hosts.

    Example: skillpath revert attrition

    Exit codes: 0 done, 2 no such question or place, 5 there is no model before, or nobody in that place.
    """
    from serving.operation import rollback as back
    from serving.settings import read_settings

    if release:
        back.release(read_settings(), question)
        tell({"question": question, "held_back": None}, as_json, "Nothing is held back any more.")
        return
    if role != "champion":
        version = back.take_away(read_settings(), question, role)
        words = f"{question}: version {version} is no {role} here any more, and held back."
        tell({"question": question, "place": role, "held_back": version}, as_json, words)
        return
    done = back.roll_back(read_settings(), question)
    tell(asdict(done), as_json, f"{question}: version {done.version} answers, {done.held_back} is held back.")


@app.command()
def retention(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count what would go, and remove nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Remove what has been kept for longer than the settings SKILLPATH_KEEP_… say.

    Example: skillpath retention --dry-run
    """
    from serving.operation.retention import let_go

    settings, store, audit = opened()
    gone = let_go(store, audit, settings, is_dry=dry_run)
    verb = "would go" if dry_run else "removed"
    tell(dict(gone), as_json, ", ".join(f"{name}: {count}" for name, count in gone.items()) + f" ({verb})")


@audit_app.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option(help="A head printed earlier (SEQUENCE:HASH) that must still be in the chain."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look at every row of the audit: nothing changed, cut off, or emptied by hand. Keep the printed head elsewhere.

    Example: skillpath audit verify

    Exit codes: 0 the chain holds, 2 that is no head, 4 it does not hold.
    """
    from features.errors import BadInputError
    from serving.audit import parse_head

    known = parse_head(head) if head else None
    if head and known is None:
        raise BadInputError("That is no head.", found=head, allowed="SEQUENCE:HASH, as printed")
    _, _, audit = opened()
    found = audit.verify(known)
    said = {**asdict(found), "holds": found.holds, "head": str(found.head) if found.head else None}
    words = [f"{found.rows} rows; {found.emptied} emptied, {found.accounted} accounted for."]
    words += [f"Row {found.broken_at} does not follow from the one before."] if found.broken_at else []
    words += [found.lost] if found.lost else []
    words += [f"{'The chain holds' if found.holds else 'THE CHAIN DOES NOT HOLD'}. Head: {found.head}"]
    tell(said, as_json, "\n".join(words))
    if not found.holds:
        sys.exit(4)


def opened() -> tuple[ServingSettings, Store, Audit]:
    """Open settings, records and audit."""
    from features.records.store import open_store
    from serving.audit import ANCHOR, Audit
    from serving.settings import read_settings

    settings = read_settings()
    store = open_store(settings.url)
    return settings, store, Audit(store, lambda: datetime.now(UTC), settings.var / ANCHOR)

"""The commands that bring records in: sample, import, embed. Thin: the work is done elsewhere."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from features.records.reading import ImportOptions, ImportReport
    from features.records.reading.options import Progress
    from features.records.settings import RecordsSettings
    from features.records.store import Store

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
)
PROGRESS_AFTER_SECONDS = 2.0

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]


@app.command()
def sample(
    employees: Annotated[int, typer.Option(min=10, help="How many people are employed at any time.")] = 2000,
    years: Annotated[int, typer.Option(min=1, help="How many years are told.")] = 3,
    seed: Annotated[int, typer.Option(help="The same seed writes the same organisation.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("var/sample"),
    as_json: JsonFlag = False,
) -> None:
    """Write a sample organisation as files, with the planted truth beside it.

    Example: skillpath sample --employees 2000 --years 3 --seed 7 --out var/sample
    """
    from features.records.sample import write_sample
    from features.records.settings import RecordsSettings

    with progress_bar(enabled=RecordsSettings().progress) as show:
        write_sample(out, employees, years, seed, lambda done, of: show("months", done / of))
    files = sorted(path.name for path in out.iterdir() if path.is_file())
    if as_json:
        print(json.dumps({"out": str(out), "files": files}))
    else:
        print(f"{len(files)} files in {out}. Next: skillpath import organisation {out}")


@app.command("import")
def import_records(
    kind: Annotated[str, typer.Argument(help="organisation, a table, esco, onet, course-catalogue, course-jsonld, "
                                             "job-descriptions, hris, learning-records, xapi, or a mapping's name.")],
    paths: Annotated[list[Path], typer.Argument(help="Files, or a folder.")],
    mapping: Annotated[str, typer.Option(help="A shipped mapping's name, or a TOML file.")] = "",
    known_at: Annotated[str, typer.Option(help="What holds for facts that do not say when they became known: "
                                               "happened or import.")] = "happened",
    encoding: Annotated[str, typer.Option(help="Text encoding, where it is not to be found out.")] = "",
    decimal: Annotated[str, typer.Option(help="Decimal mark: auto, . or ,")] = "auto",
    dates: Annotated[str, typer.Option(help="Order of dates: auto, iso, dmy or mdy.")] = "auto",
    setting: Annotated[list[str] | None, typer.Option("--set", help="A setting of the mapping, as name=value.")] = None,
    as_json: JsonFlag = False,
) -> None:  # fmt: skip
    """Import files into the records, all or nothing per file; a second time changes nothing.

    \b
    For example:
    skillpath import organisation var/sample
    skillpath import employees hires.csv --json
    skillpath import hris export.csv --mapping workday_workers
    skillpath import esco esco_classification.zip esco_relations.zip
    """  # noqa: D301  (the mark is a real backspace, which keeps the lines as they are)
    from features.records.reading import ImportOptions
    from features.records.settings import RecordsSettings

    settings = RecordsSettings()
    with opened(settings) as store, progress_bar(enabled=settings.progress) as progress:
        options = ImportOptions(
            mapping=mapping or None, known_at=known_at, encoding=encoding or None, decimal=decimal, dates=dates,
            settings=pairs(setting or []), progress=progress,
        )  # fmt: skip
        reports = import_all(store, kind, paths, options, as_json=as_json)
    if as_json:
        print(json.dumps(summed(reports)))
    else:
        for name, report in reports.items():
            print(one_line(name, report))


@app.command()
def embed(
    export: Annotated[
        Path | None, typer.Option(help="Also write the encoder that serving uses to this folder.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Embed texts of jobs, courses and skills, once per content: a second run embeds nothing.

    Example: skillpath embed --export var/encoder
    """
    from features.records.embedding import embed_records
    from features.records.settings import RecordsSettings

    settings = RecordsSettings()
    with opened(settings) as store:
        result: dict[str, Any] = embed_records(settings, store, export)
    if as_json:
        print(json.dumps(result))
    else:
        print(", ".join(f"{name} {value}" for name, value in result.items()))


@contextmanager
def opened(settings: RecordsSettings) -> Iterator[Store]:
    """Open the records for one command."""
    from features.records.store import open_store

    store = open_store(settings.url)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def progress_bar(*, enabled: bool) -> Iterator[Progress]:
    """Show on standard error how far it is, once it takes more than two seconds; nothing where no person looks."""
    import time

    if not enabled or not sys.stderr.isatty():
        yield lambda _label, _share: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    started, bar = time.monotonic(), Bar(console=Console(stderr=True), transient=True)
    task = bar.add_task("", total=1.0)

    def show(label: str, share: float) -> None:
        if time.monotonic() - started > PROGRESS_AFTER_SECONDS and not bar.live.is_started:
            bar.start()
        bar.update(task, description=label, completed=share)

    try:
        yield show
    finally:
        bar.stop()


def import_all(
    store: Store, kind: str, paths: list[Path], options: ImportOptions, *, as_json: bool
) -> dict[str, ImportReport]:
    """Import every path; with `as_json` a refused file is also told as JSON."""
    from features.records.reading import RefusedFileError, import_organisation, import_sources

    try:
        if kind == "organisation":
            return {
                name: report
                for path in paths
                for name, report in import_organisation(store, path, options).items()
            }
        return import_sources(store, paths, kind, options)
    except RefusedFileError as error:
        if as_json:
            print(json.dumps(refused(error)))
        raise


def refused(error: Any) -> dict[str, object]:
    """Return a refusal as one JSON object."""
    counts = {"accepted": 0, "duplicates": 0, "quarantined": 0, "rejected": error.rejected}
    return {**counts, "problems": [vars(problem) for problem in error.problems]}


def summed(reports: dict[str, ImportReport]) -> dict[str, object]:
    """Return the sum of several reports as one JSON object, with each of them below."""
    counts = {
        name: sum(getattr(report, name) for report in reports.values())
        for name in ("accepted", "duplicates", "quarantined", "rejected")
    }
    seconds = round(sum(report.seconds for report in reports.values()), 3)
    return {
        **counts,
        "seconds": seconds,
        "files": {name: report.as_json() for name, report in reports.items()},
    }


def one_line(name: str, report: ImportReport) -> str:
    """Return a report for a person to read."""
    counts = f"{report.accepted:,} accepted, {report.duplicates:,} duplicates"
    counts += f", {report.quarantined:,} quarantined" if report.quarantined else ""
    return f"{name}: {counts} ({report.seconds:.1f} s)"


def pairs(settings: list[str]) -> dict[str, str]:
    """Return settings given as name=value."""
    from features.errors import BadInputError

    found = {}
    for text in settings:
        name, mark, value = text.partition("=")
        if not mark:
            raise BadInputError("A setting cannot be read.", found=repr(text), allowed="name=value")
        found[name] = value
    return found

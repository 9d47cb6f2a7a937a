"""Scores for everybody: computed in chunks, kept by model and moment, so that a stopped run goes on where it was."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa

from features.errors import BadInputError, RefusedError, UnknownRecordError
from features.records.columns import Nature
from features.records.moments import from_micros
from features.records.schema import METADATA
from features.records.store import Store, open_store
from features.records.tables import IMPORTABLE
from serving.house import House
from serving.models.aliases import CHAMPION, SHADOW
from serving.models.answering import LoadedModel, Models
from serving.scores.kept import TABLE
from serving.scores.recompute import keep_scores, scoring
from serving.settings import QUESTIONS, ServingSettings

CHUNK = 1_000
EXPORT_ROWS = 5_000
LOGGED_WITH_ANSWERS = ("recommendation",)
Progress = Callable[[int], None]


@dataclass(frozen=True)
class Scored:
    """What was done for one question."""

    question: str
    version: str
    digest: str
    as_of: datetime
    people: int
    scored: int
    stood: int
    file: str
    alias: str = CHAMPION


def fetch_champions() -> None:
    """Let the puller look once, in a process of its own, so that the newest champions are scored."""
    command = [sys.executable, "-m", "serving.models.puller", "--once"]
    subprocess.run(command, check=False)  # noqa: S603 - without a registry the bundles that stand are scored


def last_known(store: Store) -> datetime:
    """Return the moment right after the last fact had happened and was known: what all scores of a run see."""
    facts = [METADATA.tables[name] for name, table in IMPORTABLE.items() if table.nature is Nature.FACT]
    moments = [facts_of.c[name] for facts_of in facts for name in ("known_at", "happened_at")]
    with store.reading() as connection:
        ends = [connection.scalar(sa.select(sa.func.max(moment))) for moment in moments]
    known = [end for end in ends if end is not None]
    return from_micros(max(known) + 1) if known else datetime.now(UTC)


def everybody(store: Store) -> list[str]:
    """Return every person of the records, in a stable order."""
    column = METADATA.tables["employees"].c.employee_id
    with store.reading() as connection:
        return list(connection.scalars(sa.select(column).distinct().order_by(column)))


def chosen(store: Store, employee_ids: Sequence[str]) -> list[str]:
    """Return these people; raise UnknownRecordError for one who is not in the records."""
    unknown = sorted(set(employee_ids) - set(everybody(store)))
    if unknown:
        raise UnknownRecordError("There is no such employee.", found=", ".join(unknown[:10]))
    return list(dict.fromkeys(employee_ids))


def score(
    house: House, question: str, people: Sequence[str], advance: Progress, *, is_exported: bool = True
) -> Scored:
    """Score people for one question, those left out who stand already.

    Raises
    ------
    UnavailableError
        If no verified model answers the question.
    """
    pinned = replace(house, models=house.models.pinned())
    model, as_of = pinned.models.current(question), house.clock()
    standing = house.kept.people(question, model.digest, as_of)
    waiting = [person for person in people if person not in standing]
    advance(len(people) - len(waiting))
    scored = 0
    for start in range(0, len(waiting), CHUNK):
        chunk = waiting[start : start + CHUNK]
        scored += keep_scores(pinned, question, chunk)
        advance(len(chunk))
    file = export(pinned, question, model.digest, house.settings.var / "scores") if is_exported else ""
    stood = len(people) - len(waiting)
    return Scored(question, model.version, model.digest, as_of, len(people), scored, stood, str(file))


def score_shadow(house: House, question: str, people: Sequence[str], advance: Progress) -> Scored | None:
    """Score the same people with the shadow, kept under its own digest and in no file; None where none stands.

    What is read, listed and exported is read by the champion's digest, so that nobody is shown a shadow's score.
    Where the answer itself is logged with the shadow's (recommendations), nothing is scored ahead.
    """
    shadow = house.models.shadows.get(question)
    if shadow is None or question in LOGGED_WITH_ANSWERS:
        return None
    beside = Models()
    beside.hold(shadow)
    done = score(replace(house, models=beside), question, people, advance, is_exported=False)
    return replace(done, alias=SHADOW)


def score_questions(settings: ServingSettings, name: str, employee_ids: Sequence[str]) -> list[Scored]:
    """Score one question, or all that keep scores and have a model, of everybody or of these people.

    Raises
    ------
    BadInputError
        If there is no such question, or it keeps no scores.
    UnavailableError
        If no verified model stands.
    RefusedError
        If the question asked for by name is switched off.
    """
    from serving.opening import build_house

    store = open_store(settings.url)
    as_of = settings.clock_start() or last_known(store)
    house = build_house(settings, store, clock=lambda: as_of)
    people = chosen(store, employee_ids) if employee_ids else everybody(store)
    done = []
    for question in questions_of(house, name):
        with advancing(f"score {question}", len(people), settings.progress) as advance:
            done.append(score(house, question, people, advance))
        with advancing(f"score {question}, shadow", len(people), settings.progress) as advance:
            beside = score_shadow(house, question, people, advance)
        done += [beside] if beside else []
    store.close()
    return done


def questions_of(house: House, name: str) -> list[str]:
    """Return the questions that a command means."""
    keeping = [question for question in QUESTIONS if scoring(question) is not None]
    if name != "all":
        if name not in keeping:
            raise BadInputError(
                "That question keeps no scores.", found=name, allowed=", ".join([*keeping, "all"])
            )
        check_is_on(house, name)
        return [name]
    held = [question for question in keeping if question in house.models.held]
    if not held:
        house.models.current(keeping[0] if keeping else name)
    return [question for question in held if is_on(house, question)]


def check_is_on(house: House, question: str) -> None:
    """Raise RefusedError where a question is switched off: its scores are shown to nobody, in no file either."""
    check = getattr(scoring(question), "check_switch", None)
    if check is not None:
        check(house)


def is_on(house: House, question: str) -> bool:
    """Say whether a question's scores are shown to anybody."""
    try:
        check_is_on(house, question)
    except RefusedError:
        return False
    return True


@contextmanager
def advancing(what: str, total: int, is_shown: bool) -> Iterator[Progress]:
    """Show a progress bar on stderr, where somebody looks."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, disable=not is_shown or not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


def export(house: House, question: str, digest: str, folder: Path) -> Path:
    """Write a question's kept scores as Parquet, for who reads files; readable by its owner alone.

    Columns are those of ``exported_columns`` of ``serving/<question>_kept.py``; where it has none, the packed bytes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{question}-{digest}.parquet"
    partial = path.with_suffix(".part")
    partial.touch(mode=0o600)
    unpacked, model = columns_of(question), house.models.current(question)
    writer = None
    for page in pages(house.kept.store, question, digest):
        rows = [
            {
                "employee_id": person,
                "as_of": from_micros(as_of),
                "computed_at": from_micros(at),
                **unpacked(model, payload),
            }
            for person, as_of, at, payload in page
        ]
        table = pa.Table.from_pylist(rows, schema=writer.schema if writer else None)
        writer = writer or pq.ParquetWriter(partial, table.schema)
        writer.write_table(table)
    if writer is None:
        partial.unlink()
    else:
        writer.close()
        partial.replace(path)
    return path


def columns_of(question: str) -> Callable[[LoadedModel, bytes], dict[str, object]]:
    """Return what unpacks a person's kept scores into columns."""
    if importlib.util.find_spec(f"serving.{question}.kept") is None:
        return lambda _model, payload: {"payload": payload}
    found: Callable[[LoadedModel, bytes], dict[str, object]] = importlib.import_module(
        f"serving.{question}.kept"
    ).exported_columns
    return found


def pages(store: Store, question: str, digest: str) -> Iterator[list[tuple[str, int, int, bytes]]]:
    """Yield a question's kept scores under a model, a page at a time."""
    query = sa.select(TABLE.c.employee_id, TABLE.c.as_of, TABLE.c.computed_at, TABLE.c.payload).where(
        TABLE.c.question == question, TABLE.c.model_digest == digest
    )
    with store.reading() as connection:
        result = connection.execution_options(yield_per=EXPORT_ROWS).execute(query)
        for page in result.partitions():
            yield [(row[0], row[1], row[2], row[3]) for row in page]

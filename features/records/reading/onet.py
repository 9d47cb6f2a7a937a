"""O*NET 29.2: the tab-delimited text files of the database, and the 2018 workbook of skill ratings where it lies beside.

Occupations become jobs (their O*NET-SOC code is the job_id), tasks, alternate titles and related occupations follow;
technologies become skills with the commodity above them as a broader one; the workbook's importance and level become
requirements.

References
----------
National Center for O*NET Development, *O*NET 29.2 Database*, U.S. Department of Labor, 2025 (CC BY 4.0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from features.records.reading.batches import LINE, Batch, Piece
from features.records.reading.csv_members import Member, digest_of, find_members, require
from features.records.reading.engine import Origin, load
from features.records.reading.options import ImportOptions, ImportReport
from features.records.reading.xlsx_rows import xlsx_batches, xlsx_header
from features.records.store import Store

OCCUPATIONS, ZONES = "Occupation Data.txt", "Job Zones.txt"
TITLES, TASKS = "Alternate Titles.txt", "Task Statements.txt"
RELATED, TECHNOLOGY = "Related Occupations.txt", "Technology Skills.txt"
FILES = (OCCUPATIONS, ZONES, TITLES, TASKS, RELATED, TECHNOLOGY)
CODE = "O*NET-SOC Code"
TAB = "\t"
RATINGS = "Skills*.xlsx"
IMPORTANCE_LOW, IMPORTANCE_HIGH = 1, 5  # scale IM
LEVEL_HIGH = 7  # scale LV runs 0-7, ours 0-5
IN_DEMAND_WEIGHT, OTHER_WEIGHT = "1.0", "0.5"


def import_onet(store: Store, paths: Sequence[Path], options: ImportOptions) -> ImportReport:
    """Import the occupations of O*NET with what belongs to them: all of it is kept, or nothing."""
    members = find_members(paths, FILES)
    require(members, (OCCUPATIONS,), paths)
    workbooks = [book for path in paths if path.is_dir() for book in sorted(path.glob(RATINGS))]
    workbooks += [path for path in paths if path.match(RATINGS)]
    origin = Origin("onet", ", ".join(path.name for path in paths), digest_of(members))
    return load(store, pieces(members, workbooks), origin, options)


def pieces(members: Mapping[str, Member], workbooks: Sequence[Path]) -> Iterator[Piece]:
    """Yield the rows of every table that the files fill."""
    zones = job_zones(members)
    for batch in rows(members, OCCUPATIONS, (CODE, "Title", "Description")):
        yield occupations(batch, zones)
    for batch in rows(members, TITLES, (CODE, "Alternate Title")):
        yield alternate_titles(batch)
    for batch in rows(members, TASKS, (CODE, "Task ID", "Task", "Task Type")):
        yield tasks(batch)
    for batch in rows(members, RELATED, (CODE, "Related O*NET-SOC Code", "Relatedness Tier", "Index")):
        yield related(batch)
    for batch in rows(
        members, TECHNOLOGY, (CODE, "Example", "Commodity Code", "Commodity Title", "In Demand")
    ):
        yield from technologies(batch)
    for book in workbooks:
        yield from ratings(book)


def rows(members: Mapping[str, Member], name: str, columns: Sequence[str]) -> Iterator[Batch]:
    """Yield the rows of one file, or none where it is not there."""
    if name in members:
        yield from members[name].rows(columns, TAB)


def piece(
    table: str, batch: Batch, columns: Mapping[str, str | pl.Expr], *, repeats: str = "refuse"
) -> Piece:
    """Return a batch as rows of a table: each column out of one of the file, or out of an expression."""
    made = [
        (pl.col(value) if isinstance(value, str) else value).alias(name) for name, value in columns.items()
    ]
    labels = {name: value for name, value in columns.items() if isinstance(value, str)}
    return Piece(table, batch.file, batch.frame.select(*made, LINE), labels, repeats=repeats,
                 orphans="quarantine", share=batch.share)  # fmt: skip


def job_zones(members: Mapping[str, Member]) -> dict[str, str]:
    """Return the job zone (1-5: how much preparation an occupation needs) of each occupation."""
    zones: dict[str, str] = {}
    for batch in rows(members, ZONES, (CODE, "Job Zone")):
        zones |= dict(zip(batch.frame[CODE], batch.frame["Job Zone"], strict=True))
    return zones


def occupations(batch: Batch, zones: Mapping[str, str]) -> Piece:
    """Return occupations, as jobs of the taxonomy; the grade is the job zone."""
    grade = pl.col(CODE).replace_strict(zones, default=None, return_dtype=pl.String)
    return piece("jobs", batch, {
        "job_id": CODE, "title": "Title", "description": "Description", "grade": grade,
        "taxonomy": pl.lit("onet"), "code": pl.col(CODE),
    })  # fmt: skip


def alternate_titles(batch: Batch) -> Piece:
    """Return other titles; one that comes twice for an occupation counts once."""
    return piece("job_aliases", batch, {"job_id": CODE, "alias": "Alternate Title", "language": pl.lit("en")})


def tasks(batch: Batch) -> Piece:
    """Return task statements."""
    kind = pl.col("Task Type").replace("n/a", None).str.to_lowercase()
    return piece(
        "job_tasks", batch, {"task_id": "Task ID", "job_id": CODE, "statement": "Task", "task_type": kind}
    )


def related(batch: Batch) -> Piece:
    """Return occupations that resemble each other; rank 1 is closest."""
    return piece("job_relations", batch, {
        "job_id": CODE, "related_id": "Related O*NET-SOC Code", "tier": "Relatedness Tier", "rank": "Index",
    })  # fmt: skip


def technologies(batch: Batch) -> Iterator[Piece]:
    """Yield technologies as skills, their commodity as the broader skill, and who requires them."""
    technology, commodity = technology_id("Example"), pl.lit("onet:commodity:") + pl.col("Commodity Code")
    weight = (
        pl.when(pl.col("In Demand") == "Y").then(pl.lit(IN_DEMAND_WEIGHT)).otherwise(pl.lit(OTHER_WEIGHT))
    )
    yield piece("skills", batch, {
        "skill_id": commodity, "name": "Commodity Title", "taxonomy": pl.lit("onet"), "skill_type": pl.lit("skill group"),
    }, repeats="first")  # fmt: skip
    yield piece("skills", batch, {
        "skill_id": technology, "name": "Example", "taxonomy": pl.lit("onet"), "skill_type": pl.lit("technology"),
    }, repeats="first")  # fmt: skip
    yield piece("skill_relations", batch, {
        "skill_id": technology, "related_id": commodity, "relation": pl.lit("broader"),
    })  # fmt: skip
    yield piece("job_skills", batch, {
        "job_id": CODE, "skill_id": technology, "importance": weight, "source": pl.lit("given"),
    }, repeats="first")  # fmt: skip


def technology_id(column: str) -> pl.Expr:
    """Return the identifier of a technology: its name without case."""
    return pl.lit("onet:technology:") + pl.col(column).str.strip_chars().str.to_lowercase()


def ratings(book: Path) -> Iterator[Piece]:
    """Yield the skills of the 2018 workbook, and how important and at which level occupations require them."""
    header = xlsx_header(book)
    frame = pl.concat([batch.frame for batch in xlsx_batches(book, header)], how="vertical_relaxed")
    scales = frame.filter(pl.col("Scale ID").is_in(["IM", "LV"])).pivot(
        on="Scale ID",
        index=[CODE, "Element ID", "Element Name"],
        values="Data Value",
        aggregate_function="first",
    )
    lines = frame.group_by(CODE, "Element ID", maintain_order=True).agg(pl.col(LINE).first())
    wide = Batch(book.name, scales.join(lines, on=[CODE, "Element ID"], maintain_order="left"), 1.0)
    skill = pl.lit("onet:") + pl.col("Element ID")
    importance = (pl.col("IM").cast(pl.Float64) - IMPORTANCE_LOW) / (IMPORTANCE_HIGH - IMPORTANCE_LOW)
    yield piece("skills", wide, {
        "skill_id": skill, "name": "Element Name", "taxonomy": pl.lit("onet"), "skill_type": pl.lit("skill/competence"),
    }, repeats="first")  # fmt: skip
    yield piece("job_skills", wide, {
        "job_id": CODE, "skill_id": skill, "level": pl.col("LV").cast(pl.Float64) * 5 / LEVEL_HIGH,
        "importance": importance, "source": pl.lit("given"),
    }, repeats="first")  # fmt: skip

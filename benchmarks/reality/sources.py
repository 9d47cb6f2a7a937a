"""Step 1: public classifications, a catalogue and postings come in whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.reality.proof import DATA, Fact, cost, equal, run

# As each set's SOURCE.md counts them; ESCO's skills and its 640 skill groups are both rows of `skills`.
ESCO = {"jobs": 3_007, "skills": 13_896 + 640, "job_skills": 123_855, "skill_relations": 5_899 + 20_656}
ONET = {"jobs": 1_016, "job_aliases": 56_560, "job_tasks": 18_796, "job_relations": 18_460}
COURSERA = {"coursera_2021_descriptions": 2_971, "coursera_2021_all": 5_164}
COURSERA_FILES = {
    "coursera_2021_descriptions": "coursera_2021_descriptions_skills.csv.gz",
    "coursera_2021_all": "coursera_2021_all_courses_skills.csv.gz",
}
POSTINGS, EXACT_DUPLICATES = 1_250, 123


def prove() -> Iterator[Fact]:
    """Import each source by the command a customer uses and compare the counts."""
    esco = run("import", "esco", DATA / "skills" / "esco_v1.1.1_en")
    yield from counted("ESCO", esco.answer, ESCO)
    yield cost("ESCO", esco)
    onet = run("import", "onet", DATA / "skills" / "onet_29.2")
    yield from counted("O*NET", onet.answer, ONET)
    yield cost("O*NET", onet)
    for mapping, rows in COURSERA.items():
        path = DATA / "learning" / "coursera_catalogue_2021" / COURSERA_FILES[mapping]
        catalogue = run("import", "course-catalogue", path, "--mapping", mapping)
        yield from counted("Coursera", catalogue.answer, {"courses": rows})
        yield cost("Coursera", catalogue)
    path = DATA / "workforce" / "google_job_postings" / "job_skills.csv.gz"
    postings = run("import", "job-descriptions", path, "--mapping", "google_job_postings")
    yield from counted("Google postings", postings.answer, {"jobs": POSTINGS})
    yield cost("Google postings", postings)


def counted(name: str, answer: dict[str, Any], rows: dict[str, int]) -> Iterator[Fact]:
    """Yield one fact a table: rows kept, met twice or put aside are together the rows of the source."""
    found = tables_of(answer)
    for table, expected in rows.items():
        yield equal(f"{name}: {table}", sum(found.get(table, {}).values()), expected)


def tables_of(answer: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return the counts by table, summed over the files of one import."""
    total: dict[str, dict[str, int]] = {}
    for report in answer["files"].values():
        for table, counts in report["tables"].items():
            kept = total.setdefault(table, {})
            for name, number in counts.items():
                kept[name] = kept.get(name, 0) + number
    return total

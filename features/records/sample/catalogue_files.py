"""Read the catalogue's files: skills, jobs, courses, places and names, as people can edit them."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "catalogue"


@dataclass(frozen=True)
class Skill:
    """One skill, or a group of skills (with an empty `group`)."""

    id: str
    name: str
    group: str
    kind: str
    aliases: tuple[str, ...]
    related: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Job:
    """One job of a family; `needs` maps a skill to (level, importance)."""

    id: str
    title: str
    family: int
    role: str
    grade: int
    aliases: tuple[str, ...]
    needs: dict[str, tuple[float, float]]
    description: str


@dataclass(frozen=True)
class Family:
    """A job family, which is also a department."""

    id: str
    department: str
    share: float
    pay: float
    overtime: float


@dataclass(frozen=True)
class Course:
    """One learning item as its file describes it."""

    id: str
    title: str
    description: str
    teaches: dict[str, float]
    hours: float
    modality: str
    cost: float
    provider: str
    language: str
    after: tuple[str, ...]
    has_exam: bool
    nominated: str
    mandatory: tuple[str, ...]
    certificate_days: int | None
    eligibility: tuple[str, ...]
    is_programme: bool


@dataclass(frozen=True)
class Place:
    """Where people work, and what is paid there."""

    name: str
    share: float
    currency: str
    scale: float
    inflation: float
    commute: float
    language: str


def read_skills(folder: Path = FOLDER) -> list[Skill]:
    """Return the skills, then the groups they belong to."""
    skills = [
        Skill(
            row["skill_id"], row["name"], row["group"], row["skill_type"],
            split(row["aliases"], ";"), split(row["related"], ";"), row["description"],
        )
        for row in rows(folder / "skills.csv")
    ]  # fmt: skip
    groups = [
        Skill(row["skill_id"], row["name"], "", "group", (), (), row["description"])
        for row in rows(folder / "skill_groups.csv")
    ]
    return skills + groups


def read_jobs(folder: Path = FOLDER) -> tuple[list[Family], list[Job]]:
    """Return the job families and the jobs, each job pointing at its family."""
    families, jobs = [], []
    for number, (name, entry) in enumerate(toml(folder / "jobs.toml").items()):
        families.append(Family(name, entry["department"], entry["share"], entry["pay"], entry["overtime"]))
        for job_id, job in entry["jobs"].items():
            needs = {skill: (float(level), 0.9) for skill, level in job["core"].items()}
            needs |= {skill: (float(level), 0.5) for skill, level in job["useful"].items()}
            jobs.append(
                Job(job_id, job["title"], number, job["role"], job["grade"], tuple(job["aliases"]),
                    needs, job["description"])
            )  # fmt: skip
    return families, jobs


def read_courses(folder: Path = FOLDER) -> list[Course]:
    """Return every learning item, ordered by identifier."""
    entries: dict[str, dict[str, Any]] = {}
    for path in sorted((folder / "courses").glob("*.toml")):
        entries |= toml(path)
    return [course_of(course_id, entries[course_id]) for course_id in sorted(entries)]


def course_of(course_id: str, entry: dict[str, Any]) -> Course:
    """Return one learning item with the defaults filled in."""
    return Course(
        id=course_id,
        title=entry["title"],
        description=entry["description"],
        teaches={skill: float(level) for skill, level in entry["teaches"].items()},
        hours=float(entry["hours"]),
        modality=entry["modality"],
        cost=float(entry.get("cost", 0)),
        provider=entry.get("provider", "In-house"),
        language=entry.get("language", "en"),
        after=tuple(entry.get("after", ())),
        has_exam=bool(entry.get("exam", False)),
        nominated=entry.get("nominated", ""),
        mandatory=split(entry.get("mandatory", ""), ","),
        certificate_days=entry.get("certificate_days"),
        eligibility=split(entry.get("eligibility", ""), ","),
        is_programme=bool(entry.get("programme", False)),
    )


def read_places(folder: Path = FOLDER) -> list[Place]:
    """Return the places of work."""
    return [Place(name, **entry) for name, entry in toml(folder / "places.toml").items()]


def read_names(folder: Path = FOLDER) -> tuple[list[str], list[str]]:
    """Return given names and family names."""
    names = toml(folder / "names.toml")
    return names["given"], names["family"]


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file, in file order."""
    with path.open("rb") as file:
        return tomllib.load(file)


def split(text: str, mark: str) -> tuple[str, ...]:
    """Return the parts of a list in one cell."""
    return tuple(part.strip() for part in text.split(mark) if part.strip())

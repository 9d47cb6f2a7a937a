"""The tables about jobs and skills, as files have them."""

from __future__ import annotations

import polars as pl

from features.records.sample.months import END
from features.records.sample.simulation import Simulation

# What some jobs will ask for: (job, skill, level, importance), from the year after the data on.
FUTURE = (
    ("software-developer", "generative-ai-use", 3.0, 0.7),
    ("data-analyst", "machine-learning", 2.0, 0.6),
    ("accountant", "generative-ai-use", 2.0, 0.5),
    ("content-specialist", "marketing-analytics", 2.0, 0.5),
    ("machine-operator", "robotics", 2.0, 0.7),
    ("maintenance-technician", "data-analysis", 2.0, 0.5),
    ("service-agent", "generative-ai-use", 2.0, 0.6),
    ("buyer", "environmental-management", 2.0, 0.6),
)
PRIORITIES = (
    ("generative-ai-use", 1.0, 0, None), ("information-security", 0.7, -1, None),
    ("data-analysis", 0.8, -1, None), ("industrial-automation", 0.6, 0, None),
    ("environmental-management", 0.5, -2, None), ("team-leadership", 0.6, -1, None),
    ("lean-manufacturing", 0.5, -3, -1), ("customer-communication", 0.4, -2, None),
)  # fmt: skip


def jobs(simulation: Simulation) -> pl.DataFrame:
    """Return the jobs."""
    catalogue = simulation.world.catalogue
    return pl.DataFrame(
        [
            {"job_id": one.id, "title": one.title, "description": one.description,
             "family": catalogue.families[one.family].department, "grade": one.grade,
             "taxonomy": "organisation"}
            for one in catalogue.jobs
        ]
    )  # fmt: skip


def job_aliases(simulation: Simulation) -> pl.DataFrame:
    """Return other titles of the jobs."""
    return pl.DataFrame(
        [
            {"job_id": one.id, "alias": alias, "language": "en"}
            for one in simulation.world.catalogue.jobs
            for alias in one.aliases
        ]
    )


def job_relations(simulation: Simulation) -> pl.DataFrame:
    """Return where people move from each job: up the ladder first, then to similar jobs."""
    catalogue = simulation.world.catalogue
    rows = []
    for number, one in enumerate(catalogue.jobs):
        ladder = [int(other) for other in catalogue.next_jobs[number]]
        near = [int(other) for other in catalogue.near_jobs[number] if other not in ladder]
        for rank, other in enumerate(ladder + near, start=1):
            tier = "next grade" if other in ladder else "similar"
            rows.append(
                {"job_id": one.id, "related_id": catalogue.jobs[other].id, "tier": tier, "rank": rank}
            )
    return pl.DataFrame(rows)


def job_skills(simulation: Simulation) -> pl.DataFrame:
    """Return what jobs ask for, today and in the coming year."""
    catalogue = simulation.world.catalogue
    rows = [
        {"job_id": one.id, "skill_id": skill, "level": level, "importance": weight, "source": "given",
         "required_from": None}
        for one in catalogue.jobs
        for skill, (level, weight) in one.needs.items()
    ]  # fmt: skip
    known = {(row["job_id"], row["skill_id"]) for row in rows}
    rows += [
        {"job_id": job, "skill_id": skill, "level": level, "importance": weight, "source": "given",
         "required_from": f"{END.year}-07-01"}
        for job, skill, level, weight in FUTURE
        if (job, skill) not in known
    ]  # fmt: skip
    return pl.DataFrame(rows, infer_schema_length=None)


def skills(simulation: Simulation) -> pl.DataFrame:
    """Return the skills and the groups they belong to."""
    catalogue = simulation.world.catalogue
    transversal = {"personal-skills", "leadership-skills", "compliance-skills"}
    return pl.DataFrame(
        [
            {"skill_id": one.id, "name": one.name, "description": one.description,
             "taxonomy": "organisation", "skill_type": one.kind,
             "reuse_level": "transversal" if (one.group or one.id) in transversal else "cross-sector"}
            for one in catalogue.skills + catalogue.skill_groups
        ]
    )  # fmt: skip


def skill_aliases(simulation: Simulation) -> pl.DataFrame:
    """Return other names of the skills."""
    return pl.DataFrame(
        [
            {"skill_id": one.id, "alias": alias, "language": "en"}
            for one in simulation.world.catalogue.skills
            for alias in one.aliases
        ]
    )


def skill_relations(simulation: Simulation) -> pl.DataFrame:
    """Return the group above each skill, and related skills."""
    rows = []
    for one in simulation.world.catalogue.skills:
        rows.append({"skill_id": one.id, "related_id": one.group, "relation": "broader"})
        rows += [{"skill_id": one.id, "related_id": other, "relation": "related"} for other in one.related]
    return pl.DataFrame(rows)


def strategic_priorities(simulation: Simulation) -> pl.DataFrame:
    """Return the skills of which the organisation wants more."""
    return pl.DataFrame(
        [
            {"skill_id": skill, "weight": weight, "valid_from": f"{END.year + since}-01-01",
             "valid_until": None if until is None else f"{END.year + until}-01-01"}
            for skill, weight, since, until in PRIORITIES
        ],
        infer_schema_length=None,
    )  # fmt: skip

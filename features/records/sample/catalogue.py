"""The catalogue as arrays: what courses teach, what jobs ask for, which course fits which job."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.records.sample import catalogue_files as files
from features.records.sample.months import Array

ROLES = ("rung", "lead", "head", "top")


@dataclass(frozen=True)
class Catalogue:
    """Skills (s), jobs (j), courses (c), families (f) and places (p) of the sample organisation.

    Parameters
    ----------
    skills, families, jobs, courses, places : list
        The entries as read; positions in these lists are the codes used everywhere in the simulation.
        Groups of skills are in `skill_groups`, not in `skills`.
    taught : (n_c, n_s) float
        Level a course teaches, 0 where it does not teach the skill.
    required, importance : (n_j, n_s) float
        Level a job asks for, and how much it matters; 0 where it does not ask.
    needs_first : (n_c, n_c) bool
        ``needs_first[a, b]`` where course a asks for course b first.
    relevance : (n_j, n_c) float
        0-1, how well what a course teaches fits what a job asks for.
    next_jobs : list of (k,) int
        Per job, the jobs of the next higher grade on the same ladder.
    near_jobs : list of (k,) int
        Per job, similar jobs of nearly the same grade, closest first.
    """

    skills: list[files.Skill]
    skill_groups: list[files.Skill]
    families: list[files.Family]
    jobs: list[files.Job]
    courses: list[files.Course]
    places: list[files.Place]
    taught: Array
    required: Array
    importance: Array
    needs_first: Array
    relevance: Array
    next_jobs: list[Array]
    near_jobs: list[Array]

    @property
    def grades(self) -> Array:
        """(n_j,) int: grade of each job."""
        return np.array([job.grade for job in self.jobs])

    @property
    def job_families(self) -> Array:
        """(n_j,) int: family of each job."""
        return np.array([job.family for job in self.jobs])

    def job_with(self, family: int, role: str) -> int:
        """Return the job of a family with a role that occurs once in it."""
        return next(n for n, job in enumerate(self.jobs) if job.family == family and job.role == role)

    @property
    def mandatory(self) -> Array:
        """(n_mandatory,) int: the courses that must be done."""
        return np.flatnonzero(self.course_flags("mandatory"))

    def course_flags(self, name: str) -> Array:
        """Return one attribute of every course as an array of truth values."""
        return np.array([bool(getattr(course, name)) for course in self.courses])


def read_catalogue() -> Catalogue:
    """Read the catalogue's files and derive the arrays."""
    listed = files.read_skills()
    skills = [skill for skill in listed if skill.group]
    groups = [skill for skill in listed if not skill.group]
    families, jobs = files.read_jobs()
    courses = files.read_courses()
    places = files.read_places()
    position = {skill.id: n for n, skill in enumerate(skills)}
    taught = matrix([course.teaches for course in courses], position)
    required = matrix([{s: v[0] for s, v in job.needs.items()} for job in jobs], position)
    importance = matrix([{s: v[1] for s, v in job.needs.items()} for job in jobs], position)
    return Catalogue(
        skills, groups, families, jobs, courses, places, taught, required, importance,
        needs_first(courses), relevance_of(taught, required, importance),
        [next_jobs(jobs, n) for n in range(len(jobs))], near_jobs(jobs, required * importance),
    )  # fmt: skip


def matrix(entries: list[dict[str, float]], position: dict[str, int]) -> Array:
    """Return one row per entry, one column per skill."""
    out = np.zeros((len(entries), len(position)), dtype=np.float32)
    for row, entry in enumerate(entries):
        for skill, level in entry.items():
            out[row, position[skill]] = level
    return out


def needs_first(courses: list[files.Course]) -> Array:
    """Return which course asks for which other one."""
    position = {course.id: n for n, course in enumerate(courses)}
    out = np.zeros((len(courses), len(courses)), dtype=bool)
    for row, course in enumerate(courses):
        for prerequisite in course.after:
            out[row, position[prerequisite]] = True
    return out


def relevance_of(taught: Array, required: Array, importance: Array) -> Array:
    """Return the share of what a course teaches that a job asks for, weighted by importance."""
    useful = np.minimum(taught[None], required[:, None] + 1) * (required[:, None] > 0)
    weighted = (useful * importance[:, None]).sum(axis=2)
    return np.asarray(weighted / np.maximum(taught.sum(axis=1), 1)[None] / 0.9, np.float32)


def next_jobs(jobs: list[files.Job], number: int) -> Array:
    """Return the rungs of the same family with the next higher grade."""
    job = jobs[number]
    if job.role != "rung":
        return np.array([], dtype=int)
    rungs = [n for n, other in enumerate(jobs) if other.family == job.family and other.role == "rung"]
    higher = [n for n in rungs if jobs[n].grade > job.grade]
    lowest = min((jobs[n].grade for n in higher), default=0)
    return np.array([n for n in higher if jobs[n].grade == lowest], dtype=int)


def near_jobs(jobs: list[files.Job], profile: Array, count: int = 4) -> list[Array]:
    """Return, per job, the most similar rungs whose grade differs by one at most."""
    unit = profile / np.linalg.norm(profile, axis=1, keepdims=True)
    alike = unit @ unit.T
    out = []
    for n, job in enumerate(jobs):
        near = [
            m for m, other in enumerate(jobs)
            if m != n and other.role == "rung" and abs(other.grade - job.grade) <= 1 and alike[n, m] > 0
        ]  # fmt: skip
        out.append(np.array(sorted(near, key=lambda m: -alike[n, m])[:count], dtype=int))
    return out

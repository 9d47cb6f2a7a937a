"""A need of the organisation, skill by skill: are the levels there, does a course close it, could one be adapted, or hire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import polars as pl

Decision = Literal["held", "train", "adapt", "hire"]
NEAR_LEVELS = 1.0  # somebody so far below the level is near it


@dataclass(frozen=True)
class SkillNeed:
    """What is to be done about one skill.

    Parameters
    ----------
    skill_id : str
        The skill.
    level, importance : float
        0–5; 0–1.
    n_holders, n_near : int
        People at the level; people at most one level below it.
    course_ids : tuple of str
        Courses that reach the level, shortest first.
    adaptable_ids : tuple of str
        Courses that teach the skill, but not so far, and others whose content is close.
    decision : str
        ``held``, ``train``, ``adapt`` or ``hire``.
    reason : str
        Why, in a sentence.
    """

    skill_id: str
    level: float
    importance: float
    n_holders: int
    n_near: int
    course_ids: tuple[str, ...]
    adaptable_ids: tuple[str, ...]
    decision: Decision
    reason: str


def assess(
    needed: pl.DataFrame,
    held: pl.DataFrame,
    courses: pl.DataFrame,
    close: dict[str, tuple[str, ...]],
    people_wanted: int,
) -> list[SkillNeed]:
    """Return what is to be done about each skill, the most important first.

    Parameters
    ----------
    needed : polars.DataFrame
        ``skill_id, level, importance``.
    held : polars.DataFrame
        ``employee_id, skill_id, level`` of everybody who is employed.
    courses : polars.DataFrame
        ``course_id, skill_id, level, hours``.
    close : dict of str to tuple of str
        By skill: courses whose content is close to it, nearest first.
    people_wanted : int
        How many must hold a skill for it to need nothing.
    """
    found = []
    for skill_id, level, importance in (
        needed.sort("importance", "skill_id", descending=[True, False])
        .select("skill_id", "level", "importance")
        .iter_rows()
    ):
        levels = held.filter(pl.col("skill_id") == skill_id)["level"]
        teaching = courses.filter(pl.col("skill_id") == skill_id).sort("hours", "course_id")
        reaching = teaching.filter(pl.col("level") >= level)["course_id"].to_list()
        short = teaching.filter(pl.col("level") < level).sort("level", descending=True)["course_id"].to_list()
        others = [one for one in close.get(skill_id, ()) if one not in (*reaching, *short)]
        counts = (
            int((levels >= level).sum()),
            int(((levels < level) & (levels >= level - NEAR_LEVELS)).sum()),
        )
        options = (tuple(reaching), tuple(short + others))
        decision, reason = decided(counts[0], people_wanted, options)
        found.append(SkillNeed(skill_id, level, importance, *counts, *options, decision, reason))
    return found


def decided(
    n_holders: int, wanted: int, options: tuple[tuple[str, ...], tuple[str, ...]]
) -> tuple[Decision, str]:
    """Return what to do about a skill, and why.

    Examples
    --------
    >>> decided(3, 2, (("c1",), ()))[0], decided(0, 1, (("c1",), ()))[0], decided(0, 1, ((), ("c2",)))[0], decided(0, 1, ((), ()))[0]
    ('held', 'train', 'adapt', 'hire')
    """
    reaching, adaptable = options
    if n_holders >= wanted:
        return (
            "held",
            f"{n_holders} people hold it at this level already: training does not close what is missing.",
        )
    short = f"{wanted - n_holders} more at this level needed"
    if reaching:
        return "train", f"{short}; {len(reaching)} courses reach it."
    if adaptable:
        return "adapt", f"{short}; no course reaches it, {len(adaptable)} come close and could be adapted."
    return "hire", f"{short}; no course moves it: training does not close this gap."

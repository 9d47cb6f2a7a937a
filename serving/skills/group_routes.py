"""Gaps, strengths and trends of teams and of the whole organisation."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import polars as pl
from fastapi import APIRouter, Path, Query
from pydantic import AfterValidator

from features.errors import UnknownRecordError
from features.history import history
from features.records.facts import FACT_KEYS
from features.skills.levels import STRONG_LEVEL, with_names
from features.skills.reskilling import names_of
from features.skills.team_gaps import LEAST_PEOPLE, group_counts, rolled_up, suppressed
from features.skills.trends import direction, supply_and_demand
from features.skills.uncertainty import with_uncertainty
from serving.access import CallerDependency
from serving.access_rows import everybody_visible
from serving.house import House, HouseDependency, in_thread
from serving.http.identifiers import plain
from serving.http.paths import MAX_ID
from serving.skills.company import Company, company_of
from serving.skills.group_answers import (
    GroupGap,
    GroupStrength,
    SkillGapRollUp,
    SkillRollUp,
    SkillTrend,
    SkillTrends,
    TrendPoint,
)

router = APIRouter(tags=["managers", "HR"])

ManagerId = Annotated[
    str,
    AfterValidator(plain),
    Path(min_length=1, max_length=MAX_ID, description="The manager, percent-encoded.", examples=["E0002"]),
]
N = Annotated[int, Query(ge=1, le=500, description="Most skills.")]
QUARTER = timedelta(days=91)
TREND_KEY = "skill trends"
THE_TEAM = "this team"


@router.get("/v1/skill-gaps")
async def list_skill_gaps(
    house: HouseDependency, by: Literal["department", "job"] = "department", n: N = 50
) -> SkillGapRollUp:
    """Return the organisation's gaps, skill by skill: how many are short, where, and whether it is isolated or widespread."""
    return await in_thread(company_gaps, house, by, n)


@router.get("/v1/teams/{manager_id}/skill-gaps")
async def get_team_skill_gaps(
    manager_id: ManagerId, house: HouseDependency, asks: CallerDependency, n: N = 50
) -> SkillGapRollUp:
    """Return the gaps of a manager's team against the rest of the organisation; too small a team is told to its manager only."""
    return await in_thread(team_gaps, house, manager_id, asks.employee_id, n)


@router.get("/v1/skill-trends")
async def list_skill_trends(
    house: HouseDependency, quarters: Annotated[int, Query(ge=2, le=16)] = 8, n: N = 20
) -> SkillTrends:
    """Return supply of and demand for the skills that most people need, quarter by quarter."""
    return await in_thread(trends, house, quarters, n)


def company_gaps(house: House, by: str, n: int) -> SkillGapRollUp:
    """Return the organisation's gaps by department or job."""
    company = company_of(house)
    column = {"department": "department", "job": "job_id"}[by]
    groups = company.people.select("employee_id", group=column)
    cells = group_counts(company.compared, groups)
    shown = suppressed(cells).partition_by("skill_id", as_dict=True)
    found = rolled_up(cells).head(n)
    skills = [
        roll_up(row, shown[row["skill_id"],] if row["n_required"] is not None else None)
        for row in found.iter_rows(named=True)
    ]
    return about(company, company.held, (by, company.people.height, LEAST_PEOPLE), skills)


def team_gaps(house: House, manager_id: str, viewer: str | None, n: int) -> SkillGapRollUp:
    """Return a team's gaps: the manager's own people without limits, else only where nobody can be worked out.

    Raises
    ------
    UnknownRecordError
        If nobody reports to the person.
    """
    company = company_of(house)
    if viewer is None:
        team = company.people.filter(pl.col("manager_id") == manager_id)["employee_id"].to_list()
        least = LEAST_PEOPLE
    else:
        team, least = sorted(everybody_visible(house.store, manager_id, house.clock()) - {manager_id}), 1
    if not team:
        raise UnknownRecordError("There is no such manager: nobody reports to them.", found=manager_id)
    in_team = pl.col("employee_id").is_in(team)
    groups = company.people.select(
        "employee_id", group=pl.when(in_team).then(pl.lit(THE_TEAM)).otherwise(pl.lit("everybody else"))
    )
    cells = group_counts(company.compared, groups)
    if viewer is None:
        cells = cells.join(too_telling(company, in_team), "skill_id", "anti")
    ours = cells.filter(pl.col("group") == THE_TEAM)
    patterns = {
        row["skill_id"]: row
        for row in rolled_up(cells, least).select("skill_id", "pattern", "isolated_in").iter_rows(named=True)
    }
    skills = []
    for row in rolled_up(ours, least).iter_rows(named=True):
        told = patterns[row["skill_id"]] if row["pattern"] not in ("suppressed", "none") else row
        here = (
            told["pattern"]
            if THE_TEAM in told["isolated_in"] or told["pattern"] != "isolated"
            else "scattered"
        )
        isolated_in = [THE_TEAM] if THE_TEAM in told["isolated_in"] else []
        skills.append(roll_up({**row, "pattern": here, "isolated_in": isolated_in}, None))
    held = company.held.filter(in_team)
    return about(company, held, ("team", len(team), least), skills[:n])


def too_telling(company: Company, in_team: pl.Expr) -> pl.DataFrame:
    """Return the skills for which team and department, subtracted, would leave fewer than the least number of people."""
    places = company.compared.join(company.people.select("employee_id", "department"), "employee_id")
    parts = places.group_by("skill_id", "department").agg(inside=in_team.sum(), outside=(~in_team).sum())
    few = pl.any_horizontal(
        *((pl.col(name) > 0) & (pl.col(name) < LEAST_PEOPLE) for name in ("inside", "outside"))
    )
    return parts.filter(pl.col("inside") > 0, few).select("skill_id").unique()


def roll_up(row: dict[str, Any], cells: pl.DataFrame | None) -> SkillRollUp:
    """Return a skill as it is answered."""
    groups = [] if cells is None else [
        GroupGap(**{name: cell[name] for name in GroupGap.model_fields}) for cell in cells.iter_rows(named=True)
    ]  # fmt: skip
    figures = {name: row[name] for name in SkillRollUp.model_fields if name in row and name != "groups"}
    return SkillRollUp(**figures, skill=row["skill_name"], groups=groups)


def about(
    company: Company, held: pl.DataFrame, whom: tuple[str, int, int], skills: list[SkillRollUp]
) -> SkillGapRollUp:
    """Return a roll-up with the strengths of the people and the age of their evidence."""
    by, n_people, least = whom
    enough = n_people >= least
    strong = held.filter(pl.col("level") >= STRONG_LEVEL).group_by("skill_id").agg(n_strong=pl.len())
    strong = with_names(strong.filter(pl.col("n_strong") >= least), company.known)
    strong = strong.sort("n_strong", "skill_id", descending=[True, False]).head(20)
    stale = with_uncertainty(company.known, held)["is_stale"].mean() if enough and held.height else None
    return SkillGapRollUp(
        by=by,
        as_of=company.as_of,
        fallback=None if skills else "nobody_with_requirements",
        least_people=least,
        n_people=n_people if enough else None,
        stale_share=round(float(stale), 4) if isinstance(stale, float) else None,
        skills=skills,
        strengths=[
            GroupStrength(skill_id=row["skill_id"], skill=row["skill_name"], n_strong=row["n_strong"])
            for row in strong.iter_rows(named=True)
        ]
        if enough
        else [],
    )


def trends(house: House, quarters: int, n: int) -> SkillTrends:
    """Return trends of the skills in largest demand, worked out once a minute."""
    company = company_of(house)
    kept = house.cache.get(TREND_KEY)
    if kept is None or kept[0] != (company.as_of, quarters):
        moments = [company.as_of - QUARTER * back for back in range(quarters - 1, -1, -1)]

        def remember(moment: datetime) -> Any:
            return history(company.records, moment + timedelta(microseconds=1), FACT_KEYS)

        kept = ((company.as_of, quarters), supply_and_demand(remember, moments))
        house.cache[TREND_KEY] = kept
    points = kept[1]
    last = points.filter(pl.col("moment") == company.as_of, pl.col("demand") >= LEAST_PEOPLE)
    chosen = last.sort("demand", "skill_id", descending=[True, False]).head(n)["skill_id"]
    names = names_of(company.known, chosen)
    return SkillTrends(as_of=company.as_of, skills=[trend(points, skill, names[skill]) for skill in chosen])


def trend(points: pl.DataFrame, skill_id: str, name: str) -> SkillTrend:
    """Return one skill's trend; counts of too few people are left out."""
    own = points.filter(pl.col("skill_id") == skill_id)

    def told(count: int) -> int | None:
        return count if count == 0 or count >= LEAST_PEOPLE else None

    return SkillTrend(
        skill_id=skill_id,
        skill=name,
        demand_trend=direction(own["demand"].to_list()),
        supply_trend=direction(own["supply"].to_list()),
        points=[
            TrendPoint(moment=row["moment"], demand=told(row["demand"]), supply=told(row["supply"]))
            for row in own.iter_rows(named=True)
        ],
    )

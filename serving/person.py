"""One person's answers for somebody at a terminal, asked through the service's own operations."""

from __future__ import annotations

from typing import Any

from features.errors import SkillpathError
from serving.asking import Asker
from serving.opening import build_house
from serving.settings import ServingSettings

SHOWN_GAPS = 10


async def answers_about(
    settings: ServingSettings, employee_id: str, n: int, job_id: str | None
) -> dict[str, Any]:
    """Return a person's gaps and recommendations, each as HTTP answers it.

    Raises
    ------
    SkillpathError
        If the recommendations are refused; gaps that cannot be told are left out, with the reason.
    """
    ask = Asker(build_house(settings))
    recommended = await ask.get(
        "/v1/employees/{}/recommendations", employee_id, n=n, target_job_id=job_id, explain=True
    )
    try:
        gaps = await ask.get("/v1/employees/{}/skill-gaps", employee_id, target_job_id=job_id)
    except SkillpathError as error:
        gaps = {"unavailable": str(error)}
    return {"employee_id": employee_id, "skill_gaps": gaps, "recommendations": recommended}


def in_words(employee_id: str, said: dict[str, Any]) -> str:
    """Return the answers as lines for a person to read."""
    gaps = said["skill_gaps"].get("gaps", [])
    unavailable = said["skill_gaps"].get("unavailable")
    lines = [
        f"{employee_id}: gaps cannot be told. {unavailable}"
        if unavailable
        else f"{employee_id}: {len(gaps)} gaps"
    ]
    lines += [gap_line(gap) for gap in gaps[:SHOWN_GAPS]]
    found = said["recommendations"]
    items = next((value for value in found.values() if isinstance(value, list)), [])
    lines += ["", f"Recommended (model {found.get('model_version')}, as of {found.get('as_of')}):"]
    lines += [course_line(place, item) for place, item in enumerate(items, 1)]
    if found.get("shortfall"):
        lines.append(f"Fewer than asked: {found['shortfall']}")
    return "\n".join(lines)


def gap_line(gap: dict[str, Any]) -> str:
    """Return one gap as a line."""
    name = gap.get("skill_name") or gap.get("skill_id")
    return f"  {name}: required {gap.get('required_level')}, held {gap.get('held_level')}"


def course_line(place: int, item: dict[str, Any]) -> str:
    """Return one recommended course as a line, with its reason."""
    return f"{place:3}. {item.get('title')} ({item.get('hours')} h): {item.get('reason')}"

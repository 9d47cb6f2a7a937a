"""A programme's report as one page that needs nothing else: for a manager, on screen or on paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serving.impact.page_drawings import (
    balance_drawing,
    effect_drawing,
    event_study_drawing,
    sensitivity_drawing,
)
from serving.impact.page_levels import levels_part
from serving.impact.page_parts import number, section, text
from serving.impact.plans import Frozen
from serving.impact.programme_answers import ProgrammeImpact

COLOURS = {
    "randomised_evidence": "#1f6f8b",
    "credible": "#1f6f8b",
    "suggestive": "#b8860b",
    "cannot_tell": "#777777",
}
WHOSE = {
    "att": "of those who were trained",
    "ate": "of everybody",
    "itt": "of having been drawn for it, whatever came of it",
    "late": "on those whom the offer moved to take part",
}
STYLE = """
body{font:16px/1.5 Georgia,serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.6rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:1.6rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0}
th{font-weight:normal;color:#666;width:14rem}.verdict{border-left:6px solid;padding:.4rem 1rem;background:#f6f6f4}
small{color:#666}.levels td{width:25%;border:1px solid #ddd;padding:.4rem}svg{max-width:100%}figure{margin:0;break-inside:avoid}@media print{body{margin:0}h2{break-after:avoid}}
"""


def page(found: ProgrammeImpact, frozen: Frozen) -> str:
    """Return the report as HTML: nothing is fetched, nothing runs, and every text is escaped."""
    plan = frozen.plan
    parts = [
        f"<h1>{text(plan.get('programme_id'))}: {text(plan.get('course_id'))}</h1>",
        f"<small>Plan {found.plan_digest[:12]}, declared {frozen.declared_at:%Y-%m-%d}; "
        f"model {text(found.model_version)}, data until {found.as_of:%Y-%m-%d}</small>",
        f"<p class='verdict' style='border-color:{COLOURS[found.verdict.code]}'>{text(found.verdict.words)}</p>",
        picture(found),
        section(
            "The plan, as declared", {name.replace("_", " "): of_plan(value) for name, value in plan.items()}
        ),
        "" if found.is_as_planned else warning(found),
        section("How it was compared", compared(found)),
        drawings(found),
        section("Return on investment", money(found)),
        levels_part(found.levels),
        section(
            "Looked at later, not part of the plan",
            {str(one["outcome"]): brief(one) for one in found.added_later},
        ),
    ]
    title = f"{text(plan.get('programme_id'))}: what it did"
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title><style>{STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>"
    )


def of_plan(value: object) -> object:
    """Return a value of the plan; a midnight as its day."""
    return value.removesuffix("T00:00:00+00:00") if isinstance(value, str) else value


def warning(found: ProgrammeImpact) -> str:
    """Say that the report does not answer the plan, and where."""
    where = ", ".join(found.changed) or "it was written down after the start"
    return f"<p><strong>Not as planned:</strong> {text(where)}. Read it as a first look, not as a test.</p>"


def compared(found: ProgrammeImpact) -> dict[str, object]:
    """Return who was compared with whom, and the placebo."""
    rows: dict[str, object] = {"design": found.design, "whose effect": WHOSE.get(str(found.estimand))}
    rows |= {name.replace("_", " "): f"{count:,}" for name, count in found.n.items()}
    if found.overlap:
        rows["the compared count for"] = f"{found.overlap.effective_sample:,.0f} equally weighted people"
        rows["without a counterpart"] = f"{found.overlap.trained_outside_share:.0%} of the trained"
    if found.placebo:
        passed = "as it should" if found.placebo.passed else "which it should not exclude"
        span = f"{number(found.placebo.low)} to {number(found.placebo.high)}"
        rows["“effect” before it started"] = (
            f"{span}, includes 0 {passed}" if found.placebo.passed else f"{span}: excludes 0, {passed}"
        )
    if found.bounds:
        rows["were missing outcomes all bad, or all good"] = " to ".join(number(one) for one in found.bounds)
    return rows | doubts(found)


def doubts(found: ProgrammeImpact) -> dict[str, object]:
    """Return in figures how strong a hidden cause would have to be to explain the effect away."""
    if found.sensitivity is None:
        return {}
    given = found.sensitivity
    rows: dict[str, object] = {
        "a hidden cause would need": f"strength {number(given.robustness_value)}; {given.strongest_covariate or 'nothing'}, the "
        f"strongest recorded, has {number(given.strongest_value)}"
    }
    if given.e_value is not None:
        rows["or a risk ratio (E-value) of"] = number(given.e_value)
    return rows


def money(found: ProgrammeImpact) -> dict[str, object]:
    """Return the return on investment, or why it is not told."""
    if found.roi.status == "refused" or found.roi.roi is None:
        return {"not told": found.roi.reason}
    roi = found.roi.roi
    return {
        "for each unit of money spent": f"{number(roi.value)} ({number(roi.low)} to {number(roi.high)}) beyond it"
    }


def brief(one: Mapping[str, Any]) -> str:
    """Return an effect that the plan did not name, in a few words."""
    effect, code = one.get("effect"), one["verdict"]["code"].replace("_", " ")
    return (
        f"{number(effect['value'])} ({number(effect['low'])} to {number(effect['high'])}): {code}"
        if effect
        else code
    )


def picture(found: ProgrammeImpact) -> str:
    """Return the effect with its interval and 0 as a drawing; nothing where there is no effect."""
    if found.effect is None:
        return ""
    unit = f" in {text(found.unit)}" if found.unit else ""
    drawn = effect_drawing(found.effect, COLOURS[found.verdict.code])
    return f"{drawn}<small>Effect on {text(found.outcome)}{unit}, 95 % interval</small>"


def drawings(found: ProgrammeImpact) -> str:
    """Return what stands beside the number as drawings, each with its title; those that the design has."""
    drawn = []
    if found.event_study:
        drawn.append(("Before and after, period by period", event_study_drawing(found.event_study)))
    if found.balance and found.balance.covariates:
        drawn.append(("How alike the groups are", balance_drawing(found.balance)))
    if found.sensitivity:
        drawn.append(
            (
                "How strong a hidden cause would have to be (partial R²)",
                sensitivity_drawing(found.sensitivity),
            )
        )
    return "".join(f"<figure><h2>{title}</h2>{picture}</figure>" for title, picture in drawn)

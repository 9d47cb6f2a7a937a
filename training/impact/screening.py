"""Every course and every outcome: propensities once per course, estimates for each outcome, corrected for their number."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control
from threadpoolctl import threadpool_limits

from features.errors import RefusedError
from features.impact.months import HORIZON_DAYS
from training.impact.comparisons import Comparison, comparison, comparison_columns, comparison_table
from training.impact.dataset import Dataset
from training.impact.doubts.shrinkage import shrunk
from training.impact.estimate import Estimate, Shared, observational_estimate
from training.impact.estimators.aipw import odds_weights
from training.impact.estimators.bins import Part
from training.impact.estimators.crossfit import Pipeline, cross_fitted_propensity
from training.impact.estimators.linear import fold_numbers
from training.impact.meanwhile import Completions, learnt_meanwhile, other_courses
from training.impact.table import ComparisonTable, Floats
from training.impact.telling.individual import of_records
from training.impact.telling.record import estimated_record, refused_record
from training.impact.telling.words import Subject

MOST_LATER = 0.3
MOST_BOUND = 0.5
FEWEST_TRAINED = 30  # screened; so few people are described by so many covariates
COMPARED_WITH = (
    "people of the same departments and places who were employed at the same time and had not enrolled by then, "
    "weighted so that they resemble those who enrolled in everything recorded before; what they learnt instead counts as theirs"
)


@dataclass(frozen=True)
class Answer:
    """The estimate of one course and outcome, or why there is none."""

    course: int
    outcome: int
    comparison: Comparison
    estimate: Estimate | None
    reason: str
    n: dict[str, int]
    individual: dict[str, Any] | None = None


def screen(
    dataset: Dataset,
    courses: Sequence[int],
    pipeline: Pipeline,
    seed: int,
    threads: int = 1,
    with_placebo: bool = True,
) -> list[Answer]:
    """Return the answers for some courses and all outcomes, in order; the same whatever the number of threads.

    Parameters
    ----------
    dataset : Dataset
        Of the records.
    courses : sequence of int
        Indices of courses.
    pipeline : Pipeline
        Fixed before looking.
    seed : int
        Draws the moments at which people are compared.
    threads : int
        Courses at a time.
    with_placebo : bool
        False where the estimates alone are asked for, as in the null check.
    """

    def one(course: int) -> list[Answer]:
        chosen = comparison(dataset, course, HORIZON_DAYS, np.random.default_rng([seed, course]))
        return answers(dataset, course, chosen, pipeline, with_placebo)

    if threads == 1:
        return [answer for course in courses for answer in one(course)]
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:  # one thread per course, not per matrix
        return [answer for found in pool.map(one, courses) for answer in found]


def answers(
    dataset: Dataset, course: int, chosen: Comparison, pipeline: Pipeline, with_placebo: bool = True
) -> list[Answer]:
    """Return the answers of one course, its propensities shared by all outcomes where there is one seed."""
    given = comparison_columns(dataset, chosen)
    places = range(len(dataset.outcome_names))
    tables = [comparison_table(dataset, chosen, outcome, given) for outcome in places]
    if not with_placebo:
        tables = [replace(table, placebo=None) for table in tables]
    shared: Shared | None = None
    placebo: Shared | None = None
    found = []
    for outcome, table in enumerate(tables):
        people = {"trained": int(table.trained.sum()), "compared": int((~table.trained).sum())}
        try:
            refuse_without_choice(chosen)
            refuse_early(table, pipeline)
            shared = shared or of_all_outcomes(table, table.covariates, pipeline)
            if table.placebo is not None:
                placebo = placebo or of_all_placebos(table, pipeline)
            estimate = observational_estimate(table, pipeline, "att", shared, placebo)
            if chosen.is_completion_only:
                estimate = estimate.judged(is_completers_only=True)
            each = of_records(table.measured()) if pipeline.name == "full" else None
            found.append(Answer(course, outcome, chosen, estimate, "", people, each))
        except RefusedError as refusal:
            found.append(Answer(course, outcome, chosen, None, str(refusal), people))
    return found


def refuse_without_choice(chosen: Comparison) -> None:
    """Raise RefusedError where nobody comparable goes without: mandatory courses, and those that everybody takes."""
    if chosen.mandatory_share > MOST_BOUND:
        raise RefusedError(
            "The course was mandatory for those who took it: nobody comparable went without.",
            found=f"{chosen.mandatory_share:.0%} of them had to take it",
            allowed=f"at most {MOST_BOUND:.0%}",
        )
    if chosen.later_share > MOST_LATER:
        raise RefusedError(
            "Nearly everybody enrols: those compared enrolled soon after, so nobody shows what going without does.",
            found=f"{chosen.later_share:.0%} of the compared enrolled before the horizon",
            allowed=f"at most {MOST_LATER:.0%}",
        )


def refuse_early(table: ComparisonTable, pipeline: Pipeline) -> None:
    """Raise RefusedError for what cannot be estimated, before anything is fitted."""
    from training.impact.table import refuse_unusable

    refuse_unusable(table)
    measured = table.measured()
    if measured.trained.sum() < FEWEST_TRAINED:
        raise RefusedError(
            "Too few people for an estimate.",
            found=f"{int(measured.trained.sum())} enrolled and measured",
            allowed=f"at least {FEWEST_TRAINED}",
        )
    cases = measured.outcome[measured.trained].sum() if measured.is_binary else np.inf
    others = measured.outcome[~measured.trained].sum() if measured.is_binary else np.inf
    if others < 2 * pipeline.folds or cases + others < 10:
        raise RefusedError(
            "Too few of the people had the outcome at all.",
            found=f"{cases + others:.0f}",
            allowed=f"at least 10, {2 * pipeline.folds} of them among the compared",
        )


def of_all_outcomes(table: ComparisonTable, columns: Floats, pipeline: Pipeline) -> Shared:
    """Return covariates binned once and, where there is one seed, out-of-fold propensities of all rows."""
    part = Part.of(columns)
    if len(pipeline.seeds) > 1:
        return Shared(part)
    seed = pipeline.seeds[0]
    folds = fold_numbers(table.trained, pipeline.folds, np.random.default_rng(seed), table.cluster)
    return Shared(part, cross_fitted_propensity(part, table.trained, folds, pipeline.learners, seed))


def of_all_placebos(table: ComparisonTable, pipeline: Pipeline) -> Shared:
    """Return the same without the covariates that would give a placebo away."""
    kept = [place for place, name in enumerate(table.names) if name not in table.placebo_hides]
    return of_all_outcomes(table, table.covariates[:, kept], pipeline)


def records(dataset: Dataset, found: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return every answer as plain data, judged by how many were asked together (Benjamini–Hochberg)."""
    estimated = [place for place, answer in enumerate(found) if answer.estimate is not None]
    p_values = [found[place].estimate.effect.p_value for place in estimated]  # type: ignore[union-attr]
    q_values = dict(zip(estimated, false_discovery_control(p_values), strict=True)) if estimated else {}
    completions = Completions.of(dataset)
    listed = [record(dataset, answer, q_values.get(place), completions) for place, answer in enumerate(found)]
    for outcome in range(len(dataset.outcome_names)):
        add_shrunk([listed[place] for place in estimated if found[place].outcome == outcome])
    return listed


def add_shrunk(listed: Sequence[dict[str, Any]]) -> None:
    """Add to the estimates of one outcome what they say when all courses are seen together."""
    values = np.array([one["effect"]["value"] for one in listed])
    errors = np.array([one["standard_error"] for one in listed])
    together = shrunk(values, errors)
    for place, one in enumerate(listed):
        one["shrunk"] = together and {
            "value": float(together.value[place]),
            "low": float(together.low[place]),
            "high": float(together.high[place]),
        }


def record(
    dataset: Dataset, answer: Answer, q_value: float | None, completions: Completions
) -> dict[str, Any]:
    """Return one answer as plain data."""
    name, unit = dataset.outcome_names[answer.outcome], dataset.units[answer.outcome]
    about = {
        "course_id": dataset.course_ids[answer.course],
        "outcome": name,
        "unit": unit,
        "horizon_days": HORIZON_DAYS,
    }
    if answer.estimate is None or q_value is None:
        return {**about, **refused_record(answer.reason, answer.n)}
    judged = answer.estimate.judged(q_value=q_value, is_completers_only=answer.comparison.is_completion_only)
    subject = Subject(name.replace("_", " "), unit, HORIZON_DAYS)
    return {
        **about,
        **estimated_record(replace(judged, fitted=None), subject),
        "q_value": float(q_value),
        "individual": answer.individual,
        "comparison_group": COMPARED_WITH,
        "later_enrolled_share": answer.comparison.later_share,
        "completed_share": answer.comparison.completed_share,
        "other_courses": instead(dataset, answer, completions),
    }


def instead(dataset: Dataset, answer: Answer, completions: Completions) -> dict[str, float] | None:
    """Return how many other courses the trained, and the compared as weighted, completed by the horizon; None where not kept."""
    chosen, fitted = answer.comparison, answer.estimate.fitted if answer.estimate else None
    if fitted is None:
        return None
    known = np.isfinite(dataset.outcomes[chosen.rows, answer.outcome])
    counted = other_courses(dataset, answer.course, chosen, completions)[known]
    trained = chosen.trained[known]
    return learnt_meanwhile(counted, trained, odds_weights(fitted.nuisances.propensity, trained))

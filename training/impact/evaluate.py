"""What a saved impact model is worth: expected outcomes on later months, and a null check of its estimates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from features.impact.outcomes import EVENTS
from training.evaluation import Evaluation, Interval, bootstrap_mean
from training.impact.dataset import NEVER, Dataset
from training.impact.estimators.crossfit import screening_pipeline
from training.impact.screening import Answer, screen
from training.impact.table import Bools, Floats, Ints
from training.impact.telling import figures
from training.impact.telling.shares import wilson
from training.loading import load_scorer

PRIMARY = "expected_outcome_r2"
PROTOCOL = (
    "Expected outcomes (the comparison every effect leans on) of all people in the last quarter of the months, learnt on "
    "months whose outcomes were known before; R² per person, averaged over KPIs. Beside it: courses that do not exist, "
    "given to random people, must be significant 5 % of the time."
)
FAKES = 40
FEWEST_TRAINED, MOST_TRAINED = 40, 150
NULL_LIMITS = (0.035, 0.065)


def evaluate(folder: Path, dataset: Dataset, rng: np.random.Generator) -> Evaluation:
    """Evaluate a written payload through its own scorer.

    Parameters
    ----------
    folder : Path
        The payload.
    dataset : Dataset
        Its last block is what judges.
    rng : numpy.random.Generator
        Draws the fake courses and the bootstrap.
    """
    scorer = load_scorer(folder)
    units = {name: by_person(dataset, loss) for name, loss in losses(dataset, scorer).items()}
    found = scorer.estimates()
    fakes = fake_answers(dataset, rng)
    null = null_share(fakes)
    metrics = {
        PRIMARY: bootstrap_mean(units["ours"], rng),
        "null_significant_share": null,
        "placebo_pass_share": placebo_share(found),
    }
    return Evaluation(
        question="impact",
        protocol=PROTOCOL,
        metrics={name: value for name, value in metrics.items() if np.isfinite(value.value)},
        peers={name: {PRIMARY: bootstrap_mean(units[name], rng)} for name in ("mean", "last_measurement")},
        primary=PRIMARY,
        per_unit=units["ours"],
        peer_units={name: units[name] for name in ("mean", "last_measurement")},
        diagnostics=told(found),
        n=counts(dataset, found, units["ours"]),
        figures={**pictures(dataset, found, scorer.body["seed"]), **event_studies(scorer.programmes())},
        verdict=summary(found),
        gates={"null check": null_gate(null, len(fakes))},
        data_digest=dataset.digest,
    )


def losses(dataset: Dataset, scorer: Any) -> dict[str, Floats]:
    """Return 1 − squared error in units of the outcome's variance, (n_rows, n_kpis); ``nan`` where not measured.

    Notes
    -----
    Leaving and promotion are left out: they are rare, so that one person whom it befell would outweigh fifty who were measured.
    """
    rows = dataset.last_block
    actual = dataset.outcomes[rows]
    places = {name: place for place, name in enumerate(dataset.names)}
    columns = np.full((rows.size, len(scorer.features)), np.nan)
    for place, name in enumerate(scorer.features):
        if name in places:
            columns[:, place] = dataset.covariates[rows, places[name]]
    teaching = dataset.outcomes[dataset.earlier_block]
    mean = np.array(
        [column[np.isfinite(column)].mean() if np.isfinite(column).any() else 0.0 for column in teaching.T]
    )
    spread = np.nanvar(actual - mean, axis=0) if rows.size else np.ones(len(mean))
    spread = np.where(np.isfinite(spread) & (spread > 0), spread, 1.0)
    last = np.column_stack(
        [last_measurement(dataset, rows, place, mean[place]) for place in range(len(mean))]
    )
    predictions = {
        "ours": in_order(scorer, columns, dataset.outcome_names, mean),
        "mean": np.broadcast_to(mean, actual.shape),
        "last_measurement": last,
    }
    kept = [place for place, name in enumerate(dataset.outcome_names) if name not in EVENTS] or [0]
    return {name: (1 - (actual - found) ** 2 / spread)[:, kept] for name, found in predictions.items()}


def in_order(scorer: Any, columns: Floats, outcomes: Sequence[str], mean: Floats) -> Floats:
    """Return the scorer's expected outcomes in the dataset's order; the mean for one it does not know."""
    expected = scorer.expected(columns)
    known = {name: place for place, name in enumerate(scorer.outcomes)}
    found = [
        expected[:, known[name]] if name in known else np.full(len(columns), mean[place])
        for place, name in enumerate(outcomes)
    ]
    return np.column_stack(found)


def last_measurement(dataset: Dataset, rows: Ints, outcome: int, mean: float) -> Floats:
    """Return the last measurement known before the month as the expectation; the mean where there is none."""
    name = f"last {dataset.outcome_names[outcome]}"
    if name not in dataset.names:
        return np.full(rows.size, mean)
    return np.asarray(dataset.covariates[rows, dataset.names.index(name)], dtype=np.float64)


def by_person(dataset: Dataset, loss: Floats) -> Floats:
    """Return one number per person with anything measured in the last block: the mean over months and outcomes."""
    people = np.repeat(dataset.person_of_row[dataset.last_block], loss.shape[1])
    flat = loss.ravel()
    known = np.isfinite(flat)
    total = np.bincount(people[known], weights=flat[known], minlength=dataset.n_people)
    count = np.bincount(people[known], minlength=dataset.n_people)
    return np.asarray(total[count > 0] / count[count > 0], dtype=np.float64)


def fake_answers(dataset: Dataset, rng: np.random.Generator) -> list[Answer]:
    """Return the answers about courses that do not exist, given to random people in months in which people enrol."""
    month = dataset.month_index(dataset.enrolled["at"])
    inside = (month >= 0) & (month < dataset.row_of.shape[1])
    if not inside.any() or dataset.n_people < 4 * FEWEST_TRAINED:
        return []
    moments = dataset.enrolled["at"][inside]
    per_course = np.bincount(dataset.enrolled["course"][inside], minlength=len(dataset.course_ids))
    usual = int(
        np.clip(
            np.median(per_course[per_course > 0]), FEWEST_TRAINED, min(MOST_TRAINED, dataset.n_people // 4)
        )
    )
    parts = []
    for course in range(FAKES):
        people = rng.choice(dataset.n_people, size=usual * 2, replace=False)
        at = rng.choice(moments, size=people.size)
        row = dataset.row_of[people, dataset.month_index(at)]
        kept = np.flatnonzero(row >= 0)[:usual]
        parts.append((people[kept], at[kept], np.full(kept.size, course)))
    person, at, course_of = (np.concatenate(column) for column in zip(*parts, strict=True))
    never = np.full(person.size, NEVER)
    enrolled = {"person": person, "at": at, "course": course_of, "completed_at": never,
                "is_completion_only": np.zeros(person.size, bool)}  # fmt: skip
    nobody = {name: np.zeros(0, np.int64) for name in ("person", "course", "at")}
    fake = replace(
        dataset, enrolled=enrolled, nominated=nobody, course_ids=tuple(f"fake {n}" for n in range(FAKES))
    )
    seed = int(rng.integers(2**31))
    found = screen(fake, range(FAKES), screening_pipeline(), seed, dataset.threads, with_placebo=False)
    return [answer for answer in found if answer.estimate is not None]


def null_share(answers: Sequence[Answer]) -> Interval:
    """Return the share of fake courses that are significant at 5 %, with its Wilson interval."""
    if not answers:
        return Interval(float("nan"))
    hits: Bools = np.array([answer.estimate.effect.excludes_zero for answer in answers if answer.estimate])
    return wilson(int(hits.sum()), hits.size)


def null_gate(null: Interval, n: int) -> tuple[bool, str]:
    """Say whether fake courses are significant as often as chance allows, as far as their number can tell."""
    if not np.isfinite(null.value):
        return True, "too few people for any estimate: there is nothing to check"
    passed = null.low <= NULL_LIMITS[1] and null.high >= NULL_LIMITS[0]
    words = f"{null.value:.1%} of {n} tests of courses that do not exist are significant ({null.low:.1%}–{null.high:.1%})"
    return passed, f"{words}; 3.5–6.5 % are to be expected"


def placebo_share(found: Sequence[Mapping[str, Any]]) -> Interval:
    """Return the share of estimates whose placebo passes."""
    placebos = [one["placebo"]["passed"] for one in found if one["status"] == "estimated" and one["placebo"]]
    return wilson(sum(placebos), len(placebos)) if placebos else Interval(float("nan"))


def told(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return how many estimates end on which rung, how many are refused and why, and what is significant."""
    reasons: dict[str, int] = {}
    for one in found:
        if one["status"] == "refused":
            reason = one["reason"].split(" Found:")[0]
            reasons[reason] = reasons.get(reason, 0) + 1
    estimated = [one for one in found if one["status"] == "estimated"]
    return {
        "verdicts": verdict_counts(found),
        "refusals": reasons,
        "significant_after_correction": sum(one["q_value"] <= 0.05 for one in estimated),
        "pipelines": sorted({one["pipeline"] for one in estimated}),
        "individual_effects": gates_told(estimated),
    }


def gates_told(estimated: Sequence[Mapping[str, Any]]) -> str:
    """Return for how many of those examined in full the gate for individual effects stands open."""
    asked = [one["individual"] for one in estimated if one["individual"]]
    opened = sum(one["gate"] == "open" for one in asked)
    lines = sum(bool(one.get("line")) for one in asked)
    return f"{opened} of {len(asked)} gates open; people's own effects are served of {lines}, one average of all others"


def verdict_counts(found: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many estimates end on which rung of the ladder; refusals are counted apart."""
    counted: dict[str, int] = {}
    for one in found:
        if one["status"] == "estimated":
            code = one["verdict"]["code"]
            counted[code] = counted.get(code, 0) + 1
    return counted


def summary(found: Sequence[Mapping[str, Any]]) -> str:
    """Return in words what the estimates come to."""
    counted = verdict_counts(found)
    refused = sum(one["status"] == "refused" for one in found)
    parts = [f"{number} {code.replace('_', ' ')}" for code, number in sorted(counted.items())]
    return ", ".join([*parts, f"{refused} refused"])


def counts(dataset: Dataset, found: Sequence[Mapping[str, Any]], units: Floats) -> dict[str, int]:
    """Return counts of people, months, courses and estimates."""
    return {
        "people": dataset.n_people,
        "months": int(dataset.months.size - 1),
        "courses": len(dataset.course_ids),
        "outcomes": len(dataset.outcome_names),
        "estimated": sum(one["status"] == "estimated" for one in found),
        "judged_people": int(units.size),
    }


def pictures(dataset: Dataset, found: Sequence[Mapping[str, Any]], seed: int) -> dict[str, Any]:
    """Return the pictures, to be drawn when asked for: a forest per outcome; overlap and balance of the largest course."""
    drawn: dict[str, Any] = {
        f"forest_{name}": partial(figures.forest, found, name) for name in dataset.outcome_names
    }
    estimated = [one for one in found if one["status"] == "estimated"]
    if estimated:
        largest = max(estimated, key=lambda one: one["n"]["trained"])
        course = (
            dataset.course_ids.index(largest["course_id"])
            if largest["course_id"] in dataset.course_ids
            else -1
        )
        if course >= 0:
            again = cache(partial(drawn_again, dataset, course, seed))
            for kind in ("overlap", "balance", "sensitivity"):
                drawn[f"{kind}_{largest['course_id']}"] = partial(picture, again, kind)
    return drawn


def event_studies(programmes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an event study for each programme that was rolled out in groups."""
    drawn = {}
    for one in programmes:
        if study := one.get("event_study"):
            by_age = {int(age): Interval(**span) for age, span in study.items()}
            drawn[f"event_study_{one['programme_id']}"] = partial(figures.event_study, by_age)
    return drawn


def drawn_again(dataset: Dataset, course: int, seed: int) -> dict[str, Any]:
    """Estimate one course again, as it was estimated, and return its pictures."""
    for answer in screen(dataset, [course], screening_pipeline(), seed, with_placebo=False):
        if answer.estimate is not None:
            measured = np.isfinite(dataset.outcomes[answer.comparison.rows, answer.outcome])
            return figures.of_estimate(answer.estimate, answer.comparison.trained[measured])
    return {}


def picture(again: Callable[[], dict[str, Any]], kind: str) -> Any:
    """Draw one picture of a course that is estimated once for all of them."""
    draw = again().get(kind)
    return draw() if draw else figures.canvas(4, 3)[0]

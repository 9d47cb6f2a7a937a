"""The sample organisation knows everybody's true levels: how much of the gap that could be closed is closed, for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from scipy.stats import norm

from features.recommendation.catalogue import Catalogue, Floats
from features.recommendation.gap_value import EPSILON, Needs, gap_values, held_after, needs_of
from features.records.protected import protected_attributes
from features.records.store import open_store
from serving.house import House
from serving.opening import build_house
from serving.recommendation.boosts import NONE
from serving.recommendation.case import Case
from serving.recommendation.catalogue import shelf_of
from serving.recommendation.filters import RecommendationQuery, allowed_of
from serving.recommendation.kept import candidates_of
from serving.recommendation.paging import KEY
from serving.recommendation.person_rows import read_person
from serving.recommendation.policy import Policies, RankingPolicy
from serving.recommendation.ranking import Wishes, rank
from serving.recommendation.recommending import scores_of
from serving.scores.batch import last_known
from serving.settings import read_settings

N = 10
CLOSED_WANTED, DIFFERENCE_WANTED = 0.90, 0.02
SMALLEST_GROUP = 30
DEALS, ONE_SIDED = 2_000, 1.645
POLICIES = {
    "every third place for the gap (the default)": RankingPolicy(),
    "every second place for the gap": RankingPolicy(gap_turn=2),
    "no place for the gap, the model's own weight of it": RankingPolicy(gap_turn=0),
    "no place for the gap, ten times that weight": RankingPolicy(gap_turn=0, gap_factor=10.0),
}
ORACLE = RankingPolicy(gap_turn=0, level_weight=0.0, maintenance_weight=0.0, priority_weight=0.0)


@dataclass(frozen=True)
class Person:
    """One person: their case as recorded, what they truly lack, and what may be ranked."""

    employee_id: str
    case: Case
    truth: Needs
    allowed: np.ndarray[tuple[int], np.dtype[np.bool_]]


def people_of(house: House, levels: Mapping[str, Mapping[str, float]]) -> list[Person]:
    """Return everybody who is employed, aims at a job, and truly lacks something that a course teaches."""
    shelf, model = shelf_of(house), house.models.current("recommendation")
    catalogue, now, found = shelf.catalogue, int(house.clock().timestamp() * 1e6), []
    for employee_id, known in levels.items():
        person = read_person(house, catalogue, employee_id, now, model.digest)
        profile = catalogue.jobs.get(person.target_job_id or "")
        if profile is None:
            continue
        held = {
            catalogue.skill_index[skill]: level
            for skill, level in known.items()
            if skill in catalogue.skill_index
        }
        truth = needs_of(profile, held)
        allowed = allowed_of(
            shelf, RecommendationQuery(), catalogue.allowed(person.department, now), person.state, ()
        )
        candidates = candidates_of(scores_of(shelf, model, person, now)[0], shelf, model)
        case = Case(catalogue, needs_of(profile, person.state.held), candidates, person.state)
        if (gap_values(catalogue, truth)[allowed] > EPSILON).any():
            found.append(Person(employee_id, case, truth, allowed))
    return found


def closed(catalogue: Catalogue, truth: Needs, courses: Sequence[int]) -> float:
    """Return the weighted gap to the true levels that courses close."""
    return truth.total - truth.after(held_after(catalogue, courses, truth)).total


def listed(case: Case, person: Person, policy: RankingPolicy) -> list[int]:
    """Return the first courses of a ranking."""
    from serving.recommendation.boosts import boosts_of

    boosts = NONE if policy is ORACLE else boosts_of(case, policy, {}, 0)
    return [one.course for one in rank(case, Wishes(N, 0, person.allowed), policy, boosts)]


def oracle(person: Person) -> list[int]:
    """Return the courses that the same greedy choice takes where it knows the true levels, and looks at nothing else."""
    case = person.case
    nothing = replace(case.candidates, scores=np.zeros(case.catalogue.size), gap_weight=1.0)
    return listed(replace(case, needs=person.truth, candidates=nothing), person, ORACLE)


def ndcg(person: Person, courses: Sequence[int]) -> float:
    """Return nDCG of a list, the gain of a course being the true gap that it alone closes."""
    gain = np.where(person.allowed, gap_values(person.case.catalogue, person.truth), 0.0)
    discount = 1 / np.log2(np.arange(2, N + 2))
    best = np.sort(gain)[::-1][:N] @ discount[: min(N, gain.size)]
    return float(gain[list(courses)] @ discount[: len(courses)] / best)


def share(parts: Floats, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the ratio of two sums over people, (n, 2) float, with its interval."""
    draws = rng.integers(0, len(parts), (1_000, len(parts)))
    sums = parts[draws].sum(axis=1)
    low, high = np.percentile(sums[:, 0] / sums[:, 1], [2.5, 97.5])
    return float(parts[:, 0].sum() / parts[:, 1].sum()), float(low), float(high)


def difference(one: Floats, other: Floats, rng: np.random.Generator) -> tuple[float, float, float]:
    """Return the difference of two groups' means, with its interval."""
    drawn = [rng.choice(each, (1_000, each.size)).mean(axis=1) for each in (one, other)]
    low, high = np.percentile(drawn[0] - drawn[1], [2.5, 97.5])
    return float(one.mean() - other.mean()), float(low), float(high)


def alike(people: Sequence[Person], values: Floats) -> Floats:
    """Return the values with what job, gap and history explain of them taken out, (n,) float.

    Groups whose people have other jobs and gaps differ although they are ranked alike; least squares over everybody,
    the group not among the regressors, leaves what differs between people who are alike, and its interval is narrower.
    """
    jobs = np.unique([person.case.needs.skills.tobytes() for person in people], return_inverse=True)[1]
    closing = [
        float((gap_values(person.case.catalogue, person.truth)[person.allowed] > EPSILON).sum())
        for person in people
    ]
    facts = np.array([[person.truth.total, len(person.case.state.weights)] for person in people]).T
    logs = np.log1p([closing, *facts])
    design = np.column_stack([np.eye(jobs.max() + 1)[jobs], closing, facts[0], *logs])
    return np.asarray(values - design @ np.linalg.lstsq(design, values, rcond=None)[0])


@dataclass(frozen=True)
class Pair:
    """The largest group of a protected attribute and another one, as places among the people."""

    name: str
    one: np.ndarray[tuple[int], np.dtype[np.int64]]
    other: np.ndarray[tuple[int], np.dtype[np.int64]]


def pairs_of(house: House, people: Sequence[Person]) -> list[Pair]:
    """Return the largest group of each protected attribute beside each other one of `SMALLEST_GROUP` people or more."""
    place = {person.employee_id: number for number, person in enumerate(people)}
    frame = protected_attributes(house.store).filter(pl.col("employee_id").is_in(list(place)))
    born = pl.when(pl.col("birth_year").cast(pl.Int64) < 1980).then(pl.lit("before 1980"))
    frame = frame.with_columns(birth_year=born.otherwise(pl.lit("later")))
    found = []
    for attribute in (name for name in frame.columns if name != "employee_id"):
        groups: dict[str, list[int]] = {}
        for employee_id, value in frame.select("employee_id", attribute).drop_nulls().iter_rows():
            groups.setdefault(str(value), []).append(place[employee_id])
        large = sorted(
            (name for name in groups if len(groups[name]) >= SMALLEST_GROUP),
            key=lambda one: -len(groups[one]),
        )
        for name in large[1:]:
            words = f"{attribute}: {large[0]} ({len(groups[large[0]])}) − {name} ({len(groups[name])})"
            found.append(Pair(words, np.array(groups[large[0]]), np.array(groups[name])))
    return found


def print_groups(pairs: Sequence[Pair], values: Mapping[str, Floats]) -> None:
    """Print how much groups differ, as they are and between people alike, each and all together."""
    rng = np.random.default_rng(7)
    for pair in pairs:
        for figure, each in values.items():
            found = difference(each[pair.one], each[pair.other], rng)
            print(f"    {pair.name}, {figure}: "
                  f"{found[0]:+.3f} ({found[1]:+.3f} to {found[2]:+.3f}; wanted ≤ {DIFFERENCE_WANTED})")  # fmt: skip
    for figure, each in values.items():
        print(f"    together, {figure}: {together(pairs, each, rng)}")


def together(pairs: Sequence[Pair], values: Floats, rng: np.random.Generator) -> str:
    """Return what all differences say together.

    The largest, and how often dealing the values out by lot brings one as large; of how many it is shown that they lie within
    `DIFFERENCE_WANTED` (two one-sided tests at 5 %: all of them together are shown where each is), and of how many that they lie
    beyond (95 %, Bonferroni).
    """
    gaps = np.array([values[pair.one].mean() - values[pair.other].mean() for pair in pairs])
    errors = np.array([np.hypot(*(values[side].std(ddof=1) / np.sqrt(side.size) for side in (pair.one, pair.other)))
                       for pair in pairs])  # fmt: skip
    lots = [rng.permutation(values) for _ in range(DEALS)]
    largest = np.array(
        [max(abs(lot[pair.one].mean() - lot[pair.other].mean()) for pair in pairs) for lot in lots]
    )
    within = int((np.abs(gaps) + ONE_SIDED * errors < DIFFERENCE_WANTED).sum())
    beyond = int((np.abs(gaps) - float(norm.isf(0.025 / len(pairs))) * errors > DIFFERENCE_WANTED).sum())
    return (
        f"largest {np.abs(gaps).max():.3f}, as large by lot in {np.mean(largest >= np.abs(gaps).max()):.1%} of {DEALS:,} deals; "
        f"{within} of {len(pairs)} shown within {DIFFERENCE_WANTED}, {beyond} shown beyond"
    )


def print_truth() -> None:
    """Print the share of the closable gap that recommendations close, and how groups differ."""
    settings = read_settings()
    store = open_store(settings.url)
    as_of = last_known(store)
    house = build_house(settings, store, clock=lambda: as_of)
    house.cache[KEY] = Policies()
    frame = pl.read_parquet(settings.var / "sample" / "truth" / "levels.parquet")
    employed = set(store.frame("employees", ("employee_id",))["employee_id"])
    levels: dict[str, dict[str, float]] = {}
    for employee_id, skill_id, level in frame.iter_rows():
        if employee_id in employed:
            levels.setdefault(employee_id, {})[skill_id] = level
    people = people_of(house, levels)
    pairs = pairs_of(house, people)
    best = [closed(one.case.catalogue, one.truth, oracle(one)) for one in people]
    print(f"planted truth: {len(people)} people, first {N} courses; the oracle closes "
          f"{sum(best) / sum(one.truth.total for one in people):.1%} of the true gap")  # fmt: skip
    for name, policy in POLICIES.items():
        lists = [listed(one.case, one, policy) for one in people]
        done = [
            closed(one.case.catalogue, one.truth, courses) for one, courses in zip(people, lists, strict=True)
        ]
        parts = np.array([done, best]).T
        found = share(parts, np.random.default_rng(7))
        ranked = np.array([ndcg(one, courses) for one, courses in zip(people, lists, strict=True)])
        print(f"  {name}: {found[0]:.1%} of it ({found[1]:.1%}-{found[2]:.1%}; wanted {CLOSED_WANTED:.0%}), "
              f"nDCG@{N} by true gap {ranked.mean():.3f}")  # fmt: skip
        kept = parts[:, 1] > EPSILON
        each = np.where(kept, parts[:, 0] / np.where(kept, parts[:, 1], 1.0), 1.0)
        figures = {"closed share": each, f"nDCG@{N}": ranked}
        figures |= {f"{figure} of people alike": alike(people, value) for figure, value in figures.items()}
        print_groups(pairs, figures)
    store.close()

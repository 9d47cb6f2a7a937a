"""Choosing on the validation block what the blend is made of: item–item weights, factors, the latest days."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.recommendation.dataset import Block, Dataset
from training.recommendation.estimators import ease, popularity_scale, weighted_gram
from training.recommendation.factors import FactorSettings, item_factors, model_facts, sampled_people
from training.recommendation.lately import lately, windows_within
from training.recommendation.ranking import all_target_ranks, per_person
from training.recommendation.scorer import regularised, solved_factors, standardised

Matrix = Any
Floats = NDArray[np.floating]

PLAIN = (0.0, 100.0)  # person_power and ridge of EASE as published
TAKERS = (
    PLAIN, (0.0, 10.0), (0.0, 30.0), (0.0, 300.0), (0.0, 500.0), (0.0, 1000.0),
    (0.5, 10.0), (0.5, 1.0), (0.5, 30.0), (0.5, 3.0), (1.0, 3.0), (0.5, 60.0), (1.0, 1.0), (0.5, 100.0),
)  # fmt: skip
MANY_COURSES = 2_500  # beyond, only every other of them is tried: each costs the cube of the courses
ITEM_POWERS = (0.0, 0.05, 0.1, 0.15, 0.2)
WEIGHT_POWERS = (1.0, 0.0, 0.5, 2.0)
FACTORS = (
    FactorSettings(32, 0.3, 0.015), FactorSettings(32, 0.3, 0.0075), FactorSettings(24, 0.3, 0.015),
    FactorSettings(16, 0.3, 0.015), FactorSettings(48, 0.3, 0.015), FactorSettings(32, 1.0, 0.015),
    FactorSettings(32, 0.1, 0.005), FactorSettings(64, 0.03, 0.003),
)  # fmt: skip
MANY_PAIRS = 250_000  # beyond, only every other of the factor settings is tried
TRIAL_PEOPLE = 8_000
WORTH_BLENDING = 0.85  # factors that rank worse than this share of the item–item weights are left out


@dataclass(frozen=True)
class Chosen:
    """A choice and the validation figures it was made by.

    Parameters
    ----------
    person_power, ridge, item_power : float
        Of `estimators.ease`.
    weight_power : float
        A pair counts its weight to this power: 0 counts everything alike, 1 as it is given.
    factors : FactorSettings, optional
        None where factors are not worth blending.
    window_days : float
        What counts as lately; 0 where time is not known.
    tried : mapping of str to float
        nDCG@10 on validation of everything that was tried.
    plain_ridge : float
        The best ridge of EASE as published: the peer's.
    """

    person_power: float
    ridge: float
    item_power: float = 0.0
    weight_power: float = 1.0
    factors: FactorSettings | None = None
    window_days: float = 0.0
    tried: Mapping[str, float] = field(default_factory=dict)
    plain_ridge: float = PLAIN[1]

    def facts(self) -> dict[str, Any]:
        """Return the choice as plain facts, but for the figures."""
        found = asdict(self)
        found.pop("tried")
        return found


def ndcg_at_10(score: Callable[[slice], Floats], block: Block) -> Floats:
    """Return each person's nDCG@10 of scores, (n_people,) float."""
    return per_person(all_target_ranks(score, block.seen, block.targets), block.targets)["ndcg@10"]


def mean(score: Callable[[slice], Floats], block: Block) -> float:
    """Return the mean nDCG@10; 0 where nobody is asked."""
    found = ndcg_at_10(score, block)
    return float(found.mean()) if found.size else 0.0


def weighted(history: Matrix, power: float) -> Matrix:
    """Return a history whose weights are taken to a power."""
    found = history.astype(np.float32)
    found.data = found.data**power
    return found


def linear(history: Matrix, weights: Floats) -> Callable[[slice], Floats]:
    """Return how item–item weights score rows of a history."""
    return lambda rows: np.asarray(history[rows] @ weights)


def choose(dataset: Dataset, block: Block, rng: np.random.Generator) -> tuple[Chosen, Floats]:
    """Return what ranks best on validation, part by part, and the item–item weights of the train part under it.

    Parameters
    ----------
    dataset : Dataset
        Its train part is learned from.
    block : Block
        People of the validation block.
    rng : numpy.random.Generator
        For the factors' starts and the people they are tried on.
    """
    chosen, best, weights = choose_takers(dataset.train, block)
    chosen = choose_factors(dataset.train, block, chosen, best, rng)
    return choose_window(dataset, block, chosen, weights), weights


def choose_takers(train: Matrix, block: Block) -> tuple[Chosen, float, Floats]:
    """Return the EASE that ranks best, its nDCG@10 and its weights; the published one where nothing beats it."""
    tried: dict[tuple[float, float], float] = {}
    history = weighted(block.history, 1.0)
    best, weights = PLAIN, np.empty((0, 0), dtype=np.float32)
    grams: dict[float, Floats] = {}
    for power, ridge in takers_tried(train.shape[1]):
        if power not in grams:
            grams = {power: weighted_gram(train, power)}  # one at a time: they are as large as the weights
        made = ease(train, ridge, power, gram=grams[power])
        tried[power, ridge] = mean(linear(history, made), block)
        if not weights.size or tried[power, ridge] > tried[best]:
            best, weights = (power, ridge), made
    plain = max((choice for choice in tried if choice[0] == PLAIN[0]), key=lambda choice: tried[choice])
    words = {f"person_power {power:g}, ridge {ridge:g}": value for (power, ridge), value in tried.items()}
    found = linear(history, weights)(
        slice(0, block.size)
    )  # once: what is tried scales the columns of a score
    scales = {power: popularity_scale(train, power).astype(np.float32) for power in ITEM_POWERS}
    scaled = {power: mean(times(found, scale), block) for power, scale in scales.items()}
    item_power = max(ITEM_POWERS, key=lambda power: scaled[power])
    words |= {f"item_power {power:g}": value for power, value in scaled.items()}
    chosen = Chosen(*best, item_power, tried=words, plain_ridge=plain[1])
    weights *= scales[item_power]
    return choose_weight_power(train, block, chosen, scaled[item_power], weights)


def takers_tried(n_courses: int) -> tuple[tuple[float, float], ...]:
    """Return the settings of EASE that are tried on a catalogue of so many courses, the published one first.

    Examples
    --------
    >>> len(takers_tried(1_000)), takers_tried(5_000)[:2]
    (14, ((0.0, 100.0), (0.0, 30.0)))
    """
    return TAKERS if n_courses <= MANY_COURSES else TAKERS[::2]


def choose_weight_power(
    train: Matrix, block: Block, chosen: Chosen, best: float, weights: Floats
) -> tuple[Chosen, float, Floats]:
    """Return how much the weights of kinds of feedback (or ratings) should count, where they differ; and what comes of it."""
    if train.nnz == 0 or np.ptp(train.data) == 0:
        return chosen, best, weights
    found = {WEIGHT_POWERS[0]: best}
    for power in WEIGHT_POWERS[1:]:
        made = ease(weighted(train, power), chosen.ridge, chosen.person_power, chosen.item_power)
        found[power] = mean(linear(weighted(block.history, power), made), block)
        weights = made if found[power] > max(found[one] for one in found if one != power) else weights
    power = max(WEIGHT_POWERS, key=lambda one: found[one])
    words = {f"weight_power {one:g}": value for one, value in found.items()}
    return replace(chosen, weight_power=power, tried={**chosen.tried, **words}), found[power], weights


def choose_factors(
    train: Matrix, block: Block, chosen: Chosen, best: float, rng: np.random.Generator
) -> Chosen:
    """Return the choice with the factors that rank best, or without any where they rank far worse than weights.

    One start each, of a sample of people where there are very many: the penalty is relative, so a setting that is
    good for some is good for all.
    """
    settings = FACTORS if train.nnz <= MANY_PAIRS else FACTORS[::2] + FACTORS[-1:]
    people = sampled_people(train, TRIAL_PEOPLE, rng)
    asked = block if block.size <= TRIAL_PEOPLE else block.rows(np.arange(TRIAL_PEOPLE))
    tried: dict[FactorSettings, float] = {}
    for one in settings:
        trial = replace(one, starts=1, rounds=5)
        tried[one] = mean(by_factors(asked, item_factors(people, trial, rng), people, trial), asked)
    found = max(settings, key=lambda one: tried[one])
    words = {
        f"factors {one.dimensions}, unobserved {one.unobserved:g}, ridge {one.ridge:g}": value
        for one, value in tried.items()
    }
    kept = found if tried[found] >= WORTH_BLENDING * best else None
    return replace(chosen, factors=kept, tried={**chosen.tried, **words})


def by_factors(
    block: Block, starts: list[Floats], train: Matrix, settings: FactorSettings
) -> Callable[[slice], Floats]:
    """Return how factors score rows of a block."""
    facts = model_facts(train, settings)

    def score(rows: slice) -> Floats:
        history = block.history[rows]
        penalty = regularised(np.diff(history.indptr), facts)
        total = np.zeros(history.shape, dtype=np.float32)
        for one in starts:
            total += (
                solved_factors(history.indptr, history.indices, one, settings.unobserved, penalty) @ one.T
            )
        return total

    return score


def choose_window(dataset: Dataset, block: Block, chosen: Chosen, weights: Floats) -> Chosen:
    """Return the choice with the window of the latest days that helps the item–item weights most.

    `weights` are those of the train part; of earlier moments they are worked out.
    """
    windows = () if dataset.train_ages is None else windows_within(dataset.train_ages)
    found = dict.fromkeys(windows, 0.0)
    for origin in dataset.origins if windows else ():
        is_first = origin.block is dataset.validation
        asked = block if is_first else origin.block
        history = weighted(asked.history, chosen.weight_power)
        own = weights if is_first else ease_of(origin.known.history, chosen)
        scores = standardised(linear(history, own)(slice(0, asked.size))).astype(np.float32)
        for days in windows:
            added = lately(origin.known.ages, days).sum(axis=0)
            found[days] += mean(with_added(scores, added), asked) / len(dataset.origins)
    if not windows:
        return chosen
    best = max(windows, key=lambda days: found[days])
    words = {f"window of {days:g} days": value for days, value in found.items()}
    return replace(chosen, window_days=best, tried={**chosen.tried, **words})


def ease_of(history: Matrix, chosen: Chosen) -> Floats:
    """Return the item–item weights of a history under a choice."""
    known = weighted(history, chosen.weight_power)
    return ease(known, chosen.ridge, chosen.person_power, chosen.item_power)


def times(scores: Floats, scale: Floats) -> Callable[[slice], Floats]:
    """Return how scores score whose columns are scaled."""
    return lambda rows: scores[rows] * scale


def with_added(scores: Floats, added: Floats) -> Callable[[slice], Floats]:
    """Return how scores score to which something about courses is added."""
    return lambda rows: scores[rows] + added

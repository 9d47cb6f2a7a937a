"""A confounder that is planted, recorded, and then hidden: does the verdict drop, and what do the sensitivity figures say."""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.impact.planted import in_parallel, organisation_covariates, unit
from training.impact.doubts.sensitivity import (
    covariate_strengths,
    e_value,
    explained_away,
    partial_r2,
)
from training.impact.estimate import Estimate, observational_estimate
from training.impact.estimators.crossfit import Pipeline, full_pipeline, screening_pipeline
from training.impact.table import Bools, ComparisonTable, Floats
from training.impact.telling.shares import wilson
from training.impact.telling.words import CREDIBLE, LADDER

CONFOUNDERS = ("survey motivation", "nominations_last_year")
EFFECT = 0.6  # in standard deviations of the noise
STRENGTHS = (
    0.3,
    0.6,
    0.9,
)  # of the confounder: log-odds of training, and (two thirds of it) the outcome, per SD
BASE_RISK = 0.15
Given = tuple[Floats, list[int]]
Planted = tuple[float, float, int]  # effect, strength of the confounder, outcomes from before


@dataclass(frozen=True)
class World:
    """A planted world: who was trained, what came of it, what came before (one outcome or several), and the confounder."""

    trained: Bools
    outcome: Floats
    earlier: Floats
    cause: Floats


@dataclass(frozen=True)
class Seen:
    """What one estimate says where the confounder is recorded, or hidden.

    Parameters
    ----------
    value : float
        The estimate.
    verdict : str
        The rung; of the screening pipeline the one it would have if it counted as examined in full.
    is_off : bool
        Whether the interval lies off what is planted.
    robustness : float
        Robustness value.
    placebo_strength : float
        What the placebo shows of a hidden cause, on the same scale; 0 where it passes.
    planted_strength : float
        The confounder's own strength on that scale, the other columns held.
    left : float
        Estimate less the bias that a confounder of exactly the planted strength makes (Cinelli, Hazlett).
    """

    value: float
    verdict: str
    is_off: bool
    robustness: float
    placebo_strength: float
    planted_strength: float
    left: float


def hidden(request: argparse.Namespace) -> None:
    """Print how far an estimate is believed with its confounders recorded, and with them hidden, by strength."""
    columns, names = organisation_covariates(request)
    given = columns, [place for place, name in enumerate(names) if name.startswith(CONFOUNDERS)]
    pipeline, draws = screening_pipeline(), request.draws or 200
    if request.pipeline == "full":
        pipeline = full_pipeline(1, request.trees, tuple(range(request.seeds)))
    print(f"confounders: {', '.join(names[place] for place in given[1])}; {draws} draws each, {pipeline.name} (judged as if in full), "
          f"{request.earlier} outcomes from before as placebos; strengths are robustness values")  # fmt: skip
    for effect in (EFFECT, 0.0):
        for strength in STRENGTHS:
            work = partial(both, given, (effect, strength, request.earlier), pipeline)
            tell(
                f"planted {effect:.1f}, confounder {strength:.1f}",
                list(in_parallel(work, draws, request.threads)),
            )
    tell_risks(request, given, draws)


def both(given: Given, planted: Planted, pipeline: Pipeline, seed: int) -> tuple[Seen, Seen]:
    """Return what is seen of one world with the confounder recorded, and with it hidden."""
    world = drawn(given, planted, seed)
    columns, causes = given
    bare = np.delete(columns, causes, axis=1)
    return seen(columns, world, pipeline, planted[0]), seen(bare, world, pipeline, planted[0])


def drawn(given: Given, planted: Planted, seed: int) -> World:
    """Return a world in which one cause moves who is trained, what comes of it and what came before."""
    columns, causes = given
    effect, strength, count = planted
    rng = np.random.default_rng([seed, 9])
    cause = unit(columns[:, causes].sum(axis=1))
    trained = rng.random(len(columns)) < 1 / (1 + np.exp(1.2 - strength * cause))
    others = [place for place in range(columns.shape[1]) if place not in causes][:4]
    base = strength * 2 / 3 * cause + 0.3 * columns[:, others].sum(axis=1)
    outcome, *earlier = (base + rng.normal(size=len(columns)) for _ in range(1 + count))
    before = np.column_stack(earlier) if count > 1 else earlier[0]
    return World(trained, outcome + effect * trained, before, cause)


def seen(columns: Floats, world: World, pipeline: Pipeline, planted: float) -> Seen:
    """Return what an estimate from these columns says."""
    names = tuple(f"x{place}" for place in range(columns.shape[1]))
    table = ComparisonTable(columns, names, world.trained, world.outcome, world.earlier, is_filled=True)
    found = observational_estimate(table, pipeline).judged(pipeline="full")
    assert found.sensitivity is not None
    assert found.sensitivity.hidden is not None
    with_trained, with_outcome, strength = strengths(columns, world)
    effect = (found.effect.value, found.effect.standard_error)
    left = explained_away(effect, found.sensitivity.freedom, with_trained, with_outcome)
    is_off = not found.effect.low <= planted <= found.effect.high
    return Seen(found.effect.value, found.verdict.code, is_off, found.sensitivity.robustness_value,
                found.sensitivity.hidden.strength, strength, float(left[0]))  # fmt: skip


def strengths(columns: Floats, world: World) -> tuple[Floats, Floats, float]:
    """Return the confounder's partial R² with training and with the outcome, and its strength, given the other columns."""
    beside = np.column_stack([columns, world.cause])
    scaled = (beside - beside.mean(axis=0)) / beside.std(axis=0)
    with_trained = partial_r2(scaled, world.trained.astype(float))[-1:]
    both_sides = np.column_stack([scaled[:, :-1], world.trained - world.trained.mean(), scaled[:, -1]])
    with_outcome = partial_r2(both_sides, world.outcome)[-1:]
    return with_trained, with_outcome, float(covariate_strengths(beside, world.trained, world.outcome)[-1])


def tell(title: str, found: list[tuple[Seen, Seen]]) -> None:
    """Print one strength: the verdicts with the confounder recorded and hidden, and what the figures say beside."""
    recorded, hid = ([pair[side] for pair in found] for side in (0, 1))
    dropped = [LADDER.index(after.verdict) < LADDER.index(before.verdict) for before, after in found]
    above = [LADDER.index(before.verdict) > 0 for before, _ in found]
    share = wilson(sum(dropped), max(sum(above), 1))
    shown = wilson(sum(one.placebo_strength > 0 for one in hid), len(hid))
    mean = {name: np.mean([getattr(one, name) for one in hid])
            for name in ("value", "robustness", "placebo_strength", "planted_strength", "left")}  # fmt: skip
    print(f"{title}: recorded {np.mean([one.value for one in recorded]):.2f} {dict(Counter(one.verdict for one in recorded))}; "
          f"hidden {mean['value']:.2f} {dict(Counter(one.verdict for one in hid))}")  # fmt: skip
    print(f"  the verdict drops in {sum(dropped)} of {sum(above)} that stood above the lowest ({share.low:.1%} to {share.high:.1%}); a hidden "
          f"cause is shown in {shown.value:.1%} ({shown.low:.1%} to {shown.high:.1%}), strength {mean['placebo_strength']:.3f} of "
          f"{mean['planted_strength']:.3f} planted, robustness value {mean['robustness']:.3f}; a cause of the planted strength "
          f"would leave {mean['left']:.2f}")  # fmt: skip
    for name, side in (("recorded", recorded), ("hidden", hid)):
        stands = [one for one in side if one.verdict == CREDIBLE]
        off = wilson(sum(one.is_off for one in stands), max(len(stands), 1))
        wrong = wilson(sum(one.is_off for one in stands), len(side))
        print(f"  {name}: credible in {len(stands)} of {len(side)}, the interval off what is planted in {off.value:.1%} of those, in "
              f"{wrong.value:.1%} ({wrong.low:.1%} to {wrong.high:.1%}) of all")  # fmt: skip


def tell_risks(request: argparse.Namespace, given: Given, draws: int) -> None:
    """Print E-values of a yes/no outcome on which the training does nothing and a hidden yes/no cause does everything."""
    for ratio in (1.5, 2.0, 3.0):
        found = np.array(list(in_parallel(partial(risks, given, ratio), draws, request.threads)))
        needed, uneven, verdicts = found.T
        print(f"a hidden cause of risk ratio {ratio} with the outcome, {uneven.mean():.2f} times as common among the trained: E-value "
              f"{needed.mean():.2f} on average; cannot tell in {np.mean(verdicts == 0):.0%} of {draws}")  # fmt: skip


def risks(given: Given, ratio: float, seed: int) -> tuple[float, float, int]:
    """Return the E-value, how much commoner the cause is among the trained, and the rung, where it alone moves a yes/no outcome."""
    columns, causes = given
    rng = np.random.default_rng([seed, 11])
    cause = rng.random(len(columns)) < 0.3
    trained = rng.random(len(columns)) < np.where(cause, 0.2 * ratio, 0.2)
    outcome, earlier = (
        (rng.random(len(columns)) < np.where(cause, BASE_RISK * ratio, BASE_RISK)).astype(float)
        for _ in range(2)
    )
    bare = np.delete(columns, causes, axis=1)
    names = tuple(f"x{place}" for place in range(bare.shape[1]))
    table = ComparisonTable(bare, names, trained, outcome, earlier, is_filled=True)
    found = observational_estimate(table, screening_pipeline())
    uneven = float(cause[trained].mean() / cause[~trained].mean())
    return needed_by(found, outcome[trained]), uneven, LADDER.index(found.verdict.code)


def needed_by(found: Estimate, outcome: Floats) -> float:
    """Return the E-value beside an estimate; 1 where it has none."""
    if found.sensitivity is None or found.sensitivity.e_value is None:
        return e_value(float(outcome.mean()), float(outcome.mean()))
    return found.sensitivity.e_value

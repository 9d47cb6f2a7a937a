"""Observational estimates: refused where nobody can tell, right where the truth is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from features.errors import RefusedError
from training.impact.doubts.missing import missing_bounds
from training.impact.estimate import observational_estimate
from training.impact.estimators.crossfit import Pipeline, full_pipeline, screening_pipeline
from training.impact.estimators.learners import forest_share
from training.impact.table import ComparisonTable, filled

QUICK_FULL = full_pipeline(threads=1, trees=40, seeds=(0,))


def world(
    rng: np.random.Generator, n: int = 1500, hidden: float = 0.0, curved: bool = False
) -> ComparisonTable:
    """Return a table whose effect on the trained is 2; `hidden` is how much an unrecorded cause moves both."""
    x = rng.normal(size=(n, 4))
    u = rng.normal(size=n)
    pull = 0.8 * x[:, 0] - 0.5 * x[:, 1] + hidden * u - 1.0
    trained = rng.random(n) < 1 / (1 + np.exp(-pull))
    base = 50 + 3 * x[:, 0] + 2 * x[:, 2] + 3 * hidden * u
    if curved:
        base = base + 3 * np.maximum(x[:, 0], 0) ** 2
    before = base + rng.normal(size=n)
    outcome = base + 2.0 * trained + rng.normal(size=n)
    columns = np.column_stack([x, before])
    names = ("a", "b", "c", "d", "before")
    return ComparisonTable(columns[:, :4], names[:4], trained, outcome, before, ("before",))


def test_all_trained_is_refused_because_there_is_no_comparison_group() -> None:
    table = world(np.random.default_rng(7), 100)
    with pytest.raises(RefusedError, match="no comparison group"):
        observational_estimate(replace(table, trained=np.ones(100, bool)), screening_pipeline())


def test_nobody_trained_is_refused() -> None:
    table = world(np.random.default_rng(7), 100)
    with pytest.raises(RefusedError, match="Nobody was trained"):
        observational_estimate(replace(table, trained=np.zeros(100, bool)), screening_pipeline())


def test_tiny_groups_are_refused() -> None:
    table = world(np.random.default_rng(7), 100)
    with pytest.raises(RefusedError, match="Too few people"):
        observational_estimate(replace(table, trained=np.arange(100) < 6), screening_pipeline())


def test_a_constant_outcome_is_refused() -> None:
    table = world(np.random.default_rng(7), 300)
    with pytest.raises(RefusedError, match="same for everybody"):
        observational_estimate(replace(table, outcome=np.full(300, 4.0)), screening_pipeline())


def test_an_outcome_nobody_has_is_refused() -> None:
    table = world(np.random.default_rng(7), 300)
    with pytest.raises(RefusedError, match="No outcome was measured"):
        observational_estimate(replace(table, outcome=np.full(300, np.nan)), screening_pipeline())


def test_one_cluster_is_refused() -> None:
    table = world(np.random.default_rng(7), 300)
    with pytest.raises(RefusedError, match="one cluster"):
        observational_estimate(replace(table, cluster=np.zeros(300, np.int64)), screening_pipeline())


def test_groups_that_do_not_overlap_are_refused() -> None:
    table = world(np.random.default_rng(7), 600)
    apart = table.covariates.copy()
    apart[table.trained, 0] += 6
    with pytest.raises(RefusedError, match="no counterpart"):
        observational_estimate(replace(table, covariates=apart), screening_pipeline())


def test_few_comparable_people_end_on_cannot_tell() -> None:
    table = world(np.random.default_rng(7), 400)
    kept = table.trained | (np.cumsum(~table.trained) <= 45)
    found = observational_estimate(table.rows(kept), screening_pipeline())
    assert found.verdict.code == "cannot tell"
    assert "Too few comparable people" in found.verdict.reasons[0]


@pytest.mark.parametrize("pipeline", [screening_pipeline(), QUICK_FULL], ids=lambda one: one.name)
@pytest.mark.parametrize("curved", [False, True], ids=["linear", "curved"])
def test_a_planted_effect_is_found_within_its_interval(pipeline: Pipeline, curved: bool) -> None:
    table = world(np.random.default_rng(11), curved=curved)
    found = observational_estimate(table, pipeline)
    assert found.effect.low < 2.0 < found.effect.high
    assert curved or found.effect.high - found.effect.low < 0.7
    naive = table.outcome[table.trained].mean() - table.outcome[~table.trained].mean()
    assert naive > 3.5


def test_the_effect_on_everybody_is_found_too() -> None:
    found = observational_estimate(world(np.random.default_rng(11)), screening_pipeline(), "ate")
    assert found.effect.low < 2.0 < found.effect.high


def test_a_full_estimate_without_hidden_causes_is_credible() -> None:
    table = world(np.random.default_rng(11))
    weak = replace(table, covariates=table.covariates * [0.2, 1, 1, 1])
    found = observational_estimate(weak, QUICK_FULL)
    assert found.placebo is not None
    assert not found.placebo.excludes_zero
    assert found.verdict.code in ("credible", "suggestive")


def test_a_screened_estimate_is_never_more_than_suggestive() -> None:
    found = observational_estimate(world(np.random.default_rng(11)), screening_pipeline())
    assert found.verdict.code == "suggestive"
    assert "Screened quickly" in found.verdict.reasons[0]


def test_a_hidden_cause_fails_the_placebo_and_nobody_can_tell() -> None:
    table = world(np.random.default_rng(7), hidden=1.0)
    for pipeline in (screening_pipeline(), QUICK_FULL):
        found = observational_estimate(table, pipeline)
        assert found.placebo is not None
        assert found.placebo.low > 0
        assert found.verdict.code == "cannot tell"
        assert "differed already before" in " ".join(found.verdict.reasons)
        assert "Something unrecorded made that difference" in " ".join(found.verdict.reasons)
        assert found.sensitivity is not None
        assert found.sensitivity.hidden is not None
        assert found.sensitivity.hidden.strength > 0.02
        assert found.sensitivity.hidden.low < 2.0 < found.sensitivity.hidden.high


def test_several_placebos_show_a_hidden_cause_that_one_does_not() -> None:
    rng = np.random.default_rng(0)
    x, hidden = rng.normal(size=(900, 4)), rng.normal(size=900)
    trained = rng.random(900) < 1 / (1 + np.exp(1 - 0.8 * x[:, 0] + 0.5 * x[:, 1] - 0.35 * hidden))
    base = 50 + 3 * x[:, 0] + 2 * x[:, 2] + 0.5 * hidden
    before, outcome = base[:, None] + rng.normal(size=(900, 5)), base + 2 * trained + rng.normal(size=900)
    table = ComparisonTable(x, ("a", "b", "c", "d"), trained, outcome, before[:, 0])
    one = observational_estimate(table, screening_pipeline())
    several = observational_estimate(replace(table, placebo=before), screening_pipeline())
    assert one.verdict.code == "suggestive"
    assert several.verdict.code == "cannot tell"
    assert several.effect.value == one.effect.value
    assert several.placebos[0].value == one.placebo.value  # type: ignore[union-attr]
    assert several.sensitivity.hidden.low < 2.0 < several.sensitivity.hidden.high  # type: ignore[union-attr]


def test_the_same_table_gives_the_same_estimate() -> None:
    table = world(np.random.default_rng(7), 600)
    one, other = (observational_estimate(table, screening_pipeline()) for _ in range(2))
    assert one.effect.value == other.effect.value


def test_leavers_stay_in_the_count_and_bound_the_effect() -> None:
    table = world(np.random.default_rng(7), 600)
    outcome = table.outcome.copy()
    outcome[np.flatnonzero(table.trained)[:10]] = np.nan
    found = observational_estimate(replace(table, outcome=outcome), screening_pipeline())
    assert found.n["trained_without_outcome"] == 10
    assert found.n["trained"] == int(table.trained.sum())
    assert found.bounds is not None
    assert found.bounds[0] < found.effect.value < found.bounds[1]


def test_bounds_of_a_missing_half_are_as_computed_by_hand() -> None:
    # trained: one of two missing; outcomes 0/1, so the missing one is 0 or 1 around a mean of 1
    table = ComparisonTable(
        np.zeros((4, 0)), (), np.array([True, True, False, False]), np.array([1.0, np.nan, 0.0, 1.0])
    )
    assert missing_bounds(table, 0.5) == (0.5 + 0.5 * (0 - 1), 0.5)


def test_gaps_and_zeros_become_states_of_their_own() -> None:
    pay = np.array([0.0] * 20 + list(range(1, 61)), dtype=float)
    rating = np.where(np.arange(80) % 4 == 0, np.nan, 3.0 + np.arange(80) % 3)
    columns, names = filled(np.column_stack([pay, rating, np.ones(80)]), ["pay", "rating", "one"])
    assert names == ["pay", "pay is 0", "rating", "rating unknown"]
    assert np.isfinite(columns).all()
    assert columns[:20, 1].all()


def test_a_mixture_never_costs_effective_sample() -> None:
    rng = np.random.default_rng(7)
    trained = rng.random(2000) < 0.1
    forest = np.clip(0.1 + 0.1 * trained + rng.normal(0, 0.02, 2000), 0.01, 0.9)
    extreme = np.where(trained, 0.95, rng.choice([0.001, 0.9], 2000, p=[0.98, 0.02]))
    assert forest_share(forest, extreme, trained, False) < 0.5
    assert forest_share(forest, extreme, trained, True) == 1.0


def test_few_trained_and_many_covariates_leave_people_to_compare_with() -> None:
    rng = np.random.default_rng(7)
    noise = rng.normal(size=(1500, 50))
    trained = np.arange(1500) < 60
    table = ComparisonTable(noise, tuple(f"x{n}" for n in range(50)), trained, rng.normal(size=1500))
    found = observational_estimate(table, screening_pipeline())
    assert found.overlap is not None
    assert found.overlap.effective_sample > 700
    assert found.effect.low < 0 < found.effect.high


def test_nobody_leaving_among_a_few_is_no_proof_that_training_keeps_people() -> None:
    rng = np.random.default_rng(7)
    trained = np.arange(1000) < 40
    left = np.where(trained, 0.0, rng.random(1000) < 0.05)
    table = ComparisonTable(rng.normal(size=(1000, 3)), ("a", "b", "c"), trained, left.astype(float))
    found = observational_estimate(table, screening_pipeline())
    assert found.effect.value < 0
    assert not found.effect.excludes_zero
    assert found.sensitivity is not None
    assert found.sensitivity.e_value is not None

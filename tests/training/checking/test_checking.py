"""Whatever a model does, only the child that asks it suffers; a good one passes, and its way into a bundle is exact."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
from typer.testing import CliRunner

from features.attrition import FEATURE_SCHEMA
from features.errors import BadInputError
from training.checking.commands import app
from training.checking.converting import Linear, bundle_of, linear_of
from training.checking.examination import Examined, examine
from training.checking.judging import contract_gates, worth, worth_gates
from training.gates import Gate
from training.isolation import trial
from training.loading import load_scorer
from training.payload import write_payload

NAMES = list(FEATURE_SCHEMA)


def gates(found: Examined, world: Any) -> list[Gate]:
    """Return every gate that was reached."""
    reached = list(contract_gates(found, world.contract))
    if all(gate.passed for gate in reached):
        evaluation = worth(found.answers["asked"][:, 0], world.truth, np.random.default_rng(1))
        reached += worth_gates(evaluation, world.truth, np.random.default_rng(2))
    return reached


class TestAlone:
    def test_a_model_that_kills_its_process_kills_only_the_child(
        self, save: Callable[..., Path], world: Any
    ) -> None:
        folder = save("killer")
        (folder / "model.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
        (found,) = examine([folder], world.contract)
        assert (found.stage, "ended with -9" in found.error) == ("load", True)

    def test_a_model_that_never_answers_is_stopped(self, save: Callable[..., Path], world: Any) -> None:
        folder = save("endless")
        (folder / "model.py").write_text("while True: pass\n")
        (found,) = examine([folder], world.contract, seconds=2)
        assert "did not answer within 2 s" in found.error


class TestTheGoodOne:
    def test_a_good_model_passes_every_gate(self, examined: dict[str, Examined], world: Any) -> None:
        found = gates(examined["good"], world)
        assert [gate for gate in found if not gate.passed] == []
        assert {"not inferior", "calibration", "fairness", "plausible", "speed", "determinism"} <= {
            gate.name for gate in found
        }

    def test_rows_made_up_for_the_contract_are_nobodys(self, world: Any) -> None:
        ours = {row.tobytes() for row in world.dataset.test.features}
        assert not ours & {row.tobytes() for row in world.rows("probes")}
        assert np.isnan(world.rows("missing")[0]).all()


def linear(seed: int = 3) -> Linear:
    rng = np.random.default_rng(seed)
    n = 3
    return Linear(
        NAMES[:n],
        np.array([1.2, 0.8, 0.0]),
        -4.0,
        rng.normal(size=n),
        np.array([1.0, 2.0, 1.0]),
        np.array([0.3, 0.0, 0.0]),
    )


class TestConverting:
    def test_a_linear_model_answers_as_it_did_missing_values_included(
        self, world: Any, tmp_path: Path
    ) -> None:
        model = linear()
        write_payload(bundle_of(world.dataset, model), tmp_path / "p")
        scorer = load_scorer(tmp_path / "p")
        rows = world.rows("missing")
        entered = (rows[:, :3] - model.centre) / model.scale
        entered = np.where(np.isnan(entered), model.if_missing, entered)
        by_hand = entered @ model.coefficients + model.intercept
        assert scorer.log_odds(rows)[:, 0] == pytest.approx(by_hand)
        assert trial(tmp_path / "p") == ""

    def test_a_booster_answers_as_it_did(self, world: Any, tmp_path: Path) -> None:
        panel = world.dataset.panel
        data = lgb.Dataset(panel.features[:, :5], panel.cause == 1, feature_name=NAMES[:5])
        booster = lgb.train(
            {
                "objective": "binary",
                "num_leaves": 7,
                "verbosity": -1,
                "num_threads": 1,
                "deterministic": True,
            },
            data,
            20,
        )
        write_payload(bundle_of(world.dataset, booster), tmp_path / "p")
        rows = world.rows("probes")
        expected = booster.predict(rows[:, :5], raw_score=True)
        assert load_scorer(tmp_path / "p").log_odds(rows)[:, 0] == pytest.approx(np.asarray(expected))

    def test_the_level_is_that_of_the_latest_months(self, world: Any, tmp_path: Path) -> None:
        write_payload(bundle_of(world.dataset, linear()), tmp_path / "p")
        scorer = load_scorer(tmp_path / "p")
        late = world.dataset.panel.take(world.dataset.folds[-1][1])
        expected = scorer.hazards(late.features)[:, 0, 0].mean()
        assert expected == pytest.approx((late.cause == 1).mean(), rel=0.15)

    def test_a_scikit_learn_pipeline_of_known_steps_is_taken_apart_exactly(self, world: Any) -> None:
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        rows = world.dataset.panel.features[:2_000, :4].copy()
        rows[::7, 1] = np.nan
        pipeline = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), LogisticRegression())
        pipeline.fit(rows, world.dataset.panel.cause[:2_000] == 1)
        model = linear_of(pipeline, NAMES[:4])
        entered = (rows - model.centre) / model.scale
        entered = np.where(np.isnan(entered), model.if_missing, entered)
        assert entered @ model.coefficients + model.intercept == pytest.approx(
            pipeline.decision_function(rows)
        )

    def test_a_pipeline_of_unknown_steps_and_a_feature_that_is_none_are_refused(self, world: Any) -> None:
        from sklearn.decomposition import PCA
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        with pytest.raises(BadInputError, match="cannot be converted"):
            linear_of(make_pipeline(PCA(), LogisticRegression()), NAMES[:2])
        strange = Linear(["exit_at"], np.ones(1), 0.0, np.zeros(1), np.ones(1), np.zeros(1))
        with pytest.raises(BadInputError, match="no feature"):
            bundle_of(world.dataset, strange)


@pytest.mark.parametrize("command", ["check", "convert"])
def test_the_commands_show_an_example_and_exit_codes(command: str) -> None:
    told = CliRunner().invoke(app, [command, "--help"]).output
    assert f"Example: skillpath {command}" in told
    assert "Exit codes" in told

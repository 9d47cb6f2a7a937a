"""Models of others become bundles that answer as they did; what cannot is told what it lacks."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightgbm as lgb
import numpy as np
import onnx
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures

from features.attrition import FEATURE_SCHEMA
from features.errors import BadInputError
from training.checking.adopting import model_of, source_of
from training.checking.converting import bundle_of
from training.checking.graphs import Graph, graph_of, read_graph
from training.isolation import trial
from training.loading import load_scorer
from training.payload import write_payload
from training.questions import question
from training.quiet import quietly

NAMES = list(FEATURE_SCHEMA)
SEEN = 4


@pytest.fixture(scope="module")
def rows(world: Any) -> np.ndarray:
    found = world.dataset.panel.features[:1_500, :SEEN].copy()
    found[::7, 1] = np.nan
    return found


@pytest.fixture(scope="module")
def forest(world: Any, rows: np.ndarray) -> Any:
    model = make_pipeline(SimpleImputer(), RandomForestClassifier(10, max_depth=4, random_state=1))
    return model.fit(rows, world.dataset.panel.cause[: len(rows)] == 1)


@pytest.fixture(scope="module")
def payload(world: Any, rows: np.ndarray, forest: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of the forest."""
    graph = graph_of(forest, NAMES[:SEEN], rows)
    folder = tmp_path_factory.mktemp("onnx")
    source = source_of(SimpleNamespace(folder=Path()), graph, folder)  # type: ignore[arg-type]
    write_payload(bundle_of(world.dataset, graph), folder / "payload", scorer=source)
    return folder / "payload"


class TestRefusals:
    def test_a_graph_that_says_something_else_than_its_pipeline_is_refused(
        self, world: Any, rows: np.ndarray
    ) -> None:
        model = CalibratedClassifierCV(make_pipeline(SimpleImputer(), LogisticRegression()))
        model.fit(rows, world.dataset.panel.cause[: len(rows)] == 1)
        with pytest.raises(BadInputError, match="something else than the pipeline"):
            graph_of(model, NAMES[:SEEN], rows)

    def test_a_model_without_a_graph_says_so(self, rows: np.ndarray) -> None:
        with pytest.raises(BadInputError, match="no ONNX graph"):
            graph_of(SimpleNamespace(predict_proba=None), NAMES[:SEEN], rows)

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda model: model.opset_import.append(onnx.helper.make_opsetid("com.example", 1)), "more than itself"),
            (lambda model: model.graph.output.pop(), "chances of two classes"),
        ],
    )  # fmt: skip
    def test_a_graph_that_needs_more_than_itself_or_answers_otherwise_is_refused(
        self, forest: Any, rows: np.ndarray, tmp_path: Path, change: Callable[[Any], object], why: str
    ) -> None:
        model = onnx.load_from_string(graph_of(forest, NAMES[:SEEN], rows).content)
        change(model)
        onnx.save(model, tmp_path / "model.onnx")
        with pytest.raises(BadInputError, match=why):
            read_graph(tmp_path / "model.onnx", NAMES[:SEEN])

    def test_a_file_that_is_no_graph_and_a_graph_of_other_columns_are_refused(
        self, forest: Any, rows: np.ndarray, tmp_path: Path
    ) -> None:
        (tmp_path / "model.onnx").write_bytes(b"\x0a\xffnothing")
        with pytest.raises(BadInputError, match=r"no ONNX graph|more than itself|does not answer"):
            read_graph(tmp_path / "model.onnx", NAMES[:SEEN])
        (tmp_path / "model.onnx").write_bytes(graph_of(forest, NAMES[:SEEN], rows).content)
        with pytest.raises(BadInputError, match=f"one input of {SEEN + 1} float columns"):
            read_graph(tmp_path / "model.onnx", NAMES[: SEEN + 1])

    @pytest.mark.parametrize(
        "settings", [{"objective": "regression"}, {"objective": "binary", "sigmoid": 2.0},
                     {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5}],
    )  # fmt: skip
    def test_a_booster_whose_raw_score_is_no_log_odds_is_refused(
        self, world: Any, settings: dict[str, Any]
    ) -> None:
        panel = world.dataset.panel.take(np.arange(500))
        data = lgb.Dataset(panel.features[:, :2], panel.cause == 1, feature_name=NAMES[:2])
        booster = lgb.train({**settings, "verbosity": -1, "num_threads": 1}, data, 2)
        with pytest.raises(BadInputError, match="no log-odds"):
            bundle_of(world.dataset, booster)


class TestGraphs:
    def test_a_forest_answers_as_it_did_missing_values_included(
        self, forest: Any, payload: Path, world: Any
    ) -> None:
        asked = world.rows("missing")
        chance = np.clip(forest.predict_proba(asked[:, :SEEN])[:, 1], 1e-6, 1 - 1e-6)
        found = load_scorer(payload).log_odds(asked)[:, 0]
        assert found == pytest.approx(np.log(chance / (1 - chance)), abs=1e-4)

    def test_its_reasons_add_up_to_its_log_odds_and_name_no_column_it_does_not_see(
        self, payload: Path, world: Any
    ) -> None:
        scorer = load_scorer(payload)
        found = scorer.contributions(world.rows("probes"))
        assert found.sum(axis=1) == pytest.approx(scorer.log_odds(world.rows("probes"))[:, 0])
        assert not found[:, SEEN:-1].any()
        assert np.ptp(found[:, -1]) == pytest.approx(0)

    def test_the_reasons_of_a_model_without_interactions_are_known_by_hand(
        self, world: Any, rows: np.ndarray
    ) -> None:
        from training.checking.onnx_scorer import Graph as Runtime

        filled = np.nan_to_num(rows)
        model = LogisticRegression().fit(filled, world.dataset.panel.cause[: len(rows)] == 1)
        typical = np.full(SEEN, 0.5)
        graph = graph_of(model, NAMES[:SEEN], filled)
        found = Runtime(graph.content, graph.output, typical).contributions(filled[:20])
        by_hand = (filled[:20] - 0.5) * model.coef_[0]
        assert found[:, :-1] == pytest.approx(by_hand, abs=1e-3)

    def test_the_bundle_is_one_scorer_that_imports_nothing_of_ours_and_answers_alone(
        self, payload: Path
    ) -> None:
        tree = ast.parse((payload / "scorer.py").read_text())
        names = {
            node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module
        } | {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        assert not {name for name in names if name.split(".")[0] in ("training", "features", "serving")}
        assert trial(payload) == ""
        assert {path.suffix for path in payload.iterdir()} == {".py", ".npz", ".json"}

    def test_the_level_of_a_graph_is_that_of_the_latest_months(self, payload: Path, world: Any) -> None:
        late = world.dataset.panel.take(world.dataset.folds[-1][1])
        expected = load_scorer(payload).hazards(late.features)[:, 0, 0].mean()
        assert expected == pytest.approx((late.cause == 1).mean(), rel=0.15)

    def test_a_saved_onnx_model_is_found_with_its_columns_and_a_saved_pickle_is_not_opened(
        self, world: Any, rows: np.ndarray, tmp_path: Path
    ) -> None:
        import mlflow
        from mlflow.models import ModelSignature
        from mlflow.types import ColSpec, Schema

        model = make_pipeline(SimpleImputer(), PolynomialFeatures(2), LogisticRegression(max_iter=500))
        model.fit(rows, world.dataset.panel.cause[: len(rows)] == 1)
        graph = graph_of(model, NAMES[:SEEN], rows)
        signature = ModelSignature(Schema([ColSpec("float", name) for name in NAMES[:SEEN]]))
        with quietly(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what MLflow says of its own parts
            mlflow.onnx.save_model(onnx.load_from_string(graph.content), tmp_path / "onnx", signature=signature,
                                   pip_requirements=["onnxruntime"])  # fmt: skip
        bench: Any = SimpleNamespace(tracking=SimpleNamespace(mlflow=mlflow))
        found = model_of(bench, question("attrition"), str(tmp_path / "onnx"))
        assert isinstance(found, Graph)
        assert (list(found.features), found.output) == (NAMES[:SEEN], "probabilities")
        (tmp_path / "onnx" / "model.pkl").write_bytes(b"never opened")
        with pytest.raises(BadInputError, match="holds a pickle"):
            model_of(bench, question("attrition"), str(tmp_path / "onnx"))

"""Any table by the estimators of training: cross-section, survival table, panel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import RefusedError
from training.attrition.evaluate_table import run
from training.attrition.fit import Parameters, fit
from training.attrition.plain.reading import read_encoded, read_request
from training.attrition.plain.splits import datasets, folds_of, person_periods
from training.evaluation import as_json


def written(tmp_path: Path, frame: pd.DataFrame, name: str = "table.csv") -> str:
    path = tmp_path / name
    frame.to_csv(path, index=False)
    return str(path)


def cross_section(n: int = 500, is_null: bool = False) -> pd.DataFrame:
    rng = np.random.default_rng(5 if is_null else 1)
    pay, site = rng.normal(size=n), rng.choice(["north", "south"], n)
    odds = -1.0 + (0 if is_null else 1.5) * pay + (0 if is_null else 1.0) * (site == "north")
    left = rng.random(n) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame({"pay": np.where(rng.random(n) < 0.1, np.nan, pay), "site": site, "country": "x",
                         "sex": rng.choice(["f", "m"], n), "gone": np.where(left, "Yes", "No")})  # fmt: skip


def test_a_cross_section_is_ranked_beside_its_references(tmp_path: Path) -> None:
    path = written(tmp_path, cross_section())
    found = run(
        [
            "--table",
            path,
            "--label",
            "gone",
            "--repeats",
            "1",
            "--folds",
            "3",
            "--protected",
            "sex",
            "--group",
            "site",
        ]
    )
    body = json.loads(json.dumps(as_json(found)))
    assert body["question"] == "attrition"
    assert body["metrics"]["auc"]["low"] > 0.65
    assert set(body["metrics"]) >= {
        "auc",
        "ap",
        "lift@10",
        "brier",
        "ece",
        "o_e",
        "calibration_slope",
        "calibration_intercept",
    }
    assert set(body["peers"]) == {"base_rate", "logistic", "lightgbm"}
    assert body["metrics"]["auc"]["value"] > body["peers"]["logistic"]["auc"]["value"] - 0.03
    assert body["diagnostics"]["constant_columns_left_out"] == ["country"]
    assert body["diagnostics"]["without_protected"]["left_out"] == ["sex"]
    assert {group["group"] for group in body["diagnostics"]["fairness"]["groups"]} == {"f", "m"}
    assert set(body["diagnostics"]["groups"]) == {"north", "south"}
    assert found.per_unit.shape == found.peer_units["logistic"].shape == (500,)


def test_a_search_is_judged_by_the_same_folds_and_takes_part_only_where_it_is_better(tmp_path: Path) -> None:
    request = read_request(
        ["--table", written(tmp_path, cross_section(400)), "--label", "gone", "--tune", "3"]
    )
    dataset = next(datasets(read_encoded(request), request, np.random.default_rng(2)))
    settings = Parameters(
        shapes=("few stumps",), weights=(0.3,), penalties=(100.0,), bags=0, tune=request["tune"]
    )
    model, again = (
        json.loads(fit(dataset, settings, np.random.default_rng(1)).files["model.json"]) for _ in range(2)
    )
    losses = model["choice"]["losses"]
    tuned = {name: value for name, value in losses.items() if name.startswith("tuned")}
    shipped = min(value for name, value in losses.items() if name not in tuned)
    assert (model["choice"]["shape"] == "tuned") == bool(tuned)
    assert all(value < shipped for value in tuned.values())
    assert model == again


def test_shuffled_labels_are_ranked_by_chance_within_the_interval(tmp_path: Path) -> None:
    path = written(tmp_path, cross_section(is_null=True))
    found = run(["--table", path, "--label", "gone", "--repeats", "1", "--folds", "3", "--peers", "none"])
    assert found.metrics["auc"].low <= 0.5 <= found.metrics["auc"].high
    assert "not told from chance" in found.verdict


def test_a_survival_table_is_ordered_and_dated_beside_kaplan_meier(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    risk = rng.normal(size=300)
    time, end = rng.exponential(10 * np.exp(-risk)), rng.uniform(3, 30, 300)
    frame = pd.DataFrame(
        {
            "months": np.minimum(time, end),
            "event": (time <= end).astype(int),
            "score": risk,
            "noise": rng.normal(size=300),
            "site": rng.choice(["north", "south"], 300),
            "sex": rng.choice(["f", "m"], 300),
        }
    )
    found = run(["--table", written(tmp_path, frame), "--duration", "months", "--event", "event", "--repeats", "1",
                 "--folds", "2", "--censor-at", "20", "--group", "site", "--protected", "sex"])  # fmt: skip
    assert found.metrics["uno_c"].low > 0.6
    assert found.metrics["ibs"].value < found.peers["kaplan_meier"]["ibs"].value
    assert found.metrics["o_e"].low < 1 < found.metrics["o_e"].high
    assert set(found.peers) == {"kaplan_meier", "cox", "random_survival_forest", "logistic", "lightgbm"}
    assert found.peers["kaplan_meier"]["uno_c"].value == 0.5
    assert found.metrics["td_auc"].low > 0.6
    for name in ("auc", "ap", "lift@10", "brier", "calibration_slope", "calibration_intercept"):
        assert np.isfinite([found.metrics[name].low, found.peers["cox"][name].low]).all(), name
    assert found.metrics["auc"].value > found.peers["lightgbm"]["auc"].value - 0.05
    assert found.diagnostics["labels_at"] == pytest.approx(float(frame[frame["event"] == 1]["months"].clip(upper=20).median()), abs=1.0)  # fmt: skip
    groups = found.diagnostics["groups"]
    assert set(groups) == {"north", "south"}
    assert groups["north"]["o_e"]["low"] < 1 < groups["north"]["o_e"]["high"]
    assert {group["group"] for group in found.diagnostics["fairness"]["groups"]} == {"f", "m"}


def test_a_panel_is_split_by_time_with_a_gap(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    rows = []
    for person in range(400):
        load = rng.normal()
        for month in range(202401, 202413):
            event = rng.random() < 1 / (1 + np.exp(-(-3.0 + 1.2 * load)))
            rows.append((person, month, int(event), load + rng.normal(0, 0.2)))
            if event:
                break
    frame = pd.DataFrame(rows, columns=["person", "month", "event", "load"])
    arguments = [
        "--table",
        written(tmp_path, frame),
        "--id",
        "person",
        "--period",
        "month",
        "--event",
        "event",
    ]
    request = read_request([*arguments, "--horizon", "2", "--train-until", "202408"])
    (dataset,) = datasets(read_encoded(request), request, np.random.default_rng(1))
    assert dataset.panel.period.max() == 7  # August; judged from October on
    assert dataset.test.duration.max() == 2
    fit, check = dataset.folds[-1]
    assert (
        dataset.panel.period[fit].max() < dataset.panel.period[check].min() - 2
    )  # a gap of the horizon inside too
    found = run([*arguments, "--horizon", "2", "--train-until", "202408"])
    assert found.metrics["auc"].low > 0.55
    assert found.metrics["uno_c"].value > 0.55
    assert found.metrics["td_auc"].value > 0.55
    assert (
        found.metrics["ibs"].value < found.peers["kaplan_meier"]["ibs"].value + 0.005
    )  # few people are followed
    assert set(found.peers) == {
        "base_rate",
        "logistic",
        "lightgbm",
        "kaplan_meier",
        "cox",
        "random_survival_forest",
    }
    assert found.metrics["o_e"].low < 1 < found.metrics["o_e"].high
    assert found.verdict.startswith("auc ")  # of every period judged, not of the few at its beginning


def test_a_person_is_cut_into_the_periods_they_were_at_risk(tmp_path: Path) -> None:
    frame = pd.DataFrame({"t": [2.5, 2.6, 2.4], "e": [1, 0, 0], "x": [1.0, 2.0, 3.0]})
    table = read_encoded(
        read_request(["--table", written(tmp_path, frame), "--duration", "t", "--event", "e"])
    )
    panel = person_periods(table, np.arange(3), 1.0)
    # leaves in the third period; seen for most of the third; seen for less than half of it
    assert np.bincount(panel.features[:, 0].astype(int))[1:].tolist() == [3, 3, 2]
    assert panel.cause.tolist() == [0, 0, 1, 0, 0, 0, 0, 0]
    assert panel.features[:3, -1].tolist() == [0.0, 1.0, 2.0]


def test_equal_rows_stay_in_one_fold_and_each_fold_has_its_share_of_exits(tmp_path: Path) -> None:
    frame = pd.concat([cross_section(100)] * 2)
    request = read_request(["--table", written(tmp_path, frame), "--label", "gone"])
    table = read_encoded(request)
    fold = folds_of(table.profile, table.left, 5, np.random.default_rng(0))
    assert (fold[:100] == fold[100:]).all()
    exits = np.bincount(fold, table.left)
    assert exits.max() - exits.min() <= 4


def test_groups_that_all_have_leavers_and_stayers_can_be_held_out_whole() -> None:
    groups, left = np.repeat(np.arange(6), 50), np.tile([True, False], 150)
    fold = folds_of(groups, left, 3, np.random.default_rng(1))
    assert sorted(np.bincount(fold[::50]).tolist()) == [2, 2, 2]
    with pytest.raises(RefusedError, match="6 groups, 6 with exits"):
        folds_of(groups, left, 7, np.random.default_rng(1))


def test_columns_are_named_by_a_toml_file_and_the_command_line_wins(tmp_path: Path) -> None:
    mapping = tmp_path / "columns.toml"
    mapping.write_text('label = "gone"\ndrop = ["country"]\npositive = "Yes"\nfolds = 3\n')
    request = read_request(
        ["--table", written(tmp_path, cross_section()), "--columns", str(mapping), "--drop", "sex"]
    )
    assert (request["label"], request["positive"]) == ("gone", "Yes")
    assert (request["drop"], request["folds"]) == (["sex"], 3)


def test_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    frame = pd.concat([cross_section(60), cross_section(60).head(7)])
    table = read_encoded(
        read_request(["--table", written(tmp_path, frame), "--label", "gone", "--drop-duplicates"])
    )
    twice = int(frame.duplicated().sum())
    assert twice >= 7
    assert (table.notes["duplicates_dropped"], len(table.left)) == (twice, 67 - twice)


@pytest.mark.real_data
@pytest.mark.slow
def test_the_ranking_of_ibms_table_reaches_its_target_and_is_calibrated(real_data: Path) -> None:
    path = real_data / "attrition" / "ibm_hr_attrition" / "WA_Fn-UseC_-HR-Employee-Attrition.csv.gz"
    found = run(["--table", str(path), "--label", "Attrition", "--repeats", "1"])
    assert found.metrics["auc"].value > 0.84
    assert found.metrics["brier"].value <= found.peers["logistic"]["brier"].value

"""`skillpath evaluate impact` on plain tables: refused first, then answered."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import BadInputError
from training.evaluation import as_json
from training.impact.evaluate_table import run

QUICK = ["--trees", "30", "--seeds", "1", "--threads", "1"]


def people(rng: np.random.Generator, n: int = 600) -> pd.DataFrame:
    """Return people whose training raised the outcome by 2, and who chose it by how they were before."""
    skill = rng.normal(size=n)
    trained = rng.random(n) < 1 / (1 + np.exp(1 - 0.8 * skill))
    before = 10 + 2 * skill + rng.normal(0, 0.5, n)
    return pd.DataFrame(
        {
            "person": [f"P{number}" for number in range(n)],
            "trained": np.where(trained, "yes", "no"),
            "skill": skill,
            "site": rng.choice(["north", "south", "west"], n),
            "before": before,
            "after": 10 + 2 * skill + 2.0 * trained + rng.normal(0, 0.5, n),
            "team": rng.integers(0, 40, n),
        }
    )


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    people(np.random.default_rng(3)).to_csv(path, index=False)
    return path


def asked(path: Path, *more: str) -> list[str]:
    return ["--table", str(path), "--treatment", "trained", "--outcome", "after", *more]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (["--outcome", "later"], "no such column"),
        (["--covariates", "skill,age"], "no such column"),
        (["--covariates", "skill,trained"], "no covariates"),
        (["--outcome", "site"], "no number"),
        (["--treated-value", "maybe"], "No row of column trained has the value"),
        (["--treatment", "site"], "does not say yes or no"),
        (["--placebo-outcome", "after"], "comes before it"),
        (["--estimand", "late"], "no such estimand"),
        (["--design", "offer"], "needs --offer"),
        (["--design", "staggered"], "needs --unit, --period"),
        (["--design", "by lot"], "invalid choice"),
        (["--trees", "0"], "at least 1"),
        (["--table", "missing.csv"], "not there"),
    ],
)
def test_arguments_that_cannot_be_used_teach(table: Path, change: list[str], says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        run(asked(table, *change))


def changed(path: Path, **columns: object) -> Path:
    frame = pd.read_csv(path).assign(**columns)
    frame.to_csv(path, index=False)
    return path


def test_all_trained_is_a_refusal_with_its_reason(table: Path) -> None:
    found = as_json(run(asked(changed(table, trained="yes"))))
    assert found["status"] == "refused"
    assert "no comparison group" in found["reason"]
    assert found["verdict"] == "cannot tell"


def test_a_constant_outcome_is_a_refusal(table: Path) -> None:
    assert "same for everybody" in run(asked(changed(table, after=3.0))).reason


def test_people_who_stand_there_twice_are_a_refusal(table: Path) -> None:
    twice = changed(table, person=["P1", "P1", *[f"P{n}" for n in range(2, 600)]])
    assert "more than once" in run(asked(twice, "--unit", "person")).reason


def test_one_cluster_is_a_refusal(table: Path) -> None:
    assert "one cluster" in run(asked(changed(table, team=1), "--cluster", "team")).reason


def test_a_planted_effect_is_found_and_told_with_everything_beside_it(table: Path) -> None:
    found = as_json(
        run(asked(table, *QUICK, "--unit", "person", "--cluster", "team", "--placebo-outcome", "before"))
    )
    estimate = found["metrics"]["estimate"]
    assert estimate["low"] < 2.0 < estimate["high"]
    assert found["metrics"]["placebo"]["low"] < 0 < found["metrics"]["placebo"]["high"]
    assert set(found["peers"]) == {"difference_in_means", "ols", "entropy_balancing"}
    assert found["peers"]["difference_in_means"]["estimate"]["value"] > 2.5
    assert found["diagnostics"]["overlap"]["effective_sample"] > 50
    assert found["diagnostics"]["sensitivity"]["robustness_value"] > 0
    assert "random forests" in found["diagnostics"]["learners"]
    assert found["verdict"] in ("credible", "suggestive")
    assert found["n"]["trained"] + found["n"]["compared"] == 600
    assert len(found["data_digest"]) == 64


def test_unbalanced_sites_become_indicators(table: Path) -> None:
    found = run(asked(table, *QUICK, "--covariates", "skill,site"))
    names = found.diagnostics["covariates"]
    assert names[0] == "skill"
    assert sum(name.startswith("site = ") for name in names) == 2


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet", ".dta"])
def test_the_same_rows_give_the_same_answer_in_every_format(table: Path, suffix: str, tmp_path: Path) -> None:
    frame = pd.read_csv(table)
    other = tmp_path / f"people{suffix}"
    if suffix == ".csv.gz":
        other.write_bytes(gzip.compress(table.read_bytes()))
    elif suffix == ".parquet":
        frame.to_parquet(other)
    else:
        frame.to_stata(other, write_index=False)
    more = ["--pipeline", "screening", "--covariates", "skill,before"]
    one, two = (run(asked(path, *more)).metrics["estimate"] for path in (table, other))
    assert one.value == pytest.approx(two.value, abs=1e-6)


def test_a_control_table_gives_the_compared_and_its_name_is_no_covariate(table: Path, tmp_path: Path) -> None:
    frame = pd.read_csv(table).assign(source="trial")
    others = frame[frame["trained"] == "no"].assign(source="survey").drop(columns="trained")
    frame.to_csv(table, index=False)
    others.to_csv(tmp_path / "others.csv", index=False)
    more = ["--control-table", str(tmp_path / "others.csv"), "--pipeline", "screening", "--unit", "person"]
    found = run(asked(table, *more))
    assert found.n["compared"] == len(others)
    assert "source" in found.diagnostics["left_out"]
    assert found.status == "estimated"


def test_a_lot_gives_randomised_evidence_and_the_difference_in_means(table: Path) -> None:
    frame = pd.read_csv(table)
    lot = np.random.default_rng(7).random(len(frame)) < 0.5
    gain = 2.0 * lot - 2.0 * (frame["trained"] == "yes")
    changed(table, trained=lot.astype(int), after=frame["after"] + gain)
    plain = run(asked(table, "--design", "randomised"))
    adjusted = run(
        asked(table, "--design", "randomised", "--covariates", "skill", "--placebo-outcome", "before")
    )
    after = pd.read_csv(table)["after"]
    assert plain.metrics["estimate"].value == pytest.approx(after[lot].mean() - after[~lot].mean())
    assert plain.verdict == adjusted.verdict == "randomised evidence"
    width = [one.metrics["estimate"].high - one.metrics["estimate"].low for one in (plain, adjusted)]
    assert width[1] < width[0] / 2


def test_an_offer_is_told_with_its_first_stage(table: Path) -> None:
    frame = pd.read_csv(table)
    rng = np.random.default_rng(7)
    lot = rng.random(len(frame)) < 0.5
    part = lot & (rng.random(len(frame)) < 0.7)
    base = frame["after"] - 2.0 * (frame["trained"] == "yes")
    changed(table, offered=lot.astype(int), trained=part.astype(int), after=base + 2.0 * part)
    found = run(asked(table, "--design", "offer", "--offer", "offered", "--covariates", "skill"))
    assert found.metrics["late"].low < 2.0 < found.metrics["late"].high
    assert found.metrics["estimate"] == found.metrics["late"]
    assert found.metrics["first_stage"].value == pytest.approx(0.7, abs=0.06)
    assert found.verdict == "randomised evidence"
    itt = run(
        asked(table, "--design", "offer", "--offer", "offered", "--covariates", "skill", "--estimand", "itt")
    )
    assert itt.metrics["estimate"] == found.metrics["itt"]


def test_a_roll_out_is_read_from_a_long_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    first = rng.choice([3, 5, 0], 120)
    rows = [
        (unit, period, start, 2.0 * (start > 0 and period >= start) + 0.3 * period + rng.normal(0, 0.3))
        for unit, start in enumerate(first)
        for period in range(1, 7)
    ]
    path = tmp_path / "panel.csv"
    pd.DataFrame(rows, columns=["unit", "month", "first", "kpi"]).to_csv(path, index=False)
    arguments = ["--table", str(path), "--design", "staggered", "--outcome", "kpi", "--unit", "unit"]
    found = run([*arguments, "--period", "month", "--first-treated", "first"])
    assert found.metrics["estimate"].low < 2.0 < found.metrics["estimate"].high
    assert found.verdict == "credible"
    assert found.n == {"units": 120, "trained": int((first > 0).sum()), "periods": 6}
    assert found.diagnostics["pretrend_p_value"] > 0.01
    found.figures["event_study"]()


def test_periods_may_be_dates(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    rows = [
        (unit, period, start, 2.0 * (start > 0 and period >= start) + rng.normal(0, 0.3))
        for unit, start in enumerate(rng.choice([3, 5, 0], 60))
        for period in range(1, 7)
    ]
    plain = pd.DataFrame(rows, columns=["unit", "month", "first", "kpi"])
    # trained in the middle of the month before: counts from the next measurement
    start = [f"2024-{one - 1:02}-15" if one else None for one in plain["first"]]
    dated = plain.assign(month=[f"2024-{one:02}-01" for one in plain["month"]], first=start)
    found = []
    for name, frame in (("plain", plain), ("dated", dated)):
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
        found.append(run(["--table", str(tmp_path / f"{name}.csv"), "--design", "staggered", "--outcome", "kpi", "--unit", "unit",
                          "--period", "month", "--first-treated", "first"]))  # fmt: skip
    assert found[0].metrics["estimate"] == found[1].metrics["estimate"]
    assert (
        found[1].diagnostics["left_out"]["periods"] == "dates, counted from 1 (2024-01-01) to 6 (2024-06-01)"
    )
    dated.assign(first="soon").to_csv(tmp_path / "dated.csv", index=False)
    with pytest.raises(BadInputError, match="first does not"):
        run(["--table", str(tmp_path / "dated.csv"), "--design", "staggered", "--outcome", "kpi", "--unit", "unit",
             "--period", "month", "--first-treated", "first"])  # fmt: skip


SCREENED = ("--pipeline", "screening", "--threads", "1")


def test_without_anything_known_from_before_nobody_can_tell(table: Path) -> None:
    pd.read_csv(table)[["trained", "after"]].to_csv(table, index=False)
    found = run(asked(table, *SCREENED))
    outcome, trained = (pd.read_csv(table)[name] for name in ("after", "trained"))
    naive = outcome[trained == "yes"].mean() - outcome[trained == "no"].mean()
    assert found.metrics["estimate"].value == pytest.approx(naive, abs=0.05)
    assert found.verdict == "cannot tell"
    assert "compared as they are" in found.diagnostics["verdict_words"]


def test_a_placebo_that_is_the_only_covariate_is_compared_as_it_is(table: Path) -> None:
    found = run(asked(table, *SCREENED, "--covariates", "before", "--placebo-outcome", "before"))
    assert found.metrics["placebo"].low > 0  # nothing is left to adjust the past by
    assert found.verdict == "cannot tell"


def test_several_placebos_are_pooled_and_each_is_told(table: Path) -> None:
    frame = pd.read_csv(table)
    frame.assign(long_before=100 * frame["before"] + np.arange(600) % 7).to_csv(table, index=False)
    one = run(asked(table, *SCREENED, "--covariates", "skill", "--placebo-outcome", "before"))
    two = run(asked(table, *SCREENED, "--covariates", "skill", "--placebo-outcome", "before,long_before"))
    assert "placebos" not in one.diagnostics
    assert two.diagnostics["placebos"][0]["value"] == pytest.approx(one.metrics["placebo"].value)
    assert two.metrics["placebo"].value == pytest.approx(one.metrics["placebo"].value, abs=0.05)
    assert two.diagnostics["left_out"].keys() == one.diagnostics["left_out"].keys()
    both = run(asked(table, *SCREENED, "--placebo-outcome", "before,long_before"))
    assert {"before", "long_before"} < set(both.diagnostics["covariates"])
    assert abs(both.metrics["placebo"].value) < 1  # neither gives the other away
    with pytest.raises(BadInputError, match="no such column"):
        run(asked(table, *SCREENED, "--placebo-outcome", "before,never"))


def test_dates_are_covariates_and_a_yes_or_no_is_an_outcome(table: Path) -> None:
    frame = pd.read_csv(table)
    hired = pd.Timestamp("2020-01-01") + pd.to_timedelta((100 * frame["skill"]).round(), unit="D")
    stayed = np.where(frame["after"] > 11, "yes", "no")
    frame.assign(hired=hired.dt.strftime("%Y-%m-%d"), after=stayed).drop(columns=["skill", "site"]).to_csv(
        table, index=False
    )
    found = run(asked(table, *SCREENED))
    assert "hired" in found.diagnostics["covariates"]
    assert 0 < found.metrics["estimate"].value < 1
    assert "e_value" in found.metrics


def test_a_placebo_and_a_control_that_say_nothing_are_told_so(table: Path) -> None:
    changed(table, before=3.0, other=1.0)
    found = run(asked(table, *SCREENED, "--placebo-outcome", "before", "--negative-control", "other"))
    left_out = found.diagnostics["left_out"]
    assert (
        left_out["before"]
        == left_out["other"]
        == "no outcome to test with: the same for everybody, or hardly measured"
    )


def test_what_only_looks_like_dates_is_text(table: Path) -> None:
    changed(
        table,
        hired=[f"2020-13-{place % 28 + 1:02}" for place in range(600)][::-1],
        site=[f"s{n}" for n in range(600)],
    )
    found = run(asked(table, *SCREENED))
    assert "hired" not in found.diagnostics["covariates"]
    assert found.diagnostics["left_out"]["site"] == "has more than 30 values"


def test_rows_without_a_team_count_by_themselves(table: Path) -> None:
    frame = pd.read_csv(table)
    frame.assign(team=frame["team"].where(frame.index < 300)).to_csv(table, index=False)
    found = run(asked(table, *SCREENED, "--cluster", "team"))
    assert found.diagnostics["left_out"]["team"] == "300 rows name none; each counts by itself"
    alone = run(asked(changed(table, team=np.arange(600)), *SCREENED, "--cluster", "team"))
    assert found.diagnostics["standard_error"] == pytest.approx(alone.diagnostics["standard_error"], rel=0.25)


def test_too_few_to_ask_whom_it_helps_keep_their_average(table: Path) -> None:
    found = run(asked(table, *SCREENED, "--covariates", "skill,before", "--individual"))
    assert found.status == "estimated"
    assert found.diagnostics["individual"]["gate"] == "shut"
    assert found.diagnostics["individual"]["verdict"].startswith("not asked")


def test_pictures_are_drawn_when_asked_for(table: Path, tmp_path: Path) -> None:
    found = run(asked(table, "--pipeline", "screening", "--covariates", "skill,before"))
    for name, draw in found.figures.items():
        draw().savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 5_000

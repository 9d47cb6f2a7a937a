"""LaLonde's sample, as Dehejia and Wahba have it: the answer is known, and so is that nobody could have told it."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.evaluation import Evaluation
from training.impact.evaluate_table import run

COVARIATES = "age,education,black,hispanic,married,nodegree,re74,re75"
KNOWN = {  # difference in means, linear regression, entropy balancing, its effective sample
    "cps": (-8_498, 1_066, 1_406, 269),
    "psid": (-15_205, 4, 2_425, 23),
}

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def folder(real_data: Path) -> Path:
    return real_data / "training_impact" / "lalonde_imbens_xu"


def against(folder: Path, control: str, *more: str) -> Evaluation:
    return run(
        [
            "--table", str(folder / "nsw_dw.dta"), "--control-table", str(folder / f"{control}_controls.dta"),
            "--treatment", "treat", "--outcome", "re78", "--covariates", COVARIATES, "--placebo-outcome", "re75", *more,
        ]
    )  # fmt: skip


@pytest.mark.parametrize(("name", "effect"), [("nsw_dw", 1_794), ("nsw", 886)])
def test_the_lot_itself_gives_randomised_evidence(folder: Path, name: str, effect: int) -> None:
    path = str(folder / f"{name}.dta")
    found = run(["--table", path, "--treatment", "treat", "--outcome", "re78", "--design", "randomised"])
    assert found.metrics["estimate"].value == pytest.approx(effect, abs=1)
    assert found.verdict == "randomised evidence"


@pytest.mark.parametrize("control", ["cps", "psid"])
def test_the_peers_are_the_published_figures_and_the_placebo_fails(folder: Path, control: str) -> None:
    found = against(folder, control, "--pipeline", "screening")
    means, linear, balanced, effective = KNOWN[control]
    assert found.peers["difference_in_means"]["estimate"].value == pytest.approx(means, abs=1)
    assert found.peers["ols"]["estimate"].value == pytest.approx(linear, abs=1)
    assert found.peers["entropy_balancing"]["estimate"].value == pytest.approx(balanced, abs=1)
    assert found.peers["entropy_balancing"]["effective_sample"].value == pytest.approx(effective, abs=1)
    assert found.metrics["placebo"].high < 0
    assert found.verdict == "cannot tell"
    assert "data_id" not in found.diagnostics["covariates"]

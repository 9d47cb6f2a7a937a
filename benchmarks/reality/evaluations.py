"""Steps 3 to 5: recommendation, attrition and impact on public data, by the `evaluate` commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.reality.proof import DATA, Fact, cost, interval, run

MOOC = DATA / "learning" / "mooccubex_xuetangx" / "train.txt.gz"
BABUSHKIN = DATA / "attrition" / "babushkin_turnover_survival" / "turnover.csv"
IBM = DATA / "attrition" / "ibm_hr_attrition" / "WA_Fn-UseC_-HR-Employee-Attrition.csv.gz"
LALONDE = DATA / "training_impact" / "lalonde_imbens_xu"
TRUTH, REACH = 1_794, 250
COVARIATES = "age,education,black,hispanic,married,nodegree,re74,re75"


def recommendation() -> Iterator[Fact]:
    """One enrolment of each of 97,722 learners is held out; every course is ranked."""
    done = run("evaluate", "recommendation", "--interactions", MOOC, "--split", "leave-one", "--seed", "0",
               "--peers", "popularity,itemknn")  # fmt: skip
    for metric in ("hr@10", "ndcg@10"):
        yield from beside(done.answer, metric)
    yield cost("MOOCCubeX", done)


def beside(answer: dict[str, Any], metric: str, digits: int = 3) -> Iterator[Fact]:
    """Yield a metric of the model, and of each peer in the same run."""
    yield Fact(f"{metric}: Skillpath", interval(answer["metrics"][metric], digits))
    for peer, metrics in answer["peers"].items():
        if metric in metrics:
            yield Fact(f"{metric}: {peer}", interval(metrics[metric], digits))


def attrition() -> Iterator[Fact]:
    """Time to exit on Babushkin's real file; the IBM file is synthetic and a sanity check only."""
    done = run("evaluate", "attrition", "--table", BABUSHKIN, "--duration", "stag", "--event", "event",
               "--drop-duplicates", "--censor-at", "110", "--encoding", "latin-1", "--folds", "5", "--repeats", "2",
               "--split", "grouped", "--seed", "0")  # fmt: skip
    for metric in ("uno_c", "ibs"):
        yield from beside(done.answer, metric)
    yield cost("Babushkin", done)
    done = run("evaluate", "attrition", "--table", IBM, "--label", "Attrition", "--positive", "Yes", "--drop",
               "EmployeeNumber", "--split", "cv", "--folds", "10", "--repeats", "1", "--seed", "0")  # fmt: skip
    for metric in ("auc", "brier"):
        yield from beside(done.answer, metric)
    yield cost("IBM (synthetic)", done)


def impact() -> Iterator[Fact]:
    """Estimate the effect on the LaLonde data: the number comes near the truth, and the placebo forbids belief."""
    for name, controls in (("CPS", "cps_controls.dta"), ("PSID", "psid_controls.dta")):
        done = run("evaluate", "impact", "--table", LALONDE / "nsw_dw.dta", "--treatment", "treat", "--outcome", "re78",
                   "--covariates", COVARIATES, "--control-table", LALONDE / controls, "--design", "observational",
                   "--placebo-outcome", "re75")  # fmt: skip
        yield from told(name, done.answer)
        yield near_truth(name, done.answer)
        fails = "cannot tell" in done.answer["verdict"].lower()
        yield Fact(f"{name}: the verdict refuses to flatter", str(fails), "True", fails)
        yield cost(name, done)
    done = run("evaluate", "impact", "--table", LALONDE / "nsw_dw.dta", "--treatment", "treat", "--outcome", "re78",
               "--design", "randomised")  # fmt: skip
    yield from told("randomised sample", done.answer)


def near_truth(name: str, answer: dict[str, Any]) -> Fact:
    """Return the fact that the estimate is near the experiment's, and its interval holds it."""
    found = answer["metrics"]["estimate"]
    holds = abs(found["value"] - TRUTH) <= REACH and found["low"] <= TRUTH <= found["high"]
    return Fact(
        f"{name}: within ${REACH} of the experiment's ${TRUTH:,}, interval covering",
        str(holds),
        "True",
        holds,
    )


def told(name: str, answer: dict[str, Any]) -> Iterator[Fact]:
    """Yield estimate, overlap, placebo and verdict of one comparison."""
    yield Fact(f"{name}: effect on 1978 earnings, $", interval(answer["metrics"]["estimate"], 0))
    for metric in ("placebo", "effective_sample"):
        if metric in answer["metrics"]:
            yield Fact(f"{name}: {metric}", interval(answer["metrics"][metric], 0))
    yield Fact(f"{name}: verdict", answer["verdict"])

"""Real experiments: Hillstrom (whom a message moves), Job Corps and JOBS II (offers that not everybody takes up)."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from training.impact.evaluate_table import run

PUBLISHED_QINI = (0.0033, 0.0037)
HILLSTROM = "recency,history,mens,womens,zip_code,newbie,channel"
JOB_CORPS = "female,age,white,black,hispanic,educ,geddegree,hsdegree,english,cohabmarried,haschild,everwkd,mwearn,health,smoke,alcohol"
JOBS_II = "econ_hard,depress1,sex,age,educ,income"


def experiments(request: argparse.Namespace) -> None:
    """Print all three."""
    hillstrom(request.data / "hillstrom_uplift" / "hillstrom.csv.gz")
    with tempfile.TemporaryDirectory() as scratch:
        job_corps(request.data / "job_corps_JC" / "JC.csv.gz", Path(scratch) / "jc.parquet")
    jobs_ii(request.data / "jobs_ii_mediation" / "jobs.csv.gz")


def hillstrom(path: Path) -> None:
    """Print for each arm whether anyone is moved more than others, with Qini and what choosing is worth."""
    for arm in ("Mens", "Womens"):
        found = run(["--table", str(path), "--treatment", "segment", "--treated-value", f"{arm} E-Mail", "--compared-value",
                     "No E-Mail", "--outcome", "visit", "--covariates", HILLSTROM, "--design", "randomised", "--individual"])  # fmt: skip
        gate = found.diagnostics["individual"]
        print(
            f"\nHillstrom, {arm.lower()}: effect on visits {told(found.metrics['estimate'], 4)} ({found.verdict})"
        )
        print(f"  Qini × 1,000 {told(found.metrics['qini'], 5, 1_000)} (published, women: {PUBLISHED_QINI[0] * 1e3:.1f}–{PUBLISHED_QINI[1] * 1e3:.1f}), "
              f"calibration slope {told(found.metrics['calibration_slope'], 2)}: {gate['verdict']}")  # fmt: skip
        for name, value in gate["policy_value"].items():
            print(
                f"  {name:16}{value['value']:.4f} ({value['low']:.4f} to {value['high']:.4f}) visits per person"
            )


def job_corps(path: Path, kept: Path) -> None:
    """Print what the offer of Job Corps did, and what training did to those it moved."""
    frame = pd.read_csv(path)
    frame["took_part"] = ((frame["trainy1"] + frame["trainy2"]) > 0).astype(int)
    frame.to_parquet(kept)
    for outcome in ("earny4", "pworky4", "health48"):
        tell(f"Job Corps, {outcome}", kept, ["--treatment", "took_part", "--offer", "assignment", "--outcome", outcome,
                                             "--covariates", JOB_CORPS])  # fmt: skip


def jobs_ii(path: Path) -> None:
    """Print what the offer of the workshop did, and what attending did to those it moved."""
    for outcome in ("job_seek", "depress2"):
        tell(f"JOBS II, {outcome}", path, ["--treatment", "comply", "--offer", "treat", "--outcome", outcome,
                                           "--covariates", JOBS_II])  # fmt: skip


def tell(title: str, path: Path, arguments: list[str]) -> None:
    """Print the effect of the offer, the first stage and the effect of taking part."""
    found = run(["--table", str(path), "--design", "offer", *arguments])
    print(f"\n{title}: {found.n['trained']} offered, {found.n['compared']} not; {found.verdict}")
    for name in ("itt", "first_stage", "late"):
        print(f"  {name:12}{told(found.metrics[name], 3)}")
    print(f"  first stage F {found.diagnostics['first_stage_f']:,.0f}; took part {found.diagnostics['uptake_if_offered']:.0%} of the offered, "
          f"{found.diagnostics['uptake_if_not_offered']:.0%} of the others{wald(path, arguments)}")  # fmt: skip


def wald(path: Path, arguments: list[str]) -> str:
    """Return Wald's ratio of two differences in means on the same rows, without covariates: the plainest peer."""
    named = dict(zip(arguments[::2], arguments[1::2], strict=True))
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    part, offer = (yes(frame[named[name]]) for name in ("--treatment", "--offer"))
    outcome = frame[named["--outcome"]].to_numpy(dtype=np.float64)
    known = np.isfinite(outcome)
    y, d, z = outcome[known], part[known], offer[known]
    ratio = (y[z == 1].mean() - y[z == 0].mean()) / (d[z == 1].mean() - d[z == 0].mean())
    return f"; Wald's ratio without covariates {ratio:.3f}"


def yes(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Return 1 where a column says yes."""
    text = column.astype(str).str.lower()
    return text.isin(["1", "1.0", "yes", "treat", "treatment"]).to_numpy(dtype=np.float64)


def told(interval: Any, digits: int, scale: float = 1) -> str:
    """Return a value with its interval."""
    value, low, high = (scale * one for one in (interval.value, interval.low, interval.high))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

"""``skillpath evaluate recommendation --log``: another policy's worth, from a table of what was shown."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from features.errors import BadInputError, RefusedError
from training.evaluation import Evaluation, Interval
from training.recommendation.off_policy import Floats, Log, policy_value
from training.tables import data_digest_of_table, read_table

COLUMNS = {
    "reward": "what came of it: 1 taken up, 0 not, or any one unit",
    "propensity": "probability with which it was shown",
    "target": "probability with which the policy in question would have shown it",
    "expected": "reward predicted out of fold for what was shown (for the doubly robust estimate)",
    "expected_of_target": "mean reward predicted over what the policy in question would show",
    "user": "whose row it is; without it every row counts as a person",
}
NEEDED = ("reward", "propensity", "target")
PROTOCOL = (
    "off-policy, from logged propensities: IPS, SNIPS and, with predictions, doubly robust; people resampled"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a log to the command's parser."""
    parser.add_argument(
        "--log", type=Path, help="what was shown, with propensities: instead of --interactions"
    )
    for name, words in COLUMNS.items():
        if name != "user":
            parser.add_argument(
                f"--{name.replace('_', '-')}-column", default=name, help=f"in the log: {words}"
            )


def evaluate_log(options: argparse.Namespace) -> Evaluation:
    """Estimate what the policy in question would have brought.

    Raises
    ------
    BadInputError
        If a column is missing or holds no numbers.
    RefusedError
        If propensities are missing, or the log does not cover the policy.
    """
    frame = read_table(options.log, options.encoding)
    log = log_of(frame, options)
    rng = np.random.default_rng(options.seed)
    values, differences, overlap = policy_value(log, rng)
    logged = values.pop("logged")
    best = "dr" if "dr" in values else "snips"
    return Evaluation(
        question="recommendation",
        protocol=PROTOCOL,
        metrics=values,
        peers={"logged": dict.fromkeys(values, logged)},
        primary=best,
        per_unit=log.weights * log.reward,
        peer_units={"logged": log.reward},
        diagnostics={
            "difference_to_logged": differences,
            "effective_rows": overlap.effective_rows,
            "largest_weight_share": overlap.largest_share,
            "mean_weight": overlap.mean_weight,
        },
        n={"rows": log.reward.size, "people": int(np.unique(log.people).size)},
        verdict=verdict(best, differences[best]),
        seeds=(options.seed,),
        data_digest=data_digest_of_table(frame),
    )


def log_of(frame: pd.DataFrame, options: argparse.Namespace) -> Log:
    """Return the log of a table."""
    found = {name: numbers(frame, getattr(options, f"{name}_column"), options.log.name) for name in COLUMNS
             if name != "user"}  # fmt: skip
    if found["propensity"] is None:
        raise RefusedError(
            "The log holds no propensities, so what another policy would have brought cannot be told.",
            found=", ".join(map(str, frame.columns)),
            allowed=f"a column {options.propensity_column}",
            hint="Give --propensity-column, or log an exploration slot first.",
        )
    missing = [name for name in NEEDED if found[name] is None]
    if missing:
        raise BadInputError(
            f"{options.log.name} has no column for {' and '.join(missing)}.",
            found=", ".join(map(str, frame.columns)),
            allowed="; ".join(f"{name}: {COLUMNS[name]}" for name in missing),
            hint=f"Give --{missing[0]}-column.",
        )
    user = next((name for name in (options.user_column, "user", "employee_id") if name in frame), None)
    people = np.arange(len(frame)) if user is None else pd.factorize(frame[user])[0]
    return Log(people=people.astype(np.int64), **found)  # type: ignore[arg-type]


def numbers(frame: pd.DataFrame, column: str, file: str) -> Floats | None:
    """Return a column as numbers; None where there is none, nan where a cell is empty."""
    if column not in frame:
        return None
    values = pd.to_numeric(frame[column], errors="coerce")
    bad = values.isna() & frame[column].notna()
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise BadInputError(
            f"{file} has a {column} that is no number.",
            found=f"{frame[column].iloc[row]!r} in row {row + 1}",
            allowed="numbers",
        )
    return np.asarray(values, dtype=np.float64)


def verdict(name: str, gap: Interval) -> str:
    """Return, in words, how the policy in question stands beside what was shown."""
    word = "ahead of" if gap.low > 0 else "behind" if gap.high < 0 else "not told apart from"
    return f"{word} what was shown by {gap.value:+.4f} ({name}; 95 % {gap.low:+.4f} to {gap.high:+.4f})"

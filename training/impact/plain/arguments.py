"""What ``skillpath evaluate impact`` takes."""

from __future__ import annotations

import argparse

from features.errors import BadInputError
from training.options import Options

DESCRIPTION = "Estimate what a training did, on any table, with everything that says how sure one can be."
EXAMPLE = (
    "skillpath evaluate impact --table nsw_dw.dta --control-table cps_controls.dta --treatment treat "
    "--outcome re78 --covariates age,education,re74,re75 --placebo-outcome re75"
)
DESIGNS = ("observational", "randomised", "offer", "staggered")
ESTIMANDS = ("att", "ate", "itt", "late")
ALLOWED = {
    "observational": ("att", "ate"),
    "randomised": ("ate", "att", "itt"),
    "offer": ("late", "itt"),
    "staggered": ("att",),
}


def parser() -> Options:
    """Return the parser of ``skillpath evaluate impact``."""
    found = Options("impact", DESCRIPTION, EXAMPLE)
    add = found.add_argument
    add("--table", required=True, help="CSV, TSV, Parquet, Stata or Excel, plain or .gz")
    add("--control-table", help="who is compared; of --table only the trained are kept")
    add("--treatment", help="column that says who was trained (or took part)")
    add("--treated-value", help="the value of --treatment that means trained, where it is not 0/1 or yes/no")
    add(
        "--compared-value",
        help="the value of --treatment that means compared; rows with another are left out (several arms)",
    )
    add("--outcome", required=True, help="numeric column, measured after the training")
    add(
        "--covariates",
        help="columns known before the training; observational: all others by default, otherwise none",
    )
    add("--design", choices=DESIGNS, default="observational")
    add("--offer", help="column that says who was offered the training by lot (--design offer)")
    add("--offered-value", help="the value of --offer that means offered, where it is not 0/1 or yes/no")
    add("--unit", help="column that names the person (or firm); a person may stand in a cross-section once")
    add("--period", help="column with the period of a row (--design staggered)")
    add(
        "--first-treated",
        help="column with the first period of training; empty, 0 or later than the data: never",
    )
    add(
        "--random-timing",
        action="store_true",
        help="the order of a staggered roll-out was drawn by lot",
    )
    add(
        "--placebo-outcome",
        help="numeric column from before the training, on which it can have had no effect; several (A,B) are pooled",
    )
    add(
        "--negative-control",
        help="numeric column from after the training that it cannot have moved",
    )
    add("--outcome-unit", help="column with the unit of the outcome; more than one unit is refused")
    add("--trained-at", help="column with the moment (or period) of the training")
    add("--measured-at", help="column with the moment of the outcome; before --trained-at it is refused")
    add("--known-at", help="column with the moment of the covariates; after --trained-at they are refused")
    add("--cluster", help="column whose groups are not independent (teams)")
    add("--estimand", choices=ESTIMANDS, help="att by default; offer: late; randomised: ate")
    add("--pipeline", choices=("full", "screening"), default="full")
    add(
        "--trees",
        type=int,
        default=500,
        help="trees of each forest (full; large tables grow theirs until they stop to gain)",
    )
    add("--seeds", type=int, default=5, help="so many seeds, from 0 on (full)")
    add(
        "--individual",
        action="store_true",
        help="also ask whether it helped some more than others (behind its gate)",
    )
    add("--figures", help="folder for the pictures, as PNG and SVG")
    add("--encoding", help="of a text file")
    add("--threads", type=int, default=2)
    return found


def read_arguments(arguments: list[str]) -> argparse.Namespace:
    """Return what the arguments ask for.

    Raises
    ------
    BadInputError
        If they contradict each other, or name too little.
    """
    found = parser().parse_args(arguments)
    found.estimand = found.estimand or ALLOWED[found.design][0]
    if found.estimand not in ALLOWED[found.design]:
        raise BadInputError(
            f"The design {found.design} has no such estimand.",
            found=found.estimand,
            allowed=", ".join(ALLOWED[found.design]),
        )
    check_named(found)
    found.covariates = None if found.covariates is None else split(found.covariates)
    found.placebo_outcome = split(found.placebo_outcome or "")
    return found


def check_named(found: argparse.Namespace) -> None:
    """Raise BadInputError where a design lacks a column it needs."""
    needs = {
        "observational": ("treatment",),
        "randomised": ("treatment",),
        "offer": ("treatment", "offer"),
        "staggered": ("unit", "period"),
    }[found.design]
    missing = [f"--{name}" for name in needs if not getattr(found, name)]
    if found.design == "staggered" and not (found.first_treated or found.treatment):
        missing.append("--first-treated (or --treatment)")
    if missing:
        raise BadInputError(f"The design {found.design} needs {', '.join(missing)}.", hint="See --help.")
    if found.design == "staggered" and found.covariates:
        raise BadInputError(
            "The design staggered takes no covariates: it compares changes, not levels.",
            found=found.covariates,
        )
    if (found.measured_at or found.known_at) and not found.trained_at:
        raise BadInputError(
            "--measured-at and --known-at are compared with --trained-at.", hint="Give it too."
        )
    placebos = split(found.placebo_outcome or "")
    if found.design == "staggered" and len(placebos) > 1:
        raise BadInputError("The design staggered takes one placebo.", found=found.placebo_outcome)
    if found.outcome in (found.treatment, *placebos):
        raise BadInputError(
            "The outcome is the treatment, or comes before it.",
            found=found.outcome,
            allowed="a column measured after the training",
        )
    if found.trees < 1 or found.seeds < 1 or found.threads < 1:
        raise BadInputError("--trees, --seeds and --threads are at least 1.")


def split(text: str) -> list[str]:
    """Return names separated by commas."""
    return [part.strip() for part in text.split(",") if part.strip()]

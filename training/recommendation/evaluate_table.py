"""Evaluate the recommendation question on any table of who took what: the same fit, the same evaluation."""

from __future__ import annotations

import argparse
import hashlib
import tempfile
from pathlib import Path

import numpy as np

from features.errors import BadInputError
from training.evaluation import Evaluation
from training.options import Options
from training.payload import write_payload
from training.questions import parameters_of
from training.recommendation import fit as fitting
from training.recommendation.evaluate import evaluate
from training.recommendation.evaluate_log import add_options, evaluate_log
from training.recommendation.peers import PEERS, STANDARD, chosen_peers
from training.recommendation.splits import NEW_COURSES, SPLITS, Table, dataset_of
from training.recommendation.table import Columns, aligned, item_content, read_pairs, user_cohorts
from training.tables import data_digest_of_table

DESCRIPTION = """Rank every course for each person and compare with what they took.

Tables: .csv, .tsv, .txt, .parquet, .dta, .xlsx or RecBole's .inter, plain or .gz; or a list file, one person a line:
person course course …

With --log instead: what another policy would have brought, from what was shown with logged propensities."""
EXAMPLE = "skillpath evaluate recommendation --interactions train.txt.gz --split leave-one --seed 0"


def parser() -> Options:
    """Return the parser of the command's options."""
    made = Options("recommendation", DESCRIPTION, EXAMPLE)
    made.add_argument("--interactions", type=Path, help="who took what")
    add_options(made)
    made.add_argument("--test", type=Path, help="held-out interactions; without it they are split off")
    made.add_argument(
        "--split",
        choices=sorted([*SPLITS, NEW_COURSES]),
        help="temporal where there is a time, else leave-one",
    )
    made.add_argument("--items", type=Path, help="the catalogue: every row is ranked, its words are content")
    made.add_argument("--users", type=Path, help="people with their job, occupation or department")
    for role in ("user", "item", "time", "rating"):
        made.add_argument(f"--{role}-column", default="", help=f"name of the {role} column")
    made.add_argument("--peers", default=",".join(STANDARD), help=f"of {', '.join(PEERS)}")
    made.add_argument("--seed", type=int, default=7, help="of the random splits and the bootstrap")
    made.add_argument("--encoding", help="of text files")
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the fit"
    )
    return made


def run(arguments: list[str]) -> Evaluation:
    """Fit on the known part of a table, write the payload, load it back, and evaluate it on the held-out part.

    Parameters
    ----------
    arguments : list of str
        Options as on the command line (`parser`).
    """
    options = parser().parse_args(arguments)
    if options.log is not None:
        return evaluate_log(options)
    if options.interactions is None:
        raise BadInputError(
            "There is nothing to evaluate.",
            allowed="--interactions FILE, or --log FILE",
            hint=f"Example: {EXAMPLE}",
        )
    peers = chosen_peers([name.strip() for name in options.peers.split(",") if name.strip()])
    parameters = parameters_of(fitting, options.set)
    table = read(options)
    split = options.split or ("temporal" if "time" in table.pairs else "leave-one")
    dataset = dataset_of(table, "given" if table.test is not None else split, options.seed)
    rng = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory(prefix="skillpath-") as folder:
        payload = fitting.fit(dataset, parameters, rng)
        write_payload(payload, Path(folder) / "payload")
        return evaluate(Path(folder) / "payload", dataset, rng, peers)


def read(options: argparse.Namespace) -> Table:
    """Return the tables that the options name."""
    columns = Columns(options.user_column, options.item_column, options.time_column, options.rating_column)
    pairs = read_pairs(options.interactions, columns, options.encoding)
    test = read_pairs(options.test, columns, options.encoding) if options.test else None
    items = set(pairs["item"]) | (set(test["item"]) if test is not None else set())
    listed = item_content(options.items, columns.item, options.encoding) if options.items else ([], None)
    course_ids = tuple(sorted(items | set(listed[0])))
    digests = [data_digest_of_table(frame) for frame in (pairs, test) if frame is not None]
    whole = Table(
        pairs,
        course_ids,
        hashlib.sha256("".join(digests).encode()).hexdigest(),
        test,
        cohorts=user_cohorts(options.users, columns.user, options.encoding) if options.users else {},
    )
    if listed[1] is None:
        return whole
    return Table(**{**vars(whole), "content": aligned(course_ids, listed[0], listed[1])})

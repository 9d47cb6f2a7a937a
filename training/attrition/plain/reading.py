"""A plain table as the attrition question reads it: which column means what, and every feature as a number."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.errors import BadInputError
from training.amounts import as_numbers
from training.attrition.plain.periods import periods_in_order
from training.attrition.plain.times import followed
from training.attrition.scorer import Floats
from training.options import Options
from training.tables import data_digest_of_table, read_table

Ints = NDArray[np.int64]
DESCRIPTION = """Evaluate exit probabilities on any table: a cross-section (--label), a survival table (--duration --event) or a
panel (--id --period --event)."""
EXAMPLE = "skillpath evaluate attrition --table hr.csv --label Attrition --positive Yes --repeats 10"
APART = "\x1f"  # of the columns in a file's list, whose names may hold commas
NOT_IN_A_FILE = ("help", "columns", "table")
LISTS = ("features", "drop", "protected", "fold_group")
MOST_CODES = (
    200  # a text column with more distinct values, most of them unique, names rows and explains nothing
)


def parser() -> Options:
    """Return the parser of ``skillpath evaluate attrition``."""
    found = Options("attrition", DESCRIPTION, EXAMPLE)
    found.add_argument("--table", required=True, help="CSV, TSV, Parquet, Stata or Excel, plain or .gz")
    found.add_argument("--label", help="column that says who left")
    found.add_argument(
        "--duration", help="column with the time until exit, or until last seen; with --since its date"
    )
    found.add_argument("--since", help="column with the date of entry, where --duration holds dates")
    found.add_argument(
        "--as-of", help="when who has no date of exit was last seen; by default the latest date"
    )
    found.add_argument("--event", help="column that says whether the exit was seen")
    found.add_argument("--id", help="column that names the person")
    found.add_argument("--period", help="column with the period of a row")
    found.add_argument("--positive", help="the value of --label or --event that means left")
    found.add_argument("--features", help="columns to use, separated by commas; all others by default")
    found.add_argument("--drop", help="columns to leave out")
    found.add_argument(
        "--group", help="column whose groups stay together (--split grouped) and are reported apart"
    )
    found.add_argument("--protected", help="columns for the fairness report; a second run leaves them out")
    found.add_argument(
        "--split", choices=("temporal", "grouped", "cv"), help="default: temporal for a panel, else cv"
    )
    found.add_argument("--folds", type=int, default=5)
    found.add_argument("--repeats", type=int, default=2)
    found.add_argument(
        "--horizon", type=float, help="periods (panel) or time (survival table) to predict over"
    )
    found.add_argument("--train-until", help="last period to learn from")
    found.add_argument("--test-from", help="first period to be judged by")
    found.add_argument(
        "--fold-group", help="columns whose equal rows stay in one fold; all features by default"
    )
    found.add_argument("--drop-duplicates", action="store_true", help="drop rows that equal an earlier one")
    found.add_argument("--censor-at", type=float, help="nobody is followed beyond this time")
    found.add_argument("--columns", help="TOML file with the same names as these options")
    found.add_argument(
        "--tune", type=int, default=0, help="trials of a search of the trees' shape inside the folds; 0: none"
    )
    found.add_argument("--encoding", help="of a text file")
    found.add_argument("--peers", default="all", choices=("all", "none"))
    found.add_argument("--seed", type=int, default=7)
    found.add_argument("--threads", type=int, default=2)
    return found


@dataclass(frozen=True)
class Request:
    """What was asked: the options, the TOML file's filled in."""

    values: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.values.get(name)

    @property
    def shape(self) -> str:
        """``label``, ``survival`` or ``panel``."""
        if self["label"]:
            return "label"
        return "survival" if self["duration"] else "panel"

    @property
    def special(self) -> list[str]:
        """Columns that are no features."""
        return [self[name] for name in ("label", "duration", "since", "event", "id", "period") if self[name]]


def read_request(arguments: list[str]) -> Request:
    """Return what the arguments and the TOML file ask for.

    Raises
    ------
    BadInputError
        If they contradict each other, or name too little.
    """
    named = vars(parser().parse_args(arguments))["columns"]
    # options given by hand come last: of what is said twice the last counts
    values = vars(parser().parse_args([*(read_mapping(named) if named else []), *arguments]))
    for name in LISTS:
        parts = re.split(APART if APART in (values[name] or "") else ",", values[name] or "")
        values[name] = [part.strip() for part in parts if part.strip()]
    request = Request(values)
    check_request(request)
    return request


def read_mapping(path: str) -> list[str]:
    """Return what the TOML file says as options; raise BadInputError where it cannot be read or names something unknown."""
    try:
        found = tomllib.loads(Path(path).read_text("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise BadInputError("The column mapping cannot be read.", found=f"{path}: {error}") from error
    allowed = {action.dest for action in parser()._actions} - set(NOT_IN_A_FILE)
    unknown = sorted(name for name in found if name.replace("-", "_") not in allowed)
    if unknown:
        raise BadInputError("The column mapping names something unknown.", found=", ".join(unknown),
                            allowed=", ".join(sorted(allowed)),
                            hint='One line an option, without a table: label = "Attrition".')  # fmt: skip
    return [part for name, value in found.items() for part in as_option(name.replace("_", "-"), value)]


def as_option(name: str, value: Any) -> list[str]:
    """Return an entry of the TOML file as it would be given by hand."""
    if isinstance(value, bool):
        return [f"--{name}"] if value else []
    return [f"--{name}={''.join(f'{each}{APART}' for each in value) if isinstance(value, list) else value}"]


def check_request(request: Request) -> None:
    """Raise BadInputError where the options do not say what kind of table it is, or cannot be carried out."""
    is_plain = not request["label"] and not request["duration"]
    kinds = [
        bool(request["label"]),
        bool(request["duration"]),
        bool(request["id"] and request["period"] and is_plain),
    ]
    says_who = request["label"] or request["event"] or (request["duration"] and request["since"])
    if sum(kinds) != 1 or not says_who:
        raise BadInputError("It must be said what kind of table this is.",
                            allowed="--label, or --duration with --event, or --duration with --since, or --id with "
                            "--period and --event")  # fmt: skip
    if request["folds"] < 2 or request["repeats"] < 1:
        raise BadInputError("There must be at least two folds and one repeat.",
                            found=f"{request['folds']} folds, {request['repeats']} repeats")  # fmt: skip
    if request["split"] == "temporal" and not request["period"]:
        raise BadInputError("A temporal split needs the column of the period.", allowed="--period COL")


@dataclass(frozen=True)
class Encoded:
    """The table, every feature a number.

    Parameters
    ----------
    features : (n, n_features) float
        Numbers as they are, texts as codes, NaN where empty.
    names : list of str
        Of the features.
    categorical : list of int
        Features that are codes.
    left : (n,) bool
        Who left.
    duration : (n,) float
        When they were last seen; ones where the table has no such column.
    person, period, profile, group : (n,) int
        Numbers of person, period, equal rows that stay in one fold, and reported group.
    frame : pandas.DataFrame
        The rows as they stood.
    notes : dict
        What was left out, and why.
    """

    features: Floats
    names: list[str]
    categorical: list[int]
    left: NDArray[np.bool_]
    duration: Floats
    person: Ints
    period: Ints
    profile: Ints
    group: Ints
    frame: pd.DataFrame
    digest: str
    notes: dict[str, Any] = field(default_factory=dict)


def read_encoded(request: Request, without: Sequence[str] = ()) -> Encoded:
    """Return the request's table, every feature a number.

    Parameters
    ----------
    request : Request
        Which columns mean what.
    without : sequence of str
        Further columns to leave out.

    Raises
    ------
    BadInputError
        If a column is missing or holds what it cannot.
    """
    frame = read_table(request["table"], request["encoding"])
    frame = frame.loc[:, [name for name in frame.columns if not str(name).startswith("Unnamed:")]]
    check_columns_there(frame, request)
    notes: dict[str, Any] = {}
    if request["drop_duplicates"]:
        whole = len(frame)
        frame = frame.drop_duplicates().reset_index(drop=True)
        notes["duplicates_dropped"] = whole - len(frame)
    chosen = request["features"] or [name for name in frame.columns if name not in request.special]
    chosen = [name for name in chosen if name not in {*request["drop"], *without}]
    columns, names, categorical = encode(frame, chosen, notes)
    duration, left = followed(frame, request)
    if request["censor_at"] is not None:
        left = left & (duration <= request["censor_at"])
        duration = np.minimum(duration, request["censor_at"])
    together = request["fold_group"] or names
    return Encoded(
        features=np.column_stack(columns) if columns else np.empty((len(frame), 0)),
        names=names,
        categorical=categorical,
        left=left,
        duration=duration,
        person=numbers(frame[request["id"]]) if request["id"] else np.arange(len(frame)),
        period=periods_in_order(frame[request["period"]]) if request["period"] else np.zeros(len(frame), dtype=np.int64),
        profile=frame.groupby(together, dropna=False, sort=False).ngroup().to_numpy().astype(np.int64)
        if together else np.arange(len(frame)),
        group=groups(frame[request["group"]]) if request["group"] else np.zeros(len(frame), dtype=np.int64),
        frame=frame,
        digest=data_digest_of_table(frame),
        notes=notes,
    )  # fmt: skip


def check_columns_there(frame: pd.DataFrame, request: Request) -> None:
    """Raise BadInputError where a named column is not in the table."""
    named = [
        *request.special,
        *request["features"],
        *request["protected"],
        *request["fold_group"],
        request["group"],
    ]
    missing = sorted({name for name in named if name and name not in frame.columns})
    if missing:
        raise BadInputError("The table lacks a column.", found=", ".join(missing),
                            allowed=", ".join(map(str, frame.columns)))  # fmt: skip


def encode(
    frame: pd.DataFrame, chosen: Sequence[str], notes: dict[str, Any]
) -> tuple[list[Floats], list[str], list[int]]:
    """Return columns as numbers, their names, and which are codes; what explains nothing is left out and noted."""
    columns: list[Floats] = []
    names: list[str] = []
    categorical: list[int] = []
    for name in chosen:
        values = frame[name]
        distinct = values.nunique(dropna=False)
        if pd.api.types.is_object_dtype(values) or pd.api.types.is_string_dtype(values):
            read = as_numbers(values)
            if read is not None:
                notes.setdefault("texts_read_as_numbers", []).append(name)
                values = read
        is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if distinct < 2:
            notes.setdefault("constant_columns_left_out", []).append(name)
            continue
        if not is_number and distinct > MOST_CODES and distinct > 0.5 * len(values):
            notes.setdefault("naming_columns_left_out", []).append(name)
            continue
        if not is_number:
            categorical.append(len(columns))
        columns.append(values.to_numpy(dtype=np.float64, na_value=np.nan) if is_number else codes(values))
        names.append(name)
    return columns, names, categorical


def codes(values: pd.Series) -> Floats:
    """Return texts as codes in the order of the alphabet, NaN where empty."""
    found = pd.Categorical(values.astype("string")).codes.astype(np.float64)
    found[found < 0] = np.nan
    return np.asarray(found, dtype=np.float64)


def numbers(values: pd.Series) -> Ints:
    """Return values as numbers from 0 in ascending order; raise BadInputError where some are empty."""
    if values.isna().any():
        raise BadInputError(
            f"The column {values.name} is empty in some rows.", found=f"{int(values.isna().sum())} empty rows"
        )
    ordered = values if pd.api.types.is_numeric_dtype(values) else values.astype("string")
    return np.asarray(pd.Categorical(ordered).codes, dtype=np.int64)


def groups(values: pd.Series) -> Ints:
    """Return groups as numbers from 0; those whose group is not known are one of their own."""
    return np.asarray(pd.Categorical(values.astype("string").fillna("")).codes, dtype=np.int64)

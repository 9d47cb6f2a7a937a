"""What is shown is worth: how much of it people take up, under the champion, and what canary and shadow bring instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
import numpy as np
import polars as pl

from features.errors import RefusedError
from features.records.shown import shadow_key, shown_courses
from training.evaluation import Interval, percentile_interval
from training.recommendation.off_policy import DRAWS, Floats, Log, policy_value

TAKEN = ("enrolled", "started", "completed", "passed")
WITHIN_DAYS = 30
FEWEST_PEOPLE = 30
FOLDS = 5
SHRINKAGE = 20.0  # so many shown courses of the mean are mixed into each course's own share


@dataclass(frozen=True)
class Worth:
    """What one model's lists bring, per course shown.

    Parameters
    ----------
    role, version : str
        Which model, in which place.
    people : int
        Whose answers it rests on.
    taken_share : Interval, optional
        Share of the courses shown that were taken up within `WITHIN_DAYS`; None where it cannot be told.
    difference : Interval, optional
        Above the champion's, 95 % over people; 0 means none.
    reached_share : Interval, optional
        Of a shadow: mean importance weight; 1 where everything it would show could have been shown.
    estimator : str
        How it was found.
    why_not : str
        Why it cannot be told; else empty.
    """

    role: str
    version: str
    people: int
    taken_share: Interval | None = None
    difference: Interval | None = None
    reached_share: Interval | None = None
    estimator: str = ""
    why_not: str = ""

    @property
    def is_alarm(self) -> bool:
        """True for a canary that is surely worse than the champion: people get its answers."""
        return self.role == "canary" and self.difference is not None and self.difference.high < 0


def outcomes(ledger: pl.DataFrame, events: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Return one row for every course of a first page shown long enough ago, and whether it was taken up.

    Parameters
    ----------
    ledger : polars.DataFrame
        Rows of ``recommendations_shown``.
    events : polars.DataFrame
        Learning events: ``employee_id, course_id, kind, happened_at``.
    as_of : datetime
        End of the data; what was shown less than `WITHIN_DAYS` before it has no outcome yet.

    Returns
    -------
    polars.DataFrame
        The ledger's columns, ``course_id, propensity, rank`` and ``taken`` (0 or 1).
    """
    ripe = ledger.filter(
        (pl.col("first_rank") == 1) & (pl.col("shown_at") <= as_of - timedelta(days=WITHIN_DAYS))
    )
    listed = shown_courses(ripe)
    begun = events.filter(pl.col("kind").is_in(TAKEN)).select("employee_id", "course_id", "happened_at")
    waited = pl.col("happened_at") - pl.col("shown_at")
    taken = (
        listed.select("recommendation_id", "employee_id", "course_id", "shown_at")
        .join(begun, ["employee_id", "course_id"])
        .filter((waited >= timedelta(0)) & (waited < timedelta(days=WITHIN_DAYS)))
        .select("recommendation_id", "course_id", taken=pl.lit(1.0))
        .unique()
    )
    found = listed.join(taken, ["recommendation_id", "course_id"], "left", maintain_order="left")
    return found.with_columns(pl.col("taken").fill_null(0.0))


def champion_worth(rows: pl.DataFrame, version: str, rng: np.random.Generator) -> Worth:
    """Return what the champion's lists bring; its people are those it answered."""
    people = rows["employee_id"].n_unique()
    if people < FEWEST_PEOPLE:
        return Worth("champion", version, people, why_not=few(people))
    log = Log(*columns(rows), target=rows["propensity"].to_numpy(), people=codes(rows))
    return Worth("champion", version, people, policy_value(log, rng)[0]["logged"], estimator="as shown")


def canary_worth(
    rows: pl.DataFrame, digests: tuple[str, str], version: str, rng: np.random.Generator
) -> Worth:
    """Return what a canary's lists bring beside the champion's since it stands: its people were drawn by a hash.

    Parameters
    ----------
    rows : polars.DataFrame
        As `outcomes` returns them.
    digests : (str, str)
        Payload digests of champion and canary.
    version : str
        The canary's.
    rng : numpy.random.Generator
        Draws people for the intervals.
    """
    champion, canary = digests
    theirs = rows.filter(pl.col("model_digest") == canary)
    people = theirs["employee_id"].n_unique()
    if people < FEWEST_PEOPLE:
        return Worth("canary", version, people, why_not=few(people))
    others = rows.filter(
        (pl.col("model_digest") == champion) & (pl.col("shown_at") >= theirs["shown_at"].min())
    )
    if others["employee_id"].n_unique() < FEWEST_PEOPLE:
        return Worth("canary", version, people, why_not=few(others["employee_id"].n_unique()))
    drawn = [drawn_shares(each, rng) for each in (theirs, others)]
    (value, values), (other, other_values) = drawn
    return Worth(
        "canary",
        version,
        people,
        percentile_interval(value, values),
        percentile_interval(value - other, values - other_values),
        estimator="two groups of people, dealt by a hash",
    )


def drawn_shares(rows: pl.DataFrame, rng: np.random.Generator) -> tuple[float, Floats]:
    """Return the share taken up, and what it would be with other people drawn, (DRAWS,) float."""
    sums = rows.group_by("employee_id", maintain_order=True).agg(pl.len(), pl.col("taken").sum())
    shown, taken = sums["len"].to_numpy().astype(float), sums["taken"].to_numpy()
    n = len(shown)
    times = [np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(DRAWS)]
    return float(taken.sum() / shown.sum()), np.array([each @ taken / (each @ shown) for each in times])


def shadow_worth(rows: pl.DataFrame, model: tuple[str, str], rng: np.random.Generator) -> Worth:
    """Return what a shadow's lists would have brought, from the places that were given away by lot.

    Parameters
    ----------
    rows : polars.DataFrame
        As `outcomes` returns them, of the champion's answers.
    model : (str, str)
        The shadow's payload digest and version.
    rng : numpy.random.Generator
        Draws people for the intervals.

    Notes
    -----
    Assumes that whether a course is taken up depends on the course and the person, not on what stands beside it.
    Each course shown counts with 1 / propensity where the shadow lists it too. A list of which more could never have
    been shown than chance explains is refused; exploration widens what can be told.
    """
    digest, version = model
    beside = with_lists(rows, digest)
    people = beside["employee_id"].n_unique()
    if people < FEWEST_PEOPLE:
        return Worth("shadow", version, people, why_not=few(people))
    expected, of_target = expectations(beside)
    log = Log(
        *columns(beside),
        target=beside["is_listed"].cast(pl.Float64).to_numpy(),
        people=codes(beside),
        expected=expected,
        expected_of_target=of_target,
    )
    try:
        values, differences, overlap = policy_value(log, rng)
    except RefusedError as error:
        reached = Interval(float(log.weights.mean()))
        return Worth("shadow", version, people, reached_share=reached, why_not=str(error))
    return Worth(
        "shadow", version, people, values["dr"], differences["dr"], overlap.mean_weight, "doubly robust"
    )


def with_lists(rows: pl.DataFrame, digest: str) -> pl.DataFrame:
    """Return the rows of answers beside which a model's list is logged, as long as what was shown, with that list."""
    said = {
        answer: msgspec.json.decode(text).get(shadow_key(digest))
        for answer, text in rows.select("recommendation_id", "shadows").unique().drop_nulls().iter_rows()
    }
    lists = pl.DataFrame(
        {"recommendation_id": [name for name, listed in said.items() if listed],
         "listed": [listed for listed in said.values() if listed]},
        schema={"recommendation_id": pl.String, "listed": pl.List(pl.String)},
    )  # fmt: skip
    found = rows.join(lists, "recommendation_id", maintain_order="left")
    is_as_long = pl.col("listed").list.len() == pl.len().over("recommendation_id")
    return found.filter(is_as_long).with_columns(is_listed=pl.col("course_id").is_in(pl.col("listed")))


def expectations(rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return each course's share taken up among other people, of the course shown and on average of the shadow's list."""
    rows = rows.with_columns(fold=pl.Series(codes(rows) % FOLDS)).with_row_index("row")
    shares = shares_elsewhere(rows)
    shown = rows.join(shares, ["fold", "course_id"], "left", maintain_order="left")["share"]
    lists = rows.unique("recommendation_id", maintain_order=True).select(
        "recommendation_id", "fold", "listed"
    )
    listed = lists.explode("listed").join(
        shares, left_on=["fold", "listed"], right_on=["fold", "course_id"], how="left"
    )
    means = rows.join(shares.select("fold", "mean").unique(), "fold", maintain_order="left")["mean"]
    overall = dict(zip(rows["fold"], means, strict=True))
    filled = pl.col("share").fill_null(
        pl.col("fold").replace_strict(overall)
    )  # a course that was never shown
    average = listed.group_by("recommendation_id").agg(filled.mean().alias("average"))
    of_target = rows.join(average, "recommendation_id", maintain_order="left")["average"]
    return shown.to_numpy(), of_target.to_numpy()


def shares_elsewhere(rows: pl.DataFrame) -> pl.DataFrame:
    """Return, for each fold and course, the share taken up outside the fold, shrunk towards the mean there.

    Returns
    -------
    polars.DataFrame
        ``fold, course_id, share, mean``; every course in every fold.
    """
    counts = rows.group_by("fold", "course_id").agg(n=pl.len(), taken=pl.col("taken").sum())
    every = rows.select("fold").unique().join(rows.select("course_id").unique(), how="cross")
    grid = every.join(counts, ["fold", "course_id"], "left").with_columns(pl.col("n", "taken").fill_null(0.0))
    outside = [
        (pl.col(name).sum().over("course_id") - pl.col(name)).alias(f"{name}_outside")
        for name in ("n", "taken")
    ]
    total = pl.col("taken").sum() - pl.col("taken").sum().over("fold")
    people = pl.col("n").sum() - pl.col("n").sum().over("fold")
    grid = grid.with_columns(*outside, mean=(total / people).fill_nan(0.0))
    share = (pl.col("taken_outside") + SHRINKAGE * pl.col("mean")) / (pl.col("n_outside") + SHRINKAGE)
    return grid.select("fold", "course_id", share.alias("share"), "mean")


def columns(rows: pl.DataFrame) -> tuple[Floats, Floats]:
    """Return reward and propensity."""
    return rows["taken"].to_numpy(), rows["propensity"].fill_null(float("nan")).to_numpy()


def codes(rows: pl.DataFrame) -> np.ndarray:
    """Return a number for each row's person."""
    return np.unique(rows["employee_id"].to_numpy(), return_inverse=True)[1].astype(np.int64)


def few(people: int) -> str:
    """Say that too few people's answers have an outcome yet."""
    return f"{people} people's answers have an outcome after {WITHIN_DAYS} days; {FEWEST_PEOPLE} are needed"

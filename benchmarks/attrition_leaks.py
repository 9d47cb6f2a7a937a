"""Tables with a planted leak, and honest ones that look alike: what the guards are proved by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

PEOPLE = 1_500
LABEL = ["--label", "left"]
PANEL = ["--id", "person", "--period", "month", "--event", "left"]
Planted = tuple[pd.DataFrame, list[str]]


def honest_table(rng: np.random.Generator) -> Planted:
    """Return people of whom a fifth leaves, with a strong column, a weak one, a site, and gaps that tell a little."""
    overtime, pay = rng.normal(size=PEOPLE), rng.normal(size=PEOPLE)
    left = rng.random(PEOPLE) < 1 / (1 + np.exp(-(-2.0 + 1.5 * overtime - 0.5 * pay)))
    frame = pd.DataFrame({
        "overtime": overtime,
        "pay": np.where(rng.random(PEOPLE) < np.where(left, 0.15, 0.1), np.nan, pay),
        "site": rng.choice(["north", "south", "west"], PEOPLE),
        "awards": np.where(rng.random(PEOPLE) < 0.1, rng.integers(1, 5, PEOPLE), 0),
        "left": left.astype(int),
    })  # fmt: skip
    return frame, LABEL


def honest_panel(rng: np.random.Generator) -> Planted:
    """Return people month by month until they leave; what moves them changes slowly."""
    people, months = 600, 12
    load = np.cumsum(rng.normal(0, 0.3, (people, months)), axis=1) + rng.normal(size=(people, 1))
    hazard = 1 / (1 + np.exp(-(-3.2 + 0.8 * load)))
    exits = rng.random((people, months)) < hazard
    first = np.where(exits.any(axis=1), exits.argmax(axis=1), months - 1)
    here = np.arange(months) <= first[:, None]
    person, month = np.nonzero(here)
    frame = pd.DataFrame({"person": person, "month": month, "load": load[here], "team": person % 7,
                          "left": exits[here].astype(int)})  # fmt: skip
    return frame, PANEL


def with_column(
    make: Callable[[np.random.Generator, np.ndarray], np.ndarray],
) -> Callable[[np.random.Generator], Planted]:
    """Return a table to which a column made from who left was added."""

    def planted(rng: np.random.Generator) -> Planted:
        frame, arguments = honest_table(rng)
        return frame.assign(leak=make(rng, frame["left"].to_numpy(dtype=bool))), arguments

    return planted


def in_panel(
    make: Callable[[np.random.Generator, pd.DataFrame], Any],
) -> Callable[[np.random.Generator], Planted]:
    """Return a panel to which a column made from who left when was added."""

    def planted(rng: np.random.Generator) -> Planted:
        frame, arguments = honest_panel(rng)
        return frame.assign(leak=make(rng, frame)), arguments

    return planted


def of_rows(
    change: Callable[[pd.DataFrame], pd.DataFrame], *, panel: bool = False
) -> Callable[[np.random.Generator], Planted]:
    """Return a table whose rows were changed."""

    def planted(rng: np.random.Generator) -> Planted:
        frame, arguments = honest_panel(rng) if panel else honest_table(rng)
        return change(frame).reset_index(drop=True), arguments

    return planted


def days(rng: np.random.Generator, left: np.ndarray) -> np.ndarray:
    """Return days in the year for leavers, nothing for stayers."""
    return np.where(left, rng.integers(1, 365, len(left)), np.nan)


LEAKS: Mapping[str, Callable[[np.random.Generator], Planted]] = {
    "the outcome under another name": with_column(lambda rng, left: left.astype(int)),
    "the outcome turned round": with_column(lambda rng, left: 1 - left.astype(int)),
    "the outcome with a little noise": with_column(lambda rng, left: left + rng.normal(0, 0.2, len(left))),
    "the outcome as words": with_column(lambda rng, left: np.where(left, "inactive", "active")),
    "a day of exit for leavers": with_column(days),
    "an exit interview that most leavers had": with_column(
        lambda rng, left: np.where(left & (rng.random(len(left)) < 0.6), rng.integers(1, 6, len(left)), np.nan)
    ),
    "a survey asked of stayers alone": with_column(
        lambda rng, left: np.where(~left & (rng.random(len(left)) < 0.7), rng.normal(size=len(left)), np.nan)
    ),
    "a review deleted for leavers": with_column(lambda rng, left: np.where(left, np.nan, rng.normal(size=len(left)))),
    "severance paid to leavers": with_column(
        lambda rng, left: np.where(left & (rng.random(len(left)) < 0.7), rng.uniform(1e3, 1e4, len(left)), 0.0)
    ),
    "a status that only leavers have": with_column(
        lambda rng, left: np.where(left & (rng.random(len(left)) < 0.5), "notice", rng.choice(["a", "b"], len(left)))
    ),
    "unused leave paid out": with_column(lambda rng, left: np.where(left, rng.uniform(1, 20, len(left)), 0.0)),
    "last login before the end of the data": with_column(
        lambda rng, left: np.where(left, rng.uniform(30, 300, len(left)), rng.uniform(0, 32, len(left)))
    ),
    "an account closed": with_column(lambda rng, left: left & (rng.random(len(left)) < 0.97)),
    "a bonus filled in for stayers": with_column(
        lambda rng, left: np.where(~left | (rng.random(len(left)) < 0.01), rng.normal(size=len(left)), np.nan)
    ),
    "a handover written in the month of the exit": in_panel(
        lambda rng, frame: rng.normal(size=len(frame)) + 2.5 * frame["left"]
    ),
    "hours that fall in the month of the exit": in_panel(
        lambda rng, frame: rng.normal(160, 5, len(frame)) - 15 * frame["left"]
    ),
    "the next month's rating": in_panel(lambda rng, frame: np.where(frame["left"] == 1, 1.0, rng.integers(2, 6, len(frame)))),
    "leavers alone": of_rows(lambda frame: frame[frame["left"] == 1]),
    "stayers alone": of_rows(lambda frame: frame[frame["left"] == 0]),
    "a person twice in a month": of_rows(lambda frame: pd.concat([frame, frame.head(40)]), panel=True),
    "all months of a leaver marked": of_rows(
        lambda frame: frame.assign(left=frame.groupby("person")["left"].transform("max")), panel=True
    ),
    "nothing that varies": of_rows(lambda frame: frame[["left"]].assign(country="x")),
}  # fmt: skip

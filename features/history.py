"""What was known, as of a moment: a fact counts when it had happened and was known before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl


@dataclass(frozen=True)
class History:
    """The records as they were known at one moment.

    Parameters
    ----------
    as_of : datetime
        Aware UTC; every fact in `tables` has ``happened_at < as_of`` and ``known_at < as_of``.
    tables : mapping of str to polars.DataFrame
        One frame per table of the records, corrected facts replaced by their latest known version.
    """

    as_of: datetime
    tables: Mapping[str, pl.DataFrame]

    def __getitem__(self, name: str) -> pl.DataFrame:
        return self.tables[name]


def history(records: Mapping[str, pl.DataFrame], as_of: datetime, keys: Mapping[str, list[str]]) -> History:
    """Return what was known as of a moment.

    Parameters
    ----------
    records : mapping of str to polars.DataFrame
        Tables as stored.
    as_of : datetime
        Aware UTC moment; strict: what happened or became known at that very moment does not count.
    keys : mapping of str to list of str
        Key columns of the fact tables (`features.records.facts.FACT_KEYS`); other tables pass as they are,
        but for rows known only later.

    Returns
    -------
    History
        The records as of then.
    """
    return History(as_of, {name: known(frame, as_of, keys.get(name)) for name, frame in records.items()})


def known(frame: pl.DataFrame, as_of: datetime, key: list[str] | None) -> pl.DataFrame:
    """Return the rows known before a moment; of a corrected fact only the latest known version."""
    times = [name for name in ("happened_at", "known_at") if name in frame.columns]
    if times:
        frame = frame.filter(pl.all_horizontal(pl.col(name) < as_of for name in times))
    if key is None:
        return frame
    return frame.sort("known_at", maintain_order=True).unique(
        [*key, "happened_at"], keep="last", maintain_order=True
    )


def latest(frame: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """Return the last fact of each group: what holds as of the moment of the history."""
    return frame.sort("happened_at", maintain_order=True).unique(by, keep="last", maintain_order=True)

"""Collect rows column by column while the months pass, and hand them back as one frame."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import polars as pl

from features.records.sample.months import Array


class Rows:
    """Rows of one table, collected in blocks of equal columns."""

    def __init__(self) -> None:
        self.blocks: dict[str, list[Array]] = defaultdict(list)

    def add(self, count: int, **columns: Any) -> None:
        """Add `count` rows; a single value is repeated for each of them."""
        if count == 0:
            return
        for name, values in columns.items():
            block = np.asarray(values)
            self.blocks[name].append(np.full(count, block) if block.ndim == 0 else block.copy())

    def arrays(self) -> dict[str, Array]:
        """Return the columns and forget them."""
        out = {name: np.concatenate(blocks) for name, blocks in self.blocks.items()}
        self.blocks.clear()
        return out

    def frame(self) -> pl.DataFrame:
        """Return the rows as a frame and forget them."""
        return pl.DataFrame(self.arrays())


class Records:
    """The tables that grow while the months pass, by name."""

    def __init__(self) -> None:
        self.tables: dict[str, Rows] = defaultdict(Rows)

    def __getitem__(self, name: str) -> Rows:
        return self.tables[name]

"""What a question asks of anybody's model: columns in, columns out, and the made-up rows that try it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

PROBES = 64
FAR = 1e6  # far outside whatever was seen
MOST_SECONDS_PER_1000 = 2.0
MOST_CELLS = 4_000_000  # numbers in one answer

Frame = Mapping[str, NDArray[Any]]  # column → (n,) values, or (n, d) where a value is a list


@dataclass(frozen=True)
class Contract:
    """What a model of a question takes and returns.

    Parameters
    ----------
    question : str
        Which one.
    outputs : sequence of str
        Columns that must be returned.
    width : int
        Numbers per row in all of them together.
    probes : Frame
        Made-up rows, nobody's; its columns are all that may be asked for.
    missing : Frame
        The like, with what may be unknown left out.
    unknown : Frame
        The like, with what nobody has seen.
    asked : Frame
        The last block, asked in the child's memory alone.
    low, high : float
        Between which every number lies.
    may_refuse : bool
        True where NaN is an answer: that nothing can be said; it then is the only one to what is missing or unknown.
    """

    question: str
    outputs: Sequence[str]
    width: int
    probes: Frame
    missing: Frame
    unknown: Frame
    asked: Frame
    low: float = -np.inf
    high: float = np.inf
    may_refuse: bool = False

    @property
    def inputs(self) -> list[str]:
        """Columns that may be asked for."""
        return list(self.probes)

    @property
    def frames(self) -> dict[str, Frame]:
        """All rows, by what they try."""
        return {"probes": self.probes, "missing": self.missing, "unknown": self.unknown, "asked": self.asked}

    def size(self, name: str) -> int:
        """Return how many rows a frame has."""
        return len(next(iter(self.frames[name].values())))

"""A linear score: the smallest model that a payload can hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Scorer:
    weights: NDArray[np.float64]

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
            return cls(arrays["weights"])

    def scores(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        return features @ self.weights

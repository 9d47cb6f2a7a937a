"""The scorer of a hazard that is an ONNX graph: that of attrition, its trees replaced by what ONNX Runtime computes.

In a payload it follows the source of `training.attrition.scorer` in one file, and so imports nothing of ours there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np

from training.attrition.scorer import Blend, Floats
from training.attrition.scorer import Scorer as TreeScorer

GRAPH = "graph.npz"
LEAST = 1e-6  # a chance below, or above 1 - LEAST, is more than single precision can tell
ORDERS, SEED = 4, 20


class Graph:
    """A classifier as ONNX Runtime computes it, asked as LightGBM's trees are.

    Parameters
    ----------
    content : bytes
        Of the graph: features in, single precision, NaN where unknown; chances of two classes out.
    output : str
        Name of the graph's output that holds them.
    typical : (n_columns,) float
        What contributions are measured from.
    """

    def __init__(self, content: bytes, output: str, typical: Floats) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        self.session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        self.input, self.output, self.typical = self.session.get_inputs()[0].name, output, typical

    def predict(self, rows: Floats, pred_contrib: bool = False, **_: Any) -> Floats:
        """Return log-odds, (n,); or, asked for contributions, (n, n_columns + 1)."""
        return self.contributions(rows) if pred_contrib else self.log_odds(rows)

    def log_odds(self, rows: Floats) -> Floats:
        """Return the log-odds of the second class."""
        (found,) = self.session.run([self.output], {self.input: np.asarray(rows, dtype=np.float32)})
        chance = np.clip(np.asarray(found, dtype=np.float64)[:, 1], LEAST, 1 - LEAST)
        return cast(Floats, np.log(chance / (1 - chance)))

    def contributions(self, rows: Floats) -> Floats:
        """Return what each column adds to the log-odds of the typical row; a row adds up to its own log-odds.

        References
        ----------
        Štrumbelj, Kononenko: Explaining prediction models and individual predictions with feature contributions,
        Knowledge and Information Systems 2014 (Shapley values by drawn orders; here drawn once, each with its reverse).
        doi:10.1007/s10115-013-0679-x
        """
        found = np.zeros((len(rows), len(self.typical) + 1))
        rng = np.random.default_rng(SEED)
        drawn = [rng.permutation(len(self.typical)) for _ in range(ORDERS // 2)]
        for order in [each for one in drawn for each in (one, one[::-1])]:
            mixed = np.tile(self.typical, (len(rows), 1))
            before = self.log_odds(mixed)
            found[:, -1] += before / ORDERS
            for column in order:
                mixed[:, column] = rows[:, column]
                after = self.log_odds(mixed)
                found[:, column] += (after - before) / ORDERS
                before = after
        return found


class Scorer(TreeScorer):
    """Exit probabilities of people, by horizon and cause, from an ONNX graph of the next month's hazard."""

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read a payload's files."""
        found = super().load(folder)
        with np.load(folder / GRAPH, allow_pickle=False) as arrays:
            graph = Graph(arrays["content"].tobytes(), str(arrays["output"]), arrays["typical"])
        found.blends[0] = Blend(cast(Any, graph), 1.0, found.blends[0].coefficients)
        return cast(Scorer, found)

    def scores(self, features: Floats) -> Floats:
        """Return probabilities in single precision: a graph computes in it, and carries no more."""
        return cast(Floats, super().scores(features).astype(np.float32))

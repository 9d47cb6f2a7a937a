"""Average effects of courses on outcomes, from plain files: numpy, nothing else.

There is one effect per course and outcome, the average over those who enrolled; it is the same for everybody. A person's own
expected effect is answered by `personal` alone, and only where a gate (calibration and Qini, with intervals) stands open.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np


class Scorer:
    """Estimates by course and outcome, and expected outcomes.

    Parameters
    ----------
    body : dict
        ``course_ids``, ``outcomes``, ``units``, ``features``, ``horizon_days``, ``as_of``, ``estimates``.
    arrays : dict of str to array
        ``centre``, ``spread``, ``weights``, ``base``, ``mean``, ``spread_of_outcome``.
    """

    def __init__(self, body: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.body = body
        self.course_ids: list[str] = body["course_ids"]
        self.outcomes: list[str] = body["outcomes"]
        self.features: list[str] = body["features"]
        self.arrays = arrays
        self.effects = np.full((len(self.course_ids), len(self.outcomes), 3), np.nan)
        places = {name: place for place, name in enumerate(self.course_ids)}
        columns = {name: place for place, name in enumerate(self.outcomes)}
        for one in body["estimates"]:
            if one["effect"] is not None:
                effect = one["effect"]
                found = [effect["value"], effect["low"], effect["high"]]
                self.effects[places[one["course_id"]], columns[one["outcome"]]] = found
        self.lines = [one for one in body["estimates"] if (one.get("individual") or {}).get("line")]

    @property
    def individual_effects(self) -> bool:
        """Say whether any gate stands open, so that a person's own effect can be expected of some course."""
        return bool(self.lines)

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read the payload of a folder."""
        body = json.loads((Path(folder) / "estimates.json").read_text(encoding="utf-8"))
        with np.load(Path(folder) / "expected.npz", allow_pickle=False) as stored:
            return cls(body, {name: stored[name] for name in stored.files})

    def estimates(self) -> list[dict[str, Any]]:
        """Return every estimate and refusal, with all that stands beside it."""
        found: list[dict[str, Any]] = self.body["estimates"]
        return found

    def programmes(self) -> list[dict[str, Any]]:
        """Return the report of every training programme that has started, against its plan."""
        found: list[dict[str, Any]] = self.body.get("programmes", [])
        return found

    def scores(self, course_index: Any, outcome_index: Any, covariates: Any = None) -> np.ndarray[Any, Any]:
        """Return effect, low and high (95 %) of each pair, (n, 3) float in the unit of the outcome.

        Parameters
        ----------
        course_index, outcome_index : (n,) int
            Places in ``course_ids`` and ``outcomes``; −1 for one that is not known.
        covariates : (n, p) float, optional
            Of a person each. They change nothing: the answer is the average over those who enrolled; see `personal`.

        Returns
        -------
        (n, 3) float
            ``nan`` where the estimate is refused; `estimates` says why. 0 means no effect.
        """
        course = np.asarray(course_index, dtype=np.int64)
        outcome = np.asarray(outcome_index, dtype=np.int64)
        known = (
            (course >= 0) & (course < len(self.course_ids)) & (outcome >= 0) & (outcome < len(self.outcomes))
        )
        found = np.full((course.size, 3), np.nan)
        found[known] = self.effects[course[known], outcome[known]]
        return found

    def personal(self, place: int, values: Any) -> np.ndarray[Any, Any]:
        """Return people's own expected effect, low and high (95 %), (n, 3) float in the unit of the outcome.

        Parameters
        ----------
        place : int
            In ``lines``: a course and outcome whose gate is open.
        values : dict of str to (n,) float
            What is known of each person, by the name of the covariate; ``nan`` where unknown, which counts as the average.
        """
        line = self.lines[place]["individual"]["line"]
        n = len(next(iter(values.values())))
        known = np.column_stack([np.asarray(values.get(name, np.full(n, np.nan))) for name in line["names"]])
        scaled = (known - np.array(line["centre"])) / np.array(line["spread"])
        rows = np.column_stack([np.ones(n), np.where(np.isfinite(scaled), np.clip(scaled, -5.0, 5.0), 0.0)])
        value = rows @ np.concatenate([[line["base"]], line["weights"]])
        error = np.sqrt(((rows @ np.array(line["covariance"])) * rows).sum(axis=1))
        return np.column_stack([value, value - 1.96 * error, value + 1.96 * error])

    def expected(self, covariates: Any) -> np.ndarray[Any, Any]:
        """Return the outcomes to be expected without a further training, (n, n_outcomes) float.

        Parameters
        ----------
        covariates : (n, p) float
            In the order of ``features``; ``nan`` where unknown.
        """
        centre, spread = self.arrays["centre"], self.arrays["spread"]
        columns = np.asarray(covariates, dtype=np.float64)
        scaled = np.where(np.isfinite(columns), (columns - centre) / spread, 0.0)
        answer: np.ndarray[Any, Any] = self.arrays["base"] + scaled @ self.arrays["weights"].T
        return answer

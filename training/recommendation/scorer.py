"""Scores of courses for people, from plain arrays: numpy and scipy, nothing else.

A person is a row of a compressed history: ``items[indptr[i]:indptr[i + 1]]`` are the courses they had to do with,
``weights`` how much (0-1), ``jobs[i]`` their job (-1 where unknown). Courses and jobs are indices into
``model["course_ids"]`` and ``model["job_ids"]``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

NOTHING, TAKERS, CONTENT, POPULAR = 0, 1, 2, 3
LATELY = ("lately", "trend", "newness")
PARTS = ("takers", "factors", "autoencoder", "content", "popularity", *LATELY)
CAUSE = {"takers": TAKERS, "factors": TAKERS, "autoencoder": TAKERS, "content": CONTENT} | dict.fromkeys(
    PARTS[3:], POPULAR
)
CODED = ("coded_in", "coded_out", "coded_level")
SOLVE_CELLS = 4_000_000  # of the systems solved at once
GATHERED_CELLS = 500_000  # of the factors gathered at once: they stay in a core's cache


class Scorer:
    """Item–item weights, content and cohort popularity, standardised per person and blended.

    Parameters
    ----------
    model : dict
        ``course_ids``, ``job_ids``, ``blend`` ({"warm": {part: weight}, "new": {…}}, parts as `PARTS` and "gap";
        and perhaps "newcomers": {part: weight, "lift": …}, of courses nobody took, for people with a history),
        ``completion`` ({course_id: share of starters who completed}).
    arrays : dict of str to array
        ``weights`` (n, n), or its compressed columns ``weights_data``, ``weights_indices``, ``weights_indptr``;
        ``vectors`` (n, d) and ``skills_*`` (compressed rows, n × s) where there is content; ``cohorts``
        (n_jobs + 1, n); ``factors_0`` … (n, k), and what places a person among them in ``model["factors"]``;
        ``coded_in`` and ``coded_out`` (n, h), ``coded_level`` (n,) of the autoencoder, where there is one;
        ``lately`` (3, n), how each course has been doing lately, standardised, in the order of `LATELY`;
        ``newcomers`` (n,), 1 for courses that nobody took.
    """

    def __init__(self, model: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.model = model
        self.course_ids: list[str] = model["course_ids"]
        self.job_ids: list[str] = model["job_ids"]
        self.n_items = len(self.course_ids)
        self.cohorts = arrays["cohorts"].astype(np.float64)
        self.weights = (
            arrays["weights"] if "weights" in arrays else compressed(arrays, "weights", self.n_items)
        )
        self.vectors = arrays["vectors"].astype(np.float64) if "vectors" in arrays else None
        self.skills = compressed(arrays, "skills", self.n_items)
        names = sorted(name for name in arrays if name.startswith("factors_"))
        self.starts = [arrays[name].astype(np.float64) for name in names]
        self.everybody = [one.T @ one for one in self.starts]
        self.coded = [arrays[name].astype(np.float64) for name in CODED if name in arrays]
        self.lately = arrays["lately"].astype(np.float64) if "lately" in arrays else None
        self.newcomers = arrays.get("newcomers", np.zeros(self.n_items)).astype(bool)

    @classmethod
    def load(cls, folder: Path) -> Scorer:
        """Read the payload of a folder."""
        model = json.loads((Path(folder) / "model.json").read_text(encoding="utf-8"))
        with np.load(Path(folder) / "arrays.npz", allow_pickle=False) as stored:
            return cls(model, {name: stored[name] for name in stored.files})

    def scores(
        self, indptr: Any, items: Any, weights: Any, jobs: Any, gap_shares: Any = None
    ) -> np.ndarray[Any, Any]:
        """Return blended scores, (n, n_items) float; 0 is an average course for that person.

        Parameters
        ----------
        indptr, items, weights : (n + 1,), (k,), (k,)
            Compressed histories.
        jobs : (n,) int
            Job of each person; -1 where unknown.
        gap_shares : (n, n_items) float, optional
            Share of the person's weighted skill gap that each course closes, 0–1.
        """
        is_new = np.diff(indptr) == 0
        total = self.blended(self.parts(indptr, items, weights, jobs), is_new)
        if gap_shares is not None:
            total += self.blend_column("gap", is_new) * np.asarray(gap_shares, dtype=np.float64)
        return total

    def blended(self, parts: dict[str, Any], is_new: Any) -> np.ndarray[Any, Any]:
        """Return the weighted sum of standardised parts, (n, n_items) float."""
        total = np.zeros((len(is_new), self.n_items))
        for name in PARTS:
            if name in parts:
                total += self.blend_column(name, is_new) * parts[name]
        rows, columns = np.flatnonzero(~np.asarray(is_new)), np.flatnonzero(self.newcomers)
        if "newcomers" in self.model["blend"] and rows.size and columns.size:
            total[np.ix_(rows, columns)] = self.of_newcomers(parts, rows, columns)
        return total

    def of_newcomers(self, parts: dict[str, Any], rows: Any, columns: Any) -> np.ndarray[Any, Any]:
        """Return the scores of courses that nobody took for people with a history, (r, c) float."""
        blend = self.model["blend"]["newcomers"]
        found = np.full((rows.size, columns.size), blend.get("lift", 0.0))
        for name in PARTS:
            if name in parts and blend.get(name, 0.0):
                found += blend[name] * parts[name][np.ix_(rows, columns)]
        return found

    def blend_column(self, part: str, is_new: Any) -> np.ndarray[Any, Any]:
        """Return the weight of a part for each person, (n, 1) float."""
        blend = self.model["blend"]
        chosen = np.where(is_new, blend["new"].get(part, 0.0), blend["warm"].get(part, 0.0))
        return np.asarray(chosen, dtype=np.float64)[:, None]

    def parts(self, indptr: Any, items: Any, weights: Any, jobs: Any) -> dict[str, np.ndarray[Any, Any]]:
        """Return the standardised parts of the scores, each (n, n_items) float."""
        strength = np.asarray(weights, dtype=np.float32) ** np.float32(self.model.get("weight_power", 1.0))
        history = sp.csr_matrix(
            (strength, np.asarray(items), np.asarray(indptr)), shape=(len(indptr) - 1, self.n_items)
        )
        found = {"takers": standardised(dense(history @ self.weights))}
        if self.starts and self.uses("factors"):
            found["factors"] = standardised(self.by_factors(history))
        if self.coded and self.uses("autoencoder"):
            found["autoencoder"] = standardised(self.by_autoencoder(history))
        content = self.content(history)
        if content is not None:
            found["content"] = standardised(content)
        if self.uses("popularity"):
            found["popularity"] = standardised(self.cohorts[np.asarray(jobs, dtype=np.int64)])
        for name, values in zip(LATELY, () if self.lately is None else self.lately, strict=False):
            if self.uses(name):
                found[name] = np.broadcast_to(values, history.shape)
        return found

    def by_factors(self, history: Any) -> np.ndarray[Any, Any]:
        """Return the scores of the factor model, summed over its starts, (n, n_items) float.

        Each person is placed among the item factors by least squares, so that new people need no training.
        """
        facts = self.model["factors"]
        penalty = regularised(np.diff(history.indptr), facts)
        places = [
            solved_factors(history.indptr, history.indices, one, facts["unobserved"], penalty)
            for one in self.starts
        ]
        return np.asarray(np.hstack(places) @ np.hstack(self.starts).T)

    def by_autoencoder(self, history: Any) -> np.ndarray[Any, Any]:
        """Return the logit of each course to be the one that is missing from a history, (n, n_items) float."""
        inwards, outwards, level = self.coded
        length = np.sqrt(np.asarray(history.multiply(history).sum(axis=1), dtype=np.float64))
        code = np.tanh(np.asarray(history @ inwards) / np.where(length > 0, length, 1.0))
        return np.asarray(code @ outwards.T + level)

    def uses(self, part: str) -> bool:
        """Say whether anybody's blend gives that part a weight."""
        return any(blend.get(part, 0.0) != 0.0 for blend in self.model["blend"].values())

    def content(self, history: Any) -> np.ndarray[Any, Any] | None:
        """Return how alike each course is to what a person took, (n, n_items) float, or None without content."""
        if not self.uses("content"):
            return None
        exact = history.astype(np.float64)
        text = None if self.vectors is None else (exact @ self.vectors) @ self.vectors.T
        skills = None if self.skills is None else dense((exact @ self.skills) @ self.skills.T)
        if text is None or skills is None:
            return skills if text is None else text
        return np.asarray(text + skills)

    def gap_weight(self, *, is_new: bool) -> float:
        """Return the weight of the gap share in the blend of a person with or without history."""
        return float(self.model["blend"]["new" if is_new else "warm"].get("gap", 0.0))

    def causes(self, items: Any, weights: Any, parts: dict[str, Any], candidates: Any) -> tuple[Any, Any]:
        """Return what each candidate's score rests on most.

        Parameters
        ----------
        items, weights, parts : (k,), (k,), dict of str to (n_items,) float
            One person's history, and their rows of `parts`.
        candidates : (c,) int
            Courses asked about.

        Returns
        -------
        (c,) int, (c,) int
            `NOTHING`, `TAKERS`, `CONTENT` or `POPULAR`; and the course of the history without which it would lose most
            (-1 where it would lose nothing).
        """
        items, weights = np.asarray(items, dtype=np.int64), np.asarray(weights, dtype=np.float64)
        blend = self.model["blend"]["warm" if items.size else "new"]
        worth = np.zeros((POPULAR + 1, len(candidates)))
        for name in PARTS:
            if name in parts:
                worth[CAUSE[name]] += blend.get(name, 0.0) * parts[name][candidates]
        self.by_content(worth, parts, np.asarray(candidates), is_warm=items.size > 0)
        worth[NOTHING] = 0.0  # the first of equals: a course rests on what is above nothing
        kind = worth.argmax(axis=0)
        because = np.full(len(candidates), -1)
        strength = weights ** self.model.get("weight_power", 1.0)
        for cause, shares in ((TAKERS, self.through_takers), (CONTENT, self.through_content)):
            chosen = np.flatnonzero(kind == cause)
            if chosen.size and items.size:
                pairs = shares(items, strength, parts, np.asarray(candidates)[chosen])
                because[chosen] = np.where(pairs.max(axis=0) > 0, items[pairs.argmax(axis=0)], -1)
        return kind, because

    def by_content(self, worth: Any, parts: dict[str, Any], candidates: Any, *, is_warm: bool) -> None:
        """Put what speaks for a course that nobody took down to its content, in place: it has no takers."""
        new = np.flatnonzero(self.newcomers[candidates])
        if not new.size:
            return
        blends = self.model["blend"]
        blend = blends.get("newcomers", blends["warm"]) if is_warm else blends["new"]
        worth[:, new] = 0.0
        for name in ("takers", "factors", "autoencoder", "content"):
            if name in parts:
                worth[CONTENT, new] += blend.get(name, 0.0) * parts[name][candidates[new]]

    def through_takers(self, items: Any, strength: Any, parts: dict[str, Any], candidates: Any) -> Any:
        """Return what some courses would lose without each of a history, through what people took, (k, c) float."""
        asked = np.concatenate([candidates, items])  # a part's spread over them tells its unit
        found = np.zeros((len(items), len(candidates)))
        lost = {"takers": self.by_weights, "factors": self.by_places, "autoencoder": self.by_codes}
        for name, losses in lost.items():
            weight = self.model["blend"]["warm"].get(name, 0.0)
            if weight and name in parts:
                raw, shares = losses(items, strength, asked)
                unit = np.ptp(raw) / max(np.ptp(parts[name][asked]), 1e-12)
                found += weight * shares[:, : len(candidates)] / max(unit, 1e-12)
        return found

    def by_weights(self, items: Any, strength: Any, asked: Any) -> tuple[Any, Any]:
        """Return scores by item–item weights, (c,), and what they lose without each course of a history, (k, c)."""
        pairs = strength[:, None] * dense(self.weights[items])[:, asked]
        return pairs.sum(axis=0), pairs

    def by_places(self, items: Any, strength: Any, asked: Any) -> tuple[Any, Any]:
        """Return the same by factors: with A⁻¹y = z, leaving y out moves the place by z (1 − y·place) / (1 − y·z)."""
        facts, total = self.model["factors"], np.zeros(len(asked))
        shares = np.zeros((len(items), len(asked)))
        penalty = float(regularised([len(items)], facts)[0])
        for one, everybody in zip(self.starts, self.everybody, strict=True):
            own = one[items]
            left = facts["unobserved"] * everybody + own.T @ own + penalty * np.eye(one.shape[1])
            moved = np.linalg.solve(left, own.T).T
            place, near = moved.sum(axis=0), np.einsum("ij,ij->i", own, moved)
            moved *= ((1 - own @ place) / (1 - near))[:, None]
            total += one[asked] @ place
            shares += moved @ one[asked].T
        return total, shares

    def by_codes(self, items: Any, strength: Any, asked: Any) -> tuple[Any, Any]:
        """Return the same by the autoencoder, each course of the history left out in turn."""
        inwards, outwards, level = self.coded
        each = strength[:, None] * inwards[items]
        rest = np.sqrt(np.maximum((strength**2).sum() - strength**2, 0.0))[:, None]
        code = np.tanh(each.sum(axis=0) / np.sqrt((strength**2).sum()))
        without = np.tanh((each.sum(axis=0) - each) / np.where(rest > 0, rest, np.inf))
        return outwards[asked] @ code + level[asked], (code - without) @ outwards[asked].T

    def through_content(self, items: Any, strength: Any, _parts: Any, candidates: Any) -> Any:
        """Return what some courses would lose without each of a history, through what they are about, (k, c) float."""
        near = np.zeros((len(items), len(candidates)))
        if self.vectors is not None:
            near += self.vectors[items] @ self.vectors[candidates].T
        if self.skills is not None:
            near += dense(self.skills[items] @ self.skills[candidates].T)
        return strength[:, None] * near


def compressed(arrays: dict[str, Any], name: str, n_rows: int) -> Any:
    """Return a matrix stored as compressed rows, or None where there is none."""
    if f"{name}_indptr" not in arrays:
        return None
    data = arrays[f"{name}_data"]
    shape = (n_rows, int(arrays[f"{name}_columns"]))
    return sp.csr_matrix((data, arrays[f"{name}_indices"], arrays[f"{name}_indptr"]), shape=shape)


def dense(matrix: Any) -> Any:
    """Return a matrix as a plain array."""
    return matrix.toarray() if sp.issparse(matrix) else np.asarray(matrix)


def standardised(values: Any) -> Any:
    """Return each row with mean 0 and standard deviation 1; a row without spread becomes 0."""
    exact = np.array(values, dtype=np.float64)
    exact -= exact.mean(axis=1, keepdims=True)
    spread = np.sqrt(np.einsum("ij,ij->i", exact, exact) / exact.shape[1])[:, None]
    exact /= np.where(spread > 1e-12, spread, np.inf)
    return exact


def regularised(counts: Any, facts: dict[str, float]) -> Any:
    """Return the penalty of each row of a factor model, (n,) float: it grows with the root of what the row brings."""
    brought = np.asarray(counts, dtype=np.float64) + facts["unseen"]
    return facts["ridge"] * np.sqrt(facts["average"] * brought)


def solved_factors(indptr: Any, items: Any, factors: Any, unobserved: float, penalty: Any) -> Any:
    """Return each row's least-squares factor given those of its columns, (n, d) float.

    Parameters
    ----------
    indptr, items : (n + 1,), (k,)
        Compressed rows of what happened.
    factors : (m, d) float
        Of the columns.
    unobserved : float
        How much a pair that did not happen counts beside one that did.
    penalty : (n,) float
        Ridge of each row.
    """
    indptr, items = np.asarray(indptr), np.asarray(items)
    size, counts = factors.shape[1], np.diff(indptr)
    everybody = unobserved * (factors.T @ factors)
    found = np.zeros((counts.size, size), dtype=factors.dtype)
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] > 0]
    step = max(1, SOLVE_CELLS // (size * size))
    for rows in (order[start : start + step] for start in range(0, order.size, step)):
        left, right = normal_equations(indptr, items, factors, rows)
        left += everybody
        left[:, np.arange(size), np.arange(size)] += penalty[rows][:, None]
        found[rows] = np.linalg.solve(left, right[:, :, None])[:, :, 0]
    return found


def normal_equations(indptr: Any, items: Any, factors: Any, rows: Any) -> tuple[Any, Any]:
    """Return Σ y yᵀ and Σ y over the columns of each row, (r, d, d) and (r, d); rows with fewer columns come first."""
    size, counts = factors.shape[1], indptr[rows + 1] - indptr[rows]
    left = np.empty((rows.size, size, size), dtype=factors.dtype)
    right = np.empty((rows.size, size), dtype=factors.dtype)
    start = 0
    while start < rows.size:
        end = min(start + max(1, GATHERED_CELLS // (size * int(counts[start]))), rows.size)
        end = min(start + max(1, GATHERED_CELLS // (size * int(counts[end - 1]))), rows.size)
        place, own_counts = np.arange(int(counts[end - 1])), counts[start:end, None]
        there = place < own_counts
        own = factors[items[np.where(there, indptr[rows[start:end], None] + place, 0)]]
        if not there.all():
            own *= there[:, :, None]
        np.matmul(own.transpose(0, 2, 1), own, out=left[start:end])
        own.sum(axis=1, out=right[start:end])
        start = end
    return left, right

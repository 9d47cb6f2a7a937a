"""What an evaluation says: metrics with intervals, peers on the same rows, and the units behind them."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.payload import number_or_none

Floats = NDArray[np.floating]
Figure = Any  # a matplotlib.figure.Figure, or a function without arguments that draws one

DRAWS = 1000
LEVEL = 0.95
CHUNK = 1_000_000
REPORTED = ("skillpath", "numpy", "scipy", "polars", "scikit-learn", "lightgbm")


@dataclass(frozen=True)
class Interval:
    """A number with its 95 % interval; ``nan`` bounds mean that none was computed."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True)
class Evaluation:
    """What was found about one saved model, on rows it had not seen.

    Parameters
    ----------
    question : str
        skills, recommendation, attrition or impact.
    protocol : str
        How rows were split and scored, in a sentence.
    metrics : mapping of str to Interval
        Lower-case names: ``ndcg@10``, ``auc``, ``uno_c`` …
    peers : mapping of str to mapping of str to Interval
        The strongest simple baselines, on the same rows.
    primary : str
        The metric that promotion compares.
    per_unit : (n_units,) float
        The primary metric's contribution of each person or row; higher is better.
    peer_units : mapping of str to (n_units,) float
        The same for each peer, in the same order.
    diagnostics : mapping of str to anything plain
        What a reader should know beside the metrics.
    n : mapping of str to int
        Counts of rows, people, events …
    figures : mapping of str to Figure
        Drawn lazily where the value is a function without arguments.
    status : str
        ``estimated``, or ``refused`` with a `reason`.
    reason, verdict : str
        In words.
    seeds : sequence of int
        Every seed used.
    gates : mapping of str to (bool, str)
        Further gates of promotion: passed or not, and why.
    data_digest : str
        Digest of the data evaluated.
    """

    question: str
    protocol: str
    metrics: Mapping[str, Interval]
    peers: Mapping[str, Mapping[str, Interval]]
    primary: str
    per_unit: Floats
    peer_units: Mapping[str, Floats]
    diagnostics: Mapping[str, Any] = field(default_factory=dict)
    n: Mapping[str, int] = field(default_factory=dict)
    figures: Mapping[str, Figure] = field(default_factory=dict)
    status: str = "estimated"
    reason: str = ""
    verdict: str = ""
    seeds: Sequence[int] = ()
    gates: Mapping[str, tuple[bool, str]] = field(default_factory=dict)
    data_digest: str = ""


def refusal(question: str, reason: str) -> Evaluation:
    """Return the evaluation of data that cannot answer the question."""
    nothing: Floats = np.zeros(0)
    return Evaluation(
        question, "", {}, {}, primary="", per_unit=nothing, peer_units={}, status="refused", reason=reason
    )


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as the stable object that ``skillpath evaluate --json`` prints."""
    body: dict[str, Any] = {
        "question": evaluation.question,
        "protocol": evaluation.protocol,
        "status": evaluation.status,
        "n": plain(evaluation.n),
        "metrics": plain(evaluation.metrics),
        "peers": plain(evaluation.peers),
        "diagnostics": plain(evaluation.diagnostics),
        "verdict": evaluation.verdict,
        "seeds": plain(evaluation.seeds),
        "versions": dict(versions()),
        "data_digest": evaluation.data_digest,
    }
    if evaluation.status == "refused":
        body["reason"] = evaluation.reason
    return body


def plain(value: Any) -> Any:
    """Return a value as JSON can say it: numbers that are none become null, times become text."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset | range):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return number_or_none(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


@cache
def versions() -> Mapping[str, str]:
    """Return the versions of Python and of the libraries that make numbers."""
    found = {"python": platform.python_version()}
    for name in REPORTED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def bootstrap_mean(values: Floats, rng: np.random.Generator, draws: int = DRAWS) -> Interval:
    """Return the mean with its percentile bootstrap interval.

    Parameters
    ----------
    values : (n,) float
        One per independent unit; where several rows belong to one person, average them first.
    rng : numpy.random.Generator
        Draws the samples.
    draws : int
        Number of bootstrap samples.

    Returns
    -------
    Interval
        95 %; ``nan`` where there is no value.

    Notes
    -----
    Few distinct values are drawn as one multinomial, which is the same bootstrap, sooner.
    """
    units = np.asarray(values, dtype=np.float64)
    if units.size == 0 or np.isnan(units).any():
        return Interval(float(units.mean()) if units.size else float("nan"))
    means: Floats
    if is_few(units):
        levels, counts = np.unique(units, return_counts=True)
        means = rng.multinomial(units.size, counts / units.size, size=draws) @ levels / units.size
    else:
        (means,) = resampled_means(units[None], rng, draws)
    return percentile_interval(float(units.mean()), means)


def is_few(units: Floats) -> bool:
    """Return whether units have so few distinct values that drawing how often each comes is sooner."""
    return bool(np.unique(units).size * 20 <= units.size)


def resampled_means(values: Floats, rng: np.random.Generator, draws: int) -> Floats:
    """Return the means of samples of units drawn with replacement, in blocks of bounded memory.

    Of each sample it is counted how often each unit came: once for all metrics.

    Parameters
    ----------
    values : (n_metrics, n_units) float
        The same units are drawn for every metric.
    rng : numpy.random.Generator
        Draws the samples.
    draws : int
        Number of samples.

    Returns
    -------
    (n_metrics, draws) float
    """
    count = values.shape[1]
    step = max(1, CHUNK // count)
    found = np.empty((len(values), draws))
    for start in range(0, draws, step):
        size = (min(step, draws - start), count)
        for place, units in enumerate(rng.integers(0, count, size, dtype=np.int32), start):
            came = np.bincount(units, minlength=count)
            found[:, place] = [(metric * came).sum() / count for metric in values]
    return found


def percentile_interval(value: float, draws: Floats) -> Interval:
    """Return a value with the central 95 % of its draws; ``nan`` bounds where no draw is a number."""
    kept = draws[np.isfinite(draws)]
    if kept.size == 0:
        return Interval(value)
    low, high = np.quantile(kept, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))


def paired_difference(a: Floats, b: Floats, rng: np.random.Generator) -> Interval:
    """Return the mean of ``a - b`` over the same units, with its bootstrap interval.

    Returns
    -------
    Interval
        Positive where `a` is better (units are higher-is-better); 0 means no difference.
    """
    return bootstrap_mean(paired(a, b), rng)


def paired_differences(
    pairs: Mapping[str, tuple[Floats, Floats]], rng: Callable[[], np.random.Generator]
) -> dict[str, Interval]:
    """Return the paired differences of several metrics over the same units, which are drawn once for all of them.

    Parameters
    ----------
    pairs : mapping of str to pair of (n,) float
        Of each metric the units of either side.
    rng : callable
        Returns a generator, in the same state every time.

    Returns
    -------
    dict of str to Interval
        Each is what `paired_difference` returns.
    """
    gaps = {name: paired(*pair) for name, pair in pairs.items()}
    apart = {name: gap for name, gap in gaps.items() if gap.size == 0 or np.isnan(gap).any() or is_few(gap)}
    together = {name: gap for name, gap in gaps.items() if name not in apart}
    found = {name: bootstrap_mean(gap, rng()) for name, gap in apart.items()}
    if together:
        drawn = resampled_means(np.stack([*together.values()]), rng(), DRAWS)
        found |= {
            name: percentile_interval(float(gap.mean()), means)
            for (name, gap), means in zip(together.items(), drawn, strict=True)
        }
    return {name: found[name] for name in pairs}


def paired(a: Floats, b: Floats) -> Floats:
    """Return the difference of two sides' units; raise ValueError where they are not the same units."""
    if np.shape(a) != np.shape(b):
        raise ValueError(f"paired units must match, found {np.shape(a)} and {np.shape(b)}")
    return np.asarray(np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64))


def bootstrap_rows(
    statistic: Callable[[NDArray[np.intp]], float], n: int, rng: np.random.Generator, draws: int = 200
) -> Interval:
    """Return a statistic of rows with its percentile bootstrap interval.

    Parameters
    ----------
    statistic : callable
        Takes row numbers (with repetitions) and returns the statistic of those rows.
    n : int
        Number of rows; group rows of one person before, and draw people.
    rng : numpy.random.Generator
        Draws the samples.
    draws : int
        Number of bootstrap samples.
    """
    found = np.array([statistic(rng.integers(0, n, n)) for _ in range(draws)], dtype=np.float64)
    return percentile_interval(float(statistic(np.arange(n))), found)

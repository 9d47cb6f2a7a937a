"""What a question's dataset is built from: records, a moment, an encoder and a generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Encode = Callable[[Sequence[str]], Floats]


def no_encoder(texts: Sequence[str]) -> Floats:
    """Refuse to encode: the default of a context whose question needs no text."""
    raise RuntimeError(f"this training context has no encoder, and {len(texts)} texts were to be encoded")


@dataclass
class TrainingContext:
    """Everything `dataset.build` may use; it opens and reads nothing itself.

    Parameters
    ----------
    records : mapping of str to polars.DataFrame
        Tables as stored; protected attributes are never among them.
    as_of : datetime
        Aware UTC moment that ends the data: facts count strictly before it.
    protected : polars.DataFrame
        One row per employee, one column per protected attribute; for `training.fairness.report` alone.
    encode : callable
        Texts to L2-normalised vectors, float32 of shape (n, 384), through the cache.
    threads : int
        Threads for numeric work.
    progress : bool
        True where progress may be shown on stderr.
    rng : numpy.random.Generator
        The one generator, passed down.
    """

    records: Mapping[str, pl.DataFrame]
    as_of: datetime
    protected: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"employee_id": pl.String}))
    encode: Encode = no_encoder
    threads: int = 2
    progress: bool = False
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(7))

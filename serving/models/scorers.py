"""Load a verified scorer and ask it for its golden prediction."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLERANCE = {"float32": 1e-5}  # another processor adds in another order, and float32 carries no more
EXACT = 1e-9
# LightGBM imports these where they are installed, for interfaces that no scorer uses: two seconds of a worker's start.
SPARED = ("sklearn", "pandas", "dask", "matplotlib")


def load_scorer(payload: Path) -> Any:
    """Execute a payload's ``scorer.py`` and return its scorer; only ever of a verified payload.

    The source is compiled here: a byte-code file beside it would run unsigned.
    """
    path = payload / "scorer.py"
    source = path.read_bytes()
    module = ModuleType(f"scorer_{hashlib.sha256(source).hexdigest()[:16]}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look their module up by name
    with spared():
        exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102 - signed and verified
    return module.Scorer.load(payload)


@contextmanager
def spared() -> Iterator[None]:
    """Let LightGBM's first import in this process do without what it only takes where it is there."""
    absent = [name for name in SPARED if name not in sys.modules and "lightgbm" not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None says: not to be imported
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def golden_holds(payload: Path, scorer: Any) -> bool:
    """Say whether the scorer gives its golden prediction: equal shape, every number as close as its type carries."""
    with np.load(payload / "golden.npz", allow_pickle=False) as arrays:
        inputs = {name.removeprefix("input_"): arrays[name] for name in arrays.files if name != "output"}
        expected = arrays["output"]
    return agree(np.asarray(scorer.scores(**inputs)), expected)


def agree(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    """Say whether two predictions agree; text and flags must be equal."""
    if found.shape != expected.shape:
        return False
    if expected.dtype.kind not in "iuf" or found.dtype.kind not in "iuf":
        return bool(np.array_equal(found, expected))
    numbers = found.astype(np.float64), expected.astype(np.float64)
    allowed = TOLERANCE.get(expected.dtype.name, EXACT)
    return bool(np.allclose(*numbers, rtol=0.0, atol=allowed, equal_nan=True))

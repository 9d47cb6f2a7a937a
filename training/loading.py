"""Load a scorer by path, as anybody without our packages would."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.errors import UnavailableError

GOLDEN_TOLERANCE = 1e-9
SINGLE_TOLERANCE = 1e-5  # of float32 answers: another processor adds in another order


def load_scorer(folder: Path) -> Any:
    """Execute ``folder/scorer.py`` and return ``Scorer.load(folder)``.

    Parameters
    ----------
    folder : Path
        A payload as `training.payload.write_payload` writes it.

    Returns
    -------
    Scorer
        The question's own class, with array-in/array-out methods.

    Raises
    ------
    UnavailableError
        If the folder holds no scorer. A damaged data file may raise anything, or kill the process
        (LightGBM's parser does): verify the digest of what you did not just write, before loading it.

    Notes
    -----
    The source is compiled here and no byte code is written beside it: a payload holds nothing but what is signed.
    """
    path = folder / "scorer.py"
    if not path.is_file():
        raise UnavailableError(
            "The payload holds no scorer.", found=str(folder), allowed="a folder with scorer.py"
        )
    source = path.read_bytes()
    name = f"scorer_{hashlib.sha256(source).hexdigest()[:16]}"
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # dataclasses look their module up by name
    exec(compile(source, str(path), "exec"), module.__dict__)  # noqa: S102
    return module.Scorer.load(folder)


def read_golden(folder: Path) -> tuple[dict[str, NDArray[Any]], NDArray[Any]]:
    """Return the golden inputs, by keyword, and the output that belongs to them."""
    with np.load(folder / "golden.npz", allow_pickle=False) as arrays:
        inputs = {name.removeprefix("input_"): arrays[name] for name in arrays.files if name != "output"}
        return inputs, arrays["output"]


def golden_difference(folder: Path) -> float:
    """Return the largest absolute difference of the scorer's answer from the golden output.

    Returns
    -------
    float
        0 means equal; infinite where shapes differ or one side only is not a number.
    """
    inputs, expected = read_golden(folder)
    found = np.asarray(load_scorer(folder).scores(**inputs))
    return largest_difference(found, expected)


def allowed_difference(expected: NDArray[Any]) -> float:
    """Return how far an answer may be from the golden one, by the precision in which it is given."""
    return SINGLE_TOLERANCE if expected.dtype == np.float32 else GOLDEN_TOLERANCE


def largest_difference(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """Return the largest absolute difference of two arrays; infinite where they cannot be compared."""
    if found.shape != expected.shape:
        return float("inf")
    if found.dtype.kind not in "fiub" or expected.dtype.kind not in "fiub":
        return 0.0 if np.array_equal(found, expected) else float("inf")
    left, right = found.astype(np.float64), expected.astype(np.float64)
    apart = ~((left == right) | (np.isnan(left) & np.isnan(right)))
    difference = np.abs(left[apart] - right[apart])
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))

"""Somebody's units beside ours: an evaluation, and whether they are not inferior."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from training.evaluation import Evaluation, bootstrap_mean, paired_difference
from training.gates import Gate, margin, non_inferiority
from training.rescoring.rescored import Floats


def beside_ours(
    question: str, primary: str, units: Mapping[str, Floats], ours: str, rng: np.random.Generator
) -> tuple[Evaluation, list[Gate]]:
    """Return the evaluation of ``theirs`` beside the others, and the gate of not being inferior to ours.

    Parameters
    ----------
    question, primary : str
        Which question, and the metric that the units add up to.
    units : mapping of str to (n,) float
        ``theirs``, ours, and of who knows nothing; higher is better.
    ours : str
        Name of our side.
    rng : numpy.random.Generator
        Of the bootstraps.
    """
    theirs, own = units["theirs"], units[ours]
    peers = {name: each for name, each in units.items() if name != "theirs"}
    nothing = min(float(np.mean(each)) for name, each in peers.items() if name != ours)
    found = Evaluation(
        question, "the last block, asked by name", {primary: bootstrap_mean(theirs, rng)},
        {name: {primary: bootstrap_mean(each, rng)} for name, each in peers.items()}, primary, theirs, peers,
        n={"units": len(theirs)},
    )  # fmt: skip
    allowed = margin(float(np.mean(own)), float(np.mean(theirs)), nothing)
    return found, [non_inferiority(primary, ours, paired_difference(theirs, own, rng), allowed)]

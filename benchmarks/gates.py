"""How often all gates together refuse a model that is as good as the champion, and let through one that lost half of it.

Run: python -m benchmarks.gates [--simulations N] [--first N] [--people N] [--seed S] [--json]

Each simulation draws a last block of people whose chance of leaving is known. Champion and challenger are logistic models
fitted to two samples of the same size from the same world: neither is better. The bad challenger has learnt half as much.
The gates are those of training.checking.judging: not inferior, calibration, plausible, fairness. A simulation is told by its
number: those from --first on are the same whoever runs the others.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.checking.judging import Truth, worth, worth_gates

Floats = NDArray[np.float64]
LIMIT_REFUSED, LIMIT_LET_THROUGH = 0.05, 0.05
BETA = np.array([0.7, -0.5, 0.4, 0.3, 0.0, 0.0, 0.0, 0.0])
LEVEL = -2.0


def main() -> None:
    """Draw, judge, count, print beside the limits."""
    arguments = parse()
    started = time.perf_counter()
    good, bad, reasons = [], [], Counter[str]()
    for number in range(arguments.first, arguments.first + arguments.simulations):
        failed, failed_bad = one(np.random.default_rng([arguments.seed, number]), arguments.people)
        good.append(bool(failed))
        bad.append(bool(failed_bad))
        reasons.update(failed)
    refused, let_through = float(np.mean(good)), 1 - float(np.mean(bad))
    body = {
        "simulations": arguments.simulations, "first": arguments.first, "people": arguments.people, "seed": arguments.seed,
        "good_refused": sum(good), "good_refused_share": refused, "limit": LIMIT_REFUSED, "reasons": dict(reasons),
        "bad_let_through_share": let_through, "bad_limit": LIMIT_LET_THROUGH,
        "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip
    print(
        json.dumps(body) if arguments.json else "\n".join(f"{name}: {value}" for name, value in body.items())
    )
    raise SystemExit(0 if refused <= LIMIT_REFUSED and let_through <= LIMIT_LET_THROUGH else 1)


def one(rng: np.random.Generator, people: int) -> tuple[list[str], list[str]]:
    """Return the gates that a good and a bad challenger fail in one drawn world."""
    champion, challenger = (learn(rng, 4 * people) for _ in range(2))
    rows, left = drawn(rng, people)
    groups = {
        "sex": rng.choice(["f", "m"], people).tolist(),
        "origin": rng.choice(["a", "b", "c"], people, p=[0.7, 0.2, 0.1]).tolist(),
    }
    truth = Truth(left, groups, said(champion, rows), "the champion")
    weak = np.concatenate([challenger[:1], challenger[1:] * 0.3])
    return failed(said(challenger, rows), truth, rng), failed(said(weak, rows), truth, rng)


def drawn(rng: np.random.Generator, people: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Return features and who left."""
    rows = rng.normal(size=(people, len(BETA)))
    return rows, rng.random(people) < 1 / (1 + np.exp(-(LEVEL + rows @ BETA)))


def learn(rng: np.random.Generator, people: int) -> Floats:
    """Return intercept and slopes of a logistic regression, by Newton's steps."""
    rows, left = drawn(rng, people)
    design = np.column_stack([np.ones(people), rows])
    found = np.zeros(design.shape[1])
    for _ in range(12):
        chance = 1 / (1 + np.exp(-design @ found))
        curvature = design.T @ (design * (chance * (1 - chance))[:, None])
        found = found + np.linalg.solve(curvature, design.T @ (left - chance))
    return np.asarray(found, dtype=np.float64)


def said(model: Floats, rows: Floats) -> Floats:
    """Return a model's probabilities."""
    return np.asarray(1 / (1 + np.exp(-(model[0] + rows @ model[1:]))), dtype=np.float64)


def failed(probability: Floats, truth: Truth, rng: np.random.Generator) -> list[str]:
    """Return the gates that are not passed."""
    found: Any = worth(probability, truth, rng)
    return [gate.name for gate in worth_gates(found, truth, rng) if not gate.passed]


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=1_000)
    parser.add_argument(
        "--first", type=int, default=0, help="number of the first one: a thousand in several runs"
    )
    parser.add_argument("--people", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()

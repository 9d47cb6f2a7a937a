"""How often the watch cries wolf where nothing changed, and how often it finds a shift that is there.

Run: python -m benchmarks.drift [--simulations N] [--people N] [--features N] [--seed S] [--json]

A false alarm is any alarm among all features of a look at which nothing had changed. The shift is half a standard deviation
of one feature among the others.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping

import numpy as np

from training.drift import Drift, Floats, drifts, reference_of

LIMIT_FALSE, LIMIT_FOUND = 0.02, 0.95
SHIFT = 0.5


def main() -> None:
    """Simulate, count, print beside the limits and beside the rule of thumb that everybody copies."""
    arguments = parse()
    started = time.perf_counter()
    null = [
        look(np.random.default_rng([arguments.seed, number]), arguments, 0.0)
        for number in range(arguments.simulations)
    ]
    moved = [
        look(np.random.default_rng([arguments.seed + 1, number]), arguments, SHIFT)
        for number in range(arguments.simulations)
    ]
    false = float(np.mean([any(each.is_alarm for each in found) for found in null]))
    thumb = float(np.mean([any(each.index > 0.1 for each in found) for found in null]))
    hit = float(np.mean([next(each for each in found if each.name == "f0").is_alarm for found in moved]))
    body = {
        "simulations": arguments.simulations, "people": arguments.people, "features": arguments.features, "seed": arguments.seed,
        "false_alarm_share": false, "false_alarm_limit": LIMIT_FALSE, "false_alarm_share_of_index_above_0.1": thumb,
        "shift_found_share": hit, "shift_found_limit": LIMIT_FOUND, "seconds": round(time.perf_counter() - started, 1),
    }  # fmt: skip
    print(
        json.dumps(body) if arguments.json else "\n".join(f"{name}: {value}" for name, value in body.items())
    )
    raise SystemExit(0 if false <= LIMIT_FALSE and hit >= LIMIT_FOUND else 1)


def look(rng: np.random.Generator, arguments: argparse.Namespace, shift: float) -> list[Drift]:
    """Return the drifts of one look at as many people as the reference had; one feature is moved."""
    then = {
        name: reference_of(values)
        for name, values in drawn(rng, arguments.people, arguments.features).items()
    }
    now = dict(drawn(rng, arguments.people, arguments.features))
    now["f0"] = now["f0"] + shift
    return drifts(then, now)


def drawn(rng: np.random.Generator, people: int, features: int) -> Mapping[str, Floats]:
    """Return features of several kinds: normal, skewed, few values, half unknown."""
    makers = (
        lambda: rng.normal(size=people),
        lambda: rng.exponential(size=people),
        lambda: rng.integers(0, 4, people).astype(float),
        lambda: np.where(rng.random(people) < 0.5, np.nan, rng.normal(size=people)),
    )
    return {f"f{place}": makers[place % len(makers)]() for place in range(features)}


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--simulations", type=int, default=1_000)
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--features", type=int, default=32)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""Impact against known answers, beside its peers in the same run.

Run: python -m benchmarks.impact lalonde [--trees 500] [--seeds 5] [--controls cps,psid]
     python -m benchmarks.impact sample [--employees 2000] [--seed 7]
     python -m benchmarks.impact null [--employees 2000] [--fakes 1000]
     python -m benchmarks.impact noise [--draws 200]
     python -m benchmarks.impact planted [--draws 1000] [--on organisation,acic,ihdp] [--pipeline screening|full] [--seeds 5]
     python -m benchmarks.impact hidden [--draws 200] [--pipeline screening|full] [--seeds 5] [--earlier 1; 3: placebos pooled]
     python -m benchmarks.impact own [--employees 4000] [--seeds 2]
     python -m benchmarks.impact simulated [--draws 5]
     python -m benchmarks.impact untouched [--draws 20] [--on ihdp,acic]
     python -m benchmarks.impact rollout [--draws 500]
     python -m benchmarks.impact experiments
     python -m benchmarks.impact speed [--employees 100000] [--courses 200; 0: one course in full alone]
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.impact import (
    experiments,
    hidden,
    lalonde,
    organisation,
    own,
    planted,
    rollout,
    simulated,
    speed,
    untouched,
)
from benchmarks.processes import machine

REAL_DATA = Path(
    os.environ.get("SKILLPATH_REAL_DATA", Path(__file__).resolve().parents[3] / "shared" / "data")
)
PARTS = {
    "lalonde": lalonde.lalonde,
    "sample": organisation.sample,
    "null": organisation.null,
    "noise": planted.noise,
    "planted": planted.planted,
    "hidden": hidden.hidden,
    "own": own.own,
    "simulated": simulated.simulated,
    "untouched": untouched.untouched,
    "rollout": rollout.rollout,
    "experiments": experiments.experiments,
    "speed": speed.speed,
}


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    add = parser.add_argument
    add("part", choices=tuple(PARTS))
    add("--data", type=Path, default=REAL_DATA / "training_impact")
    add("--trees", type=int, default=500)
    add("--seeds", type=int, default=5)
    add("--controls", default="cps,psid")
    add("--employees", type=int, default=0, help="2,000; 100,000 for speed")
    add("--courses", type=int, default=200)
    add("--seed", type=int, default=7)
    add("--fakes", type=int, default=1_000)
    add("--draws", type=int, default=0, help="as many as the part's own default")
    add("--on", default="organisation,acic,ihdp")
    add("--pipeline", choices=("screening", "full"), default="screening", help="of planted and hidden")
    add("--earlier", type=int, default=1, help="outcomes from before, as placebos, of hidden")
    add("--threads", type=int, default=2)
    request = parser.parse_args()
    print(machine("numpy", "scikit-learn", "lightgbm", "doubleml"))
    PARTS[request.part](request)


if __name__ == "__main__":
    main()

"""Try a payload in a throw-away process where our packages cannot be imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from training.loading import allowed_difference, read_golden

SECONDS = 120
MEMORY_BYTES = 12 << 30  # address space, of which the numeric libraries reserve much and use little
OURS = ("features", "training", "serving", "skillpath")

PROGRAM = r"""
import json, resource, sys, time, types
from pathlib import Path

folder, ours, memory, seconds = Path(sys.argv[1]), sys.argv[2].split(","), int(sys.argv[3]), int(sys.argv[4])
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.dont_write_bytecode = True

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ours:
            raise ImportError(f"{name} is not part of a saved model")

sys.meta_path.insert(0, Blocked())

import numpy as np

source = folder / "scorer.py"
module = types.ModuleType("scorer")
sys.modules["scorer"] = module
exec(compile(source.read_bytes(), str(source), "exec"), module.__dict__)
scorer = module.Scorer.load(folder)
with np.load(folder / "golden.npz", allow_pickle=False) as golden:
    inputs = {name.removeprefix("input_"): golden[name] for name in golden.files if name != "output"}
    expected = golden["output"]
found = np.asarray(scorer.scores(**inputs))
spans = []
for _ in range(3):
    started = time.perf_counter()
    scorer.scores(**inputs)
    spans.append(time.perf_counter() - started)
if found.shape != expected.shape:
    difference = None
elif found.dtype.kind in "fiub" and expected.dtype.kind in "fiub":
    left, right = found.astype(float), expected.astype(float)
    apart = ~((left == right) | (np.isnan(left) & np.isnan(right)))
    largest = float(np.nan_to_num(np.abs(left[apart] - right[apart]), nan=np.inf).max(initial=0.0))
    difference = largest if np.isfinite(largest) else None
else:
    difference = 0.0 if np.array_equal(found, expected) else None
print("\n" + json.dumps({"difference": difference, "seconds": min(spans)}))
"""


def trial(folder: Path, seconds: int = SECONDS) -> str:
    """Load a payload and ask its golden question in a child process; return what went wrong, empty where nothing did."""
    return timed_trial(folder, seconds)[0]


def timed_trial(folder: Path, seconds: int = SECONDS) -> tuple[str, float]:
    """Load a payload and ask its golden question in a child process.

    Parameters
    ----------
    folder : Path
        A payload.
    seconds : int
        Limit of processor time, and of waiting.

    Returns
    -------
    (str, float)
        Empty where it loads alone and answers as it was written, otherwise what went wrong; and the seconds that
        the golden question takes, the best of three.
    """
    limits = [",".join(OURS), str(MEMORY_BYTES), str(seconds)]
    command = [sys.executable, "-I", "-c", PROGRAM, str(folder), *limits]
    environment = {"PATH": os.environ.get("PATH", ""), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=seconds, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {seconds} s", float("inf")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        return f"the process that loaded it ended with {done.returncode}: {last[:300]}", float("inf")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return differs(said["difference"], allowed_difference(read_golden(folder)[1])), float(said["seconds"])


def differs(difference: float | None, allowed: float) -> str:
    """Return in words how far a golden answer is off; empty where it is not."""
    if difference is None:
        return "its golden answer has another shape, or is no number where one was"
    if difference > allowed:
        return f"its golden answer differs by {difference:.3g}; allowed is {allowed:g}"
    return ""

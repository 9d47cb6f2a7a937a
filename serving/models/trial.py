"""Try a verified bundle in a throw-away process: a damaged model kills the process that parses it."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

MISFIT = 3
ENOUGH_CPU = 4  # cores' worth of time inside the wall-clock limit


def try_bundle(payload: Path, *, seconds: float, memory_bytes: int) -> str:
    """Load a payload's scorer in a child process and check its golden prediction.

    Returns
    -------
    str
        Empty where it holds, else why it does not.
    """
    limits = json.dumps({"seconds": seconds, "memory_bytes": memory_bytes})
    command = [sys.executable, "-m", "serving.models.trial", str(payload), limits]
    root = str(Path(__file__).resolve().parents[2])
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"}
    environment |= {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}
    try:
        done = subprocess.run(  # noqa: S603 - this very program
            command, capture_output=True, timeout=seconds, env=environment, check=False, cwd=payload
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer its golden prediction within {seconds:g} s"
    if done.returncode == 0:
        return ""
    if done.returncode == MISFIT:
        return "it does not give its golden prediction"
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [""]
    how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
    return f"loading it ended its process ({how}) {last[0][:200]}".strip()


def restrain(seconds: float, memory_bytes: int) -> None:
    """Bound what this process may use."""
    cpu = max(1, int(seconds * ENOUGH_CPU))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu))
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


def main(payload: Path, limits: dict[str, float]) -> int:
    """Check the golden prediction; the process ends with 0 where it holds."""
    restrain(limits["seconds"], int(limits["memory_bytes"]))
    from serving.models.scorers import golden_holds, load_scorer

    return 0 if golden_holds(payload, load_scorer(payload)) else MISFIT


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(sys.argv[2])))

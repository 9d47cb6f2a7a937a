"""Embedding speed: the exported encoder against sentence-transformers as it comes, on the same texts.

Run: python -m benchmarks.embedding [--texts 600]
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from features.records.encoder import CPU_FACTS, fast_precision, open_exported
from features.records.encoder_export import export_encoder, open_reference
from features.records.settings import RecordsSettings
from features.text import Floats, embed

TARGET_RATIO, TARGET_COSINE = 3.5, 0.9999
ROUNDS = 3
WORDS = {"short": (2, 8), "medium": (30, 60), "long": (120, 200)}
VOCABULARY = (
    "plan carry out document training colleagues analyse customer data quality report budget project supplier contract "
    "negotiate safety patient care software design test deploy service network lead team hire people measure process "
    "improve production machine maintain repair warehouse transport order price market campaign write present teach"
)


def main() -> None:
    """Print texts per second, their ratio and the mean cosine, by length and for the mix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=600, help="texts in the mix, a third of each length")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(7)
    texts = {name: written(rng, options.texts // 3, *words) for name, words in WORDS.items()}
    texts["mix"] = [text for part in zip(*texts.values(), strict=True) for text in part]
    with tempfile.TemporaryDirectory() as folder:
        settings = RecordsSettings(var=Path(folder), threads=options.threads)
        export_encoder(settings, Path(folder) / "encoder")
        encoder = open_exported(Path(folder) / "encoder", options.threads)
    print(machine(options.threads), f"precision {fast_precision()}")
    reference = open_reference(settings.embedding_model)

    def default(part: Sequence[str]) -> Floats:
        return np.asarray(reference.encode(list(part), show_progress_bar=False), dtype=np.float32)

    def fast(part: Sequence[str]) -> Floats:
        return embed(part, encoder)

    print(f"{'texts':8} {'default/s':>10} {'fast/s':>10} {'ratio':>7} {'mean cosine':>12} {'lowest':>9}")
    for name, part in texts.items():
        fast(part[:20]), default(part[:20])
        expected, slow_seconds = best_of(default, part)
        found, fast_seconds = best_of(fast, part)
        cosines = (expected * found).sum(axis=1) / np.linalg.norm(expected, axis=1)
        print(
            f"{name:8} {len(part) / slow_seconds:10.1f} {len(part) / fast_seconds:10.1f} "
            f"{slow_seconds / fast_seconds:7.2f} {cosines.mean():12.6f} {cosines.min():9.6f}"
        )
        ratio, cosine = slow_seconds / fast_seconds, float(cosines.mean())
    print(f"limit    ratio ≥ {TARGET_RATIO} {'reached' if ratio >= TARGET_RATIO else 'NOT reached'}, "
          f"mean cosine ≥ {TARGET_COSINE} {'reached' if cosine >= TARGET_COSINE else 'NOT reached'} (mix)")  # fmt: skip
    exact, fast_rate = matrix_product_rate("float32"), matrix_product_rate("bfloat16")
    print(f"hardware {exact:.0f} GFLOP/s in float32, {fast_rate:.0f} in bfloat16: {fast_rate / exact:.2f} × is what "
          "bf16 alone can give a model that is matrix products")  # fmt: skip


def written(rng: np.random.Generator, n: int, low: int, high: int) -> list[str]:
    """Return texts of so many words each, all different."""
    return [
        " ".join(rng.choice(VOCABULARY.split(), rng.integers(low, high + 1))) + f" {place}"
        for place in range(n)
    ]


def best_of(encode: Callable[[Sequence[str]], Floats], texts: Sequence[str]) -> tuple[Floats, float]:
    """Return the vectors and the seconds of the fastest of three rounds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        vectors = encode(texts)
        seconds.append(time.perf_counter() - started)
    return vectors, min(seconds)


def matrix_product_rate(precision: str) -> float:
    """Return GFLOP/s of the model's largest matrix product, (2048, 384) by (384, 1536), on the threads torch has."""
    import torch

    left, right = (torch.ones(shape, dtype=getattr(torch, precision)) for shape in ((2048, 384), (384, 1536)))
    seconds = []
    for _ in range(50):
        started = time.perf_counter()
        left @ right
        seconds.append(time.perf_counter() - started)
    return float(2 * 2048 * 384 * 1536 / np.median(seconds) / 1e9)


def machine(threads: int) -> str:
    """Return the processor and the versions that the figures belong to."""
    flags = CPU_FACTS.read_text().split() if CPU_FACTS.is_file() else []
    has = [flag for flag in ("avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    versions = ", ".join(f"{name} {version(name)}" for name in ("openvino", "sentence-transformers", "torch"))
    return f"{platform.machine()} with {' '.join(has) or 'no AVX-512'}, {threads} threads; {versions};"


if __name__ == "__main__":
    main()

"""The encoder as `skillpath embed` exports it, and the vectors that the store keeps.

The exported folder (graph, weights, tokenizer, parity figure) is opened with openvino and tokenizers alone:
neither torch nor sentence-transformers is imported.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from features.errors import UnavailableError
from features.records.schema import METADATA
from features.records.settings import RecordsSettings
from features.records.store import Store
from features.text import Floats, VectorCache

Precision = Literal["auto", "f32", "bf16"]

DESCRIPTION, PARITY, TOKENIZER, GRAPH, WEIGHTS = (
    "encoder.json", "parity.json", "tokenizer.json", "model.xml", "model.bin",
)  # fmt: skip
BATCH_TOKENS, BATCH_TEXTS = 1_024, 64  # a batch whose activations stay in a core's cache
CPU_FACTS = Path("/proc/cpuinfo")
HAVE_BF16 = {"avx512_bf16", "amx_bf16"}
ASKED_AT_ONCE = 500  # content hashes in one question to the database
LITTLE_ENDIAN = np.dtype("<f4")


class ExportedEncoder:
    """An exported sentence-transformers model, run by OpenVINO.

    Parameters
    ----------
    folder : Path
        As `export_encoder` wrote it.
    threads : int
        Inference threads; each runs its own stream of batches.
    precision : str
        ``f32``, ``bf16``, or ``auto``: bf16 where the CPU has it.

    Raises
    ------
    UnavailableError
        If a file is missing or is not the one that was written.
    """

    def __init__(self, folder: Path, threads: int = 1, precision: Precision = "auto") -> None:
        import openvino
        from tokenizers import Tokenizer

        described = verified_description(folder)
        exact = precision if precision != "auto" else fast_precision()
        self.dimension: int = described["dimension"]
        self.model_id = f"{described['model']}@{described['files'][WEIGHTS][:12]}/{exact}"
        self.inputs: list[str] = described["inputs"]
        self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.tokenizer.enable_truncation(described["max_tokens"])
        self.tokenizer.no_padding()
        options = {
            "INFERENCE_PRECISION_HINT": exact,
            "INFERENCE_NUM_THREADS": threads,
            "NUM_STREAMS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        self.queue = openvino.AsyncInferQueue(
            openvino.Core().compile_model(str(folder / GRAPH), "CPU", options), threads
        )
        self.lock = threading.Lock()

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return (n_texts, dimension) vectors of length one; texts are cut at the model's token limit."""
        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        order = np.argsort([len(ids) for ids in tokens], kind="stable")
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)

        def keep(request: Any, rows: NDArray[np.intp]) -> None:
            vectors[rows] = request.get_output_tensor(0).data

        with self.lock:
            self.queue.set_callback(keep)
            for rows in batches(order, [len(ids) for ids in tokens]):
                self.queue.start_async(self.batch([tokens[row] for row in rows]), rows)
            self.queue.wait_all()
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)

    def batch(self, tokens: Sequence[Sequence[int]]) -> dict[str, NDArray[np.int64]]:
        """Return the model's inputs for texts of similar length, padded to the longest."""
        shape = (len(tokens), max(map(len, tokens)))
        arrays = {name: np.zeros(shape, dtype=np.int64) for name in self.inputs}
        for row, ids in enumerate(tokens):
            arrays["input_ids"][row, : len(ids)] = ids
            arrays["attention_mask"][row, : len(ids)] = 1
        return arrays


def batches(order: NDArray[np.intp], lengths: Sequence[int]) -> Iterator[NDArray[np.intp]]:
    """Yield rows, shortest texts first, so that a padded batch holds a bounded number of tokens."""
    start = 0
    for end, row in enumerate(order, start=1):
        following = lengths[order[end]] if end < len(order) else np.inf
        if end - start == BATCH_TEXTS or (end - start + 1) * max(following, lengths[row]) > BATCH_TOKENS:
            yield order[start:end]
            start = end


def verified_description(folder: Path) -> dict[str, Any]:
    """Return what the folder says of itself, once every file has been found to be the one it names."""
    path = folder / DESCRIPTION
    if not path.is_file():
        raise UnavailableError(
            "There is no exported encoder.", found=str(folder), hint="Run `skillpath embed` first."
        )
    try:
        described: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        damaged = [
            name for name, digest in described["files"].items() if file_digest(folder / name) != digest
        ]
    except (ValueError, KeyError, OSError) as error:
        raise UnavailableError("The exported encoder cannot be read.", found=str(error)) from error
    if damaged:
        raise UnavailableError(
            "The exported encoder is damaged.",
            found=f"other bytes in {', '.join(damaged)}",
            hint="Delete its folder and run `skillpath embed` again.",
        )
    return described


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fast_precision() -> Literal["f32", "bf16"]:
    """Return bf16 where the CPU multiplies in it, else f32."""
    try:
        flags = next(line for line in CPU_FACTS.read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return "f32"
    return "bf16" if HAVE_BF16 & set(flags.split()) else "f32"


def open_exported(folder: Path, threads: int = 1, precision: Precision = "auto") -> ExportedEncoder:
    """Open an exported encoder for serving; raise UnavailableError where it is missing or damaged."""
    return ExportedEncoder(folder, threads, precision)


def encoder_folder(settings: RecordsSettings) -> Path:
    """Return where the exported encoder lies."""
    return settings.var / "encoder"


class StoredVectors:
    """The table `embeddings` as a cache.

    Parameters
    ----------
    store : Store
        Where the table is.
    """

    def __init__(self, store: Store) -> None:
        self.store = store

    def read(self, model_id: str, hashes: Sequence[str]) -> dict[str, Floats]:
        """Return the vectors that are known, by content hash."""
        columns = METADATA.tables["embeddings"].c
        found = self.found(model_id, hashes, columns.content_hash, columns.vector)
        return {key: unpacked(vector) for key, vector in found}

    def known(self, model_id: str, hashes: Sequence[str]) -> set[str]:
        """Return those of the content hashes whose vectors are known."""
        return {key for (key,) in self.found(model_id, hashes, METADATA.tables["embeddings"].c.content_hash)}

    def found(self, model_id: str, hashes: Sequence[str], *columns: sa.Column[Any]) -> Iterator[Any]:
        """Yield columns of the vectors that are known."""
        table = METADATA.tables["embeddings"].c
        with self.store.reading() as connection:
            for part in parts(hashes):
                query = sa.select(*columns).where(table.model_id == model_id, table.content_hash.in_(part))
                yield from connection.execute(query)

    def write(self, model_id: str, vectors: Mapping[str, Floats]) -> None:
        """Keep vectors by content hash; those that stand there already stay."""
        rows = [
            {"model_id": model_id, "content_hash": key, "vector": vector.astype(LITTLE_ENDIAN).tobytes()}
            for key, vector in vectors.items()
        ]
        with self.store.transaction() as connection:
            self.store.append(connection, "embeddings", rows)


def store_cache(store: Store) -> VectorCache:
    """Return the store's table of vectors as a cache."""
    return StoredVectors(store)


def unpacked(vector: bytes) -> Floats:
    """Return a stored vector."""
    return np.frombuffer(vector, dtype=LITTLE_ENDIAN).astype(np.float32)


def parts(hashes: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the hashes in parts that a database takes at once."""
    for start in range(0, len(hashes), ASKED_AT_ONCE):
        yield hashes[start : start + ASKED_AT_ONCE]

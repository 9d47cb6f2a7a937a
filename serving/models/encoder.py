"""The text encoder of a serving process: the exported model, opened when the first text comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def lazy_encoder(folder: Path, threads: int) -> Callable[[Sequence[str]], Any] | None:
    """Return a function from texts to vectors, or None where no exported encoder stands.

    Opening it takes most of a second, so it is opened by whoever needs it first, or in the background.
    """
    if not folder.is_dir():
        return None
    opening = threading.Lock()
    opened: list[Any] = []

    def encode(texts: Sequence[str]) -> Any:
        with opening:
            if not opened:
                from features.records.encoder import open_exported

                opened.append(open_exported(folder, threads))
            return opened[0].encode(texts)

    return encode

"""Rows 2, 3 and 18: swaps that nobody notices, damaged and hostile bundles that nobody loads, a registry that is away."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.trust.scorecard import Effort, Fact, own_settings
from benchmarks.trust.signed import QUESTION, MemoryRegistry, Signer
from serving.models.answering import Models
from serving.models.puller import Puller
from serving.models.shelf import Place
from serving.operation.rollback import roll_back
from serving.settings import ServingSettings


def standing(settings: ServingSettings) -> tuple[Signer, MemoryRegistry, Puller, Models]:
    """Return a service's models with version 1 answering, and everything to promote another."""
    signer, registry = Signer(settings), MemoryRegistry()
    puller, models = Puller(settings, registry), Models(settings)
    folder = signer.write(settings.var / "made" / "1", 1.0)
    registry.promote("1", folder, signer.signature(folder, "1"))
    if puller.turn() != [QUESTION] or models.refresh() != [QUESTION]:
        raise AssertionError(puller.shelf.refused(QUESTION))
    return signer, registry, puller, models


def swaps(effort: Effort) -> Iterator[Fact]:
    """Swap two bundles again and again while others ask."""
    times = effort.of(500)
    with own_settings() as settings:
        signer, registry, puller, models = standing(settings)
        folder = signer.write(settings.var / "made" / "2", 2.0)
        registry.promote("2", folder, signer.signature(folder, "2"))
        puller.turn()
        models.refresh()
        stop, asked, mixed = threading.Event(), [0], [0]
        asking = threading.Thread(target=ask_until, args=(models, stop, asked, mixed))
        asking.start()
        pointer = puller.shelf.pointer(QUESTION)
        assert pointer is not None
        assert pointer.previous is not None
        places, longest = [pointer.current, pointer.previous], 0.0
        for number in range(times):
            longest = max(longest, swap(puller, models, places[(number + 1) % 2]))
        stop.set()
        asking.join()
        yield Fact(
            f"{times} swaps between two bundles, {asked[0]:,} answers meanwhile",
            f"{mixed[0]} mixed",
            "0 mixed",
            not mixed[0],
        )
        started = time.perf_counter()
        roll_back(settings, QUESTION)
        models.refresh()
        took = time.perf_counter() - started
        said = f"{took * 1000:.0f} ms (+ at most 500 ms until a worker looks); longest swap {longest * 1000:.0f} ms"
        yield Fact("revert without the registry", said, "≤ 1 s", took + 0.5 <= 1)


def swap(puller: Puller, models: Models, place: Place) -> float:
    """Point to a bundle and take it up; return the seconds it took."""
    started = time.perf_counter()
    puller.shelf.point(QUESTION, place)
    models.refresh()
    return time.perf_counter() - started


def ask_until(models: Models, stop: threading.Event, asked: list[int], mixed: list[int]) -> None:
    """Ask again and again; an answer whose number is not its version's is mixed."""
    rows = np.array([1.0])
    while not stop.is_set():
        model = models.current(QUESTION)
        asked[0] += 1
        mixed[0] += float(model.scorer.scores(rows)[0]) != float(model.version)


def damaged(effort: Effort) -> Iterator[Fact]:
    """Offer damaged, tampered and hostile bundles; the one that stands goes on."""
    times, refused, answering = effort.of(500), 0, 0
    marker = Path(os.environ.get("TMPDIR", "/tmp")) / f"skillpath-trust-executed-{os.getpid()}"
    rng = np.random.default_rng(7)
    with own_settings() as settings:
        signer, registry, puller, models = standing(settings)
        kinds = list(DAMAGES)
        for number in range(times):
            version = str(number + 2)
            folder = signer.write(
                settings.var / "made" / version, float(version)
            )  # no payload that stands already
            mark = signer.signature(folder, version)
            mark = DAMAGES[kinds[number % len(kinds)]](folder, mark, rng, marker)
            registry.promote(version, folder, mark)
            refused += puller.turn() == [] and models.refresh() == []
            answering += models.current(QUESTION).version == "1"
    executed = marker.exists()
    marker.unlink(missing_ok=True)
    what = f"{times} bundles: {', '.join(kinds)}"
    found = f"{refused} refused, {answering} times the champion went on, {'code ran' if executed else 'no code ran'}"
    yield Fact(
        what, found, f"{times} refused, 0 deaths, 0 executed", refused == answering == times and not executed
    )


def flip(folder: Path, mark: bytes, rng: np.random.Generator, _marker: Path) -> bytes:
    """Flip a bit of a file."""
    path = sorted(folder.iterdir())[int(rng.integers(0, 4))]
    content = bytearray(path.read_bytes())
    content[int(rng.integers(0, len(content)))] ^= 1 << int(rng.integers(0, 8))
    path.write_bytes(content)
    return mark


def cut(folder: Path, mark: bytes, rng: np.random.Generator, _marker: Path) -> bytes:
    """Cut a file short."""
    path = sorted(folder.iterdir())[int(rng.integers(0, 4))]
    path.write_bytes(path.read_bytes()[: int(rng.integers(0, path.stat().st_size))])
    return mark


def foreign_code(folder: Path, mark: bytes, _rng: np.random.Generator, marker: Path) -> bytes:
    """Put code into the scorer that leaves a mark when it runs."""
    path = folder / "scorer.py"
    path.write_text(f"open({str(marker)!r}, 'w')\n{path.read_text()}")
    return mark


def hidden_pickle(folder: Path, mark: bytes, _rng: np.random.Generator, marker: Path) -> bytes:
    """Lay a pickle beside the files that would leave a mark when it is loaded."""
    (folder / "model.pkl").write_bytes(b"cbuiltins\nopen\n(V" + str(marker).encode() + b"\nVw\ntR.")
    return mark


def link(folder: Path, mark: bytes, _rng: np.random.Generator, _marker: Path) -> bytes:
    """Put a link to a file outside in a file's place."""
    (folder / "weight.npz").unlink()
    (folder / "weight.npz").symlink_to("/etc/passwd")
    return mark


def outside(_folder: Path, mark: bytes, _rng: np.random.Generator, _marker: Path) -> bytes:
    """Name a file outside the folder in the statement."""
    return mark.replace(b"weight.npz", b"../weight.npz")


def unsigned(_folder: Path, _mark: bytes, _rng: np.random.Generator, _marker: Path) -> bytes:
    """Sign with nothing."""
    return b'{"statement": {}, "signature": "", "key_id": ""}'


def other_mark(_folder: Path, mark: bytes, rng: np.random.Generator, _marker: Path) -> bytes:
    """Change a byte of the signature file."""
    content = bytearray(mark)
    content[int(rng.integers(0, len(content)))] ^= 1
    return bytes(content)


def wrong_golden(folder: Path, mark: bytes, _rng: np.random.Generator, _marker: Path) -> bytes:
    """Put another golden answer in the place of the one that was signed."""
    rows = np.arange(3.0)
    np.savez(folder / "golden.npz", input_rows=rows, output=rows + 1)
    return mark


DAMAGES = {
    "bit flipped": flip, "cut short": cut, "code added": foreign_code, "pickle added": hidden_pickle, "link": link,
    "path outside": outside, "unsigned": unsigned, "signature changed": other_mark, "golden answer changed": wrong_golden,
}  # fmt: skip


def registry_gone(effort: Effort) -> Iterator[Fact]:
    """Take the registry away; what stands answers, also after a restart, and what comes back is taken up."""
    times = effort.of(100)
    with own_settings() as settings:
        signer, registry, puller, models = standing(settings)
        registry.is_away = True
        went_on = sum(puller.turn() == [] and models.current(QUESTION).version == "1" for _ in range(times))
        fresh = Models(settings)
        fresh.refresh()
        registry.is_away = False
        folder = signer.write(settings.var / "made" / "2", 2.0)
        registry.promote("2", folder, signer.signature(folder, "2"))
        healed = puller.turn() == [QUESTION] and models.refresh() == [QUESTION]
        restarted = fresh.current(QUESTION).version == "1"
        found = f"{went_on} went on, restarted: {restarted}, healed: {healed}"
        yield Fact(f"registry away for {times} looks and a restart", found, "scores go on; heals without a restart",
                   went_on == times and restarted and healed)  # fmt: skip

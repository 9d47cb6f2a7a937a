"""CSV files of a published taxonomy: in zip archives, or unpacked in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from features.records.reading.batches import Batch
from features.records.reading.csv_rows import read_batches
from features.records.reading.problems import Problem, RefusedFileError, refuse
from features.records.reading.streams import Scan, open_bytes
from features.records.reading.zips import open_member, open_zip


@dataclass(frozen=True)
class Member:
    """One CSV file: a path of its own, or a name inside an archive."""

    name: str
    path: Path
    inside: str = ""

    def batches(self, delimiter: str = ",") -> Iterator[Batch]:
        """Yield its rows."""
        with ExitStack() as stack:
            if self.inside:
                archive = stack.enter_context(open_zip(self.path))
                stream = stack.enter_context(open_member(archive, self.inside))
                size = archive.getinfo(self.inside).file_size
            else:
                stream = stack.enter_context(open_bytes(self.path))
                size = self.path.stat().st_size * (4 if self.path.suffix == ".gz" else 1)
            scan = Scan("", "utf-8-sig", max(1, size))
            yield from read_batches(stream, self.name, scan, delimiter)

    def rows(self, columns: Sequence[str], delimiter: str = ",") -> Iterator[Batch]:
        """Yield its rows; refuse a file without one of the columns."""
        for batch in self.batches(delimiter):
            missing = [name for name in columns if name not in batch.frame.columns]
            if missing:
                header = ", ".join(name for name in batch.frame.columns if not name.startswith("#"))
                raise RefusedFileError(
                    [Problem(self.name, "a column is missing", 1, name, header) for name in missing]
                )
            yield batch


def find_members(paths: Sequence[Path], wanted: Sequence[str]) -> dict[str, Member]:
    """Return the wanted files out of folders, archives and single files.

    Parameters
    ----------
    paths : sequence of Path
        Folders (searched for files and archives), zip archives, or files.
    wanted : sequence of str
        File names without ``.gz``.

    Raises
    ------
    RefusedFileError
        If a path is not there, or an archive is damaged.
    """
    found: dict[str, Member] = {}
    for path in paths:
        if path.is_dir():
            files = sorted(one for one in path.iterdir() if one.is_file())
            found = {**members_of(files, wanted), **found}
        elif path.is_file():
            found = {**members_of([path], wanted), **found}
        else:
            raise refuse(path.name, "there is no such file or folder", hint="Check the path.")
    return found


def members_of(files: Sequence[Path], wanted: Sequence[str]) -> dict[str, Member]:
    """Return the wanted files among these, and inside the archives among these."""
    found: dict[str, Member] = {}
    for path in files:
        name = path.name.removesuffix(".gz")
        if name in wanted:
            found[name] = Member(name, path)
        elif path.suffix == ".zip":
            with open_zip(path) as archive:
                inside = {Path(one).name: one for one in archive.namelist()}
            found |= {name: Member(name, path, inside[name]) for name in wanted if name in inside}
    return found


def require(found: Mapping[str, Member], needed: Sequence[str], where: Sequence[Path]) -> None:
    """Refuse a source that lacks a file."""
    missing = [name for name in needed if name not in found]
    if missing:
        places = ", ".join(path.name for path in where)
        raise refuse(places, "a file of the taxonomy is missing", found=", ".join(missing), allowed=", ".join(needed),
                     hint="Give every archive, or the folder that holds them.")  # fmt: skip


def digest_of(members: Mapping[str, Member]) -> str:
    """Return a SHA-256 over the files behind the members."""
    total = hashlib.sha256()
    for path in sorted({member.path for member in members.values()}):
        with path.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def constant(value: str, like: pl.DataFrame) -> pl.Series:
    """Return the same text for every row of a frame."""
    return pl.repeat(value, like.height, dtype=pl.String, eager=True)

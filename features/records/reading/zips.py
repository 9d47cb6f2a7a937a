"""Zip archives, read member by member, never unpacked onto the disk."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from features.records.reading.problems import RefusedFileError, refuse
from features.records.reading.streams import SAFE_BYTES, SAFE_RATIO

MAX_MEMBERS = 10_000


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an archive after looking at its list of members.

    Raises
    ------
    RefusedFileError
        If it is damaged or cut short, names files outside itself, or unpacks to far more than its size allows.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                check_member(path.name, member)
            check_size(path, archive)
            yield archive
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError) as error:
        raise damaged(path.name, error) from error
    except FileNotFoundError as error:
        raise refuse(path.name, "there is no such file", hint="Check the path.") from error


def damaged(name: str, error: Exception) -> RefusedFileError:
    """Return the error for an archive that is not whole."""
    return refuse(name, f"the archive is damaged or cut short ({error})", hint="Fetch the file again.")


def check_member(name: str, member: zipfile.ZipInfo) -> None:
    """Refuse a member that is encrypted, or points outside the archive."""
    place = PurePosixPath(member.filename.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or ":" in place.parts[0]:
        raise refuse(name, "the archive names a file outside itself", found=repr(member.filename))
    if member.flag_bits & 1:
        raise refuse(name, "the archive is encrypted", found=repr(member.filename), hint="Decrypt it first.")


def check_size(path: Path, archive: zipfile.ZipFile) -> None:
    """Refuse an archive that unpacks to far more than its size allows."""
    members = archive.infolist()
    total = sum(member.file_size for member in members)
    limit = max(SAFE_BYTES, SAFE_RATIO * path.stat().st_size)
    worst = max(((member.file_size, member.compress_size) for member in members), default=(0, 1))
    is_bomb = worst[0] > 10_000_000 and worst[0] > SAFE_RATIO * max(1, worst[1])
    if total > limit or is_bomb or len(members) > MAX_MEMBERS:
        raise refuse(
            path.name,
            "the archive unpacks to far more than its size allows",
            found=f"{total:,} bytes in {len(members):,} files out of {path.stat().st_size:,} bytes",
            hint="It looks like a decompression bomb; unpack it yourself if you trust it.",
        )


@contextmanager
def open_member(archive: zipfile.ZipFile, name: str) -> Iterator[BinaryIO]:
    """Open one member for reading bytes; what is damaged inside is refused while it is read."""
    file = Path(archive.filename or "archive").name
    try:
        with archive.open(name) as stream:
            yield cast(BinaryIO, stream)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise damaged(f"{file}/{name}", error) from error

"""Bytes and text out of files: compressed or not, in whatever encoding, never more than is safe."""

from __future__ import annotations

import codecs
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from features.records.reading.problems import RefusedFileError, refuse, shown

GZIP_MAGIC = b"\x1f\x8b"
CHUNK_BYTES = 1 << 20
MAX_LINE_CHARACTERS = 4_000_000
SAFE_BYTES = 256 << 20  # so much may always be unpacked
SAFE_RATIO = 200  # beyond that, not more than so many times the packed size
BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
UTF8_SEQUENCE = re.compile(rb"[\xc3-\xf4][\x80-\xbf]+")
HIGH_BYTE = re.compile(rb"[\x80-\xff]")
ENCODING_HINT = "Say which encoding it is with --encoding (utf-8, latin-1, cp1252, utf-16 …)."


@dataclass(frozen=True)
class Scan:
    """What one pass over the bytes of a file found out."""

    digest: str
    encoding: str
    size: int


class BoundedReader(io.RawIOBase):
    """Reads unpacked bytes, and refuses a file that unpacks to far more than it should."""

    def __init__(self, stream: BinaryIO, name: str, packed_size: int) -> None:
        self.stream, self.name, self.count = stream, name, 0
        self.limit = max(SAFE_BYTES, SAFE_RATIO * packed_size)

    def readable(self) -> bool:
        """Return True: it is for reading."""
        return True

    def readinto(self, buffer: object) -> int:
        """Fill the buffer; refuse a damaged file or a bomb."""
        view = memoryview(cast(bytearray, buffer))
        try:
            data = self.stream.read(len(view))
        except (EOFError, zlib.error, OSError) as error:
            raise refuse(
                self.name, f"is damaged or cut short ({error})", hint="Fetch the file again."
            ) from error
        self.count += len(data)
        if self.count > self.limit:
            raise refuse(
                self.name,
                "unpacks to far more than its size allows",
                found=f"more than {self.limit:,} bytes",
                hint="It looks like a decompression bomb; unpack it yourself if you trust it.",
            )
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the stream below."""
        self.stream.close()
        super().close()


def open_bytes(path: Path) -> BinaryIO:
    """Open a plain or gzipped file for reading bytes; refuse what is not there."""
    if not path.is_file():
        raise refuse(path.name, "there is no such file", hint="Check the path.")
    with path.open("rb") as probe:
        is_packed = probe.read(2) == GZIP_MAGIC
    if not is_packed:
        return path.open("rb")
    bounded = BoundedReader(cast(BinaryIO, gzip.GzipFile(path)), path.name, path.stat().st_size)
    return io.BufferedReader(bounded, CHUNK_BYTES)


def scan(opened: Callable[[], BinaryIO], name: str, encoding: str | None) -> Scan:
    """Read a file once: its SHA-256, and its encoding where none is given.

    Raises
    ------
    RefusedFileError
        If it is empty, or its bytes are a mixture of encodings.
    """
    digest, size, guess = hashlib.sha256(), 0, Guess(name)
    with opened() as stream:
        while chunk := stream.read(CHUNK_BYTES):
            if encoding is None:
                guess.look(chunk)
            digest.update(chunk)
            size += len(chunk)
    if size == 0:
        raise refuse(name, "the file is empty", allowed="a header line, then rows")
    return Scan(digest.hexdigest(), known_encoding(name, encoding) if encoding else guess.result(), size)


def known_encoding(name: str, encoding: str) -> str:
    """Return the codec's name; refuse an unknown one."""
    try:
        found = codecs.lookup(encoding).name
    except LookupError as error:
        raise refuse(name, "unknown encoding", found=shown(encoding), hint=ENCODING_HINT) from error
    return "utf-8-sig" if found == "utf-8" else found


class Guess:
    """Finds an encoding out, chunk by chunk: a byte-order mark, else UTF-8, else Windows-1252."""

    def __init__(self, name: str) -> None:
        self.name, self.marked, self.lines = name, "", 1
        self.decoder = codecs.getincrementaldecoder("utf-8")()
        self.is_first, self.has_utf8, self.broken_at = True, False, 0

    def look(self, chunk: bytes) -> None:
        """Take the next chunk into account."""
        if self.is_first:
            self.is_first = False
            self.marked = mark_of(chunk)
        if self.marked or self.broken_at:
            return
        try:
            text = self.decoder.decode(chunk)
        except UnicodeDecodeError as error:
            self.broken_at = self.lines + error.object[: error.start].count(b"\n")
            valid = len(UTF8_SEQUENCE.findall(error.object))
            self.has_utf8 |= valid * 4 > len(HIGH_BYTE.findall(error.object))
            return
        self.has_utf8 |= not text.isascii()
        self.lines += text.count("\n")

    def result(self) -> str:
        """Return the codec; refuse a file that is UTF-8 here and something else there."""
        if self.marked:
            return self.marked
        if self.broken_at and self.has_utf8:
            raise refuse(
                self.name,
                "the text is UTF-8 at first, and then it is not",
                self.broken_at,
                hint=ENCODING_HINT,
            )
        return "cp1252" if self.broken_at else "utf-8-sig"


def mark_of(head: bytes) -> str:
    """Return the encoding a file's first bytes declare, or an empty text."""
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    even, odd = head[:2000:2], head[1:2000:2]
    if len(odd) > 4 and odd.count(0) > len(odd) * 0.4 and even.count(0) == 0:
        return "utf-16-le"
    if len(odd) > 4 and even.count(0) > len(even) * 0.4 and odd.count(0) == 0:
        return "utf-16-be"
    return ""


def text_lines(stream: BinaryIO, name: str, encoding: str) -> Iterator[str]:
    """Yield the lines of a text with their line ends; refuse wrong bytes and endless lines."""
    text = io.TextIOWrapper(stream, encoding=encoding, newline="")
    line_number = 0
    try:
        while line := text.readline(MAX_LINE_CHARACTERS):
            line_number += 1
            if len(line) >= MAX_LINE_CHARACTERS:
                raise endless_line(name, line_number)
            yield line
    except UnicodeError as error:
        raise wrong_encoding(name, line_number + 1, encoding, error) from error
    finally:
        if not stream.closed:
            text.detach()


def endless_line(name: str, line: int) -> RefusedFileError:
    """Return the error for a line that is longer than any text should be."""
    found = f"more than {MAX_LINE_CHARACTERS:,} characters"
    return refuse(name, "the line is too long", line, found=found, hint="Is this a text file?")


def wrong_encoding(name: str, line: int, encoding: str, error: UnicodeError) -> RefusedFileError:
    """Return the error for bytes that are no text in that encoding."""
    bad = ""
    if isinstance(error, UnicodeDecodeError):
        bad = f"byte 0x{error.object[error.start]:02x}" if error.start < len(error.object) else ""
    return refuse(
        name, "the bytes are no text in this encoding, here or shortly after", line,
        found=bad, allowed=encoding, hint=ENCODING_HINT,
    )  # fmt: skip

"""Rows of a delimited text, streamed, each with its physical line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from features.records.reading.batches import BATCH_CHARACTERS, BATCH_ROWS, Batch, text_frame
from features.records.reading.problems import refuse, shown
from features.records.reading.streams import MAX_LINE_CHARACTERS, Scan, open_bytes, scan, text_lines

DELIMITERS = (",", ";", "\t", "|")


@dataclass(frozen=True)
class CsvFile:
    """A delimited text file whose encoding, delimiter and header are known.

    Parameters
    ----------
    path : Path
        Where it is.
    scan : Scan
        Its digest, encoding and size.
    delimiter : str
        One of comma, semicolon, tab and bar.
    header : tuple of str
        Column names.
    """

    path: Path
    scan: Scan
    delimiter: str
    header: tuple[str, ...]

    def batches(self) -> Iterator[Batch]:
        """Yield the rows below the header, in batches of bounded size."""
        with open_bytes(self.path) as stream:
            yield from read_batches(stream, self.path.name, self.scan, self.delimiter)


def open_csv(path: Path, encoding: str | None, delimiter: str | None = None) -> CsvFile:
    """Look at a delimited text file: its encoding, delimiter and header.

    Raises
    ------
    RefusedFileError
        If there is no header, or a name stands in it twice.
    """
    found = scan(lambda: open_bytes(path), path.name, encoding)
    with open_bytes(path) as stream:
        lines = NumberedLines(text_lines(stream, path.name, found.encoding))
        first = lines.first_content(path.name)
        delimiter = delimiter or declared_delimiter(first) or likely_delimiter(first)
        rows = csv_rows(lines, path.name, delimiter)
        header = header_names(next(rows)[1], path.name)
    return CsvFile(path, found, delimiter, header)


class NumberedLines:
    """Lines that can be looked at before they are read, and that count their characters."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines, self.held, self.characters = lines, "", 0
        self.skipped = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self.held or next(self.lines)
        self.held = ""
        self.characters += len(line)
        return line

    def first_content(self, name: str) -> str:
        """Return the first line that is not blank and declares nothing, and hold it back; refuse a blank file."""
        declared = ""
        for line in self.lines:
            if line.strip("\ufeff \t\r\n,;"):
                if not declared_delimiter(line):
                    self.held = line
                    return f"{declared}{line}"
                declared = line
            self.skipped += 1
        raise refuse(name, "the file holds no header", allowed="a header line, then rows")


def declared_delimiter(text: str) -> str:
    """Return the delimiter of Excel's first line ``sep=;``, or an empty text."""
    first = text.split("\n", 1)[0].strip().lower()
    return first[4] if first.startswith("sep=") and len(first) == 5 else ""


def likely_delimiter(header: str) -> str:
    """Return the delimiter that stands most often outside quotes in the header."""
    bare = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=lambda delimiter: (bare.count(delimiter), -DELIMITERS.index(delimiter)))


def header_names(row: Sequence[str], file: str) -> tuple[str, ...]:
    """Return the column names; refuse a missing or repeated one."""
    names = [name.strip().strip("\ufeff") for name in row]
    while names and not names[-1]:
        names.pop()
    for place, name in enumerate(names):
        if not name:
            raise refuse(file, f"column {place + 1} has no name", 1, allowed="a name for every column")
        if name in names[:place]:
            raise refuse(
                file, "two columns have the same name", 1, found=shown(name), allowed="each name once"
            )
    return tuple(names)


def csv_rows(lines: NumberedLines, file: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the physical line on which it begins; blank lines are passed over."""
    csv.field_size_limit(MAX_LINE_CHARACTERS)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    begins = lines.skipped + 1
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise refuse(
                file, f"the row that begins here cannot be read ({error})", begins,
                hint='Is a quote left open? A quote inside a quoted text is written twice: "".',
            ) from error  # fmt: skip
        if row and (len(row) > 1 or row[0]):
            yield begins, row
        begins = lines.skipped + reader.line_num + 1


def read_batches(stream: BinaryIO, file: str, found: Scan, delimiter: str) -> Iterator[Batch]:
    """Yield batches of texts with their lines; refuse a row of another width than the header."""
    lines = NumberedLines(text_lines(stream, file, found.encoding))
    lines.first_content(file)
    rows = csv_rows(lines, file, delimiter)
    names = header_names(next(rows)[1], file)
    width, kept, numbers, start = len(names), [], [], lines.characters
    for line, row in rows:
        kept.append(row if len(row) == width else fitted(row, width, file, line))
        numbers.append(line)
        if len(kept) >= BATCH_ROWS or lines.characters - start > BATCH_CHARACTERS:
            yield Batch(file, text_frame(names, kept, numbers), min(1.0, lines.characters / found.size))
            kept, numbers, start = [], [], lines.characters
    if kept:
        yield Batch(file, text_frame(names, kept, numbers), 1.0)


def fitted(row: list[str], width: int, file: str, line: int) -> list[str]:
    """Return a row without empty cells beyond the header; refuse any other width."""
    if len(row) > width and not any(row[width:]):
        return row[:width]
    raise refuse(
        file, "the row has another number of fields than the header", line,
        found=f"{len(row)} fields", allowed=f"{width} fields",
        hint="Is a delimiter inside a text without quotes?",
    )  # fmt: skip


def csv_from_text(text: str, file: str, delimiter: str = ",") -> Iterator[Batch]:
    """Yield the batches of a delimited text that is at hand."""
    found = Scan("", "utf-8", max(1, len(text)))
    yield from read_batches(io.BytesIO(text.encode()), file, found, delimiter)

"""Files that already have the columns of a table."""

from __future__ import annotations

from collections.abc import Iterator

from features.records.columns import Table
from features.records.reading.batches import LINE, Batch, Piece
from features.records.reading.problems import Problem, RefusedFileError, near_match, shown
from features.records.reading.styles import Style

FILLED_IN = ("known_at", "spell")  # found out where a file leaves them out


def check_header(table: Table, header: tuple[str, ...], file: str) -> None:
    """Refuse a file whose columns are not those of the table."""
    problems = [
        Problem(
            file,
            "unknown column",
            1,
            name,
            allowed=", ".join(table.names),
            hint=near_match(name, table.names),
        )
        for name in header
        if name not in table.names
    ]
    problems += [
        Problem(
            file,
            "a column is missing",
            1,
            column.name,
            f"columns {', '.join(map(shown, header))}",
            column.meaning,
        )
        for column in table.columns
        if column.required and column.name not in header and column.name not in FILLED_IN
    ]
    if problems:
        raise RefusedFileError(problems[:20])


def pieces(table: Table, header: tuple[str, ...], batches: Iterator[Batch], style: Style) -> Iterator[Piece]:
    """Yield a file's batches as pieces of its table."""
    for batch in batches:
        frame = batch.frame.select([*header, LINE])
        yield Piece(table.name, batch.file, frame, style=style, share=batch.share)

"""Files whose columns a mapping turns into those of one or several tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from features.records.reading.batches import LINE, Batch, Piece
from features.records.reading.files import RowFile
from features.records.reading.mapping import Mapping, Rule
from features.records.reading.mapping_rules import RuleRunner
from features.records.reading.options import ImportOptions
from features.records.reading.problems import Problem, RefusedFileError, near_match, shown
from features.records.reading.styles import Style


def spelled_as_mapped(mapping: Mapping, header: tuple[str, ...]) -> dict[str, str]:
    """Return how the mapping spells each column of the file; case and blanks make no difference.

    Raises
    ------
    RefusedFileError
        If a column is missing, or one stands there that the mapping does not know.
    """
    wanted = {name: folded(name) for rule in mapping.tables for name in (*rule.reads, *rule.may_read)}
    found = {folded(name): name for name in header}
    ignored = {folded(name) for name in mapping.ignore}
    problems = [
        Problem(mapping.name, "a column is missing", 1, name, f"columns {', '.join(map(shown, header))}",
                hint=near_match(name, header))
        for rule in mapping.tables
        for name in dict.fromkeys(rule.reads)
        if folded(name) not in found
    ]  # fmt: skip
    if not mapping.ignores_unknown:
        names = [name for name in wanted if not name.startswith("#")]
        problems += [
            Problem(mapping.name, "unknown column", 1, name, allowed=", ".join([*names, *mapping.ignore]),
                    hint=near_match(name, names) or 'Name it under ignore = [ … ], or say unknown = "ignore".')
            for name in header
            if folded(name) not in {*wanted.values(), *ignored}
        ]  # fmt: skip
    if problems:
        raise RefusedFileError(list(dict.fromkeys(problems))[:20])
    return {found[fold]: name for name, fold in wanted.items() if fold in found}


def folded(name: str) -> str:
    """Return a column name without case and doubled blanks."""
    return " ".join(name.lower().split())


def mapped_pieces(mapping: Mapping, rows: RowFile, options: ImportOptions) -> Iterator[Piece]:
    """Yield the rows of every table that the mapping fills, batch by batch."""
    try:
        names = spelled_as_mapped(mapping, rows.header)
    except RefusedFileError as error:
        raise RefusedFileError([dataclasses.replace(one, file=rows.name) for one in error.problems]) from None
    settings = {**mapping.settings, **options.settings}
    style = combined_style(mapping.style, options, rows.delimiter)
    for batch in rows.batches():
        frame = batch.frame.select([*names, LINE]).rename(names)
        for rule in mapping.tables:
            runner = RuleRunner(Batch(batch.file, frame, batch.share), style, settings)
            made = runner.rows(rule)
            labels = {name: label(column) for name, column in rule.columns.items() if column.columns}
            yield Piece(
                rule.table.name, batch.file, made, labels, style,
                keep_existing=rule.keep_existing, repeats=rule.repeats, share=batch.share,
            )  # fmt: skip


def combined_style(style: Style, options: ImportOptions, delimiter: str) -> Style:
    """Return the mapping's style with the caller's wishes and the file's delimiter."""
    decimal = options.decimal if options.decimal != "auto" else style.decimal
    dates = options.dates if options.dates != "auto" else style.dates
    return Style(decimal, dates, style.empty, delimiter)


def label(rule: Rule) -> str:
    """Return what the file calls the column behind a rule."""
    return ", ".join(name for name in rule.columns if not name.startswith("#")) or rule.columns[0]

"""Import one file of rows into the records, as it is or by a mapping."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from features.records.reading import canonical
from features.records.reading.engine import Origin, load
from features.records.reading.files import open_rows
from features.records.reading.mapped import mapped_pieces
from features.records.reading.mapping import open_mapping
from features.records.reading.options import ImportOptions, ImportReport
from features.records.reading.styles import Style
from features.records.schema import ALL_TABLES
from features.records.store import Store


def import_canonical(store: Store, path: Path, kind: str, options: ImportOptions) -> ImportReport:
    """Import a file that has the columns of the table `kind`."""
    table, rows = ALL_TABLES[kind], open_rows(path, options)
    canonical.check_header(table, rows.header, rows.name)
    style = Style(options.decimal, options.dates, delimiter=rows.delimiter)
    pieces = canonical.pieces(table, rows.header, rows.batches(), style)
    return load(store, pieces, Origin(kind, rows.name, rows.digest), options)


def import_mapped(store: Store, path: Path, kind: str, options: ImportOptions) -> ImportReport:
    """Import a file by the mapping that the options name."""
    mapping = open_mapping(options.mapping or kind)
    options = dataclasses.replace(options, encoding=options.encoding or mapping.encoding)
    rows = open_rows(path, options, mapping.delimiter)
    origin = Origin(mapping.name, rows.name, rows.digest)
    return load(store, mapped_pieces(mapping, rows, options), origin, options)

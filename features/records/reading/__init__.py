"""Readers: one engine, and one reader for each kind of source."""

from features.records.reading.importing import import_file, import_sources, kinds
from features.records.reading.options import ImportOptions, ImportReport, TableCount
from features.records.reading.organisation import import_organisation
from features.records.reading.problems import Problem, RefusedFileError

__all__ = [
    "ImportOptions",
    "ImportReport",
    "Problem",
    "RefusedFileError",
    "TableCount",
    "import_file",
    "import_organisation",
    "import_sources",
    "kinds",
]

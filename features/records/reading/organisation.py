"""Import a whole organisation: a folder with one file for each table."""

from __future__ import annotations

from graphlib import TopologicalSorter
from pathlib import Path

from features.records.reading.files import SUFFIXES
from features.records.reading.options import ImportOptions, ImportReport
from features.records.reading.problems import near_match, refuse
from features.records.reading.tabular import import_canonical
from features.records.store import Store
from features.records.tables import IMPORTABLE


def import_order() -> list[str]:
    """Return the tables in an order in which whatever is named has been imported before."""
    needs = {
        name: {column.refers_to.split(".")[0] for column in table.columns if column.refers_to} - {name}
        for name, table in IMPORTABLE.items()
    }
    return list(TopologicalSorter(needs).static_order())


def import_organisation(
    store: Store, folder: Path, options: ImportOptions | None = None
) -> dict[str, ImportReport]:
    """Import every table file of a folder, in an order in which whatever is named exists.

    Parameters
    ----------
    store : Store
        Where to.
    folder : Path
        Holds ``employees.csv``, ``courses.parquet`` …; other kinds of files are left alone.
    options : ImportOptions, optional
        The same for every file.

    Returns
    -------
    dict of str to ImportReport
        By table, in the order of import.

    Raises
    ------
    RefusedFileError
        If a file cannot be used; files imported before it stay.
    """
    options, files = options or ImportOptions(), table_files(folder)
    return {
        name: import_canonical(store, files[name], name, options) for name in import_order() if name in files
    }


def table_files(folder: Path) -> dict[str, Path]:
    """Return the file of each table; refuse a folder without any, or a name that is no table's."""
    if not folder.is_dir():
        raise refuse(str(folder.name), "there is no such folder", hint="Check the path.")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        suffix = next((one for one in SUFFIXES if path.name.endswith(one)), "")
        if not suffix or not path.is_file():
            continue
        name = path.name.removesuffix(suffix)
        if name not in IMPORTABLE:
            raise refuse(
                path.name,
                "no table has this name",
                allowed=", ".join(IMPORTABLE),
                hint=near_match(name, IMPORTABLE),
            )
        if name in files:
            raise refuse(
                path.name,
                "the table has two files",
                found=files[name].name,
                allowed="one file for each table",
            )
        files[name] = path
    if not files:
        raise refuse(
            folder.name,
            "the folder holds no table",
            allowed=f"files such as employees.csv ({', '.join(SUFFIXES)})",
        )
    return files

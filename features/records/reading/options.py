"""What a caller may say about an import, and what an import says back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

KNOWN_AT_RULES = ("happened", "import")
DATE_ORDERS = ("auto", "iso", "dmy", "mdy")
DECIMAL_MARKS = ("auto", ".", ",")

# Called with what is being done and how far it is, a share 0-1.
Progress = Callable[[str, float], None]


def utc_now() -> datetime:
    """Return the present moment, aware, UTC."""
    return datetime.now(UTC)


def say_nothing(_label: str, _share: float) -> None:
    """Report progress to nobody."""


@dataclass(frozen=True)
class ImportOptions:
    """How a file is to be read, where it does not say so itself.

    Parameters
    ----------
    mapping : str or Path, optional
        Name of a shipped mapping, or a TOML file; None means the canonical columns.
    known_at : str
        ``happened``: facts without ``known_at`` were known when they happened (a first load assumes it);
        ``import``: they are known from the import on.
    encoding : str, optional
        Text encoding; None means found out.
    decimal, dates : str
        Decimal mark (``auto``, ``.`` or ``,``) and order of a date (``auto``, ``iso``, ``dmy`` or ``mdy``).
    settings : mapping of str to str
        Values for the settings of a mapping, such as ``as_of``.
    clock : callable
        Returns the present moment; whatever is dated later than that is refused.
    progress : callable
        Told how far the import is.
    """

    mapping: str | Path | None = None
    known_at: str = "happened"
    encoding: str | None = None
    decimal: str = "auto"
    dates: str = "auto"
    settings: Mapping[str, str] = field(default_factory=dict)
    clock: Callable[[], datetime] = utc_now
    progress: Progress = say_nothing


@dataclass(frozen=True)
class TableCount:
    """How many rows of one table were new or changed, stood there already, or were put aside."""

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0


@dataclass(frozen=True)
class ImportReport:
    """What became of a file.

    Parameters
    ----------
    accepted : int
        Rows of the file that brought something new.
    duplicates : int
        Rows of the file that brought nothing new.
    quarantined : int
        Statements put aside with a reason.
    rejected : int
        Rows refused; a file with one is refused whole, so this is 0 in every report of a kept file.
    seconds : float
        How long it took.
    tables : mapping of str to TableCount
        The same by table, where a row of the file became rows of several tables.
    """

    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    rejected: int = 0
    seconds: float = 0.0
    tables: Mapping[str, TableCount] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the report as one JSON object."""
        tables = {name: vars(count) for name, count in self.tables.items()}
        counts = {name: getattr(self, name) for name in ("accepted", "duplicates", "quarantined", "rejected")}
        return {**counts, "seconds": round(self.seconds, 3), "tables": tables}

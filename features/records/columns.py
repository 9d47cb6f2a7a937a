"""What a column and a table are: name, kind, unit, meaning, sensitivity, each spelled once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """The type of a column's values."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    MOMENT = "moment"  # an aware UTC time; a date without an hour means 00:00 UTC
    BYTES = "bytes"


class Sensitivity(StrEnum):
    """How far a column may travel."""

    PUBLIC = "public"  # about things, never about a person
    INTERNAL = "internal"  # about a person's work
    PERSONAL = "personal"  # identifies a person, or could hurt them
    PROTECTED = "protected"  # sex, age, ethnicity …: only the fairness report reads it


class Nature(StrEnum):
    """How rows come and go."""

    ENTITY = "entity"  # one current row per key; a later write replaces it
    FACT = "fact"  # append-only on (key, happened_at, known_at); a correction is a later-known fact
    SYSTEM = "system"  # the program's own book-keeping; never imported


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name : str
        Spelled once, here; the unit is part of it where there is one.
    kind : Kind
        Type of the values.
    meaning : str
        What the value says.
    unit : str
        Unit of the value, empty where it has none.
    sensitivity : Sensitivity
        How far the value may travel.
    required : bool
        True where a row without it is refused.
    allowed : tuple of str
        The values that may stand there; empty means any.
    low, high : float, optional
        Inclusive bounds of a number.
    refers_to : str
        ``table.column`` whose values may stand there; empty means free.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    sensitivity: Sensitivity = Sensitivity.INTERNAL
    required: bool = False
    allowed: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    refers_to: str = ""


@dataclass(frozen=True)
class Table:
    """One table of the records.

    Parameters
    ----------
    name : str
        Plural noun.
    meaning : str
        What one row says.
    nature : Nature
        Entity, fact or system.
    key : tuple of str
        Columns that name a row (for facts, beside ``happened_at`` and ``known_at``).
    columns : tuple of Column
        In the order in which they are stored.
    indexes : tuple of tuple of str
        Column groups that are looked up often.
    """

    name: str
    meaning: str
    nature: Nature
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    indexes: tuple[tuple[str, ...], ...] = ()

    def column(self, name: str) -> Column:
        """Return the column of that name; raise KeyError if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the columns, in stored order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def moments(self) -> tuple[str, ...]:
        """Names of the columns that hold moments."""
        return tuple(column.name for column in self.columns if column.kind is Kind.MOMENT)

    @cached_property
    def numbers(self) -> tuple[str, ...]:
        """Names of the columns that hold numbers."""
        return tuple(column.name for column in self.columns if column.kind is Kind.NUMBER)

    @cached_property
    def unique(self) -> tuple[str, ...]:
        """Columns on which no two stored rows agree."""
        return (*self.key, "happened_at", "known_at") if self.nature is Nature.FACT else self.key

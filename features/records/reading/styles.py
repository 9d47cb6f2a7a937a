"""How a source writes numbers, dates, and nothing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Style:
    """How texts stand for values.

    Parameters
    ----------
    decimal : str
        ``.``, ``,`` or ``auto``: found out from values that can be read in one way only.
    dates : str
        ``iso``, ``dmy``, ``mdy`` or ``auto``: ISO, D.M.Y with dots, and others where only one reading is possible.
    empty : tuple of str
        Texts that mean nothing, beside the empty text; compared without case.
    delimiter : str
        Of the file; a semicolon makes a decimal comma as likely as a point.
    """

    decimal: str = "auto"
    dates: str = "auto"
    empty: tuple[str, ...] = ()
    delimiter: str = ","

"""Cells of a table that a spreadsheet may open: none of them becomes a formula."""

from __future__ import annotations

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
CSV = "text/csv"


def harmless(text: str) -> str:
    """Return text that no spreadsheet takes for a formula: a quote before what could begin one.

    Examples
    --------
    >>> harmless("=1+1"), harmless("E1")
    ("'=1+1", 'E1')
    """
    return f"'{text}" if text.startswith(FORMULA) else text

"""Numbers as spreadsheets write them: 1.234,50 €, 12 %, (300), 1'000."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

SIGNS = r"[$€£¥₹₽₩]"
LEADING_CODE = r"^[A-Z]{2,3}\s*([+\-−(]?[\d.,$€£¥₹₽₩])"
TRAILING_CODE = r"([\d.,)])\s*[A-Z]{3}$"
BLANKS = r"[\s\u00a0\u202f\u2009'’]"
ONLY_COMMA = r"^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+$|^[+-]?\d{1,3}(?:\.\d{3}){2,}$"
ONLY_POINT = r"^[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)\.\d+$|^[+-]?\d{1,3}(?:,\d{3}){2,}$"
EITHER = r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$"
EITHER_COMMA = r"^[+-]?[1-9]\d{0,2},\d{3}$"
READABLE = {
    ".": r"^[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)?(?:\.\d*)?(?:[eE][+-]?\d+)?$",
    ",": r"^[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+)?(?:,\d*)?(?:[eE][+-]?\d+)?$",
}


def is_plain(texts: pl.Series) -> bool:
    """Say whether every text is a number that a program wrote."""
    return texts.cast(pl.Float64, strict=False).null_count() == texts.null_count()


def bare(texts: pl.Series) -> pl.Series:
    """Return the texts without currency, blanks, percent signs and the accountant's brackets."""
    cleaned = (
        texts.str.replace(LEADING_CODE, "$1")
        .str.replace(TRAILING_CODE, "$1")
        .str.replace_all(SIGNS, "")
        .str.replace_all(BLANKS, "")
        .str.replace("−", "-", literal=True)
        .str.strip_suffix("%")
    )
    return cleaned.str.replace(r"^\((.*)\)$", "-$1")


def evidence(columns: Iterable[pl.Series]) -> tuple[bool, bool]:
    """Say whether some value can only have a decimal comma, and whether some can only have a point."""
    comma = point = False
    for texts in columns:
        either = texts.str.contains(EITHER)
        comma |= bool((texts.str.contains(ONLY_COMMA) & ~either).any())
        point |= bool((texts.str.contains(ONLY_POINT) & ~either).any())
    return comma, point


def ambiguous(texts: pl.Series, delimiter: str) -> pl.Series:
    """Return True where a text is a thousand in one country and a fraction in another."""
    return texts.str.contains(EITHER_COMMA if delimiter == "," else EITHER).fill_null(False)


def read_numbers(texts: pl.Series, mark: str) -> pl.Series:
    """Return the numbers; null where a text is none.

    Parameters
    ----------
    texts : polars.Series of str
        Stripped; null means unknown.
    mark : str
        Decimal mark, point or comma. A percent sign divides by 100.
    """
    cleaned = bare(texts)
    readable = cleaned.str.contains(READABLE[mark]) & cleaned.str.contains(r"\d")
    if mark == ",":
        cleaned = cleaned.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    else:
        cleaned = cleaned.str.replace_all(",", "", literal=True)
    numbers = cleaned.cast(pl.Float64, strict=False)
    percent = texts.str.ends_with("%")
    scaled = pl.select(pl.when(percent).then(numbers / 100).otherwise(numbers)).to_series()
    return pl.select(pl.when(readable).then(scaled)).to_series()

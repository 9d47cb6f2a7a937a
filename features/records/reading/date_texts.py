"""Dates as people and programs write them; what can be read in two ways is refused."""

from __future__ import annotations

import polars as pl

MICROSECONDS_PER_DAY = 86_400_000_000
EXCEL_EPOCH_DAYS = 25_569  # serial number of 1970-01-01 where 1 is 1900-01-01
ISO = "%Y-%m-%dT%H:%M:%S%.f%z"
DAY_FIRST = r"^(\d{1,2})[./-](\d{1,2})[./-](\d{4})(?:[ T](\d{1,2}:\d{2}(?::\d{2})?))?$"
SERIAL = r"^[1-9]\d{4}(?:\.\d+)?$"
NAMED_MONTHS = ("%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%d. %B %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y")


def read_moments(texts: pl.Series, order: str) -> pl.Series:
    """Return microseconds since 1970 UTC; null where a text is no date, or could be two.

    Parameters
    ----------
    texts : polars.Series of str
        Stripped; null means unknown.
    order : str
        ``iso``, ``dmy``, ``mdy`` or ``auto``.
    """
    found = read_iso(texts)
    for read in (lambda rest: read_numeric(rest, order), read_serial, read_named):
        missing = found.is_null() & texts.is_not_null()
        if order == "iso" or not missing.any():
            break
        found = found.fill_null(read(texts.set(~missing, None)))
    return found


def read_iso(texts: pl.Series) -> pl.Series:
    """Read 2024-05-31, 20240531, 2024-05-31 08:15, 2024-05-31T08:15:00.123+02:00; without zone it is UTC."""
    if texts.is_empty():
        return texts.cast(pl.Int64)
    if (texts.str.len_chars() == 10).all():
        days = texts.str.to_date("%Y-%m-%d", strict=False)
        return days.cast(pl.Datetime("us")).cast(pl.Int64)
    full = (
        texts.str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00+00:00")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})[ tT]", "${1}T")
        .str.replace(r"T(\d{2}:\d{2})($|[Z+-])", "T${1}:00$2")
        .str.replace(r"(?i)z$", "+00:00")
        .str.replace(r"(T\d{2}:\d{2}:\d{2}(?:\.\d+)?)$", "$1+00:00")
        .str.replace(r"([+-]\d{2})$", "${1}:00")
    )
    moments = full.str.to_datetime(ISO, strict=False, time_unit="us", time_zone="UTC")
    return moments.cast(pl.Int64)


def read_numeric(texts: pl.Series, order: str) -> pl.Series:
    """Read 31.05.2024, 31/05/2024 or 05/31/2024, by the order given or where one reading is possible."""
    parts = texts.str.extract_groups(DAY_FIRST)
    frame = pl.DataFrame({"text": texts, "parts": parts}).unnest("parts")
    frame.columns = ["text", "first", "second", "year", "hour"]
    first, second = pl.col("first").cast(pl.Int32), pl.col("second").cast(pl.Int32)
    is_dotted = pl.col("text").str.contains(r"^\d{1,2}\.")
    day_first = {
        "dmy": pl.lit(True),
        "mdy": is_dotted & (first > 12),
        "auto": is_dotted | (first > 12),
    }[order]
    is_clear = (
        is_dotted | (first > 12) | (second > 12) | (first == second) if order == "auto" else pl.lit(True)
    )
    day, month = (
        pl.when(day_first).then(first).otherwise(second),
        pl.when(day_first).then(second).otherwise(first),
    )
    hour = pl.col("hour").fill_null("0:00").str.zfill(5)
    text = pl.format(
        "{}-{}-{} {}", "year", pad(month), pad(day), hour.str.replace(r"^(\d{1,2}:\d{2})$", "$1:00")
    )
    value = text.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us").cast(pl.Int64)
    return frame.select(pl.when(is_clear & first.is_not_null()).then(value)).to_series()


def pad(number: pl.Expr) -> pl.Expr:
    """Return a number as two digits."""
    return number.cast(pl.String).str.zfill(2)


def is_ambiguous(texts: pl.Series) -> pl.Series:
    """Return True where a text is a date both day first and month first, and not the same one."""
    return (texts.str.contains(DAY_FIRST) & read_numeric(texts, "auto").is_null()).fill_null(False) & (
        read_numeric(texts, "dmy").is_not_null() & read_numeric(texts, "mdy").is_not_null()
    )


def read_serial(texts: pl.Series) -> pl.Series:
    """Read 45443.5, the day number of a spreadsheet; five digits, that is 1927 to 2173."""
    numbers = texts.set(~texts.str.contains(SERIAL), None).cast(pl.Float64, strict=False)
    return serial_moments(numbers)


def serial_moments(numbers: pl.Series) -> pl.Series:
    """Return the moments of spreadsheet day numbers, rounded to the second."""
    seconds = ((numbers - EXCEL_EPOCH_DAYS) * 86_400).round()
    return (seconds * 1_000_000).cast(pl.Int64, strict=False)


def read_named(texts: pl.Series) -> pl.Series:
    """Read 31-May-2024, 31 May 2024, May 31, 2024; English month names."""
    found = pl.Series(texts.name, [None] * len(texts), dtype=pl.Int64)
    for pattern in NAMED_MONTHS:
        days = texts.str.to_date(pattern, strict=False)
        found = found.fill_null(days.cast(pl.Datetime("us")).cast(pl.Int64))
    return found

"""Texts of a file become the types of a table; whatever does not fit is a problem with its line."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime

import polars as pl

from features.records.columns import Column, Kind, Table
from features.records.moments import from_micros, to_micros
from features.records.reading import date_texts, number_texts
from features.records.reading.batches import LINE, Piece
from features.records.reading.currencies import CODES, SIGNS
from features.records.reading.problems import MAX_PROBLEMS, Problem, Problems, shown
from features.records.reading.styles import Style
from features.records.schema import ALL_TABLES

MAX_TEXT_CHARACTERS = 200_000
MAX_NAME_BYTES = 800  # of a text that names a row: both databases index it
EARLIEST, LATEST = -2_208_988_800_000_000, 7_258_118_400_000_000  # 1900 and 2200
PAST = ("happened_at", "known_at", "hired_at", "declared_at")
IN_ORDER = {"sessions": ("starts_at", "ends_at"), "courses": ("valid_from", "valid_until"),
            "programmes": ("starts_at", "ends_at"), "strategic_priorities": ("valid_from", "valid_until"),
            "surveys": ("scale_low", "scale_high")}  # fmt: skip
YES = ("true", "yes", "y", "t", "1", "x", "ja", "j", "oui", "o", "si", "sí", "sì", "s", "wahr", "vrai", "on")
NO = ("false", "no", "n", "f", "0", "nein", "non", "nee", "falsch", "faux", "off", "-")
FLAGS = {**dict.fromkeys(YES, True), **dict.fromkeys(NO, False)}
NUMERIC = (Kind.NUMBER, Kind.INTEGER)


class Converter:
    """Converts pieces, column by column, and gathers what is wrong.

    Parameters
    ----------
    problems : Problems
        Where mistakes go.
    now : datetime
        Facts dated later are refused.
    """

    def __init__(self, problems: Problems, now: datetime) -> None:
        self.problems, self.now = problems, to_micros(now)
        self.marks: dict[str, str] = {}

    def convert(self, piece: Piece) -> pl.DataFrame:
        """Return the piece in stored types: text, integer, number, flag; moments as whole microseconds."""
        table = ALL_TABLES[piece.table]
        lines = piece.frame[LINE]
        texts = {
            name: stripped(piece.frame[name], piece.style) for name in piece.frame.columns if name != LINE
        }
        self.decide_decimal_mark(piece, table, texts)
        done = {
            name: Cell(self, piece, table.column(name), lines).convert(values)
            for name, values in texts.items()
        }
        frame = pl.DataFrame({**done, LINE: lines})
        self.check_order(piece, frame)
        return frame

    def decide_decimal_mark(self, piece: Piece, table: Table, texts: dict[str, pl.Series]) -> None:
        """Find out whether the file writes a decimal comma, as soon as a value can be read in one way only."""
        if piece.style.decimal != "auto":
            self.marks[piece.file] = piece.style.decimal
        if piece.file in self.marks:
            return
        columns = [
            values
            for name, values in texts.items()
            if table.column(name).kind in NUMERIC and values.dtype == pl.String
        ]
        if piece.style.delimiter == "," and all(map(number_texts.is_plain, columns)):
            return
        comma, point = number_texts.evidence([number_texts.bare(values) for values in columns])
        if comma != point:
            self.marks[piece.file] = "," if comma else "."

    def check_order(self, piece: Piece, frame: pl.DataFrame) -> None:
        """Gather rows that end before they begin."""
        low, high = IN_ORDER.get(piece.table, ("", ""))
        if low not in frame.columns or high not in frame.columns:
            return
        label = piece.labels.get
        for row in frame.filter(pl.col(high) < pl.col(low)).head(MAX_PROBLEMS).iter_rows(named=True):
            found = f"{label(high, high)} before {label(low, low)}"
            self.problems.add(
                Problem(piece.file, "the end lies before the beginning", row[LINE], label(high, high), found)
            )


class Cell:
    """Converts the values of one column of one piece."""

    def __init__(self, converter: Converter, piece: Piece, column: Column, lines: pl.Series) -> None:
        self.converter, self.piece, self.column, self.lines = converter, piece, column, lines
        self.table = ALL_TABLES[piece.table]

    def convert(self, values: pl.Series) -> pl.Series:
        """Return the values in their stored type."""
        converters: dict[Kind, Callable[[pl.Series], pl.Series]] = {
            Kind.TEXT: self.text, Kind.NUMBER: self.number, Kind.INTEGER: self.integer,
            Kind.FLAG: self.flag, Kind.MOMENT: self.moment,
        }  # fmt: skip
        done = converters[self.column.kind](values)
        may_be_filled = self.column.name in ("known_at", "spell")
        if self.column.required and not may_be_filled and done.null_count():
            self.report(done.is_null() & values.is_null(), values, "a value is missing")
        return done

    def report(self, bad: pl.Series, values: pl.Series, what: str, allowed: str = "", hint: str = "") -> None:
        """Gather the rows where something is wrong."""
        for place in bad.fill_null(False).arg_true().head(MAX_PROBLEMS):
            found = "" if values[place] is None else shown(values[place])
            name = self.piece.labels.get(self.column.name, self.column.name)
            self.converter.problems.add(
                Problem(self.piece.file, what, self.lines[place], name, found, allowed, hint)
            )

    def text(self, values: pl.Series) -> pl.Series:
        """Return texts that are among the allowed ones and not too long."""
        texts = plain_text(values)
        column = self.column
        if column.allowed:
            texts = texts.str.to_lowercase()
            self.report(
                ~texts.is_in(column.allowed),
                values,
                "the value is none of the allowed ones",
                ", ".join(column.allowed),
            )
            return texts
        self.report(texts.str.contains("\0", literal=True), values, "the text holds a NUL character")
        is_name = column.name in self.table.key or bool(column.refers_to) or column.name.endswith("_id")
        if column.name == "payload":
            return texts
        length, limit, unit = (texts.str.len_bytes(), MAX_NAME_BYTES, "bytes") if is_name else (
            texts.str.len_chars(), MAX_TEXT_CHARACTERS, "characters")  # fmt: skip
        self.report(length > limit, values, "the text is too long", f"at most {limit:,} {unit}")
        return self.currency(texts) if column.name.endswith("_currency") else texts

    def currency(self, texts: pl.Series) -> pl.Series:
        """Return ISO 4217 codes; a sign that stands for one currency is understood."""
        codes = texts.str.to_uppercase().replace(SIGNS)
        self.report(~codes.is_in(CODES), texts, "no such currency", "an ISO 4217 code such as EUR or USD")
        return codes

    def number(self, values: pl.Series) -> pl.Series:
        """Return finite numbers within the column's bounds."""
        numbers = (
            self.read_numbers(values) if values.dtype == pl.String else values.cast(pl.Float64, strict=False)
        )
        endless = ~numbers.is_finite()
        hint = "Leave the field empty where nothing is known."
        self.report(endless, values, "not a finite number", "a number", hint)
        numbers = numbers.set(endless.fill_null(False), None)
        low = -math.inf if self.column.low is None else self.column.low
        high = math.inf if self.column.high is None else self.column.high
        outside = (numbers < low) | (numbers > high)
        self.report(outside, values, "the number is out of bounds", bounds(self.column))
        return numbers

    def read_numbers(self, texts: pl.Series) -> pl.Series:
        """Read numbers out of texts by the file's decimal mark."""
        mark = self.converter.marks.get(self.piece.file)
        if mark in (None, ".") and self.piece.style.delimiter == "," and number_texts.is_plain(texts):
            return texts.cast(pl.Float64)
        unclear = number_texts.ambiguous(number_texts.bare(texts), self.piece.style.delimiter)
        if mark is None and unclear.any():
            self.report(
                unclear,
                texts,
                "the number can be read with a decimal comma and with a point",
                hint=DECIMAL_HINT,
            )
            return texts.cast(pl.Float64, strict=False)
        numbers = number_texts.read_numbers(texts, mark or ".")
        numbers = numbers.fill_null(
            texts.set(~texts.str.contains(r"(?i)^[+-]?(nan|inf(inity)?)$"), None).cast(
                pl.Float64, strict=False
            )
        )
        hint = DECIMAL_HINT if mark else ""
        self.report(numbers.is_null() & texts.is_not_null(), texts, "wrong type", f"a {self.kind}", hint)
        return numbers

    @property
    def kind(self) -> str:
        """The kind of value in words."""
        return "whole number" if self.column.kind is Kind.INTEGER else "number"

    def integer(self, values: pl.Series) -> pl.Series:
        """Return whole numbers; 3.0, as spreadsheets write it, is one."""
        if values.dtype.is_integer():
            numbers = self.number(values)
            return values.cast(pl.Int64, strict=False).set(numbers.is_null(), None)
        numbers = self.number(values)
        whole = (numbers == numbers.round()) & (numbers.abs() < 2**53)
        self.report(~whole & numbers.is_finite(), values, "wrong type", "a whole number")
        return numbers.set(~whole.fill_null(False), None).cast(pl.Int64)

    def flag(self, values: pl.Series) -> pl.Series:
        """Return flags in the words of several languages."""
        if values.dtype == pl.Boolean:
            return values
        words = values.cast(pl.String).str.to_lowercase().str.replace(r"^([01])\.0$", "$1")
        flags = words.replace_strict(FLAGS, default=None, return_dtype=pl.Boolean)
        self.report(
            flags.is_null() & values.is_not_null(), values, "wrong type", "true or false, yes or no, 1 or 0"
        )
        return flags

    def moment(self, values: pl.Series) -> pl.Series:
        """Return microseconds since 1970 UTC, between 1900 and 2200, and not in the future where that cannot be."""
        moments = self.read_moments(values)
        self.report(
            (moments < EARLIEST) | (moments > LATEST), values, "the date is out of bounds", "1900 to 2200"
        )
        if self.column.name in PAST:
            today = from_micros(self.converter.now).isoformat(timespec="seconds")
            self.report(
                moments > self.converter.now, values, "the date lies in the future", f"at most {today}"
            )
        return moments

    def read_moments(self, values: pl.Series) -> pl.Series:
        """Read moments out of texts, dates, times or spreadsheet day numbers."""
        if values.dtype.is_temporal():
            return temporal_micros(values)
        if values.dtype.is_numeric():
            return date_texts.serial_moments(values.cast(pl.Float64))
        texts, order = values.cast(pl.String), self.piece.style.dates
        moments = date_texts.read_moments(texts, order)
        missing = moments.is_null() & texts.is_not_null()
        if missing.any():
            unclear = missing & date_texts.is_ambiguous(texts)
            self.report(
                unclear, texts, "the date can be read day first and month first", DATE_FORMS, DATE_HINT
            )
            self.report(missing & ~unclear, texts, "wrong type", DATE_FORMS)
        return moments


DECIMAL_HINT = (
    'Say which decimal mark the file uses: decimal = "," or decimal = "." in a mapping, or --decimal.'
)
DATE_HINT = 'Say which it is: dates = "dmy" or dates = "mdy" in a mapping, or --dates.'
DATE_FORMS = "a date such as 2024-05-31, or a time such as 2024-05-31T08:15:00Z"


def stripped(values: pl.Series, style: Style) -> pl.Series:
    """Return texts without blanks around them; a text that means nothing becomes null."""
    if values.dtype in (pl.Categorical, pl.Enum):
        values = values.cast(pl.String)
    if values.dtype != pl.String:
        return values
    texts = values.str.strip_chars()
    if style.empty:
        nothing = [text.lower() for text in style.empty]
        texts = texts.set(texts.str.to_lowercase().is_in(nothing).fill_null(False), None)
    return texts.replace("", None)


def plain_text(values: pl.Series) -> pl.Series:
    """Return values as texts; whole numbers without a point."""
    if values.dtype.is_float() and (values.drop_nulls() == values.drop_nulls().round()).all():
        values = values.cast(pl.Int64, strict=False)
    return values.cast(pl.String)


def temporal_micros(values: pl.Series) -> pl.Series:
    """Return dates and times as whole microseconds since 1970; a naive time is UTC."""
    if values.dtype == pl.Date:
        return values.cast(pl.Datetime("us")).cast(pl.Int64)
    if values.dtype == pl.Null:
        return values.cast(pl.Int64)
    return values.dt.cast_time_unit("us").cast(pl.Int64)


def bounds(column: Column) -> str:
    """Return the bounds of a column in words."""
    low = f"from {column.low:g}" if column.low is not None else ""
    high = f"to {column.high:g}" if column.high is not None else ""
    return " ".join(part for part in (low, high, f"({column.unit})" if column.unit else "") if part)

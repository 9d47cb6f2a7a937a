"""Carry out the rules of a mapping on a batch of rows, column by column."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl

from features.records.reading import number_texts
from features.records.reading.batches import LINE, Batch
from features.records.reading.convert import plain_text
from features.records.reading.currencies import SIGNS
from features.records.reading.mapping import Rule, TableRule
from features.records.reading.problems import MAX_PROBLEMS, Problem, RefusedFileError, refuse, shown
from features.records.reading.styles import Style

ITEM = "#item"
DAYS = {"days": 1.0, "months": 365.25 / 12, "years": 365.25}
MICROSECONDS_PER_DAY = 86_400_000_000


class RuleRunner:
    """Makes the columns of one table out of one batch.

    Parameters
    ----------
    batch : Batch
        Rows of the file.
    style : Style
        How the file writes numbers.
    settings : dict of str to str
        The mapping's settings, with the caller's changes.
    """

    def __init__(self, batch: Batch, style: Style, settings: dict[str, str]) -> None:
        self.file, self.frame, self.style, self.settings = batch.file, batch.frame, style, settings

    def rows(self, rule: TableRule) -> pl.DataFrame:
        """Return the rows of one table, with their lines."""
        self.frame = self.frame.filter(self.chosen(rule)) if rule.where else self.frame
        if rule.split:
            self.split(rule.split)
        made = {}
        for name, column in rule.columns.items():
            if all(read in self.frame.columns for read in column.columns):
                made[name] = self.make(column, name)
            elif not column.is_optional:
                raise refuse(self.file, "a column is missing", 1, column=", ".join(column.columns))
        return pl.DataFrame({**made, LINE: self.frame[LINE]})

    def chosen(self, rule: TableRule) -> pl.Series:
        """Return True for the rows about which the table says something."""
        chosen = pl.repeat(True, self.frame.height, eager=True)
        for condition in rule.where:
            if condition["column"] not in self.frame.columns:
                continue
            texts = self.texts(condition["column"]).str.to_lowercase()
            if "is" in condition:
                chosen &= texts.is_in([str(one).lower() for one in condition["is"]]).fill_null(False)
            if "is_not" in condition:
                chosen &= ~texts.is_in([str(one).lower() for one in condition["is_not"]]).fill_null(False)
            if condition.get("filled"):
                chosen &= texts.is_not_null()
        return chosen

    def split(self, how: dict[str, str] | Any) -> None:
        """Make one row for each item of a list that stands in a text."""
        if how["column"] not in self.frame.columns:
            self.frame = self.frame.clear().with_columns(pl.lit(None, pl.String).alias(ITEM))
            return
        texts = self.texts(how["column"])
        items = pl.Series(ITEM, [self.items(text, how["by"], place) for place, text in enumerate(texts)],
                          dtype=pl.List(pl.String))  # fmt: skip
        exploded = self.frame.with_columns(items).explode(ITEM, empty_as_null=True)
        self.frame = exploded.with_columns(pl.col(ITEM).str.strip_chars()).filter(
            pl.col(ITEM).str.len_chars() > 0
        )

    def items(self, text: str | None, by: str, place: int) -> list[str]:
        """Return the items of one list."""
        if not text:
            return []
        if by not in ("list", "json"):
            return text.split(by)
        try:
            found = ast.literal_eval(text) if by == "list" else json.loads(text)
            return [str(item) for item in found]
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise refuse(
                self.file,
                "the list cannot be read",
                self.frame[LINE][place],
                found=shown(text),
                allowed="['one', 'two']",
            ) from error

    def texts(self, name: str) -> pl.Series:
        """Return a column of the file as texts; what means nothing is null."""
        values = plain_text(self.frame[name]).str.strip_chars()
        nothing = ["", *(text.lower() for text in self.style.empty)]
        return values.set(values.str.to_lowercase().is_in(nothing).fill_null(False), None)

    def make(self, rule: Rule, name: str) -> pl.Series:
        """Return one column of the table."""
        makers: dict[str, Callable[[Rule], pl.Series]] = {
            "column": self.column, "constant": self.constant, "template": self.template, "first_of": self.first_of,
            "digest_of": self.digest_of, "setting": self.setting, "before": self.before,
            "currency_of": self.currency_of, "join": self.join,
        }  # fmt: skip
        return self.change(makers[rule.source](rule), rule).alias(name)

    def change(self, values: pl.Series, rule: Rule) -> pl.Series:
        """Return the values after what the rule does with them."""
        changes = rule.changes
        if "find" in changes:
            values = plain_text(values).str.extract(changes["find"], 1)
        if "values" in changes:
            values = self.mapped(plain_text(values), rule)
        if "times" in changes or "plus" in changes:
            values = self.scaled(values, changes.get("times", 1), changes.get("plus", 0))
        if changes.get("percent"):
            values = self.shares(values, rule)
        if changes.get("lower"):
            values = plain_text(values).str.to_lowercase()
        if "prefix" in changes:
            values = changes["prefix"] + plain_text(values)
        return values

    def column(self, rule: Rule) -> pl.Series:
        """Return a column of the file as it is."""
        values = self.frame[rule.value]
        return self.texts(rule.value) if values.dtype == pl.String else values

    def constant(self, rule: Rule) -> pl.Series:
        """Return the same value for every row."""
        return pl.repeat(rule.value, self.frame.height, eager=True)

    def setting(self, rule: Rule) -> pl.Series:
        """Return the value of a setting for every row."""
        return pl.repeat(self.settings[rule.value], self.frame.height, dtype=pl.String, eager=True)

    def template(self, rule: Rule) -> pl.Series:
        """Return texts with columns filled in; where all of them are empty, nothing."""
        names = rule.columns
        pattern = rule.value
        for read in names:
            pattern = pattern.replace("{" + read + "}", "{}")
        texts = [self.texts(read) for read in names]
        filled = pl.select(pl.format(pattern, *(text.fill_null("") for text in texts))).to_series()
        is_empty = pl.select(pl.all_horizontal(*(text.is_null() for text in texts))).to_series()
        return filled.str.strip_chars().set(is_empty, None) if names else filled

    def first_of(self, rule: Rule) -> pl.Series:
        """Return the first of several columns in which something stands."""
        return pl.select(pl.coalesce(*(self.texts(name) for name in rule.value))).to_series()

    def join(self, rule: Rule) -> pl.Series:
        """Return several columns as one text, one below the other."""
        separator = rule.changes.get("separator", "\n")
        texts = [self.texts(name) for name in rule.value]
        joined = pl.select(pl.concat_str(*texts, separator=separator, ignore_nulls=True)).to_series()
        return joined.replace("", None)

    def digest_of(self, rule: Rule) -> pl.Series:
        """Return a short SHA-256 over several columns: a name for rows that have none."""
        rows = zip(*(self.texts(name) for name in rule.value), strict=True)
        digests = [hashlib.sha256(json.dumps(row).encode()).hexdigest()[:20] for row in rows]
        return pl.Series(digests, dtype=pl.String)

    def before(self, rule: Rule) -> pl.Series:
        """Return the day that lies so many days, months or years (of mean length) before a setting's date."""
        unit = next(unit for unit in DAYS if unit in rule.changes)
        moment = datetime.fromisoformat(self.settings[rule.value])
        anchor = int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000_000)
        numbers = self.numbers(self.column(Rule("column", rule.changes[unit])), rule.changes[unit])
        micros = anchor - (numbers * DAYS[unit]).round() * MICROSECONDS_PER_DAY
        return micros.cast(pl.Int64).cast(pl.Datetime("us", "UTC"))

    def currency_of(self, rule: Rule) -> pl.Series:
        """Return the ISO 4217 code of the sign or code beside an amount."""
        signs = {**SIGNS, **rule.changes.get("signs", {})}
        found = self.texts(rule.value).str.extract(r"([A-Z]{3}|[$€£¥₹₽₩])", 1)
        return found.replace(signs)

    def mapped(self, texts: pl.Series, rule: Rule) -> pl.Series:
        """Return other words for words, compared without case; refuse a word that the mapping does not know."""
        words = {str(key).lower(): str(value) for key, value in rule.changes["values"].items()}
        found = texts.str.to_lowercase().replace_strict(words, default=None, return_dtype=pl.String)
        unknown = found.is_null() & texts.is_not_null()
        if "otherwise" in rule.changes:
            return found.set(unknown, rule.changes["otherwise"]).replace("", None)
        if unknown.any():
            self.refuse_rows(unknown, texts, rule, ", ".join(rule.changes["values"]))
        return found.replace("", None)

    def scaled(self, values: pl.Series, times: float, plus: float) -> pl.Series:
        """Return numbers times a factor, plus a summand."""
        return self.numbers(values, "") * times + plus

    def shares(self, values: pl.Series, rule: Rule) -> pl.Series:
        """Return percents, with or without the sign, as shares 0-1."""
        bare = values.str.strip_suffix("%").str.strip_chars() if values.dtype == pl.String else values
        return self.numbers(bare, ", ".join(rule.columns)) / 100

    def numbers(self, values: pl.Series, name: str) -> pl.Series:
        """Return values as numbers; refuse what is none."""
        if values.dtype != pl.String:
            return values.cast(pl.Float64)
        mark = "." if self.style.decimal == "auto" else self.style.decimal
        numbers = number_texts.read_numbers(values, mark)
        bad = numbers.is_null() & values.is_not_null()
        if bad.any():
            self.refuse_rows(bad, values, Rule("column", name), "a number")
        return numbers

    def refuse_rows(self, bad: pl.Series, values: pl.Series, rule: Rule, allowed: str) -> None:
        """Raise the error for rows that a rule cannot understand."""
        hint = "Add it to the values of the mapping." if "values" in rule.changes else ""
        raise RefusedFileError([
            Problem(self.file, "the value cannot be understood", self.frame[LINE][place], ", ".join(rule.columns),
                    shown(values[place]), allowed, hint)
            for place in bad.arg_true().head(MAX_PROBLEMS)
        ])  # fmt: skip

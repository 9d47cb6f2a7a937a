"""Column mappings: which columns of an export become which columns of which tables (TOML; docs/importing.md)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from features.errors import BadInputError
from features.records.columns import Table
from features.records.reading.problems import near_match, shown
from features.records.reading.styles import Style
from features.records.tables import IMPORTABLE

SHIPPED = Path(__file__).with_name("mappings")
PSEUDO_COLUMNS = ("#line", "#item")
SOURCES = (
    "column",
    "constant",
    "template",
    "first_of",
    "digest_of",
    "setting",
    "before",
    "currency_of",
    "join",
)
CHANGES = (
    "values", "otherwise", "times", "plus", "find", "lower", "prefix", "optional", "days", "months", "years",
    "signs", "separator", "percent",
)  # fmt: skip
MAPPING_KEYS = (
    "describes", "kind", "encoding", "delimiter", "decimal", "dates", "empty", "unknown", "ignore", "settings", "table",
)  # fmt: skip
TABLE_KEYS = ("name", "columns", "where", "split", "keep_existing", "repeats")


@dataclass(frozen=True)
class Rule:
    """How one column is made.

    Parameters
    ----------
    source : str
        One of ``column``, ``constant``, ``template`` …
    value : object
        Its argument.
    changes : mapping
        What is then done with it: ``values``, ``times``, ``find`` …
    """

    source: str
    value: Any
    changes: Dict[str, Any] = field(default_factory=dict)

    @property
    def is_optional(self) -> bool:
        """True where the file need not have the column."""
        return bool(self.changes.get("optional"))

    @property
    def columns(self) -> list[str]:
        """Columns of the file that the rule reads."""
        if self.source == "template":
            return [part.split("}", 1)[0] for part in str(self.value).split("{")[1:]]
        if self.source in ("column", "currency_of"):
            return [str(self.value)]
        if self.source in ("first_of", "digest_of", "join"):
            return [str(name) for name in self.value]
        if self.source == "before":
            return [str(self.changes[unit]) for unit in ("days", "months", "years") if unit in self.changes]
        return []


@dataclass(frozen=True)
class TableRule:
    """How rows of one table are made out of rows of the file.

    Parameters
    ----------
    table : Table
        What they are rows of.
    columns : mapping of str to Rule
        One for each column that is filled.
    where : sequence of mapping
        Conditions on the file's row; all must hold.
    split : mapping
        A column whose text holds a list, and what separates it; one row for each item, named ``#item``.
    keep_existing : bool
        True where a stored row is left as it is.
    repeats : str
        ``refuse`` or ``first``.
    """

    table: Table
    columns: Dict[str, Rule]
    where: tuple[Dict[str, Any], ...] = ()
    split: Dict[str, str] = field(default_factory=dict)
    keep_existing: bool = False
    repeats: str = "refuse"

    @property
    def reads(self) -> list[str]:
        """Columns of the file that must be there."""
        names = [name for rule in self.columns.values() if not rule.is_optional for name in rule.columns]
        names += [condition["column"] for condition in self.where if not condition.get("optional")]
        names += [self.split["column"]] if self.split and not self.split.get("optional") else []
        return [name for name in names if name not in PSEUDO_COLUMNS]

    @property
    def may_read(self) -> list[str]:
        """Columns of the file that are read where they are there."""
        names = [name for rule in self.columns.values() for name in rule.columns]
        names += [condition["column"] for condition in self.where]
        return [*names, *([self.split["column"]] if self.split else [])]


@dataclass(frozen=True)
class Mapping:
    """A whole mapping.

    Parameters
    ----------
    name : str
        Its file's name.
    describes : str
        What export it is for.
    tables : tuple of TableRule
        In order; the first says what a row of the file is.
    style : Style
        How the export writes numbers and dates.
    encoding, delimiter : str, optional
        Where they must not be found out.
    ignores_unknown : bool
        True where columns that are not named may be there.
    ignore : tuple of str
        Columns that are known and left out.
    settings : mapping of str to str
        Values that the caller may change, with what holds otherwise.
    """

    name: str
    describes: str
    tables: tuple[TableRule, ...]
    style: Style = field(default_factory=Style)
    encoding: str | None = None
    delimiter: str | None = None
    ignores_unknown: bool = False
    ignore: tuple[str, ...] = ()
    settings: Dict[str, str] = field(default_factory=dict)


def shipped_mappings() -> dict[str, Path]:
    """Return the mappings that come with the program."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.toml"))}


def open_mapping(named: str | Path) -> Mapping:
    """Return a mapping by its shipped name, or from a TOML file.

    Raises
    ------
    BadInputError
        If there is none of that name, or it says something that cannot be.
    """
    path = shipped_mappings().get(str(named), Path(named))
    if not path.is_file():
        names = ", ".join(shipped_mappings())
        raise BadInputError("There is no such mapping.", found=shown(str(named)), allowed=f"a TOML file, or one of {names}",
                            hint=near_match(str(named), shipped_mappings()))  # fmt: skip
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"The mapping {path.name} is no TOML: {error}.") from error
    return read_mapping(path.stem, content)


def read_mapping(name: str, content: Dict[str, Any]) -> Mapping:
    """Return the mapping that a TOML document spells."""
    known_keys(name, content, MAPPING_KEYS)
    tables = tuple(read_table(name, table) for table in content.get("table", ()))
    if not tables:
        raise BadInputError(
            f"The mapping {name} fills no table.", hint="Write [[table]] with name and columns."
        )
    style = Style(
        one_of(name, "decimal", content.get("decimal", "auto"), ("auto", ".", ",")),
        one_of(name, "dates", content.get("dates", "auto"), ("auto", "iso", "dmy", "mdy")),
        tuple(content.get("empty", ())),
    )
    is_lenient = one_of(name, "unknown", content.get("unknown", "refuse"), ("refuse", "ignore")) == "ignore"
    settings = {key: str(value) for key, value in content.get("settings", {}).items()}
    return Mapping(
        name, content.get("describes", ""), tables, style, content.get("encoding"), content.get("delimiter"),
        is_lenient, tuple(content.get("ignore", ())), settings,
    )  # fmt: skip


def read_table(mapping: str, content: Dict[str, Any]) -> TableRule:
    """Return the rule for one table."""
    known_keys(mapping, content, TABLE_KEYS)
    table = IMPORTABLE[one_of(mapping, "table", content.get("name", ""), tuple(IMPORTABLE))]
    spelled = content.get("columns", {})
    known_keys(f"{mapping}, table {table.name}", spelled, table.names)
    columns = {name: read_rule(f"{mapping}, {table.name}.{name}", value) for name, value in spelled.items()}
    filled = {*columns, "known_at", "spell"}
    for column in table.columns:
        if column.required and column.name not in filled:
            raise BadInputError(
                f"The mapping {mapping} does not fill {table.name}.{column.name}.", hint=column.meaning
            )
    return TableRule(
        table, columns, tuple(content.get("where", ())), content.get("split", {}),
        bool(content.get("keep_existing", False)),
        one_of(mapping, "repeats", content.get("repeats", "refuse"), ("refuse", "first")),
    )  # fmt: skip


def read_rule(where: str, content: Any) -> Rule:
    """Return the rule that stands for one column: a column's name, or a table of what to do."""
    if isinstance(content, str):
        return Rule("column", content)
    if not isinstance(content, dict):
        raise BadInputError(
            f"The rule {where} is none.", found=shown(content), allowed="a column name or { … }"
        )
    known_keys(where, content, SOURCES + CHANGES)
    sources = [key for key in content if key in SOURCES]
    if len(sources) != 1:
        raise BadInputError(
            f"The rule {where} needs one source.", found=str(sources), allowed=", ".join(SOURCES)
        )
    changes = {key: value for key, value in content.items() if key != sources[0]}
    return Rule(sources[0], content[sources[0]], changes)


def known_keys(where: str, content: Dict[str, Any], allowed: tuple[str, ...]) -> None:
    """Refuse a key that means nothing there."""
    for key in content:
        one_of(where, "key", key, allowed)


def one_of(where: str, what: str, value: str, allowed: tuple[str, ...]) -> str:
    """Return the value if it is allowed there."""
    if value not in allowed:
        raise BadInputError(f"The mapping {where} has an unknown {what}.", found=shown(value), allowed=", ".join(allowed),
                            hint=near_match(str(value), allowed))  # fmt: skip
    return value

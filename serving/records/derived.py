"""Request and answer models derived from the tables: kinds, ranges and allowed values stand there, once."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from features.records.columns import Column, Kind, Table
from features.records.moments import from_micros, to_micros

LONGEST_TEXT = 200_000
LONGEST_ID = 1_000
MOST_INTEGER = 2**53
CURRENCY = "^[A-Z]{3}$"


class Strict(BaseModel):
    """A body that may hold nothing but what is named, each in its own kind."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def moment(value: object) -> datetime:
    """Return ISO 8601 text as an aware UTC time; a date without an hour means 00:00 UTC."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError("a moment is ISO 8601 text, like 2026-01-31T09:00:00Z")
    try:
        found = datetime.fromisoformat(value)
        if len(value) == 10:
            return found.replace(tzinfo=UTC)
        if found.tzinfo is None:
            raise ValueError
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("a moment is ISO 8601 with its zone, like 2026-01-31T09:00:00Z") from error


def clean(text: str) -> str:
    """Return the text; raise ValueError for what no database keeps."""
    if "\x00" in text:
        raise ValueError("text holds no NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError("text holds whole characters only, no half of a surrogate pair") from error
    return text


Moment = Annotated[datetime, BeforeValidator(moment, json_schema_input_type=datetime)]
TYPES: dict[Kind, Any] = {
    Kind.TEXT: Annotated[str, AfterValidator(clean)],
    Kind.INTEGER: Annotated[int, Field(ge=-MOST_INTEGER, le=MOST_INTEGER)],
    Kind.NUMBER: float,
    Kind.FLAG: bool,
    Kind.MOMENT: Moment,
}


def field_type(column: Column) -> Any:
    """Return the type of a column's values, with what the table says may stand there."""
    if column.allowed:
        return Literal[column.allowed]
    bounds: dict[str, Any] = {"ge": column.low, "le": column.high}
    if column.kind is Kind.TEXT:
        is_key = column.name.endswith("_id") or column.name in ("kpi", "item")
        bounds = {"max_length": LONGEST_ID if is_key else LONGEST_TEXT}
        bounds |= {"min_length": 1} if column.required else {}
        bounds |= {"pattern": CURRENCY} if column.name.endswith("_currency") else {}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return Annotated[TYPES[column.kind], Field(**given)] if given else TYPES[column.kind]


def field(column: Column, is_needed: bool) -> tuple[Any, Any]:
    """Return a column as a field of a model."""
    meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
    if is_needed:
        return field_type(column), Field(description=meaning)
    return field_type(column) | None, Field(default=None, description=meaning)


def derive(
    name: str,
    table: Table,
    *,
    without: Collection[str] = (),
    optional: Collection[str] = (),
    more: dict[str, Any] | None = None,
    example: dict[str, Any] | None = None,
) -> type[Strict]:
    """Return the model of a table's rows.

    Parameters
    ----------
    name : str
        Name of the model in the contract.
    table : Table
        Whose columns it has.
    without : collection of str
        Columns that the service fills in itself.
    optional : collection of str
        Required columns that a body may leave out.
    more : dict, optional
        Further fields, as `pydantic.create_model` takes them.
    example : dict, optional
        Shown in the contract.
    """
    fields = {
        column.name: field(column, column.required and column.name not in optional)
        for column in table.columns
        if column.name not in without
    }
    made: type[Strict] = create_model(
        name, __base__=Strict, __doc__=table.meaning, **{**fields, **(more or {})}
    )
    if example:
        made.model_config["json_schema_extra"] = {"examples": [example]}
        made.model_rebuild(force=True)
    return made


def stored(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """Return a validated body's values as the store keeps them: moments as microseconds."""
    row = {name: values[name] for name in table.names if name in values}
    for name in table.moments:
        if isinstance(row.get(name), datetime):
            row[name] = to_micros(row[name])
    for name in table.numbers:
        if row.get(name) is not None:
            row[name] = float(row[name])
    return row


def shown_row(table: Table, row: dict[str, Any]) -> dict[str, Any]:
    """Return a stored row's values as a body shows them."""
    return {
        name: from_micros(value) if name in table.moments and value is not None else value
        for name, value in row.items()
        if name != "id"
    }

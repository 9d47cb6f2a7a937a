"""Which rows a SCIM filter can be about: a condition for the database, never narrower than the filter.

A text that an attribute holds stands in the kept JSON, so rows without it are not read; ASCII letters count as equal in
either case. Whatever is no ASCII may be written in several ways and narrows nothing. The library's own rules decide on
what is left, but for times, flags and a user's name, where the condition is what decides: a name is found as it is kept unique.

References
----------
Hunt, P. et al., *System for Cross-domain Identity Management: Protocol*, RFC 7644, 2015, section 3.4.2.2.
"""

from __future__ import annotations

import json
import operator
import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    LogicalExpr,
    LogicalOperator,
    ValuePath,
)

from features.records.identities import name_key
from features.records.moments import to_micros
from features.records.schema import METADATA

TABLE = METADATA.tables["scim_resources"]
ENTERPRISE_TEXTS = (
    "employeeNumber costCenter organization division department manager manager.value manager.displayName"
)
USER_TEXTS = (
    "externalId displayName nickName title userType emails emails.value emails.type phoneNumbers phoneNumbers.value "
    "phoneNumbers.type name.formatted name.familyName name.givenName"
)
GROUP_TEXTS = "members members.value members.display"
TEXTS = frozenset(f"{ENTERPRISE_TEXTS} {USER_TEXTS} {GROUP_TEXTS}".lower().split())
LONGEST = 200  # characters of a text that are looked for; longer patterns are more than SQLite takes
AS_ASCII = "\u0130\u037e\u1fef\u212a"  # letters that become ASCII where case and form are made alike
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
ORDERS: dict[CompareOperator, Callable[[Any, Any], Any]] = {
    CompareOperator.gt: operator.gt,
    CompareOperator.ge: operator.ge,
    CompareOperator.lt: operator.lt,
    CompareOperator.le: operator.le,
}
MOMENTS = {"meta.lastmodified": TABLE.c.modified_at, "meta.created": TABLE.c.created_at}


@dataclass(frozen=True)
class Narrowing:
    """What the database can say of a filter.

    Parameters
    ----------
    condition : SQL expression
        True of every row that matches.
    is_exact : bool
        True where it is true of no other row.
    """

    condition: sa.ColumnElement[bool]
    is_exact: bool = False


def narrowing(node: FilterNode | None, *, is_postgres: bool, within: str = "") -> Narrowing | None:
    """Return what the database can say of a filter, or None where it can say nothing.

    Parameters
    ----------
    node : FilterNode or None
        The filter.
    is_postgres : bool
        Which database is asked.
    within : str
        The attribute whose values are selected (``emails`` in ``emails[type eq "work"]``), with its dot.
    """
    if isinstance(node, LogicalExpr):
        parts = [narrowing(term, is_postgres=is_postgres, within=within) for term in node.terms]
        return joined(node.op, parts)
    if isinstance(node, ValuePath):
        found = narrowing(node.val_filter, is_postgres=is_postgres, within=f"{name_of(node.attr_path)}.")
        return Narrowing(found.condition) if found is not None else None
    if isinstance(node, Comparison):
        return of_comparison(within + name_of(node.attr_path), node, is_postgres)
    return None


def joined(how: LogicalOperator, parts: Sequence[Narrowing | None]) -> Narrowing | None:
    """Return what is known of `and` and `or`: one part narrows an `and`, every part must narrow an `or`."""
    known = [part for part in parts if part is not None]
    is_whole = len(known) == len(parts)
    is_exact = is_whole and all(part.is_exact for part in known)
    conditions = [part.condition for part in known]
    if how == LogicalOperator.and_:
        return Narrowing(sa.and_(*conditions), is_exact) if known else None
    return Narrowing(sa.or_(*conditions), is_exact) if is_whole else None


def name_of(path: AttrPath) -> str:
    """Return the name of an attribute as names are compared: without its schema, in small letters."""
    return f"{path.attr}.{path.sub_attr}".lower() if path.sub_attr else path.attr.lower()


def of_comparison(name: str, node: Comparison, is_postgres: bool) -> Narrowing | None:
    """Return what the database can say of one comparison."""
    value = node.value
    if name == "active" and isinstance(value, bool) and node.op == CompareOperator.eq:
        is_user = TABLE.c.resource_type == "User"
        return Narrowing(is_user & TABLE.c.payload.contains(f'"active":{json.dumps(value)}'), is_exact=True)
    if not isinstance(value, str):
        return None
    if name in MOMENTS and node.op in ORDERS and MOMENT.fullmatch(value):
        return of_moment(MOMENTS[name], ORDERS[node.op], value)
    if name in ("username", "id") and node.op == CompareOperator.eq and not can_be_kept(value):
        return Narrowing(sa.false(), is_exact=True)
    if name == "username" and node.op == CompareOperator.eq:
        return Narrowing(TABLE.c.unique_name == name_key(value), is_exact=True)  # as it is unique
    if name == "id" and node.op == CompareOperator.eq:
        return Narrowing(TABLE.c.resource_id == value)
    return (
        Narrowing(holds(value, node.op, is_postgres)) if name in TEXTS and pattern(value, node.op) else None
    )


def can_be_kept(value: str) -> bool:
    """Say whether a database keeps a text: no NUL, no half of a surrogate pair."""
    return "\x00" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)


def of_moment(column: sa.Column[int], order: Callable[[Any, Any], Any], value: str) -> Narrowing | None:
    """Return the comparison of a kept moment, or None where the text is no moment of the calendar."""
    try:
        return Narrowing(order(column, to_micros(datetime.fromisoformat(value))), is_exact=True)
    except (ValueError, OverflowError):
        return None


def holds(value: str, how: CompareOperator, is_postgres: bool) -> sa.ColumnElement[bool]:
    """Return the condition that a row's JSON holds a text, or letters that may stand for ASCII ones."""
    payload, wanted = TABLE.c.payload, pattern(value, how)
    odd = sa.or_(*(payload.contains(letter) for letter in AS_ASCII))
    is_held = payload.ilike(wanted, escape="~") if is_postgres else payload.like(wanted, escape="~")
    return is_held | odd  # SQLite's LIKE takes ASCII letters as equal in either case, and is quicker so


def pattern(value: str, how: CompareOperator) -> str:
    """Return a text as LIKE looks for it in JSON, whatever is no ASCII left open; empty for another comparison."""
    if how not in (CompareOperator.eq, CompareOperator.co, CompareOperator.sw, CompareOperator.ew):
        return ""
    whole = unicodedata.normalize("NFC", value)
    kept = json.dumps(whole[:LONGEST], ensure_ascii=False)[1:-1]
    kept = re.sub(r"[^\x00-\x7f]+", "%", re.sub(r"([~%_])", r"~\1", kept))
    starts = '"' if how in (CompareOperator.eq, CompareOperator.sw) else ""
    ends = '"' if how in (CompareOperator.eq, CompareOperator.ew) and len(whole) <= LONGEST else ""
    return f"%{starts}{kept}{ends}%"

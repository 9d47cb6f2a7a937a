"""Filters and orders of SCIM among the resources that the database found, page by page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Union

from scim2_models import InvalidCursorException, Resource, ScimFilter, SearchRequest
from scim2_server.storage import SearchPage
from scim2_server.utils import parametrize

Place = tuple[bool, Any, str]  # whether the value is missing, the value, the id


def found(asked: SearchRequest[Any], candidates: Iterable[Resource[Any]], position: Any = None) -> SearchPage:
    """Return the page of the candidates that match, in the order asked for; missing values come last, then by id."""
    resources = list(candidates)
    condition = asked.filter
    if condition is not None and not condition.models and resources:
        models = tuple(dict.fromkeys(type(resource) for resource in resources))
        condition = parametrize(ScimFilter, Union[models])(str(condition))  # noqa: UP007
    matching = [resource for resource in resources if condition is None or condition.match(resource)]
    is_descending = asked.sort_by is not None and asked.sort_order == SearchRequest.SortOrder.descending
    matching.sort(key=lambda resource: order(asked, resource), reverse=is_descending)
    if asked.cursor is not None:
        places = [order(asked, resource) for resource in matching]
        return page_beside(matching, places, asked.count, position, is_descending)
    start = asked.start_index_0 or 0
    stop = None if asked.count is None else start + asked.count
    return SearchPage(len(matching), matching[start:stop])


def order(asked: SearchRequest[Any], resource: Resource[Any]) -> Place:
    """Return what orders a resource."""
    value = asked.sort_value(resource)
    return value is None, "" if value is None else value, str(resource.id)


def page_beside(
    matching: list[Resource[Any]], places: list[Place], count: int | None, position: Any, is_descending: bool
) -> SearchPage:
    """Return the page that begins after, or ends before, a place, wherever that stands now among others.

    References
    ----------
    Peterson, M. et al., *Cursor-Based Pagination of SCIM Resources*, RFC 9865, 2025.
    """
    most = len(matching) if count is None else count
    start = 0
    if position is not None:
        place, is_after = place_of(position)
        passed = [each > place if is_descending else each < place for each in places]
        start = sum(passed) + (is_after and place in places)
        start = start if is_after else max(0, start - most)
    stop = start + most if position is None or is_after else sum(passed)
    page = SearchPage(len(matching), matching[start:stop])
    if page.resources:
        page.previous = told(places[start], False) if start > 0 else None
        page.next = told(places[stop - 1], True) if stop < len(matching) else None
    return page


def told(place: Place, is_after: bool) -> dict[str, Any]:
    """Return a place as JSON can hold it."""
    is_missing, value, number = place
    is_moment = isinstance(value, datetime)
    value = value.isoformat() if is_moment else value
    return {"missing": is_missing, "value": value, "moment": is_moment, "id": number, "after": is_after}


def place_of(position: Any) -> tuple[Place, bool]:
    """Return the place of a position, and whether a page begins after it.

    Raises
    ------
    InvalidCursorException
        If the position is of a search in another order.
    """
    try:
        value = datetime.fromisoformat(position["value"]) if position["moment"] else position["value"]
        return (position["missing"], value, position["id"]), position["after"]
    except (TypeError, KeyError, ValueError):
        raise InvalidCursorException from None

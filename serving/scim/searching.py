"""Filters and orders of SCIM among the resources that the database found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Union

from scim2_models import Resource, ScimFilter, SearchRequest
from scim2_server.storage import SearchPage
from scim2_server.utils import parametrize


def found(asked: SearchRequest[Any], candidates: Iterable[Resource[Any]]) -> SearchPage:
    """Return the page of the candidates that match, in the order asked for; missing values come last, then by id."""
    resources = list(candidates)
    condition = asked.filter
    if condition is not None and not condition.models and resources:
        models = tuple(dict.fromkeys(type(resource) for resource in resources))
        condition = parametrize(ScimFilter, Union[models])(str(condition))  # noqa: UP007
    matching = [resource for resource in resources if condition is None or condition.match(resource)]
    is_descending = asked.sort_by is not None and asked.sort_order == SearchRequest.SortOrder.descending
    matching.sort(key=lambda resource: order(asked, resource), reverse=is_descending)
    start = asked.start_index_0 or 0
    stop = None if asked.count is None else start + asked.count
    return SearchPage(len(matching), matching[start:stop])


def order(asked: SearchRequest[Any], resource: Resource[Any]) -> tuple[bool, Any, str]:
    """Return what orders a resource."""
    value = asked.sort_value(resource)
    return value is None, "" if value is None else value, str(resource.id)

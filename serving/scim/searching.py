"""Filters and orders of SCIM: the database narrows what it can, the library's own rules decide."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Union

import sqlalchemy as sa
from scim2_models import Resource, ScimFilter, SearchRequest
from scim2_models.path import CompareOperator, Comparison
from scim2_server.storage import SearchPage
from scim2_server.utils import parametrize

from features.records.schema import METADATA

TABLE = METADATA.tables["scim_resources"]


def narrowed(query: sa.Select[Any], asked: ScimFilter[Any] | None) -> sa.Select[Any]:
    """Return the query for fewer rows where the filter is the one that identity providers send: a name, equal to a text."""
    node = asked.ast if asked is not None else None
    if not isinstance(node, Comparison) or node.op != CompareOperator.eq or not isinstance(node.value, str):
        return query
    name = str(node.attr_path).rsplit(":", 1)[-1].lower()
    if name == "username":
        return query.where(TABLE.c.unique_name == node.value.casefold())
    if name == "id":
        return query.where(TABLE.c.resource_id == node.value)
    if name == "externalid":
        said = f'"externalId":{json.dumps(node.value, ensure_ascii=False)}'
        return query.where(TABLE.c.payload.contains(said, autoescape=True))
    return query


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

"""Whether a statement is among those asked for, and the short form in which only ids are left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from features.records.reading.xapi_statement import PARENTS, NotUnderstoodError, identifiers, listed
from serving.xapi.asking import Asked

IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")


def is_asked_for(statement: Mapping[str, Any], asked: Asked) -> bool:
    """Say whether a statement has the verb, activity, registration and person asked for."""
    if asked.verb and part(statement, "verb").get("id") != asked.verb:
        return False
    if asked.registration and registration(statement) != asked.registration:
        return False
    if asked.activity and asked.activity not in activities(statement, everywhere=asked.related_activities):
        return False
    if not asked.people:
        return True
    return any(
        asked.people & people_of(agent) for agent in agents(statement, everywhere=asked.related_agents)
    )


def part(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return a member that is an object, else an empty one."""
    found = content.get(name)
    return found if isinstance(found, dict) else {}


def registration(statement: Mapping[str, Any]) -> str:
    """Return the registration of a statement in small letters, or an empty text."""
    return str(part(statement, "context").get("registration", "")).lower()


def activities(statement: Mapping[str, Any], *, everywhere: bool) -> set[str]:
    """Return the activities that a statement is about; everywhere: those around it, too."""
    target = part(statement, "object")
    found = {str(target.get("id"))} if target.get("objectType", "Activity") == "Activity" else set()
    if everywhere:
        around = part(part(statement, "context"), "contextActivities")
        found |= {str(one.get("id")) for name in PARENTS for one in listed(around.get(name))}
        if target.get("objectType") == "SubStatement":
            found |= activities(target, everywhere=True)
    return found


def agents(statement: Mapping[str, Any], *, everywhere: bool) -> Iterator[Mapping[str, Any]]:
    """Yield the people that a statement is about; everywhere: those around it, too."""
    target, context = part(statement, "object"), part(statement, "context")
    yield part(statement, "actor")
    if target.get("objectType") in ("Agent", "Group"):
        yield target
    if everywhere:
        yield from (part(context, "instructor"), part(context, "team"), part(statement, "authority"))
        if target.get("objectType") == "SubStatement":
            yield from agents(target, everywhere=True)


def people_of(agent: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Return by what an agent, and each member of a group, is identified."""
    found: set[tuple[str, str]] = set()
    for one in (agent, *listed(agent.get("member"))):
        try:
            found |= set(identifiers({**one, "objectType": "Agent"}))
        except NotUnderstoodError:
            continue
    return found


def in_form(statement: Mapping[str, Any]) -> dict[str, Any]:
    """Return a statement in which people, verb and activities are only named."""
    short = dict(statement)
    short["actor"] = only_named(part(statement, "actor"))
    short["verb"] = {"id": part(statement, "verb").get("id")}
    short["object"] = only_named(part(statement, "object"))
    around = part(part(statement, "context"), "contextActivities")
    if around:
        named = {name: [only_named(one) for one in listed(members)] for name, members in around.items()}
        short["context"] = {**part(statement, "context"), "contextActivities": named}
    return short


def only_named(thing: Mapping[str, Any]) -> dict[str, Any]:
    """Return of a person or a thing what names it."""
    return {
        name: said for name, said in thing.items() if name in ("objectType", "id", "member", *IDENTIFIERS)
    }

"""Where a statement breaks the rules of xAPI: for a strict reading, and to tell a platform what it does wrong.

References
----------
Advanced Distributed Learning Initiative, *Experience API*, version 1.0.3, part 2, 2016.
IEEE 9274.1.1-2023, *JSON Data Model Format and RESTful Web Service for Learner Experience Data*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from features.records.reading.xapi_values import (
    a_duration,
    a_flag,
    a_language,
    a_language_map,
    a_mail_address,
    a_number,
    a_sha1,
    a_text,
    a_timestamp,
    a_uuid,
    a_version,
    an_extension,
    an_integer,
    an_iri,
)

Rule = Callable[[Any, str], Iterator[str]]
Rules = Mapping[str, Rule]

IDENTIFIERS = ("mbox", "mbox_sha1sum", "openid", "account")
VOIDED = "http://adlnet.gov/expapi/verbs/voided"
NOT_IN_A_SUBSTATEMENT = ("id", "stored", "version", "authority")
INTERACTIONS = ("true-false", "choice", "fill-in", "long-fill-in", "matching", "performance", "sequencing",
                "likert", "numeric", "other")  # fmt: skip


def breaches(statement: Mapping[str, Any]) -> list[str]:
    """Return each rule of xAPI that a statement breaks, with the place; empty where it conforms."""
    return list(a_statement(statement, "statement"))


def an_object(value: Any, where: str, rules: Rules, required: tuple[str, ...] = ()) -> Iterator[str]:
    """Yield what is wrong with an object: members that are missing, unknown, null, or wrong in themselves."""
    if not isinstance(value, dict):
        yield f"{where} is no object"
        return
    for name in required:
        if name not in value:
            yield f"{where}.{name} is missing"
    for name, member in value.items():
        if name not in rules:
            yield f"{where}.{name[:80]} is no member that xAPI knows"
        elif member is None:
            yield f"{where}.{name} is null"
        else:
            yield from rules[name](member, f"{where}.{name}")


def each(rule: Rule) -> Rule:
    """Return the rule of a list whose members follow a rule."""

    def rule_of_list(value: Any, where: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for place, member in enumerate(value):
            yield from rule(member, f"{where}[{place}]")

    return rule_of_list


def one_or_each(rule: Rule) -> Rule:
    """Return the rule of one thing, or of a list of them."""
    return lambda value, where: (each(rule) if isinstance(value, list) else rule)(value, where)


def one_of(*allowed: str) -> Rule:
    """Return the rule of a value that must be one of some."""

    def rule(value: Any, where: str) -> Iterator[str]:
        if value not in allowed:
            yield f"{where} is none of {', '.join(allowed)}"

    return rule


def anything(_value: Any, _where: str) -> Iterator[str]:
    """Yield nothing: whatever stands there is allowed."""
    return iter(())


def an_account(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with an account."""
    yield from an_object(value, where, {"homePage": an_iri, "name": a_text}, ("homePage", "name"))


IFI_RULES: Rules = {
    "mbox": a_mail_address,
    "mbox_sha1sum": a_sha1,
    "openid": an_iri,
    "account": an_account,
    "name": a_text,
}


def an_agent(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a person: exactly one identifier is asked for."""
    yield from an_object(value, where, {**IFI_RULES, "objectType": one_of("Agent")})
    if isinstance(value, dict) and len(found := [name for name in IDENTIFIERS if name in value]) != 1:
        yield f"{where} has {len(found)} identifiers, not one of {', '.join(IDENTIFIERS)}"


def a_group(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a group: identified by at most one identifier, or by its members."""
    yield from an_object(
        value, where, {**IFI_RULES, "objectType": one_of("Group"), "member": each(an_agent)}, ("objectType",)
    )
    if not isinstance(value, dict):
        return
    count = sum(name in value for name in IDENTIFIERS)
    if count > 1 or (count == 0 and "member" not in value):
        yield f"{where} is a group with {count} identifiers{'' if count else ' and no members'}"


def an_actor(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with an agent or a group."""
    is_group = isinstance(value, dict) and value.get("objectType") == "Group"
    yield from (a_group if is_group else an_agent)(value, where)


def a_verb(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a verb."""
    yield from an_object(value, where, {"id": an_iri, "display": a_language_map}, ("id",))


def a_component(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a choice of an interaction."""
    yield from an_object(value, where, {"id": a_text, "description": a_language_map}, ("id",))


DEFINITION: Rules = {
    "name": a_language_map,
    "description": a_language_map,
    "type": an_iri,
    "moreInfo": an_iri,
    "extensions": an_extension,
    "interactionType": one_of(*INTERACTIONS),
    "correctResponsesPattern": each(a_text),
    **dict.fromkeys(("choices", "scale", "source", "target", "steps"), each(a_component)),
}


def an_activity(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with an activity."""
    rules: Rules = {
        "objectType": one_of("Activity"),
        "id": an_iri,
        "definition": lambda found, place: an_object(found, place, DEFINITION),
    }
    yield from an_object(value, where, rules, ("id",))


def a_reference(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a reference to a statement."""
    yield from an_object(
        value, where, {"objectType": one_of("StatementRef"), "id": a_uuid}, ("objectType", "id")
    )


def a_substatement(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a statement inside a statement: it has no id of its own, and none inside it."""
    inner = value.get("object")
    if isinstance(inner, dict) and inner.get("objectType") == "SubStatement":
        yield f"{where}.object is a statement inside a statement inside a statement"
        return
    for name in NOT_IN_A_SUBSTATEMENT:
        if name in value:
            yield f"{where}.{name} may not stand in a statement inside a statement"
    yield from a_statement({name: said for name, said in value.items() if name != "objectType"}, where)


def a_target(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with what a statement is about."""
    kind = value.get("objectType", "Activity") if isinstance(value, dict) else "Activity"
    rules: dict[Any, Rule] = {
        "Activity": an_activity,
        "Agent": an_agent,
        "Group": a_group,
        "StatementRef": a_reference,
        "SubStatement": a_substatement,
    }
    if not isinstance(kind, str) or kind not in rules:
        yield f"{where}.objectType is none of {', '.join(rules)}"
        return
    yield from rules[kind](value, where)


def a_score(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a score: scaled within -1 and 1, raw within min and max."""
    yield from an_object(value, where, dict.fromkeys(("scaled", "raw", "min", "max"), a_number))
    if not isinstance(value, dict) or not all(is_number(found) for found in value.values()):
        return
    if abs(value.get("scaled", 0)) > 1:
        yield f"{where}.scaled does not lie between -1 and 1"
    low, high = value.get("min", float("-inf")), value.get("max", float("inf"))
    if low >= high or not low <= value.get("raw", low) <= high:
        yield f"{where}.raw, min and max contradict each other"


def is_number(value: Any) -> bool:
    """Say whether a value is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


RESULT: Rules = {
    "score": a_score,
    "success": a_flag,
    "completion": a_flag,
    "response": a_text,
    "duration": a_duration,
    "extensions": an_extension,
}
AROUND: Rules = dict.fromkeys(("parent", "grouping", "category", "other"), one_or_each(an_activity))


def a_context_agent(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a person around a statement (xAPI 2.0)."""
    rules: Rules = {
        "objectType": anything,
        "agent": an_agent,
        "group": a_group,
        "relevantTypes": each(an_iri),
    }
    yield from an_object(value, where, rules, ("objectType",))


CONTEXT: Rules = {
    "registration": a_uuid,
    "instructor": an_actor,
    "team": a_group,
    "contextActivities": lambda value, where: an_object(value, where, AROUND),
    "contextAgents": each(a_context_agent),
    "contextGroups": each(a_context_agent),
    "revision": a_text,
    "platform": a_text,
    "language": a_language,
    "statement": a_reference,
    "extensions": an_extension,
}
ATTACHMENT: Rules = {
    "usageType": an_iri,
    "display": a_language_map,
    "description": a_language_map,
    "contentType": a_text,
    "length": an_integer,
    "sha2": a_text,
    "fileUrl": an_iri,
}
STATEMENT: Rules = {
    "id": a_uuid,
    "actor": an_actor,
    "verb": a_verb,
    "object": a_target,
    "result": lambda value, where: an_object(value, where, RESULT),
    "context": lambda value, where: an_object(value, where, CONTEXT),
    "timestamp": a_timestamp,
    "stored": a_timestamp,
    "authority": an_actor,
    "version": a_version,
    "attachments": each(
        lambda value, where: an_object(
            value, where, ATTACHMENT, ("usageType", "display", "contentType", "length", "sha2")
        )
    ),
}


def a_statement(value: Any, where: str) -> Iterator[str]:
    """Yield what is wrong with a statement."""
    yield from an_object(value, where, STATEMENT, ("actor", "verb", "object"))
    target, verb, context = value.get("object"), value.get("verb"), value.get("context")
    kind = target.get("objectType", "Activity") if isinstance(target, dict) else "Activity"
    if isinstance(context, dict) and kind != "Activity":
        for name in ("revision", "platform"):
            if name in context:
                yield f"{where}.context.{name} stands beside an object that is no activity"
    if isinstance(verb, dict) and verb.get("id") == VOIDED and kind != "StatementRef":
        yield f"{where}.object is no StatementRef, as voiding asks for"

"""Who may do what: the scope of every operation, and the guard before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from features.errors import BadInputError
from features.records import row_security
from serving.access_rows import is_visible, people_shown
from serving.http.identifiers import plain
from serving.http.problems import Problem, refuse

ANY_KEY = "any key"
OPEN = "open"
ALL_SCOPES = (
    "recommendations:read",
    "skills:read",
    "attrition:read",
    "impact:read",
    "impact:write",
    "events:write",
    "evaluations:read",
    "evaluations:write",
    "records:read",
    "records:write",
    "personal:read",
    "models:promote",
    "audit:read",
    "rights:own",
    "rights:manage",
)

# Who may write a record is answered with it; who may act for everybody's rights may act for one person's.
IMPLIED: dict[str, frozenset[str]] = {
    "records:write": frozenset({"records:read", "personal:read"}),
    "rights:manage": frozenset({"rights:own"}),
    "impact:write": frozenset({"impact:read"}),
    "evaluations:write": frozenset({"evaluations:read"}),
}

# Operation id → the scope a key needs. A route that is missing here stops the start.
SCOPES: dict[str, str] = {
    "recommend_courses": "recommendations:read",
    "recommend_for_profile": "recommendations:read",
    "recommend_courses_to_many": "recommendations:read",
    "get_skill_gaps": "skills:read",
    "get_team_skill_gaps": "skills:read",
    "list_skill_gaps": "skills:read",
    "list_skill_trends": "skills:read",
    "list_next_jobs": "skills:read",
    "assess_needs": "skills:read",
    "search_courses": "skills:read",
    "get_learning_path": "skills:read",
    "get_attrition_risk": "attrition:read",
    "list_attrition_risks": "attrition:read",
    "batch_attrition_risks": "attrition:read",
    "explore_attrition_risk": "attrition:read",
    "review_attrition_risk": "attrition:read",
    "object_to_attrition_risk": "rights:own",
    "withdraw_objection": "rights:own",
    "get_attrition_switch": "attrition:read",
    "set_attrition_switch": "rights:manage",
    "backtest_attrition": "attrition:read",
    "get_course_impact": "impact:read",
    "declare_training_programme": "impact:write",
    "get_training_programme": "impact:read",
    "get_training_programme_impact": "impact:read",
    "get_training_programme_report": "impact:read",
    "estimate_what_if": "impact:read",
    "list_evaluations": "evaluations:read",
    "list_due_evaluations": "evaluations:read",
    "post_evaluation": "evaluations:write",
    "post_events": "events:write",
    "post_statements": "events:write",
    "put_statement": "events:write",
    "get_statements": "events:write",
    "put_identity": "records:write",
    "put_identities": "records:write",
    "list_identities": "records:write",
    "delete_identity": "records:write",
    "put_employee": "records:write",
    "put_course": "records:write",
    "put_job": "records:write",
    "get_employee": "records:read",
    "get_course": "records:read",
    "get_job": "records:read",
    "delete_course": "records:write",
    "delete_job": "records:write",
    "list_employees": "records:read",
    "put_employees": "records:write",
    "list_courses": "records:read",
    "put_courses": "records:write",
    "list_jobs": "records:read",
    "put_jobs": "records:write",
    "list_assessments": "records:read",
    "put_assessments": "records:write",
    "list_surveys": "personal:read",
    "put_surveys": "records:write",
    "list_outcomes": "personal:read",
    "put_outcomes": "records:write",
    "list_exits": "personal:read",
    "put_exits": "records:write",
    "list_assignments": "records:read",
    "put_assignments": "records:write",
    "list_goals": "records:read",
    "put_goals": "records:write",
    "list_skills": "records:read",
    "put_skills": "records:write",
    "list_skill_tags": "records:read",
    "put_skill_tags": "records:write",
    "list_sessions": "records:read",
    "put_sessions": "records:write",
    "list_strategic_priorities": "records:read",
    "put_strategic_priorities": "records:write",
    "export_employee": "rights:manage",
    "erase_employee": "rights:manage",
    "list_accesses": "rights:own",
    "list_opt_outs": "rights:own",
    "put_opt_out": "rights:own",
    "delete_opt_out": "rights:own",
    "post_correction": "rights:own",
    "list_corrections": "rights:own",
    "list_open_corrections": "rights:manage",
    "decide_correction": "rights:manage",
    "list_audit": "audit:read",
    "list_models": ANY_KEY,
    "get_live": OPEN,
    "get_ready": OPEN,
}

# Callers that act for a person (a manager, an employee) may call: operations about things; lists that apply
# `serving.access_rows.visible_people` themselves; and whatever names a person in its path, where they may see them.
# Anything else, and every new operation until it is listed here, answers them 403.
ABOUT_NOBODY = frozenset(
    {"list_models", "get_course", "get_job", "get_course_impact", "recommend_for_profile", "search_courses"}
)
FILTERED = frozenset({"list_attrition_risks", "list_due_evaluations"})
PERSONAL_RANKING = frozenset({"recommend_courses"})
OPTED_OUT = "This person has opted out of personal recommendations."
NEVER_FOR_A_PERSON = frozenset(
    {"records:write", "events:write", "models:promote", "audit:read", "rights:manage"}
)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    Parameters
    ----------
    prefix : str
        First characters of the key: names it in audit and log, and is no secret.
    name : str
        Who holds the key.
    scopes : frozenset of str
        What it allows.
    employee_id : str, optional
        The person it acts for: only they and their reports are seen (`serving.access_rows`). None: everybody.
    """

    prefix: str
    name: str
    scopes: frozenset[str] = field(default_factory=frozenset)
    employee_id: str | None = None


async def caller(request: Request) -> Caller:
    """Return who asks."""
    found: Caller = request.scope["caller"]
    return found


CallerDependency = Annotated[Caller, Depends(caller)]


def scope_of(operation_id: str) -> str:
    """Return the scope an operation needs.

    Raises
    ------
    BadInputError
        If the table has none: a forgotten route must not be reachable.
    """
    try:
        return SCOPES[operation_id]
    except KeyError:
        raise BadInputError(
            f"The operation {operation_id} has no scope.",
            hint="Add it to SCOPES in serving/access.py; a route without a scope stops the start.",
        ) from None


def parse_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes as a set; raise BadInputError for one that does not exist."""
    given = frozenset(scopes)
    unknown = given - set(ALL_SCOPES)
    if unknown or not given:
        raise BadInputError(
            "A key needs at least one scope, and each must exist.",
            found=" ".join(sorted(unknown)) or "none",
            allowed=" ".join(ALL_SCOPES),
        )
    return given


def granted(scopes: Iterable[str]) -> frozenset[str]:
    """Return scopes with those that they imply."""
    given = frozenset(scopes)
    return given.union(*(IMPLIED.get(scope, frozenset()) for scope in given))


async def refuse_unknown(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a caller without a valid key."""
    how = "Send a valid API key as `Authorization: Bearer sk_…` or `X-API-Key: sk_…`."
    await refuse(scope, receive, send, 401, how, headers={"WWW-Authenticate": "Bearer"})


class Guard:
    """Let a request through to its operation only with the scope it needs, and about people the caller may see.

    Parameters
    ----------
    app : ASGI application
        The operation.
    scope_needed : str
        One of `ALL_SCOPES`, `ANY_KEY` or `OPEN`.
    operation : str
        Its id; empty for what is about nobody.
    """

    def __init__(self, app: ASGIApp, scope_needed: str, operation: str = "") -> None:
        self.app, self.scope_needed, self.operation = app, scope_needed, operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse without a valid key (401), without the scope (403) or about somebody else's person (404)."""
        needed = self.scope_needed
        if needed == OPEN:
            await self.app(scope, receive, send)
            return
        asks: Caller | None = scope.get("caller")
        if asks is None:
            await refuse_unknown(scope, receive, send)
        elif needed != ANY_KEY and needed not in asks.scopes:
            await refuse(scope, receive, send, 403, f"This needs the scope {needed}.", allowed=needed)
        elif asks.employee_id is not None and (why := await why_not_for(asks, self, scope)) is not None:
            await refuse(scope, receive, send, why.status, why.detail, **why.members)
        else:
            await self.let_through(asks, scope, receive, send)

    async def let_through(self, asks: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; where the caller acts for a person and the database can, with a second lock on others' rows."""
        if self.operation in PERSONAL_RANKING and person_of(scope) in scope["app"].state.house.opted_out:
            await refuse(scope, receive, send, 409, OPTED_OUT, name="refused")
        elif asks.employee_id is None or not scope["app"].state.house.store.is_postgres:
            await self.app(scope, receive, send)
        else:
            with row_security.only(await asyncio.to_thread(self.shown, asks.employee_id, scope)):
                await self.app(scope, receive, send)

    def shown(self, viewer: str, scope: Scope) -> set[str]:
        """Return whose rows may be touched in answering a caller that acts for a person."""
        house, person = scope["app"].state.house, person_of(scope)
        of_a_team = person is None and self.operation in FILTERED
        with_reports = of_a_team or "manager_id" in scope.get("path_params", {})
        return people_shown(house.store, viewer, person, house.clock(), with_reports=with_reports)


async def why_not_for(asks: Caller, guard: Guard, scope: Scope) -> Problem | None:
    """Return why a caller that acts for a person may not make this request, or None where they may."""
    needed, operation = guard.scope_needed, guard.operation
    person = person_of(scope)
    if operation in ABOUT_NOBODY or not operation or (operation in FILTERED and person is None):
        return None
    if needed in NEVER_FOR_A_PERSON or person is None:
        return Problem(403, "A key that acts for a person does not allow this.", name="not-for-a-person")
    house = scope["app"].state.house
    is_own = person == asks.employee_id
    if needed == "rights:own" and not is_own:
        return nobody(person)
    seen = await asyncio.to_thread(is_visible, house.store, asks.employee_id or "", person, house.clock())
    if not seen:
        return nobody(person)
    if is_own and needed == "attrition:read" and not house.settings.own_score_shown:
        why = "The organisation does not show people their own exit probability."
        return Problem(403, why, name="own-score-not-shown")
    return None


def person_of(scope: Scope) -> str | None:
    """Return the person whom a request's path is about, or None."""
    given = scope.get("path_params", {})
    found = next((given[name] for name in ("employee_id", "manager_id") if name in given), None)
    return None if found is None else plain(str(found))


def nobody(person: str) -> Problem:
    """Return what is answered for somebody else's person, exactly as for nobody."""
    return Problem(404, "There is no such employee.", name="unknown-record", found=person)

"""The statements resource of xAPI: what a learning platform sends, and reads back.

References
----------
Advanced Distributed Learning Initiative, *Experience API*, version 1.0.3, part 3, 2016.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.access import Caller, CallerDependency
from serving.house import House, HouseDependency, in_thread
from serving.http.problems import Problem, shown
from serving.xapi import kept
from serving.xapi.asking import PARAMETERS, Asked, an_id, asked_by
from serving.xapi.receiving import receive
from serving.xapi.sent import read_all, texts_of
from serving.xapi.versions import CONSISTENT, HEADER, speaking

router = APIRouter(tags=["LMS"])

PATH = "/xapi/statements"
EXAMPLE = {
    "actor": {"account": {"homePage": "https://lms.example", "name": "3"}},
    "verb": {"id": "http://adlnet.gov/expapi/verbs/completed"},
    "object": {
        "id": "https://lms.example/courses/C0001",
        "definition": {"type": "http://adlnet.gov/expapi/activities/course"},
    },
    "timestamp": "2026-01-31T09:00:00Z",
}
STATEMENT: dict[str, Any] = {"type": "object", "example": EXAMPLE}
IDS = {"type": "array", "items": {"type": "string"}}


def contract(answer: dict[str, Any], body: dict[str, Any] | None, *names: str) -> dict[str, Any]:
    """Return what the contract says of an operation."""
    version = {
        "name": HEADER, "in": "header", "required": True, "example": "1.0.3",
        "schema": {"type": "string", "pattern": r"^[12]\.0(\.\d+)?$"},
    }  # fmt: skip
    query = [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names]
    content = {"application/json": {"schema": answer}}
    said: dict[str, Any] = {
        "parameters": [version, *query],
        "responses": {"200": {"description": "Kept, or as it is kept.", "content": content}},
    }
    if body is not None:
        said["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return said


REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"description": "As xAPI refuses it."},
    404: {"description": "No such statement of this client."},
    409: {"description": "Another statement has this id."},
}
MANY = {"oneOf": [STATEMENT, {"type": "array", "items": STATEMENT}]}
RESULT = {
    "type": "object",
    "properties": {"statements": {"type": "array", "items": STATEMENT}, "more": {"type": "string"}},
}


@router.post(PATH, openapi_extra=contract(IDS, MANY), responses=REFUSED, response_class=Response)
async def post_statements(request: Request, house: HouseDependency, caller: CallerDependency) -> Response:
    """Keep xAPI statements, one or a list: byte for byte, each once; answer their ids."""
    with speaking(request) as version:
        ids = await in_thread(keep, house, caller, await request.body(), None)
        return answer(house, version, ids)


@router.put(
    PATH, openapi_extra=contract(IDS, STATEMENT, "statementId"), responses=REFUSED, response_class=Response
)
async def put_statement(request: Request, house: HouseDependency, caller: CallerDependency) -> Response:
    """Keep one xAPI statement under the id of the request."""
    with speaking(request) as version:
        named = request.query_params.getlist("statementId")
        if len(named) != 1 or len(request.query_params) != 1:
            raise Problem(400, "PUT takes one statementId and nothing else.", field="statementId")
        try:
            own_id = an_id(named[0])
        except ValueError as error:
            allowed = str(error)
            raise Problem(
                400, "statementId is no UUID.", field="statementId", found=shown(named[0]), allowed=allowed
            ) from error
        ids = await in_thread(keep, house, caller, await request.body(), own_id)
        return answer(house, version, ids)


@router.get(
    PATH, openapi_extra=contract(RESULT, None, *PARAMETERS), responses=REFUSED, response_class=Response
)
async def get_statements(request: Request, house: HouseDependency, caller: CallerDependency) -> Response:
    """Return one xAPI statement by its id, or a list of those that this client sent."""
    with speaking(request) as version:
        asked = asked_by(request.query_params)
        if asked.statement_id or asked.voided_id:
            return await in_thread(answer_one, house, caller, asked, version, home_page(request))
        return await in_thread(answer_some, house, caller, asked, version, home_page(request))


def keep(house: House, caller: Caller, body: bytes, own_id: str | None) -> list[str]:
    """Keep the statements of a body; return their ids in the order in which they came."""
    texts = texts_of(body)
    if own_id is not None and body.lstrip()[:1] == b"[":
        raise Problem(400, "PUT takes one statement, not a list.")
    sent = read_all(texts, is_strict=house.settings.xapi_strict, own_id=own_id)
    if own_id is not None and sent[0].reading.statement_id != own_id:
        raise Problem(
            400, "The statement's id is another one than statementId.", field="id",
            found=shown(sent[0].answered_id), allowed=own_id,
        )  # fmt: skip
    if sent:
        receive(house, sent, caller.name)
    return [one.answered_id for one in sent]


def home_page(request: Request) -> str:
    """Return the address under which this service names its clients."""
    return str(request.base_url)


def answer_one(house: House, caller: Caller, asked: Asked, version: str, home: str) -> Response:
    """Answer one statement; raise Problem (404) where this client sent none of that id."""
    row = kept.one(house, asked.statement_id or asked.voided_id, caller.name, voided=bool(asked.voided_id))
    if row is None:
        raise Problem(404, "This client sent no such statement.", field="statementId")
    said = answer(house, version, kept.answered(row, version, home, asked.form))
    said.headers["Last-Modified"] = kept.http_date(row)
    return said


def answer_some(house: House, caller: Caller, asked: Asked, version: str, home: str) -> Response:
    """Answer a list of statements, and where it goes on."""
    through = kept.consistent_through(house)  # before the rows are read
    rows, last = kept.some(house, asked, caller.name)
    statements = [kept.answered(row, version, home, asked.form) for row in rows]
    said = answer(house, version, {"statements": statements, "more": more(asked, last)})
    said.headers[CONSISTENT] = through.isoformat()
    return said


def more(asked: Asked, last: tuple[int, int] | None) -> str:
    """Return the address of the next page, relative to this host, or an empty text at the end."""
    return "" if last is None else f"{PATH}?{urlencode([*asked.pairs, ('cursor', f'{last[0]}.{last[1]}')])}"


def answer(house: House, version: str, body: Any) -> Response:
    """Return a success, which is always 200: some platforms take nothing else for one."""
    headers = {HEADER: version, CONSISTENT: kept.consistent_through(house).isoformat()}
    return Response(msgspec.json.encode(body), 200, headers, "application/json")

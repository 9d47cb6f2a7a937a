"""The contract: OpenAPI, and a plain page of it that needs nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from serving.access import ANY_KEY, OPEN, SCOPES, Guard
from serving.attrition.purpose import PURPOSES
from serving.http.problems import NAMES

ABOUT = """What people can do, what to learn next, who may leave, and whether a training helped.

**Identifiers** are the caller's own. In paths they are percent-encoded (`%2F` for a slash); or write `-` in the path and give
the identifier as a query parameter of the same name: `/v1/employees/-/recommendations?employee_id=https://hr/7`.

**Keys**: `Authorization: Bearer sk_…` or `X-API-Key: sk_…`; each operation names the scope it needs.

**Filters**: the same query parameter twice means either; different ones mean both.

**Errors** are `application/problem+json` with `type`, `title`, `status`, `detail`, and where it applies `field`, `found`, `allowed`.

**Writes** are idempotent: an event by its `event_id`, every POST by `Idempotency-Key` (kept for 24 hours).
"""
STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
code,pre{background:#8882;padding:.1em .3em;border-radius:4px}pre{padding:.7em;overflow:auto}
section{border-top:1px solid #8886;margin-top:1rem}h2{font-size:1.05rem}small{opacity:.75}"""
EXAMPLES = Path(__file__).with_name(
    "examples"
)  # an answer of each operation, as the demo organisation got it
IDENTIFIERS = ("employee_id", "course_id", "job_id")


def contract(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document, with the scope, the problems and the query identifiers of each operation."""
    said = get_openapi(title=app.title, version=app.version, description=ABOUT, routes=app.routes)
    schemes = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "API key"},
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
    components = said.setdefault("components", {})
    components["securitySchemes"] = schemes
    components.setdefault("schemas", {})["Problem"] = problem_schema()
    for path, methods in said["paths"].items():
        for method, operation in methods.items():
            describe(path, method, operation)
    return said


def problem_schema() -> dict[str, Any]:
    """Return the schema of a problem."""
    text = {"type": "string"}
    members: dict[str, Any] = dict.fromkeys(
        ("type", "title", "detail", "field", "found", "allowed", "hint"), text
    )
    members["status"] = {"type": "integer"}
    return {"type": "object", "properties": members, "required": ["type", "title", "status", "detail"]}


def describe(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add to an operation what every operation has."""
    needed = SCOPES[operation["operationId"]]
    responses = operation["responses"]
    show_example(operation["operationId"], responses)
    if needed != OPEN:
        operation["security"] = [{"bearer": []}, {"header": []}]
        operation["x-scope"] = needed
        responses |= problems_of(401, *(() if needed == ANY_KEY else (403,)), 409, 414, 429, 503)
    if "422" in responses or "requestBody" in operation:
        responses |= problems_of(400, 422)
    if "{" in path or method in ("delete", "post"):
        responses |= problems_of(404, 409)
        operation.setdefault("parameters", []).extend(in_query(path))
    if method in ("post", "put"):
        responses |= problems_of(408, 409, 413, 415, 507)
    if method == "post":
        operation.setdefault("parameters", []).append(idempotency_key())
    for parameter in operation.get("parameters", []):
        if (parameter["name"], parameter["in"]) == ("Purpose", "header"):
            parameter |= {"required": True, "schema": {"type": "string", "enum": list(PURPOSES)}}


def show_example(name: str, responses: dict[str, Any]) -> None:
    """Add the answer that an operation gave the demo organisation, where one is kept beside this module."""
    kept = EXAMPLES / f"{name}.json"
    if kept.is_file():
        given = next(responses[status] for status in ("200", "201") if "content" in responses.get(status, {}))
        given["content"]["application/json"]["example"] = json.loads(kept.read_text("utf-8"))


def problems_of(*statuses: int) -> dict[str, Any]:
    """Return the responses of problems."""
    schema = {"$ref": "#/components/schemas/Problem"}
    content = {"application/problem+json": {"schema": schema}}
    return {str(status): {"description": NAMES[status][1], "content": content} for status in statuses}


def in_query(path: str) -> list[dict[str, Any]]:
    """Return the query parameters that stand for a `-` in the path."""
    said = "The identifier, where the path holds `-` in its place."
    return [
        {"name": name, "in": "query", "required": False, "description": said, "schema": {"type": "string"}}
        for name in IDENTIFIERS
        if f"{{{name}}}" in path
    ]


def idempotency_key() -> dict[str, Any]:
    """Return the parameter that every POST takes."""
    said = "Names the request; sent again with the same key it is answered again and done once."
    schema = {"type": "string", "maxLength": 255}
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": said,
        "schema": schema,
    }


def page(said: dict[str, Any]) -> str:
    """Return the contract as a plain page."""
    parts = [
        section(path, method, operation)
        for path, methods in said["paths"].items()
        for method, operation in methods.items()
    ]
    about = "".join(f"<p>{escape(part)}</p>" for part in ABOUT.strip().split("\n\n"))
    head = f"<meta charset=utf-8><title>Skillpath</title><style>{STYLE}</style>"
    link = "<p>For programs: <a href=/openapi.json>/openapi.json</a></p>"
    return f"<!doctype html><html lang=en>{head}<h1>Skillpath</h1>{about}{link}{''.join(parts)}</html>"


def section(path: str, method: str, operation: dict[str, Any]) -> str:
    """Return one operation of the page."""
    name = operation["operationId"]
    rows = "".join(
        f"<li><code>{escape(each['name'])}</code> <small>{each['in']}</small> {escape(each.get('description', ''))}</li>"
        for each in operation.get("parameters", [])
    )
    return (
        f"<section id={name}><h2><code>{method.upper()} {escape(path)}</code></h2>"
        f"<p>{escape(operation.get('description', ''))} <small>{name} · {escape(SCOPES[name])}</small></p><ul>{rows}</ul></section>"
    )


def mount_documents(app: FastAPI, is_open: bool) -> None:
    """Serve the contract at `/openapi.json` and `/docs`; without `is_open` any key is needed."""
    held: dict[str, Any] = {}

    def said() -> dict[str, Any]:
        if not held:
            held.update(contract(app))
        return held

    async def openapi(_request: Request) -> Response:
        return JSONResponse(said())

    async def docs(_request: Request) -> Response:
        return HTMLResponse(page(said()))

    for path, endpoint in (("/openapi.json", openapi), ("/docs", docs)):
        route = Route(path, endpoint, include_in_schema=False)
        route.app = Guard(route.app, OPEN if is_open else ANY_KEY)
        app.router.routes.append(route)
    app.openapi = said  # type: ignore[method-assign]

"""Who usually asks, with the scopes they need, and what each of them may call: the matrix of roles and operations."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from fastapi import FastAPI
from starlette.routing import Route

from features.errors import BadInputError
from serving.access import ANY_KEY, OPEN, Guard, granted

# A role is a set of scopes with a name; a key may have any others. Managers and employees have keys or tokens that act
# for one person (serving/access_rows.py): they see themselves and their reports, whatever the scope.
ROLES: Mapping[str, tuple[str, ...]] = {
    "nobody": (),
    "lms": ("recommendations:read", "skills:read", "events:write", "evaluations:write"),
    "hris": ("records:write",),
    "learning": ("skills:read", "impact:write", "records:read", "evaluations:read"),
    "hr": (
        "attrition:read",
        "impact:read",
        "skills:read",
        "records:read",
        "personal:read",
        "rights:manage",
        "evaluations:read",
    ),
    "manager": ("skills:read", "recommendations:read", "attrition:read", "evaluations:write"),
    "employee": ("skills:read", "recommendations:read", "rights:own", "evaluations:write"),
    "auditor": ("audit:read",),
    "operator": ("models:promote",),
}
HEAD = """# Who may call what

Written by `python -m serving.roles > docs/access.md`; a test keeps it equal to the service. A role is a name for a set of
scopes (`skillpath keys create NAME --role ROLE`). Managers' and employees' keys act for one person: they see that person
and, of somebody else, whoever reports to them now; anybody else answers as nobody does (404).
"""


def is_allowed(role: str, needed: str) -> bool:
    """Say whether a role may call an operation that needs a scope."""
    if needed == OPEN:
        return True
    return role != "nobody" and (needed == ANY_KEY or needed in granted(ROLES[role]))


def scopes_of(role: str) -> tuple[str, ...]:
    """Return a role's scopes, none without a role; raise BadInputError for a role that does not exist."""
    if role and not ROLES.get(role):
        known = ", ".join(name for name in ROLES if ROLES[name])
        raise BadInputError("There is no such role.", found=role, allowed=known)
    return ROLES.get(role, ())


def operations(app: FastAPI) -> Iterator[tuple[str, str, str, str]]:
    """Yield (name, method, path, scope) of everything the app answers, in its order; the scope is its guard's own."""
    for route in app.router.routes:
        if isinstance(route, Route) and isinstance(route.app, Guard):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                yield route.name, method, route.path, route.app.scope_needed


def matrix(app: FastAPI) -> str:
    """Return the matrix of roles and operations as a page."""
    scopes = "\n".join(f"- **{role}**: {', '.join(ROLES[role]) or 'no key'}" for role in ROLES)
    names = list(ROLES)
    lines = [f"| operation | scope | {' | '.join(names)} |", f"|---|---|{'---|' * len(names)}"]
    for name, method, path, needed in sorted(operations(app), key=lambda each: (each[2], each[1])):
        cells = " | ".join("yes" if is_allowed(role, needed) else "" for role in names)
        lines.append(f"| `{method} {path}` {name} | {needed} | {cells} |")
    return "\n".join([HEAD, scopes, "", *lines, ""])


def described_app(folder: Path) -> FastAPI:
    """Return the app as it is described: over an empty store below a folder."""
    from serving.app import create_app
    from serving.settings import ServingSettings

    return create_app(ServingSettings(var=folder, store_url="", clock=""))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        print(matrix(described_app(Path(scratch))), end="")  # noqa: T201 - it is what this command is for

"""Bodies as identity providers send them, where that is not quite what SCIM says: put right before they are read.

Microsoft's provisioning sends a manager as a bare text, and sometimes ``active`` as ``"False"``.

References
----------
Hunt, P. et al., *System for Cross-domain Identity Management: Protocol*, RFC 7644, 2015, section 3.5.2.
"""

from __future__ import annotations

from typing import Any

import msgspec

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
MANAGER = (f"{ENTERPRISE}:manager".lower(), "manager")
FLAGS = {"true": True, "false": False}


def put_right(body: bytes) -> bytes:
    """Return a body with managers as objects and flags as flags; what is no JSON object is left as it is."""
    try:
        said = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return body
    if not isinstance(said, dict):
        return body
    operations = said.get("Operations")
    if isinstance(operations, list):
        said["Operations"] = [right_operation(each) for each in operations]
        return msgspec.json.encode(said)
    return msgspec.json.encode(right_user(said))


def right_operation(operation: Any) -> Any:
    """Return an operation of a PATCH, or of a bulk request, put right."""
    if not isinstance(operation, dict):
        return operation
    if isinstance(operation.get("data"), dict):  # of a bulk request
        return {**operation, "data": msgspec.json.decode(put_right(msgspec.json.encode(operation["data"])))}
    path, value = str(operation.get("path") or "").lower(), operation.get("value")
    if path.endswith(MANAGER):
        return right_manager_operation(operation, value)
    if path == "active":
        return {**operation, "value": flag(value)}
    return {**operation, "value": right_user(value)} if isinstance(value, dict) else operation


def right_manager_operation(operation: dict[str, Any], value: Any) -> dict[str, Any]:
    """Return an operation on the manager: a text is their id, an empty one removes them."""
    if value == "" or (isinstance(value, dict) and value.get("value") == ""):
        return {name: said for name, said in operation.items() if name != "value"} | {"op": "remove"}
    return {**operation, "value": manager(value)} if value is not None else operation


def right_user(user: dict[str, Any]) -> dict[str, Any]:
    """Return a user, or a part of one, put right."""
    right = dict(user)
    for name, value in user.items():
        if name.lower() == "active":
            right[name] = flag(value)
        elif name.lower() == MANAGER[0] or (name.lower() == "manager" and isinstance(value, str)):
            right[name] = manager(value)
        elif name.lower() == ENTERPRISE.lower() and isinstance(value, dict):
            right[name] = right_user(value)
    return right


def manager(value: Any) -> Any:
    """Return a manager as an object."""
    return {"value": value} if isinstance(value, str) else value


def flag(value: Any) -> Any:
    """Return a text that is a flag as one."""
    return FLAGS.get(value.lower(), value) if isinstance(value, str) else value

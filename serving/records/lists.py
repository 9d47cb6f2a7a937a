"""Lists and bulk writes of records over HTTP, one pair of operations for each kind."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from serving.access import Caller, CallerDependency
from serving.house import CourseId, House, HouseDependency, JobId, in_thread
from serving.records.kinds import KINDS, MOST_ITEMS, WHOLES, Kind, Whole, many
from serving.records.many import RecordReceipt, keep_many, keep_wholes, keys_after, listed, remove
from serving.records.routes import without_personal
from serving.records.store import COURSES, JOBS, put_noun, read_employee, read_noun, write_employee

router = APIRouter(tags=["LMS", "HRIS"])

NOUNS = {"courses": COURSES, "jobs": JOBS}
Limit = Annotated[int, Query(ge=1, le=MOST_ITEMS, description="Most items of a page.")]
NumberCursor = Annotated[
    str | None, Query(max_length=18, pattern="^[0-9]+$", description="`next_cursor` of the page before.")
]
KeyCursor = Annotated[str | None, Query(max_length=1_000, description="`next_cursor` of the page before.")]


def add_kind(kind: Kind) -> None:
    """Add the operations of a kind of records."""

    async def list_records(
        house: HouseDependency,
        about: list[str] | None = Query(None, alias=kind.about, max_length=100),  # noqa: B008
        limit: Limit = 100,
        cursor: NumberCursor = None,
    ) -> Any:
        rows, last = await in_thread(listed, house.store, kind, about, limit, int(cursor or 0))
        return {"items": rows, "next_cursor": last}

    async def put_records(house: HouseDependency, body: Any) -> RecordReceipt:
        return await in_thread(keep_many, house, kind, body.items)

    put_records.__annotations__["body"] = many(kind.title, kind.model)
    words = kind.noun.replace("-", " ")
    list_records.__doc__ = f"List {words} in the order in which they were kept; the same filter twice is OR."
    put_records.__doc__ = (
        f"Keep up to 1,000 {words}: the good ones are kept, each other comes back with its reason."
    )
    path = f"/v1/{kind.noun}"
    router.add_api_route(
        path, list_records, methods=["GET"], response_model=kind.page, name=f"list_{kind.operation}"
    )
    router.add_api_route(f"{path}:bulk", put_records, methods=["POST"], name=f"put_{kind.operation}")


def add_whole(whole: Whole) -> None:
    """Add the list and the bulk write of employees, courses or jobs."""

    async def list_wholes(
        house: HouseDependency, caller: CallerDependency, limit: Limit = 100, cursor: KeyCursor = None
    ) -> Any:
        rows, last = await in_thread(wholes, house, caller, whole, limit, cursor or "")
        return {"items": rows, "next_cursor": last}

    async def put_wholes(house: HouseDependency, body: Any) -> RecordReceipt:
        return await in_thread(keep_wholes, house, whole.model, whole.key, body.items, keeping(whole))

    put_wholes.__annotations__["body"] = many(whole.title, whole.model)
    list_wholes.__doc__ = f"List {whole.noun} by their identifiers."
    put_wholes.__doc__ = f"Add or replace up to 1,000 {whole.noun}: each other comes back with its reason."
    path = f"/v1/{whole.noun}"
    router.add_api_route(
        path, list_wholes, methods=["GET"], response_model=whole.page, name=f"list_{whole.noun}"
    )
    router.add_api_route(f"{path}:bulk", put_wholes, methods=["POST"], name=f"put_{whole.noun}")


def keeping(whole: Whole) -> Any:
    """Return what keeps one of them."""
    if whole.noun == "employees":
        return write_employee
    noun = NOUNS[whole.noun]
    return lambda house, key, body: put_noun(house, noun, key, body)


def wholes(
    house: House, caller: Caller, whole: Whole, limit: int, after: str
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of employees, courses or jobs, as this caller may see them."""
    keys, last = keys_after(house.store, whole.noun, whole.key, limit, after)
    with house.store.reading() as connection:
        if whole.noun != "employees":
            found = [read_noun(connection, NOUNS[whole.noun], key) for key in keys]
            return [row for row in found if row is not None], last
        people = [row for key in keys if (row := read_employee(connection, key)) is not None]
    if "personal:read" in caller.scopes:
        return people, last
    return [without_personal(row) for row in people], last


for _kind in KINDS:
    add_kind(_kind)
for _whole in WHOLES:
    add_whole(_whole)


@router.delete("/v1/courses/{course_id}", status_code=204, response_class=Response)
async def delete_course(course_id: CourseId, house: HouseDependency) -> None:
    """Remove a course that nothing in the records is about; one that was taken ends with `valid_until`."""
    await in_thread(remove, house, COURSES, course_id)


@router.delete("/v1/jobs/{job_id}", status_code=204, response_class=Response)
async def delete_job(job_id: JobId, house: HouseDependency) -> None:
    """Remove a job that nobody has or had."""
    await in_thread(remove, house, JOBS, job_id)

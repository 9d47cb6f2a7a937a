"""Who a person is elsewhere, over HTTP: what waited in the quarantine for a mapping is taken in with it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, BaseModel, Field

from features.errors import BadInputError, UnknownRecordError
from features.records import identities
from features.records.identities import Identity as Pair
from features.records.people import unknown_employees
from features.records.reading.options import ImportOptions
from features.records.reading.quarantine import replay_quarantine
from serving.house import House, HouseDependency, in_thread
from serving.records.derived import LONGEST_ID, Strict, clean

router = APIRouter(tags=["LMS", "HRIS"])

MOST = 1_000
MEANING = "Home page or system that issued it; mbox, mbox_sha1sum or openid for these."
Name = Annotated[str, Field(min_length=1, max_length=LONGEST_ID), AfterValidator(clean)]
Issuer = Annotated[Name, Field(description=MEANING, examples=["https://lms.example"])]
Identifier = Annotated[Name, Field(description="The person there.", examples=["3"])]


class Identity(Strict):
    """A person's identifier elsewhere."""

    issuer: Issuer
    identifier: Identifier
    employee_id: Name = Field(description="The person, as the HRIS knows them.", examples=["E0001"])


class ManyIdentities(Strict):
    """Up to 1,000 identities."""

    identities: list[Identity] = Field(min_length=1, max_length=MOST)


class RejectedIdentity(BaseModel):
    """An identity that was not kept, and why."""

    index: int = Field(description="Its place in the request, from 0.", examples=[3])
    reason: str = Field(examples=["There is no such employee."])
    field: str = Field("", examples=["employee_id"])
    found: str = Field("", examples=["E9999"])


class IdentityReceipt(BaseModel):
    """What became of the identities, and of what had waited for them."""

    accepted: int = Field(description="New, or standing for somebody else now.", examples=[2])
    duplicates: int = Field(description="Stood so before.", examples=[0])
    rejected: list[RejectedIdentity] = Field(default_factory=list)
    replayed: int = Field(description="Statements that were understood with them.", examples=[17])
    waiting: int = Field(description="Statements that name them and still wait.", examples=[0])


class IdentityPage(BaseModel):
    """A page of identities."""

    identities: list[Identity]
    next_cursor: str | None = Field(None, description="Where the next page begins; null at the end.")


@router.put("/v1/identities")
async def put_identity(identity: Identity, house: HouseDependency) -> IdentityReceipt:
    """Say whom an identifier elsewhere stands for; statements that waited for it are taken in."""
    receipt = await in_thread(keep, house, [identity])
    if receipt.rejected:
        raise BadInputError(receipt.rejected[0].reason, found=identity.employee_id)
    return receipt


@router.post("/v1/identities:bulk")
async def put_identities(body: ManyIdentities, house: HouseDependency) -> IdentityReceipt:
    """Say it for up to 1,000 at once: the good ones are kept, each other comes back with its reason."""
    return await in_thread(keep, house, body.identities)


@router.get("/v1/identities")
async def list_identities(
    house: HouseDependency,
    employee_id: Annotated[str | None, Query(max_length=LONGEST_ID)] = None,
    issuer: Annotated[str | None, Query(max_length=LONGEST_ID)] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
    cursor: Annotated[str | None, Query(pattern="^[0-9]{1,18}$")] = None,
) -> IdentityPage:
    """Return who people are elsewhere, all of them or one person's or one issuer's."""
    return await in_thread(page, house, employee_id, issuer, int(cursor or 0), limit)


@router.delete("/v1/identities", status_code=204)
async def delete_identity(
    house: HouseDependency,
    issuer: Annotated[str, Query(min_length=1, max_length=LONGEST_ID)],
    identifier: Annotated[str, Query(min_length=1, max_length=LONGEST_ID)],
) -> Response:
    """Forget whom an identifier stands for; events that were taken in with it stay."""
    if not await in_thread(remove, house, (issuer, identifier)):
        raise UnknownRecordError("There is no such identity.", found=identifier)
    return Response(status_code=204)


def keep(house: House, given: list[Identity]) -> IdentityReceipt:
    """Keep mappings, and try again what waited for them."""
    with house.store.transaction() as connection:
        unknown = unknown_employees(connection, {each.employee_id for each in given})
        good = [each for each in given if each.employee_id not in unknown]
        people = {(each.issuer, each.identifier): each.employee_id for each in good}
        changed = identities.map_people(house.store, connection, people)
    rejected = [
        RejectedIdentity(index=index, reason="There is no such employee.", field="employee_id", found=each.employee_id)
        for index, each in enumerate(given)
        if each.employee_id in unknown
    ]  # fmt: skip
    replayed, waiting = try_again(house, changed)
    return IdentityReceipt(
        accepted=len(changed), duplicates=len(good) - len(changed), rejected=rejected,
        replayed=replayed, waiting=waiting,
    )  # fmt: skip


def try_again(house: House, changed: dict[Pair, str]) -> tuple[int, int]:
    """Take in what had waited for these people; return how many statements were understood, and how many still wait."""
    if not changed:
        return 0, 0
    names = {identifier for _, identifier in changed}
    report = replay_quarantine(house.store, ImportOptions(clock=house.clock, known_at="import"), names)
    house.changes.add(set(changed.values()))
    return report.accepted, report.duplicates


def page(house: House, employee_id: str | None, issuer: str | None, after: int, limit: int) -> IdentityPage:
    """Return one page."""
    with house.store.reading() as connection:
        rows = identities.listed(connection, employee_id, issuer, after, limit + 1)
    found: list[Any] = [
        Identity(**{name: row[name] for name in Identity.model_fields}) for row in rows[:limit]
    ]
    return IdentityPage(
        identities=found, next_cursor=str(rows[limit - 1]["id"]) if len(rows) > limit else None
    )


def remove(house: House, identity: Pair) -> bool:
    """Forget one mapping."""
    with house.store.transaction() as connection:
        return identities.forget(connection, identity)

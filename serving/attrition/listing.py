"""Everybody's exit probabilities as a list: filtered, sorted, in pages, as JSON or CSV."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
import polars as pl
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from features.errors import BadInputError
from features.history import known, latest
from features.records.facts import FACT_KEYS
from features.records.moments import from_micros, to_micros
from features.records.row_security import everybody
from features.records.schema import METADATA
from serving.access import Caller, CallerDependency
from serving.access_rows import everybody_visible
from serving.attrition.answers import AttritionRisks, AttritionRow, Band, Cause, Horizon
from serving.attrition.interventions import interventions_of
from serving.attrition.kept import Packed, objections, unpack
from serving.attrition.notice import known_to_leave
from serving.attrition.purpose import PurposeHeader, check_purpose, check_switch
from serving.attrition.reasons import band_of, named_cuts, probabilities_of, reasons_of
from serving.attrition.reviews import statuses
from serving.attrition.spreadsheet import FORMATS
from serving.house import House, HouseDependency, in_thread
from serving.http.cells import CSV
from serving.models.answering import LoadedModel

router = APIRouter(tags=["HR"])

VALID_DAYS = 90
DRIVERS = 3
Names = Annotated[list[str] | None, Query(description="Repeatable: the same name twice is OR.")]


@dataclass(frozen=True)
class Filters:
    """What was asked of the list."""

    department: Sequence[str]
    location: Sequence[str]
    manager_id: Sequence[str]
    band: Sequence[Band]
    horizon: Horizon
    sort: str
    cursor: str | None
    limit: int


def asked_filters(  # noqa: PLR0913, PLR0917 - one parameter per query parameter of the contract
    department: Names = None,
    location: Names = None,
    manager_id: Names = None,
    band: Annotated[list[Band] | None, Query(description="Repeatable.")] = None,
    horizon_days: Annotated[Horizon, Query(description="Days ahead.")] = Horizon.HALF_YEAR,
    sort: Annotated[
        Literal["-probability", "probability", "employee_id"], Query(description="`-` means highest first.")
    ] = "-probability",
    cursor: Annotated[
        str | None, Query(max_length=2_000, description="`next_cursor` of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1_000, description="People on a page.")] = 50,
) -> Filters:
    """Return the query parameters as filters."""
    return Filters(
        department or (), location or (), manager_id or (), band or (), horizon_days, sort, cursor, limit
    )


def filters_dependency() -> Any:
    """Return the dependency that reads the filters."""
    from fastapi import Depends

    return Depends(asked_filters)


@router.get(
    "/v1/attrition-risks",
    response_model=AttritionRisks,
    responses={
        200: {"content": {media: {"schema": {"type": "string", "format": "binary"}} for media in FORMATS}}
    },
)
async def list_attrition_risks(
    request: Request,
    house: HouseDependency,
    caller: CallerDependency,
    filters: Annotated[Filters, filters_dependency()],
    purpose: PurposeHeader = None,
) -> Any:
    """List exit probabilities, highest first; different filters are AND; every person shown is written into the audit."""
    risks = await in_thread(attrition_risks, house, caller, purpose, filters)
    accepted = request.headers.get("accept", "")
    media = next((media for media in FORMATS if media in accepted), None)
    if media is None:
        return risks
    headers = {"X-Next-Cursor": risks.next_cursor} if risks.next_cursor else {}
    written = await in_thread(FORMATS[media], risks)
    return Response(written, media_type=f"{media}; charset=utf-8" if media == CSV else media, headers=headers)


def attrition_risks(house: House, caller: Caller, purpose: str | None, filters: Filters) -> AttritionRisks:
    """Return one page of the list, its reading written down before."""
    declared = check_purpose(house, caller, "list_attrition_risks", "*", purpose)
    check_switch(house)
    model, now = house.models.current("attrition"), house.clock()
    people = employed_now(house, now)
    if caller.employee_id is not None:
        seen = everybody_visible(house.store, caller.employee_id, now)
        seen -= set() if house.settings.own_score_shown else {caller.employee_id}
        people = people.filter(pl.col("employee_id").is_in(sorted(seen)))
    left_out = objections(house.store) | known_to_leave(house.store, now)
    allowed = people.filter(~pl.col("employee_id").is_in(sorted(left_out)))
    everybody = allowed.join(kept_scores(house, model, now), "employee_id")
    chosen = after_cursor(ordered(filtered(everybody, model, filters), filters), filters)
    page = chosen.head(filters.limit)
    rows = payloads(house, model, page["employee_id"].to_list())
    house.audit.record_many(caller.prefix, "list_attrition_risks", page["employee_id"].to_list() or ["*"], declared,
                            model.digest)  # fmt: skip
    reviewed = statuses(house, model.digest)
    items = [row_of(model, person, rows[person["employee_id"]], filters.horizon, reviewed)
             for person in page.iter_rows(named=True)]  # fmt: skip
    waiting = allowed.height - everybody.height
    return AttritionRisks(
        items=items,
        next_cursor=cursor_of(page, filters) if chosen.height > filters.limit else None,
        horizon_days=int(filters.horizon),
        cause=Cause.VOLUNTARY,
        cut_points=named_cuts(model, int(filters.horizon)),
        scored=everybody.height,
        not_scored=waiting,
        interventions=interventions_of(house),
        model_version=model.version,
        model_digest=model.digest,
        as_of=min((item.as_of for item in items), default=None),
        fallback="incomplete_scores" if waiting else None,
    )


@everybody()
def employed_now(house: House, now: datetime) -> pl.DataFrame:
    """Return who works here now, with department, location and manager."""
    store, at = house.store, to_micros(now)
    columns = ("employee_id", "spell", "happened_at", "known_at", "department", "location", "manager_id")
    version = versions_of(house)
    kept = house.cache.get("attrition_people")
    if kept is None or kept[0] != version:
        kept = (version, store.frame("job_history", columns), store.frame("exits", columns[:4]))
        house.cache["attrition_people"] = kept
    _, jobs, exits = kept
    moment = from_micros(at)
    key = FACT_KEYS["job_history"]
    held = (
        latest(known(jobs, moment, key), key)
        .sort("spell")
        .unique("employee_id", keep="last", maintain_order=True)
    )
    return held.join(known(exits, moment, FACT_KEYS["exits"]), key, "anti")


def versions_of(house: House) -> tuple[int, ...]:
    """Return how far the tables behind the list have grown; facts are append-only."""
    names = ("job_history", "exits")
    with house.store.reading() as connection:
        return tuple(
            int(connection.scalar(sa.select(sa.func.max(METADATA.tables[name].c.id))) or 0) for name in names
        )


@everybody()
def kept_scores(house: House, model: LoadedModel, now: datetime) -> pl.DataFrame:
    """Return everybody's probability at each horizon under the model; expired scores are left out."""
    table = METADATA.tables["kept_scores"].c
    mine = (table.question == "attrition") & (table.model_digest == model.digest)
    with house.store.reading() as connection:
        stamp = tuple(connection.execute(sa.select(sa.func.count(), sa.func.max(table.computed_at), sa.func.max(table.as_of)).where(mine)).one())  # fmt: skip
        kept = house.cache.get("attrition_list")
        if kept is None or kept[0] != (model.digest, stamp):
            query = sa.select(table.employee_id, table.computed_at, table.payload).where(mine)
            frame = probabilities(connection.execute(query).all(), len(model.scorer.causes))
            kept = ((model.digest, stamp), frame)
            house.cache["attrition_list"] = kept
    found: pl.DataFrame = kept[1]
    return found.filter(pl.col("computed_at") > to_micros(now - timedelta(days=VALID_DAYS)))


def probabilities(rows: Sequence[Any], n_causes: int) -> pl.DataFrame:
    """Return the voluntary probability at each horizon of kept rows."""
    said = [unpack(row[2]).probabilities for row in rows]
    columns: dict[str, list[Any]] = {
        "employee_id": [row[0] for row in rows],
        "computed_at": [row[1] for row in rows],
    }
    for place, horizon in enumerate(Horizon):
        columns[f"p{int(horizon)}"] = [one[place * n_causes] for one in said]
    schema = {"employee_id": pl.String, "computed_at": pl.Int64} | {
        f"p{int(each)}": pl.Float64 for each in Horizon
    }
    return pl.DataFrame(columns, schema=schema)


def filtered(people: pl.DataFrame, model: LoadedModel, filters: Filters) -> pl.DataFrame:
    """Return the people that every filter lets through."""
    for name in ("department", "location", "manager_id"):
        wanted = getattr(filters, name)
        if wanted:
            people = people.filter(pl.col(name).is_in(list(wanted)))
    if filters.band:
        cuts = list(named_cuts(model, int(filters.horizon)).values())
        place = sum((pl.col(column(filters)) >= cut).cast(pl.Int64) for cut in cuts)
        people = people.filter(place.is_in([list(Band).index(band) for band in filters.band]))  # type: ignore[union-attr]
    return people


def column(filters: Filters) -> str:
    """Return the column of the asked horizon."""
    return f"p{int(filters.horizon)}"


def ordered(people: pl.DataFrame, filters: Filters) -> pl.DataFrame:
    """Return people in the asked order; ties by identifier."""
    if filters.sort == "employee_id":
        return people.sort("employee_id")
    return people.sort(column(filters), "employee_id", descending=[filters.sort.startswith("-"), False])


def after_cursor(people: pl.DataFrame, filters: Filters) -> pl.DataFrame:
    """Return what follows the page before."""
    if not filters.cursor:
        return people
    value, last = read_cursor(filters.cursor, filters.sort)
    if filters.sort == "employee_id":
        return people.filter(pl.col("employee_id") > last)
    score = pl.col(column(filters))
    beyond = score < value if filters.sort.startswith("-") else score > value
    return people.filter(beyond | ((score == value) & (pl.col("employee_id") > last)))


def cursor_of(page: pl.DataFrame, filters: Filters) -> str:
    """Return where the next page begins."""
    last = page.row(-1, named=True)
    return base64.urlsafe_b64encode(
        msgspec.json.encode([filters.sort, last[column(filters)], last["employee_id"]])
    ).decode()


def read_cursor(cursor: str, sort: str) -> tuple[float, str]:
    """Return what a cursor says; raise BadInputError for one that is not of this list and order."""
    try:
        own, value, last = msgspec.json.decode(base64.urlsafe_b64decode(cursor), type=tuple[str, float, str])
    except (msgspec.DecodeError, binascii.Error, ValueError) as error:
        raise BadInputError("The cursor cannot be read.", allowed="next_cursor of the page before") from error
    if own != sort:
        raise BadInputError("The cursor is of another order.", found=own, allowed=sort)
    return value, last


def payloads(
    house: House, model: LoadedModel, employee_ids: Sequence[str]
) -> dict[str, tuple[Packed, datetime, datetime]]:
    """Return the whole kept scores of a page's people."""
    table = METADATA.tables["kept_scores"].c
    query = sa.select(table.employee_id, table.payload, table.as_of, table.computed_at).where(
        table.question == "attrition", table.model_digest == model.digest, table.employee_id.in_(employee_ids)
    )
    with house.store.reading() as connection:
        rows = connection.execute(query).all()
    return {row[0]: (unpack(row[1]), from_micros(row[2]), from_micros(row[3])) for row in rows}


def row_of(
    model: LoadedModel,
    person: dict[str, Any],
    kept: tuple[Packed, datetime, datetime],
    horizon: Horizon,
    reviewed: Mapping[str, str],
) -> AttritionRow:
    """Return one person of the list."""
    scores, as_of, computed_at = kept
    said = probabilities_of(scores, model, Cause.VOLUNTARY)
    place = list(Horizon).index(horizon)
    return AttritionRow(
        employee_id=person["employee_id"],
        department=person["department"],
        location=person["location"],
        manager_id=person["manager_id"],
        band=band_of(model, int(horizon), said[place].value).name,
        probabilities=said,
        basis="personal" if scores.is_personal else "cohort_base_rate",
        drivers=reasons_of(scores, DRIVERS).drivers if scores.is_personal else [],
        review_status=reviewed.get(person["employee_id"], "unreviewed"),
        as_of=as_of,
        computed_at=computed_at,
        expires_at=computed_at + timedelta(days=VALID_DAYS),
    )

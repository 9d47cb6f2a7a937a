"""Health: live while the loop turns; ready when verified models have answered and the store can be reached."""

from __future__ import annotations

import asyncio

import sqlalchemy as sa
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from serving.house import House, HouseDependency, in_thread

STORE_SECONDS = 2.0

router = APIRouter(tags=["operators"])


class Live(BaseModel):
    """The process turns."""

    status: str = Field(default="live", examples=["live"])


class Ready(BaseModel):
    """Whether the service can answer, and what is missing where it cannot."""

    status: str = Field(examples=["ready"])
    missing: list[str] = Field(default_factory=list, examples=[[]])
    models: dict[str, str] = Field(default_factory=dict, examples=[{"attrition": "3"}])


@router.get("/health/live", response_model=Live)
async def get_live() -> Live:
    """Say that the process turns."""
    return Live()


@router.get("/health/ready", response_model=Ready, responses={503: {"model": Ready}})
async def get_ready(house: HouseDependency, response: Response) -> Ready:
    """Say whether verified models have answered their golden predictions and the store can be reached."""
    missing = [f"model {question}" for question in house.models.missing()]
    try:
        async with asyncio.timeout(STORE_SECONDS):
            reachable = await in_thread(is_reachable, house)
    except TimeoutError:
        reachable = False
    if not reachable:
        missing.append("store")
    if missing:
        response.status_code = 503
        response.headers["Retry-After"] = "2"
    versions = {name: model.version for name, model in house.models.held.items()}
    return Ready(status="not ready" if missing else "ready", missing=missing, models=versions)


def is_reachable(house: House) -> bool:
    """Say whether the store answers."""
    try:
        with house.store.reading() as connection:
            connection.execute(sa.text("SELECT 1"))
    except sa.exc.SQLAlchemyError:
        return False
    return True

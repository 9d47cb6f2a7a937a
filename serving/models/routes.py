"""Which model answers which question, and which versions were refused."""

from __future__ import annotations

from datetime import datetime
from math import isfinite

from fastapi import APIRouter
from pydantic import BaseModel, Field

from serving.house import House, HouseDependency, in_thread
from serving.models.answering import LoadedModel
from serving.models.shelf import Place, read_json
from serving.settings import QUESTIONS

router = APIRouter(tags=["all"])


class RefusedVersion(BaseModel):
    """A version that does not answer, and why."""

    version: str = Field(examples=["4"])
    reason: str = Field(examples=["The signature does not hold."])
    at: datetime | None = None


class AnsweringModel(BaseModel):
    """One question and the model that answers it."""

    name: str = Field(description="The question.", examples=["attrition"])
    version: str | None = Field(
        None, description="Version in the registry; null where none answers.", examples=["3"]
    )
    digest: str | None = Field(None, description="SHA-256 of its payload.")
    loaded_at: datetime | None = Field(None, description="Since when this process answers with it.")
    data_digest: str | None = Field(None, description="Digest of the data it was trained on.")
    feature_schema_digest: str | None = Field(None, description="Digest of the features it expects.")
    key_id: str | None = Field(None, description="The trusted key that signed it.")
    metrics: dict[str, float] = Field(default_factory=dict, examples=[{"uno_c": 0.71, "uno_c_low": 0.68}])
    refused: list[RefusedVersion] = Field(default_factory=list)


class ModelList(BaseModel):
    """Every question with its model."""

    models: list[AnsweringModel]


@router.get("/v1/models")
async def list_models(house: HouseDependency) -> ModelList:
    """List the models that answer, since when, how good they were found, and which versions were refused."""
    return await in_thread(model_list, house)


def model_list(house: House) -> ModelList:
    """Return every question with its model."""
    return ModelList(models=[answering(house, question) for question in QUESTIONS])


def answering(house: House, question: str) -> AnsweringModel:
    """Return one question with its model."""
    refused = [
        RefusedVersion(**entry)
        for entry in (house.models.shelf.refused(question) if house.models.shelf else [])
    ]
    reason = house.models.reasons.get(question)
    if reason:
        refused.append(RefusedVersion(version=reason.split(":")[0].removeprefix("version "), reason=reason))
    model = house.models.held.get(question)
    if model is None:
        return AnsweringModel(name=question, refused=refused)
    signed = {name: model.statement.get(name) for name in ("data_digest", "feature_schema_digest", "key_id")}
    return AnsweringModel(
        name=question,
        version=model.version,
        digest=model.digest,
        loaded_at=model.loaded_at,
        metrics=metrics(house, model),
        refused=refused,
        **signed,
    )


def metrics(house: House, model: LoadedModel) -> dict[str, float]:
    """Return what was found of a model when it was evaluated, its peers aside; empty where that is not beside it."""
    if house.models.shelf is None:
        return {}
    place = Place(model.version, model.digest)
    path = house.models.shelf.signature(model.name, place).with_name(f"{model.version}.metrics.json")
    said = read_json(path)
    found = said.items() if isinstance(said, dict) else ()
    return {name: value for name, value in found if isfinite(value) and "/" not in name}

"""Which model answers which question, who stands beside it, and which versions were refused."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from serving.house import House, HouseDependency, in_thread
from serving.models.aliases import CHAMPION
from serving.models.answering import LoadedModel
from serving.models.shelf import Place, read_json
from serving.settings import QUESTIONS

router = APIRouter(tags=["all"])


class RefusedVersion(BaseModel):
    """A version that does not answer, and why."""

    version: str = Field(examples=["4"])
    alias: str = Field(description="The place it was wanted for.", examples=["champion"])
    reason: str = Field(examples=["The signature does not hold."])
    at: datetime | None = None


class VerifiedModel(BaseModel):
    """A model, verified: what it was made of, who signed it, how good it was found."""

    version: str | None = Field(
        None, description="Version in the registry; null where none answers.", examples=["3"]
    )
    digest: str | None = Field(None, description="SHA-256 of its payload.")
    loaded_at: datetime | None = Field(None, description="Since when this process has it.")
    data_digest: str | None = Field(None, description="Digest of the data it was trained on.")
    feature_schema_digest: str | None = Field(None, description="Digest of the features it expects.")
    key_id: str | None = Field(None, description="The trusted key that signed it.")
    metrics: dict[str, float] = Field(default_factory=dict, examples=[{"uno_c": 0.71, "uno_c_low": 0.68}])


class CanaryModel(VerifiedModel):
    """A model that answers a share of the people, always the same ones."""

    share: float = Field(description="Share of the people it answers on this host, 0-1.", examples=[0.1])


class AnsweringModel(VerifiedModel):
    """One question, the champion that answers it, and who stands beside it."""

    name: str = Field(description="The question.", examples=["attrition"])
    canary: CanaryModel | None = Field(None, description="Who answers a share of the people.")
    shadow: VerifiedModel | None = Field(None, description="Who answers beside, logged and never shown.")
    refused: list[RefusedVersion] = Field(default_factory=list)


class ModelList(BaseModel):
    """Every question with its model."""

    models: list[AnsweringModel]


@router.get("/v1/models")
async def list_models(house: HouseDependency) -> ModelList:
    """List the models that answer or stand beside, how good they were found, and which versions were refused."""
    return await in_thread(model_list, house)


def model_list(house: House) -> ModelList:
    """Return every question with its model."""
    return ModelList(models=[answering(house, question) for question in QUESTIONS])


def answering(house: House, question: str) -> AnsweringModel:
    """Return one question with its models."""
    models = house.models
    champion, canary = models.held.get(question), models.canaries.get(question)
    shadow = models.shadows.get(question)
    return AnsweringModel(
        name=question,
        canary=CanaryModel(**verified(house, canary.model), share=canary.share) if canary else None,
        shadow=VerifiedModel(**verified(house, shadow)) if shadow else None,
        refused=refused(house, question),
        **(verified(house, champion) if champion else {}),
    )


def refused(house: House, question: str) -> list[RefusedVersion]:
    """Return the versions that the puller refused, and those that this process could not load."""
    shelf = house.models.shelf
    found = [
        RefusedVersion(**{"alias": CHAMPION, **entry}) for entry in (shelf.refused(question) if shelf else [])
    ]
    return found + [
        RefusedVersion(version=version, alias=alias, reason=why)
        for (name, alias), (version, why) in house.models.reasons.items()
        if name == question
    ]


def verified(house: House, model: LoadedModel) -> dict[str, Any]:
    """Return what is told of a model."""
    signed = {name: model.statement.get(name) for name in ("data_digest", "feature_schema_digest", "key_id")}
    return {
        "version": model.version,
        "digest": model.digest,
        "loaded_at": model.loaded_at,
        "metrics": metrics(house, model),
        **signed,
    }


def metrics(house: House, model: LoadedModel) -> dict[str, float]:
    """Return what was found of a model when it was evaluated, its peers aside; empty where that is not beside it."""
    if house.models.shelf is None:
        return {}
    place = Place(model.version, model.digest)
    path = house.models.shelf.signature(model.name, place).with_name(f"{model.version}.metrics.json")
    said = read_json(path)
    found = said.items() if isinstance(said, dict) else ()
    return {name: value for name, value in found if isfinite(value) and "/" not in name}

"""What weighs how much in a ranking, and who gets which of several such policies: arms by a stable hash of the person."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.errors import BadInputError

Name = Field(min_length=1, max_length=64, pattern=r"^[\w.-]+$")


class RankingPolicy(BaseModel):
    """What weighs how much, in standard deviations of the model's score for one person."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    gap_factor: float = Field(1.0, ge=0, le=100, description="Times the model's own weight of the skill gap.")
    gap_turn: int = Field(
        3,
        ge=0,
        description="The last of so many places goes to what closes most of the gap that is probably left; 0: none.",
    )
    level_weight: float = Field(
        0.5, ge=0, le=100, description="Taken off per level that a course lies too low or too high."
    )
    maintenance_weight: float = Field(
        1.0,
        ge=0,
        le=100,
        description="For a course that renews a certificate, or evidence of a skill that the job asks for.",
    )
    priority_weight: float = Field(
        1.0, ge=0, le=100, description="For a course that raises a skill of priority 1 by a level or more."
    )
    impact_weight: float = Field(
        1.0, ge=0, le=100, description="For the course with the largest estimated effect on an outcome."
    )
    impact_outcomes: dict[str, float] = Field(
        {},
        description="Outcome → its weight, -1 to 1: above 0 where more of it is better. Others move no ranking.",
    )
    diversity: float = Field(0.0, ge=0, le=1, description="Where a request names none.")
    max_per_provider: int | None = Field(None, ge=1, description="Most courses of one provider.")
    max_per_modality: int | None = Field(None, ge=1, description="Most courses taught in one way.")
    exploration_share: float = Field(
        0.0, ge=0, le=1, description="Share of answers whose last place goes to a course drawn by lot."
    )
    exploration_pool: int = Field(
        20, ge=2, le=100, description="How many of the next best courses the lot is drawn among."
    )


class Arm(RankingPolicy):
    """A policy that a share of the people get."""

    name: str = Name
    share: float = Field(gt=0, le=1, description="Share of the people, 0-1.")


class Shadow(RankingPolicy):
    """A policy that is ranked by and written down, and never shown."""

    name: str = Name
    share: float = Field(1.0, gt=0, le=1, description="Share of the answers it is computed for, 0-1.")


DEFAULT = RankingPolicy()


@dataclass(frozen=True)
class Policies:
    """The policy in force, and what is tried beside it.

    Parameters
    ----------
    default : RankingPolicy
        For everybody who is in no arm.
    experiment : str
        Names the experiment: another name deals people out anew.
    arms : tuple of Arm
        Their shares sum to 1 at most.
    shadows : tuple of Shadow
        Computed beside the answers.
    """

    default: RankingPolicy = DEFAULT
    experiment: str = ""
    arms: tuple[Arm, ...] = ()
    shadows: tuple[Shadow, ...] = ()

    def of(self, person: str) -> tuple[str | None, RankingPolicy]:
        """Return the name of a person's arm, None where they are in none, and the policy they get."""
        if not self.arms:
            return None, self.default
        place = share_of(self.experiment, person)
        for arm in self.arms:
            if place < arm.share:
                return arm.name, arm
            place -= arm.share
        return None, self.default

    def without_lots(self) -> Policies:
        """Return the same policies with nothing given away by lot, and nothing computed beside."""
        lots: dict[str, Any] = {"exploration_share": 0.0}
        arms = tuple(arm.model_copy(update=lots) for arm in self.arms)
        return Policies(self.default.model_copy(update=lots), self.experiment, arms)

    def shadows_of(self, answer: str) -> list[Shadow]:
        """Return the shadows that are computed beside an answer."""
        return [one for one in self.shadows if one.share >= 1 or share_of(one.name, answer) < one.share]


def share_of(salt: str, key: str) -> float:
    """Return a number in [0, 1) that depends on nothing but the texts, uniform over keys."""
    digest = hashlib.sha256(f"{salt}\x00{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def read_policies(path: Path | None) -> Policies:
    """Return the policies of a TOML file; the defaults where there is none.

    Parameters
    ----------
    path : Path, optional
        Keys of `RankingPolicy` at the top; ``experiment``; tables ``[[arms]]`` and ``[[shadows]]``, each with a name,
        a share, and what differs from the top.

    Raises
    ------
    BadInputError
        If the file cannot be read, names what does not exist, or shares more than everybody.
    """
    if path is None:
        return Policies()
    try:
        said = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInputError("The ranking policy cannot be read.", found=f"{path}: {error}") from error
    try:
        found = policies_of(said)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadInputError(
            f"The ranking policy {path} cannot work.",
            found=f"{'.'.join(map(str, first['loc']))} = {first['input']!r}"[:200],
            allowed=first["msg"],
        ) from error
    check(found, path)
    return found


def policies_of(said: Mapping[str, Any]) -> Policies:
    """Return the policies of a parsed file; raise ValidationError where one cannot work."""
    top = {name: value for name, value in said.items() if name not in ("experiment", "arms", "shadows")}
    return Policies(
        RankingPolicy.model_validate(top),
        str(said.get("experiment", "")),
        tuple(Arm.model_validate({**top, **one}) for one in said.get("arms", ())),
        tuple(Shadow.model_validate({**top, **one}) for one in said.get("shadows", ())),
    )


def check(found: Policies, path: Path) -> None:
    """Raise BadInputError where names stand twice or shares sum to more than everybody."""
    names = [arm.name for arm in found.arms] + [shadow.name for shadow in found.shadows]
    if len(set(names)) < len(names):
        raise BadInputError(
            f"The ranking policy {path} gives a name twice.", found=", ".join(names), allowed="each once"
        )
    total = sum(one.share for one in found.arms)
    if total > 1 + 1e-9:
        raise BadInputError(
            f"The arms of the ranking policy {path} share more than everybody.",
            found=f"{total:g}",
            allowed="shares that sum to 1 at most",
        )

"""Settings of training: where runs are tracked, where keys lie, how numbers are drawn."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field
from pydantic_settings import SettingsConfigDict

from features.records.settings import RecordsSettings


class TrainingSettings(RecordsSettings):
    """The records' settings, and where training tracks, signs and draws."""

    model_config = SettingsConfigDict(env_prefix="SKILLPATH_", extra="ignore", populate_by_name=True)

    mlflow_tracking_uri: str = Field(
        default="",
        validation_alias=AliasChoices("mlflow_tracking_uri", "MLFLOW_TRACKING_URI"),
        description="MLflow tracking server and registry; empty: SQLite in the var folder.",
    )
    promotion_key: Path | None = Field(
        default=None,
        description="Private Ed25519 key (PEM) that signs promotions; empty: made under var/keys.",
    )
    seed: int = Field(default=7, ge=0, description="Seed of the one random generator passed down.")

    @property
    def tracking_uri(self) -> str:
        """The tracking URI, with the default filled in."""
        return self.mlflow_tracking_uri or f"sqlite:///{self.var.resolve() / 'mlflow.db'}"

    @property
    def artifact_folder(self) -> Path | None:
        """The folder of artefacts where the default tracking is used; a server keeps its own."""
        return None if self.mlflow_tracking_uri else self.var.resolve() / "mlflow-artifacts"

    @property
    def key_folder(self) -> Path:
        """The folder of the key pair that the embedded default makes."""
        return self.var.resolve() / "keys"

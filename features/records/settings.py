"""Settings that every stage shares: where the records and the program's own files are."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class RecordsSettings(BaseSettings):
    """Where records and files live; every field is read from ``SKILLPATH_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="SKILLPATH_", extra="ignore")

    var: Path = Field(default=Path("var"), description="Folder of everything the program writes.")
    store_url: str = Field(
        default="", description="SQLAlchemy URL of the records; empty: SQLite in the var folder."
    )
    embedding_model: str = Field(
        default="all-MiniLM-L6-v2",
        description="sentence-transformers model by name or path; the default is shipped in a package.",
    )
    embedding_precision: Literal["auto", "f32", "bf16"] = Field(
        default="auto", description="Precision of embedding; auto: bf16 where the CPU has it, else f32."
    )
    threads: int = Field(default=2, ge=1, description="Threads for numeric work (training, embedding).")
    progress: bool = Field(default=True, description="Progress bars on anything over two seconds.")

    @property
    def url(self) -> str:
        """The URL of the records, with the default filled in."""
        return self.store_url or f"sqlite:///{self.var / 'skillpath.db'}"

"""Settings of the service; one that cannot work stops the start with a clear message."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, model_validator

from features.errors import BadInputError
from features.records.settings import RecordsSettings
from serving.outward import is_safe

ASYMMETRIC = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
QUESTIONS = ("skills", "recommendation", "attrition", "impact")


class ServingSettings(RecordsSettings):
    """How the service runs; every field is read from ``SKILLPATH_<NAME>``."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    workers: int = Field(default=1, ge=1, le=64, description="Worker processes.")
    body_limit_bytes: int = Field(
        default=2 * 1024 * 1024, ge=1024, description="Largest request body; larger ones answer 413."
    )
    url_limit_bytes: int = Field(
        default=8 * 1024, ge=256, description="Longest path and query; longer ones answer 414."
    )
    drain_seconds: float = Field(
        default=1.0, ge=0, le=60, description="How long a stopping worker still answers, closing connections."
    )
    trusted_keys: Path | None = Field(
        default=None,
        description="Folder of the public keys whose signatures are trusted; empty: keys/trusted in var.",
    )
    ready_questions: str = Field(
        default="",
        description="Questions that must have a model before the service is ready, blank-separated; "
        "empty: those that have a bundle.",
    )
    clock: str = Field(
        default="",
        description="Moment at which the service's clock stands when it starts (ISO 8601, with zone); "
        "empty: the real time.",
    )
    future_tolerance_seconds: float = Field(
        default=300.0, ge=0, description="How far an event may lie ahead of the clock before it is refused."
    )
    xapi_strict: bool = Field(
        default=False,
        description="Whether an xAPI statement that breaks a rule is refused (400); "
        "else its learning event is taken and the mistake noted in the quarantine.",
    )
    pull_seconds: float = Field(
        default=2.0, gt=0, description="How often the puller looks for a moved champion."
    )
    canary_share_limit: float = Field(
        default=0.5, ge=0, le=1, description="Largest share of the people that a canary answers here, whatever the registry "
        "says; 0: none.",
    )  # fmt: skip
    shadows_per_second: float = Field(
        default=10.0, ge=0, description="Answers a second of one worker that a shadow is computed for, after they were given; "
        "0: none.",
    )  # fmt: skip
    trial_seconds: float = Field(
        default=60.0, gt=0, description="Time a new bundle has to answer its golden predictions."
    )
    trial_memory_bytes: int = Field(
        default=8 * 1024**3, ge=256 * 1024**2, description="Address space a new bundle has in its trial."
    )
    bundle_limit_bytes: int = Field(
        default=2 * 1024**3, ge=1024, description="Largest bundle that is fetched, all files together."
    )
    log_level: str = Field(
        default="info", pattern="^(debug|info|warning|error)$", description="Least level that is logged."
    )
    open_docs: bool = Field(
        default=True, description="Whether the OpenAPI document can be read without a key."
    )
    requests_at_once: int = Field(
        default=512,
        ge=1,
        description="Requests under way in one worker; one more is answered 503 with Retry-After.",
    )
    requests_per_second: float = Field(
        default=10_000,
        gt=0,
        description="Requests a second of one key in one worker; one more is answered 429 with Retry-After.",
    )
    person_requests_per_second: float = Field(
        default=50, gt=0, description="The same for a key or token that acts for one person."
    )
    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        description="Port of the Prometheus metrics; empty: nothing is measured.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of the Prometheus metrics.")
    traces_url: str = Field(
        default="",
        description="OpenTelemetry collector (OTLP over HTTP, https://…/v1/traces) that gets a span a request; empty: none.",
    )
    tls_certificate: Path | None = Field(
        default=None, description="Certificate chain (PEM) to answer by https; with tls_key."
    )
    tls_key: Path | None = Field(default=None, description="Private key (PEM) of the certificate.")
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks of proxies whose X-Forwarded-For and -Proto are believed, blank-separated; empty: none.",
    )
    cors_origins: str = Field(
        default="",
        description="Origins (https://…) whose pages may ask from a browser, blank-separated; empty: none.",
    )
    keep_shown_days: int = Field(
        default=730,
        ge=0,
        description="Days that what was shown to whom is kept; 0: without end (so for all keep_…).",
    )
    keep_scores_days: int = Field(default=180, ge=0, description="Days that kept model scores are kept.")
    keep_quarantine_days: int = Field(default=365, ge=0, description="Days that what was put aside is kept.")
    keep_statements_days: int = Field(
        default=0, ge=0, description="Days that xAPI statements are kept as received."
    )
    keep_events_days: int = Field(default=0, ge=0, description="Days that learning events are kept.")
    keep_surveys_days: int = Field(default=0, ge=0, description="Days that survey answers are kept.")
    keep_audit_days: int = Field(
        default=1_825,
        ge=0,
        description="Days after which the audit forgets whom a row was about; the chain stays.",
    )
    people_per_day: int = Field(
        default=20_000,
        ge=1,
        description="About how many people's exit scores one caller may read in a day (UTC).",
    )
    oidc_issuer: str = Field(
        default="",
        description="Identity provider whose bearer tokens are taken (https://…); empty: keys alone.",
    )
    oidc_audience: str = Field(
        default="", description="What a token's `aud` must name; needed with oidc_issuer."
    )
    oidc_algorithms: str = Field(
        default="RS256 PS256 ES256 EdDSA",
        description="Signature algorithms that are taken, of those that the issuer's discovery names.",
    )
    oidc_scope_claim: str = Field(default="scope", description="Claim of a token that holds its scopes.")
    oidc_employee_claim: str = Field(
        default="employee_id",
        description="Claim that names the person a token acts for; without it, it sees nobody unless it has the scope people:all.",
    )
    own_score_shown: bool = Field(
        default=False,
        description="Whether people see their own exit probability; else only their managers and HR.",
    )
    encoder_folder: Path | None = Field(
        default=None, description="Exported text encoder; empty: encoder in var."
    )
    ranking_file: Path | None = Field(
        default=None,
        description="TOML file of what weighs how much in recommendations, caps, exploration and experiments; "
        "empty: the defaults.",
    )
    tracking_uri: str = Field(
        default="", description="MLflow of the puller; empty: MLFLOW_TRACKING_URI, else SQLite in var."
    )

    @model_validator(mode="after")
    def check(self) -> Self:
        """Refuse what cannot work, before anything is opened."""
        unknown = set(self.ready_questions.split()) - set(QUESTIONS)
        if unknown:
            raise ValueError(
                f"ready_questions names {', '.join(sorted(unknown))}; there are {', '.join(QUESTIONS)}"
            )
        self.clock_start()
        self.check_issuer()
        self.check_transport()
        return self

    def check_transport(self) -> None:
        """Raise ValueError for a certificate without its key, and for origins that are none."""
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key go together")
        for path in (self.tls_certificate, self.tls_key):
            if path is not None and not path.is_file():
                raise ValueError(f"there is no file {path} (tls_certificate, tls_key)")
        if self.traces_url and not is_safe(self.traces_url):
            raise ValueError(f"traces_url is neither https nor on this host: {self.traces_url}")
        for origin in self.cors_origins.split():
            parts = urlsplit(origin)
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.path or "*" in origin:
                raise ValueError(
                    f"cors_origins holds {origin}; an origin is like https://lms.example.org, no star"
                )

    def check_issuer(self) -> None:
        """Raise ValueError for an identity provider that cannot be trusted as it is set."""
        if not self.oidc_issuer:
            return
        if not is_safe(self.oidc_issuer):
            raise ValueError(f"oidc_issuer is not https: {self.oidc_issuer}")
        if not self.oidc_audience:
            raise ValueError("oidc_issuer needs oidc_audience: a token for somebody else must not hold here")
        weak = {name for name in self.oidc_algorithms.split() if name not in ASYMMETRIC}
        if weak or not self.oidc_algorithms.split():
            raise ValueError(
                f"oidc_algorithms holds {', '.join(sorted(weak))}; there are {', '.join(ASYMMETRIC)}"
            )

    def clock_start(self) -> datetime | None:
        """Return where the clock starts, or None for the real time; raise ValueError for what is no moment."""
        if not self.clock:
            return None
        moment = datetime.fromisoformat(self.clock)
        if moment.tzinfo is None:
            raise ValueError(f"clock has no time zone: {self.clock}; write it like 2026-01-31T00:00:00Z")
        return moment.astimezone(UTC)

    @property
    def trusted_folder(self) -> Path:
        """Folder of the trusted public keys."""
        return self.trusted_keys or self.var / "keys" / "trusted"

    @property
    def bundles_folder(self) -> Path:
        """Folder of the verified bundles."""
        return self.var / "bundles"

    @property
    def exported_encoder(self) -> Path:
        """Folder of the exported text encoder."""
        return self.encoder_folder or self.var / "encoder"

    @property
    def registry_uri(self) -> str:
        """The MLflow the puller asks."""
        default = f"sqlite:///{self.var.resolve() / 'mlflow.db'}"
        return self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI", "") or default


def read_settings(**given: object) -> ServingSettings:
    """Return the settings of the environment, overridden by what is given.

    Raises
    ------
    BadInputError
        If a setting cannot work; the message names it, what was found and what is allowed.
    """
    try:
        return ServingSettings(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "SKILLPATH_" + "_".join(str(part) for part in first["loc"]).upper() if first["loc"] else ""
        raise BadInputError(
            f"The setting {name or 'of the service'} cannot work.",
            found=str(first["input"])[:200] if name else "",
            allowed=first["msg"],
        ) from error

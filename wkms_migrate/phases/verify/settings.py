"""Settings of the verify phase."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wkms_migrate.config import Section
from wkms_migrate.secret import SecretRef


class VerifySettings(Section):
    """Health, data and KPIs of the migrated system."""

    goals: Literal["small", "enterprise"] = Field(
        "small",
        description="small: mean 3 s, 99.5 %, 20 at once; enterprise: mean 2 s, 99.9 %, errors 0.1 %, 100 at once.",
    )
    url: str | None = Field(None, description="Where the system answers; null takes deploy's output.")
    api_token: SecretRef | None = Field(
        None, description="Reference to the bearer token of the API; without one only the open paths are measured."
    )
    paths: tuple[str, ...] = Field(
        ("/api/v1/documents?query=%ED%9C%B4%EA%B0%80", "/api/v1/documents?limit=20", "/api/v1/stats"),
        description="Paths to measure with the token, in turn.",
    )
    open_paths: tuple[str, ...] = Field(("/health", "/ready"), description="Paths that need no token; always checked.")
    requests: int = Field(400, ge=1, le=1_000_000, description="How many requests to measure.")
    at_once: int | None = Field(
        None, ge=1, le=1_000, description="Requests at the same time; null takes as many as the goal asks for."
    )
    timeout_seconds: float = Field(10, gt=0, description="After this time a request counts as failed.")
    recount: bool = Field(default=True, description="Count rows, objects and messages again on both ends.")

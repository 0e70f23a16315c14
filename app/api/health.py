"""Health: whether this process answers at all, and whether it can do its work.

Both are for machines that ask often. They need no token, so they tell no secret: a reason is a
fixed phrase, and the details are in the log.
"""

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app
from pydantic import Field

from app.api.errors import MEDIA_TYPE
from app.api.requests import request_id
from app.api.schemas import Out, Problem
from app.artifacts.store import ArtifactStore
from app.config import Settings
from app.extensions import OBSERVER, POOL_OVERFLOW, POOL_SIZE, db
from app.jobs.broker import broker_check
from app.operations import checks
from app.operations.draining import draining
from app.operations.readiness import Unfit, is_ready, readiness
from app.services import Services, services

RETRY_SECONDS = 5
# A disk that holds less is as good as full.
MIN_FREE_BYTES = 64 << 20
blueprint = APIBlueprint("health", __name__, tag="Health")


class HealthOut(Out):
    """Alive."""

    status: str = "ok"


class PartOut(Out):
    """How one part does."""

    ok: bool
    required: bool = Field(description="Without it this server is not ready.")
    reason: str = Field(description="Why it does not do its work, or a remark; mostly empty.")
    milliseconds: float = Field(description="How long the answer took, or was waited for.")


class ReadyOut(Out):
    """Ready, maybe with parts that are away and can be done without for a while."""

    ready: bool = True
    parts: dict[str, PartOut]


class NotReady(Problem):
    """Not ready: a problem that also has the parts."""

    ready: bool = False
    parts: dict[str, PartOut]


_RESPONSES: Any = {
    503: {
        "description": "A part that the server needs does not do its work.",
        "content": {MEDIA_TYPE: {"schema": NotReady.model_json_schema()}},
    }
}


def register(app: APIFlask, settings: Settings) -> None:
    """Add the parts that every server needs; the socket server adds its own."""
    with app.app_context():
        observer, pool, given = db.engines[OBSERVER], db.engine, services()
    parts = readiness(app)
    parts.add("server", draining(app).check, required=True)
    parts.add("database", checks.database(observer), required=True)
    parts.add("connections", checks.free_connection(pool, POOL_SIZE + POOL_OVERFLOW))
    parts.add("redis", checks.redis_server(settings.redis_url.get_secret_value()))
    if settings.effective_broker_url != settings.redis_url.get_secret_value():
        parts.add("broker", broker_check(settings))
    parts.add("artifacts", _folder_check(given, given.store))
    parts.add("uploads", _folder_check(given, given.uploads))


def _folder_check(given: Services, store: ArtifactStore) -> Callable[[], str]:
    def check() -> str:
        try:
            # A folder on a network may hang for good: not on the thread of the event loop.
            free = given.offload(store.free_bytes)
        except OSError as error:
            raise Unfit(f"files cannot be reached ({error.strerror})") from error
        if free < MIN_FREE_BYTES:
            raise Unfit("the disk is full")
        return ""

    return check


@blueprint.get("/healthz")
@blueprint.output(HealthOut)
@blueprint.doc(summary="Is the process alive?")
def healthz() -> HealthOut:
    """Liveness.

    Answers without asking the database or Redis: a restart would not mend those.
    """
    return HealthOut()


@blueprint.get("/readyz")
@blueprint.output(ReadyOut)
@blueprint.doc(
    summary="Can the server do its work?",
    responses=_RESPONSES,
)
def readyz() -> ReadyOut | Response:
    """Readiness.

    Answers within two seconds, also when a part does not answer at all. Without Redis, broker or
    the folders of files the server stays ready: requests are served, jobs accepted, notifications
    delivered a few seconds later.
    """
    # A proxy has this method; its annotation is that of the app itself.
    parts = readiness(current_app._get_current_object()).look()  # type: ignore[attr-defined]
    shown = {
        name: PartOut.model_validate(part, from_attributes=True) for name, part in parts.items()
    }
    if is_ready(parts):
        return ReadyOut(parts=shown)
    failing = ", ".join(name for name, part in parts.items() if part.required and not part.ok)
    body = NotReady(
        title="Service Unavailable",
        status=503,
        detail=f"Not ready, because of: {failing}. `parts` has the reasons.",
        code="not_ready",
        retryable=True,
        request_id=request_id(),
        parts=shown,
    )
    return Response(
        body.model_dump_json(exclude_none=True),
        503,
        {"Retry-After": str(RETRY_SECONDS)},
        mimetype=MEDIA_TYPE,
    )

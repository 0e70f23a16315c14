"""The collaborators that an app is given, so that a test can hand in others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast
from uuid import UUID

from flask import current_app

from app.artifacts.store import ArtifactStore
from app.config import Settings
from app.delivery.mail import Mailer
from app.delivery.publisher import Publisher
from app.job_types.registry import JobTypes

EXTENSION = "ringback"
Offload = Callable[..., Any]


class Dispatcher(Protocol):
    """Hands a queued job to the broker, without making its caller wait for the broker."""

    def dispatch(self, job_id: UUID, fence: int, *, queue: str) -> None:
        """Send the message (job id, fence) soon; a loss is mended by the sweep."""


def run_here(function: Callable[..., Any], /, *args: Any) -> Any:
    """The `offload` of processes without an event loop: call it on this thread."""
    return function(*args)


@dataclass(frozen=True)
class Services:
    """What one app works with.

    Attributes:
        settings: the effective settings.
        job_types: the catalogue.
        store: where result files live.
        uploads: where the files live that users send, apart from those: servers write here.
        publisher: sends hints to the socket servers.
        dispatcher: sends jobs to the broker.
        mailer: sends mail.
        offload: runs a blocking function in a real thread.
    """

    settings: Settings
    job_types: JobTypes
    store: ArtifactStore
    uploads: ArtifactStore
    publisher: Publisher
    dispatcher: Dispatcher
    mailer: Mailer
    offload: Offload = run_here


def services() -> Services:
    """The services of the current app."""
    return cast(Services, current_app.extensions[EXTENSION])

"""What the setting `collaborators` names: the real ones, which pass named points on their way.

The points:
    received: a worker has a message, and no child of it yet.
    before_claim: a worker's child has the message.
    store.write, store.half, store.written: before a file is opened; written but not yet under its
        name; complete, and known to no row.
    store.delete, store.discard: before one file is removed; before all that one claim has left.
    publish.EVENT: before a hint is sent (`publish.job`, `publish.notification`).
    dispatch: before a message goes to the broker; here `divert` keeps it from there.
    in.EVENT, commit.EVENT, committed.EVENT: in the transaction that writes this line of the job's log
        (`accepted`, `claimed`, `succeeded` …) right after the line; before its commit; after.
    in.notification, commit.notification, committed.notification: likewise, of a notification.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace as with_changes
from typing import Any
from uuid import UUID

from celery.signals import task_prerun, task_received
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from app.artifacts.store import ArtifactStore, Writing
from app.delivery.publisher import Publisher
from app.services import Dispatcher, Services
from tests.faults.points import FOLDER, divert, reach

WRITTEN = "faults.written"  # in the `info` of a connection: (line, job) of its open transaction
_committed = threading.local()


def replace(services: Services) -> Services:
    """See `app.factory.default_services`."""
    if FOLDER not in os.environ:
        return services
    watch()
    return with_changes(
        services,
        store=WatchedStore(services.store),
        publisher=WatchedPublisher(services.publisher),
        dispatcher=WatchedDispatcher(services.dispatcher),
    )


class Wrapper:
    """Whatever is not watched goes to the real one."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class WatchedStore(Wrapper):
    _real: ArtifactStore

    @contextmanager
    def write(self, job_id: UUID, *arguments: Any, **options: Any) -> Iterator[Writing]:
        reach("store.write", job_id)
        with self._real.write(job_id, *arguments, **options) as writing:
            yield writing
            writing.file.flush()
            reach("store.half", job_id)
        reach("store.written", job_id)

    def delete(self, key: str) -> None:
        reach("store.delete", key.partition("/")[0])
        self._real.delete(key)

    def discard(self, job_id: UUID, fence: int) -> None:
        reach("store.discard", job_id)
        self._real.discard(job_id, fence)


class WatchedPublisher(Wrapper):
    _real: Publisher

    def to_user(self, user_id: UUID, event: str, payload: dict[str, Any]) -> None:
        reach(f"publish.{event}", payload["id"] if event == "job" else payload.get("job_id"))
        self._real.to_user(user_id, event, payload)


class WatchedDispatcher(Wrapper):
    _real: Dispatcher

    def dispatch(self, job_id: UUID, fence: int, **options: Any) -> None:
        if reach("dispatch", job_id) == "divert":
            divert({"args": [str(job_id), fence], "options": options})
        else:
            self._real.dispatch(job_id, fence, **options)


def watch() -> None:
    """Listen to what Celery and SQLAlchemy tell of this process; again is no harm."""
    task_received.connect(_received, weak=False)
    task_prerun.connect(_starting, weak=False)
    listeners: dict[str, Any] = {
        "after_cursor_execute": _executed,
        "commit": _committing,
        "rollback": _rolled_back,
    }
    for name, listener in listeners.items():
        if not event.contains(Engine, name, listener):
            event.listen(Engine, name, listener)
    if not event.contains(Session, "after_commit", _done):
        event.listen(Session, "after_commit", _done)


def _received(request: Any, **_: Any) -> None:
    reach("received", request.args[0])


def _starting(args: list[Any], **_: Any) -> None:
    reach("before_claim", args[0])


def _executed(connection: Connection, _cursor: Any, statement: str, *rest: Any) -> None:
    for line, job in _lines(statement, rest[1]):
        connection.info.setdefault(WRITTEN, []).append((line, job))
        reach(f"in.{line}", job)


def _lines(statement: str, context: Any) -> Iterator[tuple[str, str]]:
    """The lines of job logs that a statement writes, and the notification."""
    if statement.startswith("INSERT INTO job_events"):
        for row in context.compiled_parameters:
            yield row["event"], str(row["job_id"])
    elif statement.startswith("INSERT INTO notifications"):
        for row in context.compiled_parameters:
            yield "notification", str(row["job_id"])


def _committing(connection: Connection) -> None:
    _committed.lines = connection.info.pop(WRITTEN, [])
    for line, job in _committed.lines:
        reach(f"commit.{line}", job)


def _rolled_back(connection: Connection) -> None:
    if not connection.invalidated:  # else its `info` is gone with it
        connection.info.pop(WRITTEN, None)


def _done(_: Session) -> None:
    lines, _committed.lines = getattr(_committed, "lines", []), []
    for line, job in lines:
        reach(f"committed.{line}", job)

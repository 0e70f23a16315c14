"""Requests that wait for a job (`?wait=`), for callers who cannot hold a socket.

A request that waits holds a thread and nothing else. One more thread, there only while somebody
waits, asks the database for the jobs of all of them in one query. Plain threads and events: the
engine of a server makes them green.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from flask import Flask, current_app
from prometheus_client import Gauge
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.config import Settings
from app.errors import AppError, ServerBusy, TooManyRequests
from app.extensions import db
from app.jobs.queries import Standing, standings
from app.observability import clear_contextvars, get_logger
from app.operations.draining import Draining, draining
from app.operations.metrics import metrics

EXTENSION = "ringback-waiting"
LONGEST_SECONDS = 60
THREAD = "jobs waited for"
# Pause between two looks at the jobs that are waited for.
LOOK_SECONDS = 0.5
RETRY_SECONDS = 2.0
# One user has at most this part of the places, or one of them.
USERS_PART = 10

log = get_logger(__name__)
IsNews = Callable[[Standing | None], bool]


@dataclass(eq=False)
class _Waiter:
    """A request that waits; `is_news` says of a job's standing (None: it is gone) whether to answer."""

    user_id: UUID
    job_id: UUID
    is_news: IsNews
    done: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None


class Waiting:
    """The waiting requests of one process.

    Args:
        engine: of the database.
        stop: of the server; nobody waits while it stops.
        most: so many may wait at once.
        count: shows how many do.
    """

    def __init__(self, engine: Engine, stop: Draining, most: int, count: Gauge) -> None:
        self._engine, self._stop, self._most = engine, stop, most
        self._waiters: set[_Waiter] = set()
        self._lock = threading.Lock()
        self._looking = False
        count.set_function(lambda: len(self._waiters))
        stop.add(self._release)

    def wait(self, user_id: UUID, job_id: UUID, is_news: IsNews, seconds: float) -> None:
        """Wait until there is news of a job, the time is over, or the server stops.

        The caller holds no database connection, and reads the job anew afterwards.

        Args:
            user_id: who waits.
            is_news: called with the job's standing, twice a second.
            seconds: longest wait.

        Raises:
            ServerBusy: `server_busy`, too many wait here; `database_unavailable`.
            TooManyRequests: `too_many_waiting`, of this user.
        """
        waiter = _Waiter(user_id, job_id, is_news)
        self._enter(waiter)
        try:
            waiter.done.wait(seconds)
        finally:
            with self._lock:
                self._waiters.discard(waiter)
        if waiter.error is not None:
            raise _told(waiter.error) from waiter.error

    def _enter(self, waiter: _Waiter) -> None:
        with self._lock:
            self._refuse_too_many(waiter.user_id)
            # Under the lock: whoever is in before the server is told to stop, `_release` finds.
            if self._stop.begun:
                waiter.done.set()
            if not self._looking:
                threading.Thread(target=self._look, name=THREAD, daemon=True).start()
                self._looking = True
            self._waiters.add(waiter)

    def _refuse_too_many(self, user_id: UUID) -> None:
        if len(self._waiters) >= self._most:
            raise ServerBusy(
                "Too many requests wait at this server. Ask again without `wait`, or later.",
                RETRY_SECONDS,
            )
        share = max(1, self._most // USERS_PART)
        if sum(each.user_id == user_id for each in self._waiters) >= share:
            raise TooManyRequests(
                f"{share} of your requests wait here already, and no more may. Wait for fewer jobs "
                "at a time, or be rung over a socket.",
                RETRY_SECONDS,
                code="too_many_waiting",
            )

    def _release(self) -> None:
        with self._lock:
            for waiter in self._waiters:
                waiter.done.set()

    def _look(self) -> None:
        clear_contextvars()  # an engine may hand on those of the request that came first
        while waiters := self._present():
            try:
                found = standings(self._engine, {each.job_id for each in waiters})
            except Exception as error:  # noqa: BLE001
                _fail(waiters, error)  # each of them raises it
                continue
            for each in waiters:
                if each.is_news(found.get(each.job_id)):
                    each.done.set()

    def _present(self) -> list[_Waiter]:
        """Who waits after the next pause; when it is nobody, looking ends."""
        time.sleep(LOOK_SECONDS)
        with self._lock:
            self._looking = bool(self._waiters)
            return list(self._waiters)


def _fail(waiters: list[_Waiter], error: Exception) -> None:
    if _is_unavailable(error):
        cause = getattr(error, "orig", None) or error
        log.warning("database unavailable", cause=type(cause).__name__, reason=str(cause).strip())
    for each in waiters:
        each.error = error
        each.done.set()


def _told(error: Exception) -> AppError:
    if not _is_unavailable(error):
        return AppError("The jobs that requests wait for could not be read.")
    message = "The database does not answer in time. Try again shortly."
    return ServerBusy(message, RETRY_SECONDS, code="database_unavailable")


def _is_unavailable(error: Exception) -> bool:
    return isinstance(error, DBAPIError | PoolTimeout)


def register(app: Flask, settings: Settings) -> None:
    """Give the app what its requests wait with; opens no connection."""
    with app.app_context():
        engine = db.engine
    app.extensions[EXTENSION] = Waiting(
        engine, draining(app), settings.max_waiting_requests, metrics(app).waiting_requests
    )


def waiting() -> Waiting:
    """What requests of the current app wait with."""
    return cast(Waiting, current_app.extensions[EXTENSION])

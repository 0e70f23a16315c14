"""Sending queued jobs to the broker, without making anybody wait for the broker."""

import threading
import time
from dataclasses import dataclass, field
from queue import Full, Queue
from typing import Any
from uuid import UUID

from celery import Celery
from kombu.exceptions import OperationalError

from app.jobs.broker import RUN_JOB
from app.observability import bound_contextvars, get_contextvars, get_logger

log = get_logger(__name__)

# More than this many unsent messages are dropped: their rows are in Postgres and the sweep sends
# them again.
MAX_UNSENT = 10_000
# Pause between two tries of a broker that is away.
RETRY_SECONDS = 1.0


@dataclass(frozen=True)
class _Message:
    job_id: UUID
    fence: int
    queue: str
    ids: dict[str, Any] = field(default_factory=get_contextvars)  # for the log of the thread


class CeleryDispatcher:
    """Sends from one background thread, started with the first message (so, after a fork).

    What cannot be sent because the broker is away stays in memory, one message a job, and is sent
    as soon as the broker is back.

    Args:
        celery: the app whose broker is used.
        timeout: longest that a broker may take for one message, seconds.
    """

    def __init__(self, celery: Celery, timeout: float) -> None:
        self._celery, self._timeout = celery, timeout
        self._unsent: Queue[_Message] = Queue(MAX_UNSENT)
        self._jobs: set[UUID] = set()  # of the messages not sent yet
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def dispatch(self, job_id: UUID, fence: int, *, queue: str) -> None:
        """See `app.services.Dispatcher.dispatch`."""
        self._start()
        if job_id in self._jobs:
            return
        self._jobs.add(job_id)  # before the thread can have sent it
        try:
            self._unsent.put_nowait(_Message(job_id, fence, queue))
        except Full:
            self._jobs.discard(job_id)
            log.warning("dispatch queue full, left to the sweep", job_id=str(job_id))

    def _start(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            message = self._unsent.get()
            with bound_contextvars(**message.ids | {"job_id": str(message.job_id)}):
                self._send_sooner_or_later(message)
            self._jobs.discard(message.job_id)

    def _send_sooner_or_later(self, message: _Message) -> None:
        tries = 0
        while not self._try_to_send(message, tries):
            tries += 1
            time.sleep(RETRY_SECONDS)

    def _try_to_send(self, message: _Message, tries: int) -> bool:
        """Returns whether nothing more is to be done for the message."""
        try:
            self._send(message)
        except OperationalError as error:
            if not tries:
                log.warning("broker away, trying again", reason=str(error))
            return False
        except Exception as error:  # noqa: BLE001
            # Whatever the broker's client raises: the row stands, and the sweep sends again.
            reason = f"{type(error).__name__}: {error}"
            log.warning("dispatch failed, left to the sweep", reason=reason)
        else:
            log.info("job dispatched", queue=message.queue)
        return True

    def _send(self, message: _Message) -> None:
        self._celery.send_task(
            RUN_JOB,
            args=[str(message.job_id), message.fence],
            queue=message.queue,
            retry=False,
            timeout=self._timeout,
            confirm_timeout=self._timeout,
        )

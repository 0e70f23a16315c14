"""Sending queued jobs to the broker, without making anybody wait for the broker."""

import threading
from dataclasses import dataclass, field
from queue import Full, Queue
from typing import Any
from uuid import UUID

from celery import Celery

from app.jobs.broker import RUN_JOB
from app.observability import bound_contextvars, get_contextvars, get_logger

log = get_logger(__name__)

# More than this many unsent messages are dropped: their rows are in Postgres and the sweep sends
# them again.
MAX_UNSENT = 10_000


@dataclass(frozen=True)
class _Message:
    job_id: UUID
    fence: int
    queue: str
    ids: dict[str, Any] = field(default_factory=get_contextvars)  # for the log of the thread


class CeleryDispatcher:
    """Sends from one background thread, started with the first message (so, after a fork).

    Args:
        celery: the app whose broker is used.
        timeout: longest that a broker may take for one message, seconds.
    """

    def __init__(self, celery: Celery, timeout: float) -> None:
        self._celery, self._timeout = celery, timeout
        self._unsent: Queue[_Message] = Queue(MAX_UNSENT)
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def dispatch(self, job_id: UUID, fence: int, *, queue: str) -> None:
        """See `app.services.Dispatcher.dispatch`."""
        self._start()
        try:
            self._unsent.put_nowait(_Message(job_id, fence, queue))
        except Full:
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
                self._try_to_send(message)

    def _try_to_send(self, message: _Message) -> None:
        try:
            self._send(message)
        except Exception as error:  # noqa: BLE001
            # Whatever the broker's client raises: the row stands, and the sweep sends again.
            reason = f"{type(error).__name__}: {error}"
            log.warning("dispatch failed, left to the sweep", reason=reason)
        else:
            log.info("job dispatched", queue=message.queue)

    def _send(self, message: _Message) -> None:
        self._celery.send_task(
            RUN_JOB,
            args=[str(message.job_id), message.fence],
            queue=message.queue,
            retry=False,
            timeout=self._timeout,
            confirm_timeout=self._timeout,
        )

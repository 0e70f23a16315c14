"""A job, as its owner holds it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.client.errors import JobCancelled, JobFailed, JobTimeout, Refused, Unreachable
from app.client.pauses import Deadline, full_jitter
from app.client.session import Session
from app.client.watches import FINAL_STATES, View, Watch, Watches
from app.client.web import Request

if TYPE_CHECKING:
    from app.client.calls import Calls

log = logging.getLogger(__name__)

OnProgress = Callable[["Job"], None]

# While news come by themselves the server is asked this rarely, in case one was lost.
LIVE_SECONDS = 15.0
LOOK_SECONDS = 5.0
LONGEST_POLL_SECONDS = 4.0
# A server that is busy or stumbles tells nothing of the job.
NOT_NOW = frozenset({429, *range(500, 600)})


class Job:
    """What is known of one job; `wait` and `refresh` bring it up to date.

    Args:
        calls: whose it is.
        view: as `GET /v1/jobs/{id}`, a list or an event gives it.
    """

    def __init__(self, calls: Calls, view: View) -> None:
        self._calls = calls
        self._view = view

    def __repr__(self) -> str:
        return f"<Job {self.id} {self.type} {self.state}>"

    @property
    def id(self) -> str:
        """Its id; `Ringback.job` finds it again by it."""
        return str(self._view["id"])

    @property
    def type(self) -> str:
        """What it does."""
        return str(self._view["type"])

    @property
    def state(self) -> str:
        """`waiting`, `queued`, `running`, `succeeded`, `failed` or `cancelled`."""
        return str(self._view["state"])

    @property
    def has_ended(self) -> bool:
        """Whether its state is one of the last three."""
        return self.state in FINAL_STATES

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        return float(self._view["progress"])

    @property
    def progress_message(self) -> str:
        """What is being done, for people."""
        return str(self._view["progress_message"])

    @property
    def result(self) -> dict[str, Any] | None:
        """What it returned, once it has succeeded; of a large one out of a list, see `view`."""
        result: dict[str, Any] | None = self.view["result"]
        return result

    @property
    def error(self) -> dict[str, Any] | None:
        """`code`, `message` and `retryable`, if it failed or was cancelled."""
        error: dict[str, Any] | None = self._view["error"]
        return error

    @property
    def artifact(self) -> dict[str, Any] | None:
        """Its file: `name`, `media_type`, `size`, `sha256`, `expires_at` …, if it wrote one."""
        artifact: dict[str, Any] | None = self._view["artifact"]
        return artifact

    @property
    def view(self) -> View:
        """Everything, as `GET /v1/jobs/{id}` gives it.

        A list leaves out what is large. The server is asked for that now, and raises as `refresh`.
        """
        if self._view.get("shortened"):
            self.refresh()
        return self._view

    def wait(self, timeout: float | None = None, on_progress: OnProgress | None = None) -> Job:
        """Wait for its end; see `Ringback.wait`."""
        return self._calls.wait(self, timeout=timeout, on_progress=on_progress)

    def download(self, path: str | os.PathLike[str]) -> Path:
        """Download its file; see `Ringback.download`."""
        return self._calls.download(self, path)

    def cancel(self) -> Job:
        """Ask it to end; see `Ringback.cancel`."""
        return self._calls.cancel(self)

    def retry(self) -> Job:
        """Start it again as a new job; see `Ringback.retry`."""
        return self._calls.retry(self)

    def refresh(self) -> Job:
        """Ask the server for its present state. Raises as `Ringback.job`."""
        self._take(self._calls.job(self.id).view)
        return self

    def _take(self, view: View) -> None:
        if view["version"] < self._view["version"]:
            return
        # A `job` event leaves out what is large; of a job whose end it tells, the server is asked.
        if view["params"] is None and self._view["params"] is not None:
            view = view | {"params": self._view["params"], "shortened": False}
        self._view = view


class Waiting:
    """Waits for the end of one job, on the caller's thread.

    News come over the socket; while there is none, the server is asked now and then.

    Args:
        session: asks the server.
        watches: brings the news.
        job: kept up to date meanwhile.
        on_progress: called with the job at each newer version that this thread gets to see.
    """

    def __init__(
        self, session: Session, watches: Watches, job: Job, on_progress: OnProgress | None
    ) -> None:
        self._session, self._watches, self._job = session, watches, job
        self._on_progress = on_progress
        self._pauses = full_jitter(longest=LONGEST_POLL_SECONDS)
        self._shown = -1

    def until(self, deadline: Deadline) -> None:
        """Return once it has ended.

        Raises:
            JobTimeout: the deadline passed before.
        """
        with self._watches.watching(self._job.id) as watch:
            looks = watch.looks
            self._look(deadline)
            while not self._show(watch):
                if deadline.passed:
                    raise JobTimeout(self._job)
                version = watch.version
                self._watches.wait(watch, version, looks, min(deadline.left, self._pause()))
                if watch.version <= version:
                    looks = watch.looks
                    self._look(deadline)

    def _pause(self) -> float:
        return LIVE_SECONDS if self._watches.is_live else 0.1 + next(self._pauses)

    def _look(self, deadline: Deadline) -> None:
        """Ask the server; one that is away has not lost the job: it is waited for."""
        request = Request("GET", f"/v1/jobs/{self._job.id}")
        try:
            self._watches.update(self._session.json(request, deadline.at_most(LOOK_SECONDS)))
        except (Unreachable, Refused) as error:
            if isinstance(error, Refused) and error.status not in NOT_NOW:
                raise
            log.info("job %s is still waited for: %s", self._job.id, error)

    def _show(self, watch: Watch) -> bool:
        """Tell of a newer version. Whether it is the last."""
        view = watch.view
        if view is not None and view["version"] > self._shown:
            self._shown = view["version"]
            self._job._take(view)
            self._tell()
        return view is not None and view["state"] in FINAL_STATES

    def _tell(self) -> None:
        if self._on_progress is None:
            return
        try:
            self._on_progress(self._job)
        except Exception:
            log.exception("on_progress raised; the wait goes on")


def raise_unless_succeeded(job: Job) -> None:
    """Raise JobFailed or JobCancelled if that is how it ended."""
    if job.state == "failed":
        raise JobFailed(job)
    if job.state == "cancelled":
        raise JobCancelled(job)

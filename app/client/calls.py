"""What can be asked for: jobs, files, notifications. `Ringback` adds the connection."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.client.download import fetch_file
from app.client.errors import Refused
from app.client.inbox import Notification
from app.client.jobs import Job, OnProgress, Waiting, raise_unless_succeeded
from app.client.pauses import Deadline
from app.client.session import Session
from app.client.watches import Watches
from app.client.web import Request

PAGE = 200


class Calls:
    """The calls of one user; see `Ringback`.

    Every call that starts something carries an Idempotency-Key, so that after a lost answer it can
    be sent again; every other one may be sent twice anyway.

    Args:
        session: who calls.
        watches: the jobs that are waited for.
        patience: seconds for which a call is tried again.
    """

    def __init__(self, session: Session, watches: Watches, patience: float) -> None:
        self._session, self._watches, self._patience = session, watches, patience

    def run(
        self,
        job_type: str,
        /,
        params: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        on_progress: OnProgress | None = None,
        key: str | None = None,
        **more: Any,
    ) -> Job:
        """Start a job and wait until it has succeeded.

        Args:
            job_type: a name out of `GET /v1/job-types`.
            params: its parameters; they can be given as keywords too, unless they are called like
                one of these arguments.
            timeout: seconds after which to stop waiting; None waits for as long as it takes.
            on_progress: called on this thread with the job, at each newer version that it gets to
                see. What it raises is logged.
            key: the Idempotency-Key; left out, a new one. With a key of your own you can start a
                program again without starting the job again.

        Raises:
            JobFailed, JobCancelled: how it ended; `code` and `message` say why.
            JobTimeout: (a TimeoutError) it goes on; the exception has the job.
            Refused: the server does not take it, and why.
            Unreachable: nobody answered within `patience`. Whether it was accepted is not known:
                submit again with the same key to find out.
            SessionEnded: the sign-in is over.
        """
        deadline = Deadline(timeout)
        job = self._submit(job_type, {**(params or {}), **more}, key, deadline)
        return self._wait(job, deadline, on_progress)

    def submit(
        self,
        job_type: str,
        /,
        params: Mapping[str, Any] | None = None,
        *,
        key: str | None = None,
        **more: Any,
    ) -> Job:
        """Start a job; however often an answer is lost on the way, it is one. As `run`."""
        return self._submit(job_type, {**(params or {}), **more}, key, Deadline(None))

    def wait(
        self, job: Job | str, timeout: float | None = None, on_progress: OnProgress | None = None
    ) -> Job:
        """Wait until a job has succeeded; a server that is away is waited for too. As `run`."""
        found = self.job(job) if isinstance(job, str) else job
        return self._wait(found, Deadline(timeout), on_progress)

    def job(self, job_id: str) -> Job:
        """One job of the user. Raises Refused (404) if there is none of that id."""
        return Job(self, self._json(Request("GET", f"/v1/jobs/{job_id}")))

    def jobs(self, *, state: str | None = None, job_type: str | None = None) -> Iterator[Job]:
        """The user's jobs, newest first; pages are fetched as they are needed."""
        wanted = {"state": state, "type": job_type, "limit": PAGE}
        query = {name: value for name, value in wanted.items() if value is not None}
        for view in self._pages("/v1/jobs", query, "cursor"):
            yield Job(self, view)

    def result(self, job: Job | str) -> dict[str, Any] | None:
        """Wait for a job, and give what it returned. Raises as `wait`."""
        return self.wait(job).result

    def cancel(self, job: Job | str) -> Job:
        """Ask a job to end. One that runs stops a little later, or may just succeed: `wait` tells.

        Raises:
            Refused: `job_ended`: it had ended otherwise.
        """
        job_id = job if isinstance(job, str) else job.id
        try:
            view = self._json(Request("POST", f"/v1/jobs/{job_id}/cancel"))
        except Refused as error:
            if error.code != "job_ended":
                raise
            view = self.job(job_id).view
            if view["state"] != "cancelled":
                raise
        return self._updated(job, view)

    def retry(self, job: Job | str, *, key: str | None = None) -> Job:
        """Start a job that has ended again: a new one that `follows` it.

        Raises:
            Refused: `job_not_ended`.
        """
        job_id = job if isinstance(job, str) else job.id
        headers = {"Idempotency-Key": key or str(uuid4())}
        return Job(self, self._json(Request("POST", f"/v1/jobs/{job_id}/retry", headers=headers)))

    def download(self, job: Job | str, path: str | os.PathLike[str]) -> Path:
        """Download a job's file. It is there whole and checked, or not at all; a cut is resumed.

        Args:
            path: the file to write; what was there is replaced. A folder gets it under its own name.

        Returns:
            Where it is.

        Raises:
            DownloadFailed: the job has no file, or what came is not what it wrote.
            Refused: the file has expired.
        """
        found = self.job(job) if isinstance(job, str) else job
        return fetch_file(self._session, found.view, Path(path), self._patience)

    def notifications(self, after: int = 0) -> Iterator[Notification]:
        """The user's notifications above a number, in order; pages are fetched as they are needed."""
        return self._pages("/v1/notifications", {"after": after, "limit": PAGE}, "after")

    def mark_read(self, up_to: int) -> int:
        """Mark this number and all below it as read, on all devices. Returns how many are unread."""
        request = Request("POST", "/v1/notifications/read", {"up_to": up_to})
        return int(self._json(request)["unread"])

    def _submit(
        self, job_type: str, params: Mapping[str, Any], key: str | None, deadline: Deadline
    ) -> Job:
        body = {"type": job_type, "params": dict(params)}
        headers = {"Idempotency-Key": key or str(uuid4())}
        request = Request("POST", "/v1/jobs", body, headers=headers)
        return Job(self, self._session.json(request, deadline.at_most(self._patience)))

    def _wait(self, job: Job, deadline: Deadline, on_progress: OnProgress | None) -> Job:
        Waiting(self._session, self._watches, job, on_progress).until(deadline)
        raise_unless_succeeded(job)
        return job

    def _updated(self, job: Job | str, view: dict[str, Any]) -> Job:
        if isinstance(job, str):
            return Job(self, view)
        job._take(view)
        return job

    def _pages(self, path: str, query: dict[str, Any], name: str) -> Iterator[dict[str, Any]]:
        while True:
            page = self._json(Request("GET", path, query=query))
            yield from page["items"]
            if page["next"] is None:
                return
            query = {**query, name: page["next"]}

    def _json(self, request: Request) -> Any:
        return self._session.json(request, self._deadline())

    def _deadline(self) -> Deadline:
        return Deadline(self._patience)

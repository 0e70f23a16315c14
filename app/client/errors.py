"""What can go wrong, as exceptions; each has a stable `code` and a `message` for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.client.jobs import Job


class RingbackError(Exception):
    """The root of what this client raises by itself.

    Attributes:
        code: stable, snake_case; may be compared.
        message: a sentence for people.
    """

    code = "client_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class Refused(RingbackError):
    """The server said no; the same request would be refused again.

    A limit (429) is raised too, once `patience` is used up: that one may be tried again later.

    Attributes:
        status: of the HTTP answer.
        errors: field -> what is wrong with it; empty unless fields are wrong.
        request_id: under which the server's log has it.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        detail = str(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        super().__init__(detail, code=str(problem.get("code") or f"http_{status}"))
        self.status = status
        self.errors: dict[str, list[str]] = dict(problem.get("errors") or {})
        self.request_id: str | None = problem.get("request_id")

    def __str__(self) -> str:
        fields = "; ".join(f"{name}: {', '.join(each)}" for name, each in self.errors.items())
        return f"{self.message} ({fields})" if fields else self.message


class SignInRefused(Refused):
    """The address or the password is wrong, or the user is disabled."""


class SessionEnded(RingbackError):
    """This sign-in is over: revoked, signed out elsewhere, or its tokens ran out. Sign in anew."""

    code = "session_ended"


class Unreachable(RingbackError, ConnectionError):
    """The server did not answer within `patience`, for all tries."""

    code = "unreachable"


class Closed(RingbackError):
    """The client was closed; make a new one."""

    code = "closed"


class JobTimeout(RingbackError, TimeoutError):
    """The wait is over, the job is not: it goes on.

    Attributes:
        job: to wait for again, or to cancel.
    """

    code = "job_timeout"

    def __init__(self, job: Job) -> None:
        super().__init__(
            f"Job {job.id} had not ended in time ({job.state}); it goes on. "
            "Wait for it again, or cancel it."
        )
        self.job = job


class JobNotDone(RingbackError):
    """A job ended without a result.

    Attributes:
        job: the job.
    """

    def __init__(self, job: Job) -> None:
        error = job.error or {}
        message = error.get("message") or f"Job {job.id} ended as {job.state}."
        super().__init__(message, code=error.get("code") or self.code)
        self.job = job


class JobFailed(JobNotDone):
    """The job failed; `code` and `message` are the job's."""

    code = "job_failed"


class JobCancelled(JobNotDone):
    """The job was cancelled, here or elsewhere."""

    code = "job_cancelled"


class DownloadFailed(RingbackError):
    """There is no file, or what came is not what the job wrote. Nothing was left on disk."""

    code = "download_failed"

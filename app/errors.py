"""The error tree: what went wrong, as a stable code and a sentence that names cause and mend.

Nothing here knows of HTTP or of sockets: `app.api.errors` and `app.sockets` translate.
"""


class AppError(Exception):
    """The root: an error that its receiver can understand and act on.

    Attributes:
        code: stable, snake_case; clients may compare it.
        message: a sentence for people.
        retryable: whether the same call may succeed later without a change.
    """

    code: str = "internal_error"
    retryable: bool = False

    def __init__(self, message: str, *, code: str | None = None, retryable: bool | None = None):
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if retryable is not None:
            self.retryable = retryable


class ConfigError(AppError):
    """The settings are missing, wrong or contradict each other; the process must not start."""

    code = "config_error"


class Unauthenticated(AppError):
    """No valid token: it is missing, malformed, expired, revoked or of the wrong kind."""

    code = "unauthenticated"


class PermissionDenied(AppError):
    """The caller is known and may not do this."""

    code = "permission_denied"


class NotFound(AppError):
    """There is no such thing, or it belongs to somebody else: the answer is the same."""

    code = "not_found"


class Conflict(AppError):
    """The thing is not in a state that permits this."""

    code = "conflict"


class BadRequest(AppError):
    """The request cannot be read: broken JSON, an edited cursor."""

    code = "bad_request"


class InvalidInput(AppError):
    """Readable, but one or more values are not acceptable.

    Attributes:
        fields: field path (dotted) -> what is wrong with it.
    """

    code = "invalid_input"

    def __init__(self, message: str, fields: dict[str, list[str]], *, code: str | None = None):
        super().__init__(message, code=code)
        self.fields = fields


class TooLarge(AppError):
    """More was sent than is taken."""

    code = "body_too_large"


class TryLater(AppError):
    """Not now, but soon.

    Attributes:
        retry_after: seconds after which to try again.
    """

    retryable = True

    def __init__(self, message: str, retry_after: float, *, code: str | None = None):
        super().__init__(message, code=code)
        self.retry_after = retry_after


class TooManyRequests(TryLater):
    """A limit is reached."""

    code = "too_many_requests"


class ServerBusy(TryLater):
    """Too many ask for the same at once, or what they ask for does not answer."""

    code = "server_busy"


class ServerStopping(TryLater):
    """This server is about to end: another one, or the next one, goes on."""

    code = "server_stopping"

    def __init__(self, retry_after: float):
        super().__init__("This server stops. Connect again; nothing is lost.", retry_after)


class JobFailed(AppError):
    """Raised by a job type: the job ends as `failed` and its owner reads the message.

    With `retryable=True` the job is first tried again, as often as its type permits.
    """

    code = "job_failed"


class JobCancelled(AppError):
    """Raised inside a job type by its next progress call once its owner cancelled it."""

    code = "job_cancelled"


class JobTimedOut(AppError):
    """Raised inside a job type when its soft time limit has passed."""

    code = "time_limit_exceeded"


class WorkerStopping(AppError):
    """Raised inside a job type when its worker has to stop; the job goes to another one."""

    code = "worker_stopping"


class LeaseLost(AppError):
    """This worker no longer holds the job; another may. It stops and writes nothing."""

    code = "lease_lost"

"""The Python client: start jobs, wait for them, be rung; over the official Socket.IO client.

It imports nothing else of the application. `Ringback` is where to begin; docs/python-client.md tells
the rest.
"""

from app.client.delivery import State
from app.client.errors import (
    Closed,
    DownloadFailed,
    JobCancelled,
    JobFailed,
    JobNotDone,
    JobTimeout,
    Refused,
    RingbackError,
    SessionEnded,
    SignInRefused,
    Unreachable,
)
from app.client.jobs import Job
from app.client.ringback import Ringback

__all__ = [
    "Closed",
    "DownloadFailed",
    "Job",
    "JobCancelled",
    "JobFailed",
    "JobNotDone",
    "JobTimeout",
    "Refused",
    "Ringback",
    "RingbackError",
    "SessionEnded",
    "SignInRefused",
    "State",
    "Unreachable",
]

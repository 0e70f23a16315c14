"""How the API's description tells the answers of the job routes beyond the ordinary one."""

from typing import Any

from app.api.answers import problem, reference
from app.api.errors import MEDIA_TYPE
from app.jobs.earlier import Again

# Which header says why an existing job came back.
AGAIN_HEADERS = {Again.SAME_KEY: "Idempotent-Replayed", Again.ACTIVE: "Job-Already-Active"}


def _header(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


_JOB = {"application/json": reference("JobOut")}
_LOCATION = {"Location": _header("Path of the job.")}
_KEY_REUSED = "`idempotency_key_reused`: the key came with another type, or other parameters."

STARTED: Any = {
    200: {
        "description": "No new job: the one that this `Idempotency-Key` made, or, of a type that "
        "allows but one at a time, the one that has not ended.",
        "headers": _LOCATION
        | {
            AGAIN_HEADERS[Again.SAME_KEY]: _header("`true`: this key made the job before."),
            AGAIN_HEADERS[Again.ACTIVE]: _header("`true`: the type allows but one at a time."),
        },
        "content": _JOB,
    },
    202: {"description": "The job is accepted.", "headers": _LOCATION},
    409: problem(_KEY_REUSED),
}
RETRIED: Any = STARTED | {
    409: problem(f"`job_not_ended`: it can be cancelled, but not repeated yet. {_KEY_REUSED}")
}
CANCELLED: Any = {
    200: {"description": "It has ended, as `cancelled`."},
    202: {
        "description": "It runs, and was told to stop. It may still succeed, if it was about to.",
        "content": _JOB,
    },
    409: problem("`job_ended`: it had ended before."),
}
_ETAG = {"ETag": _header("Changes whenever the job does.")}
SHOWN: Any = {
    200: {"description": "The job.", "headers": _ETAG},
    304: {"description": "The caller has it (`If-None-Match`).", "headers": _ETAG},
    429: problem("A limit is reached. `too_many_waiting`: so many of your requests wait here."),
    503: problem("The database does not answer. `server_busy`: too many requests wait here."),
}
_ANYTHING = {"*/*": {"schema": {"type": "string", "format": "binary"}}}
FILE: Any = {
    200: {"description": "The file", "content": _ANYTHING},
    206: {"description": "A part", "content": _ANYTHING},
    304: {"description": "The caller has it (`If-None-Match`)"},
    412: {"description": "It is another than the caller has (`If-Match`)"},
    416: {"description": "There is no such part", "content": {MEDIA_TYPE: {}}},
}

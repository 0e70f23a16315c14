"""A check of our own, beside those of Schemathesis: answers keep to themselves how they are made."""

import re
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import EnsureResourceAvailability

LEAK = re.compile(
    r"Traceback|site-packages|\.py\b|/app/|psycopg2|sqlalchemy|werkzeug|"
    r"\b(SELECT|INSERT|UPDATE|DELETE) [A-Za-z_.*, ]+ (FROM|INTO|SET)\b|argon2|password_hash"
)
# Seconds.
LONGEST_WAIT = 1
PERMITTED_WAITS = {str(seconds) for seconds in range(61)}


@schemathesis.check
def nothing_leaks(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """No stack trace, no path, no SQL, no hash: neither in a body nor in a header."""
    shown = "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    body = response.content.decode(errors="replace")
    if response.status_code >= 400:
        shown += body
    found = LEAK.search(shown)
    assert found is None, f"leaks {found.group()!r}"
    assert "password_hash" not in body
    assert "server" not in response.headers, "tells what it is made of"
    assert response.headers["x-content-type-options"] == ["nosniff"]


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]
) -> None:
    """Nobody works on the jobs here: a wait as long as is permitted would be waited to its end."""
    wait = str((case.query or {}).get("wait"))
    if case.operation.label == "GET /v1/jobs/{job_id}" and wait in PERMITTED_WAITS:
        case.query["wait"] = min(int(wait), LONGEST_WAIT)


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext,
    failure: Failure,
    case: schemathesis.Case,
    response: schemathesis.Response,
) -> bool:
    """A job has no file before its end: it was just created, and its result is not there (404).

    A hook because the settings of one operation do not count where requests follow each other.
    """
    is_missing = isinstance(failure, EnsureResourceAvailability)
    return not (is_missing and case.operation.label == "GET /v1/jobs/{job_id}/result")

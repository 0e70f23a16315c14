"""A check of our own, beside those of Schemathesis: answers keep to themselves how they are made."""

import re

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import EnsureResourceAvailability

LEAK = re.compile(
    r"Traceback|site-packages|\.py\b|/app/|psycopg2|sqlalchemy|werkzeug|"
    r"\b(SELECT|INSERT|UPDATE|DELETE) [A-Za-z_.*, ]+ (FROM|INTO|SET)\b|argon2|password_hash"
)


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

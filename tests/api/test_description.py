"""What the API's description says of the answers of job routes."""

from typing import Any

import pytest
from flask.testing import FlaskClient

PROBLEM = "application/problem+json"
START = ["/v1/jobs", "/v1/create_excel_test", "/v1/jobs/{job_id}/retry"]
# Answers to conditional requests for a file, of which nobody reads the body.
BARE = {("/v1/jobs/{job_id}/result", "412")}


@pytest.fixture
def paths(http: FlaskClient) -> dict[str, Any]:
    paths: dict[str, Any] = http.get("/openapi.json").get_json()["paths"]
    return paths


def job_in(answer: dict[str, Any]) -> bool:
    return bool(
        answer["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/JobOut"
    )


def test_every_error_is_a_problem(paths: dict[str, Any]) -> None:
    plain = {
        (path, status)
        for path, item in paths.items()
        for operation in item.values()
        for status, answer in operation["responses"].items()
        if status >= "400" and set(answer.get("content", {})) != {PROBLEM}
    }
    assert plain == BARE


@pytest.mark.parametrize("path", START)
def test_what_starts_a_job_takes_a_key_and_tells_when_there_is_no_new_job(
    paths: dict[str, Any], path: str
) -> None:
    operation = paths[path]["post"]
    (key,) = [each for each in operation["parameters"] if each["in"] == "header"]
    assert (key["name"], key["required"]) == ("Idempotency-Key", False)
    assert (key["schema"]["minLength"], key["schema"]["maxLength"]) == (1, 255)
    assert key["schema"]["type"] == "string"
    answers = operation["responses"]
    assert {"200", "202", "401", "409", "422", "429", "503"} <= set(answers)
    assert job_in(answers["200"])
    assert job_in(answers["202"])
    again = {"Location", "Idempotent-Replayed", "Job-Already-Active"}
    assert (set(answers["200"]["headers"]), set(answers["202"]["headers"])) == (
        again,
        {"Location"},
    )
    assert "Retry-After" in answers["429"]["headers"]


def test_cancel_tells_whether_the_job_has_ended(paths: dict[str, Any]) -> None:
    answers = paths["/v1/jobs/{job_id}/cancel"]["post"]["responses"]
    assert {"200", "202", "401", "404", "409", "429", "503"} == set(answers)
    assert job_in(answers["200"])
    assert job_in(answers["202"])

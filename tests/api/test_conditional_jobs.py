"""`GET /v1/jobs/{id}` with `If-None-Match`: who has the job as it is gets 304 and no body."""

from typing import Any

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from app.accounts.permissions import Role
from tests.support.database import query
from tests.support.in_process import Accounts, Caller
from tests.support.quiet import (
    MakeApp,
    make_app,  # noqa: F401  # fixture
    new_user,
    next_turn,
    own_settings,  # noqa: F401  # fixture
    submit,
    succeed,
)


@pytest.fixture
def app(make_app: MakeApp) -> APIFlask:  # noqa: F811
    return make_app()


@pytest.fixture
def owner(app: APIFlask) -> Caller:
    return new_user(app)


def show(caller: Caller, job_id: str, known: str | None = None, **options: Any) -> TestResponse:
    headers = {} if known is None else {"If-None-Match": known}
    return caller.call(options.pop("method", "GET"), f"/v1/jobs/{job_id}", headers=headers)


def etag_of(caller: Caller, job_id: str) -> str:
    return show(caller, job_id).headers["ETag"]


def test_a_job_has_a_weak_etag_of_its_id_and_version(owner: Caller) -> None:
    job_id = submit(owner)
    answer = show(owner, job_id)
    job = answer.get_json()
    assert answer.headers["ETag"] == f'W/"{job_id}-{job["version"]}"'
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert etag_of(owner, job_id) == answer.headers["ETag"]
    assert etag_of(owner, submit(owner)) != answer.headers["ETag"]


def test_who_has_it_gets_304_without_a_body(owner: Caller) -> None:
    job_id = submit(owner)
    etag = etag_of(owner, job_id)
    for method in ("GET", "HEAD"):
        answer = show(owner, job_id, etag, method=method)
        assert (answer.status_code, answer.data) == (304, b"")
        assert answer.headers["ETag"] == etag
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert "Content-Type" not in answer.headers


def test_every_change_gives_another_etag(owner: Caller, app: APIFlask) -> None:
    job_id = submit(owner)
    etags = [etag_of(owner, job_id)]
    with app.app_context():
        job = next_turn(job_id)
    assert job is not None
    etags.append(etag_of(owner, job_id))
    owner.ok("POST", f"/v1/jobs/{job_id}/cancel")
    etags.append(etag_of(owner, job_id))
    with app.app_context():
        succeed(job, b"a file")
    etags.append(etag_of(owner, job_id))
    assert len(set(etags)) == 4
    for old in etags[:-1]:
        assert show(owner, job_id, old).status_code == 200
    assert show(owner, job_id, etags[-1]).status_code == 304


def test_a_file_that_was_deleted_is_a_change(owner: Caller, app: APIFlask) -> None:
    job_id = submit(owner)
    with app.app_context():
        job = next_turn(job_id)
        assert job is not None
        succeed(job, b"a file")
    etag = etag_of(owner, job_id)
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    query(url, "UPDATE artifacts SET deleted_at = now() WHERE job_id = %s", job_id)
    answer = show(owner, job_id, etag)
    assert (answer.status_code, answer.get_json()["artifact"]["deleted"]) == (200, True)
    assert show(owner, job_id, answer.headers["ETag"]).status_code == 304


@pytest.mark.parametrize(
    "form", ["{0}", "{strong}", '"other", {0}', '{0}, W/"other"', "*", ' {0} , "x"']
)
def test_all_forms_of_the_header_that_name_it_are_understood(owner: Caller, form: str) -> None:
    job_id = submit(owner)
    etag = etag_of(owner, job_id)
    known = form.format(etag, strong=etag.removeprefix("W/"))
    assert show(owner, job_id, known).status_code == 304


@pytest.mark.parametrize("known", ["", '"', "W/", '"other"', "nonsense", ",,,", 'W/"-1"', "\xff"])
def test_a_header_that_does_not_name_it_gets_the_job(owner: Caller, known: str) -> None:
    job_id = submit(owner)
    assert show(owner, job_id, known).get_json()["id"] == job_id


def test_an_etag_opens_nothing(owner: Caller, app: APIFlask) -> None:
    job_id = submit(owner)
    etag = etag_of(owner, job_id)
    assert show(new_user(app), job_id, etag).status_code == 404
    assert show(new_user(app), job_id, "*").status_code == 404
    http = app.test_client()
    answer = http.get(f"/v1/jobs/{job_id}", headers={"If-None-Match": etag})
    assert answer.status_code == 401
    assert "ETag" not in answer.headers


def test_who_reads_everybodys_jobs_has_the_same_etag(owner: Caller, app: APIFlask) -> None:
    job_id = submit(owner)
    etag = etag_of(owner, job_id)
    assert show(Accounts(app).caller(Role.AUDITOR), job_id, etag).status_code == 304


@pytest.mark.parametrize("wait", ["-1", "61", "1.5", "x", "", "%00", "1e9", "30s", "null"])
def test_a_wait_that_is_no_whole_number_up_to_60_is_refused_by_name(
    owner: Caller, wait: str
) -> None:
    answer = owner.call("GET", f"/v1/jobs/{submit(owner)}?wait={wait}")
    assert answer.status_code == 422
    assert list(answer.get_json()["errors"]) == ["wait"]


def test_no_wait_is_a_wait_of_nothing(owner: Caller) -> None:
    job_id = submit(owner)
    assert owner.ok("GET", f"/v1/jobs/{job_id}?wait=0") == owner.ok("GET", f"/v1/jobs/{job_id}")

"""`GET /v1/jobs/{id}?wait=`: answered when there is news of the job, and not before."""

import time
from collections.abc import Callable, Iterator

import pytest
from apiflask import APIFlask

from app.accounts.permissions import Role
from tests.support.database import query
from tests.support.in_process import Accounts, Caller
from tests.support.long_poll import AT_ONCE, LONG, Waiters, ask, claimed, end, etag_of, in_time
from tests.support.quiet import (
    MakeApp,
    make_app,  # noqa: F401  # fixture
    new_user,
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


@pytest.fixture
def waiters(app: APIFlask) -> Iterator[Waiters]:
    with Waiters(app) as made:
        yield made


def test_without_an_etag_the_end_of_the_job_is_waited_for(
    app: APIFlask, owner: Caller, waiters: Waiters
) -> None:
    job_id = submit(owner)
    asked = waiters.ask(owner, job_id)
    job = claimed(app, job_id)
    time.sleep(1.2)  # two looks: that it runs is no answer
    assert not asked.done()
    with app.app_context():
        succeed(job)
    answer = in_time(asked)
    assert (answer.status_code, answer.get_json()["state"]) == (200, "succeeded")
    assert answer.headers["ETag"] == etag_of(owner, job_id)


def test_with_an_etag_any_change_is_an_answer(
    app: APIFlask, owner: Caller, waiters: Waiters
) -> None:
    job_id = submit(owner)
    asked = waiters.ask(owner, job_id, known=etag_of(owner, job_id))
    claimed(app, job_id)
    answer = in_time(asked)
    assert (answer.status_code, answer.get_json()["state"]) == (200, "running")
    asked = waiters.ask(owner, job_id, known=answer.headers["ETag"])
    owner.ok("POST", f"/v1/jobs/{job_id}/cancel")
    assert in_time(asked).get_json()["cancelling"] is True


def test_when_the_time_is_over_the_job_is_answered_as_it_is(app: APIFlask, owner: Caller) -> None:
    job_id = submit(owner)
    began = time.monotonic()
    answer = ask(app, owner, job_id, 1)
    assert (answer.status_code, answer.get_json()["state"]) == (200, "queued")
    known = answer.headers["ETag"]
    answer = ask(app, owner, job_id, 1, known)
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", known)
    assert 2.0 <= time.monotonic() - began < AT_ONCE


def test_a_job_that_is_other_than_the_caller_knows_is_not_waited_for(
    app: APIFlask, owner: Caller
) -> None:
    job_id = submit(owner)
    old = etag_of(owner, job_id)
    claimed(app, job_id)
    began = time.monotonic()
    for known in (old, '"nonsense"'):
        answer = ask(app, owner, job_id, LONG, known)
        assert (answer.status_code, answer.get_json()["state"]) == (200, "running")
    assert time.monotonic() - began < AT_ONCE


def test_a_job_that_has_ended_is_not_waited_for(app: APIFlask, owner: Caller) -> None:
    job_id = submit(owner)
    end(app, job_id)
    began = time.monotonic()
    assert ask(app, owner, job_id, LONG).get_json()["state"] == "succeeded"
    assert ask(app, owner, job_id, LONG, etag_of(owner, job_id)).status_code == 304
    assert time.monotonic() - began < AT_ONCE


def test_others_wait_for_nothing(app: APIFlask, owner: Caller) -> None:
    job_id, began = submit(owner), time.monotonic()
    assert ask(app, new_user(app), job_id, LONG).status_code == 404
    assert time.monotonic() - began < AT_ONCE


def test_who_may_read_everybodys_jobs_may_wait_for_them(
    app: APIFlask, owner: Caller, waiters: Waiters
) -> None:
    job_id = submit(owner)
    asked = waiters.ask(Accounts(app).caller(Role.AUDITOR), job_id)
    end(app, job_id)
    assert in_time(asked).get_json()["user_id"] == owner.id


def test_who_signs_out_meanwhile_is_told_nothing(
    app: APIFlask, owner: Caller, waiters: Waiters
) -> None:
    job_id = submit(owner)
    again = Accounts(app).again(owner.email)
    asked = waiters.ask(owner, job_id)
    ended = again.call("DELETE", f"/v1/sessions/{owner.tokens['session_id']}")
    assert ended.status_code == 204
    end(app, job_id)
    answer = in_time(asked)
    assert (answer.status_code, answer.get_json()["code"]) == (401, "token_revoked")


def lose_role(url: str, job_id: str, reader: Caller) -> None:
    query(url, "UPDATE users SET role = 'user' WHERE id = %s", reader.id)
    query(url, "UPDATE jobs SET version = version + 1 WHERE id = %s", job_id)


def lose_job(url: str, job_id: str, reader: Caller) -> None:
    query(url, "DELETE FROM jobs WHERE id = %s", job_id)


@pytest.mark.parametrize("lose", [lose_role, lose_job])
def test_what_may_no_longer_be_seen_after_the_wait_is_not_shown(
    app: APIFlask, owner: Caller, waiters: Waiters, lose: Callable[[str, str, Caller], None]
) -> None:
    reader, job_id = Accounts(app).caller(Role.AUDITOR), submit(owner)
    asked = waiters.ask(reader, job_id, known=etag_of(owner, job_id))
    lose(app.config["SQLALCHEMY_DATABASE_URI"], job_id, reader)
    answer = in_time(asked)
    assert (answer.status_code, answer.get_json()["code"]) == (404, "job_not_found")

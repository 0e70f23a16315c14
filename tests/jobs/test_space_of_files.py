"""How much the files of one user may take together: the oldest expire, and the owner is told."""

from typing import Any

import pytest
from apiflask import APIFlask

from app.extensions import db
from app.jobs import quota, retention
from app.services import services
from tests.support.at_once import at_once
from tests.support.in_process import Caller
from tests.support.quiet import MakeApp, new_user, next_turn, submit, succeed

MOST = 100


@pytest.fixture
def app(make_app: MakeApp) -> APIFlask:
    return make_app(max_artifact_bytes_per_user=MOST)


def run(app: APIFlask, user: Caller, size: int) -> str:
    """A job with a file of so many bytes; its id."""
    job_id = submit(user)
    finish(app, job_id, size)
    return job_id


def finish(app: APIFlask, job_id: str, size: int) -> None:
    with app.app_context():
        job = next_turn(job_id)
        assert job is not None
        succeed(job, b"x" * size)


def inbox(user: Caller) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.ok("GET", "/v1/notifications?limit=200")["items"]
    assert [each["seq"] for each in items] == list(range(1, len(items) + 1))
    return items


def told(user: Caller) -> list[str | None]:
    """The jobs whose files expired, in the order in which their owner was told."""
    return [each["job_id"] for each in inbox(user) if each["type"] == "artifact.expired"]


def has_file(user: Caller, job_id: str) -> bool:
    """Whether the file can be downloaded; otherwise it has to be called gone."""
    with user.call("GET", f"/v1/jobs/{job_id}/result") as answer:
        assert answer.status_code == 200 or answer.get_json()["code"] == "artifact_gone"
        return answer.status_code == 200


def test_files_that_fit_stay(app: APIFlask) -> None:
    user = new_user(app)
    jobs = [run(app, user, 50), run(app, user, 50), run(app, user, 0)]
    assert all(has_file(user, job) for job in jobs)
    assert told(user) == []


def test_the_oldest_files_expire_until_the_rest_fits_and_their_owner_is_told(
    app: APIFlask,
) -> None:
    user = new_user(app)
    jobs = [run(app, user, size) for size in (30, 30, 30, 45)]
    assert [has_file(user, job) for job in jobs] == [False, False, True, True]
    described = [user.ok("GET", f"/v1/jobs/{job}")["artifact"] for job in jobs]
    assert [each["deleted"] for each in described] == [True, True, False, False]
    assert told(user) == jobs[:2]
    *_, final, first, _ = inbox(user)
    assert (final["type"], final["job_id"]) == ("job.succeeded", jobs[3])
    assert first["title"] == "result.txt: expired"
    assert "more space than one user may have" in first["body"]
    said = {"job_id": jobs[0], "name": "result.txt", "size": 30, "reason": "quota"}
    assert first["data"] == said


def test_what_expired_is_deleted_by_the_beat_and_not_told_again(app: APIFlask) -> None:
    user = new_user(app)
    jobs = [run(app, user, 60) for _ in range(2)]
    with app.app_context():
        assert retention.expire_artifacts() == 1
        there = {path.name for path in services().settings.artifact_dir.iterdir()}
        assert [job in there for job in jobs] == [False, True]
        assert retention.expire_artifacts() == 0
    jobs.append(run(app, user, 60))
    assert told(user) == jobs[:2]


def test_a_file_larger_than_all_that_is_permitted_stays_alone(app: APIFlask) -> None:
    user = new_user(app)
    jobs = [run(app, user, 10), run(app, user, MOST + 1)]
    assert [has_file(user, job) for job in jobs] == [False, True]
    assert told(user) == jobs[:1]


def test_the_files_of_others_do_not_count(app: APIFlask) -> None:
    user, other = new_user(app), new_user(app)
    jobs = [run(app, user, 80), run(app, other, 80)]
    assert has_file(user, jobs[0])
    assert has_file(other, jobs[1])
    assert told(user) == told(other) == []


def test_jobs_that_end_at_the_same_instant_keep_the_limit(app: APIFlask) -> None:
    for _ in range(3):
        user = new_user(app)
        jobs = [submit(user) for _ in range(4)]
        at_once(*[lambda job=job: finish(app, job, 40) for job in jobs])
        kept = [job for job in jobs if has_file(user, job)]
        assert len(kept) == 2
        assert sorted(map(str, told(user))) == sorted(set(jobs) - set(kept))


def test_very_many_small_files_make_place_with_few_messages(
    app: APIFlask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quota, "MAX_TOLD", 2)
    user = new_user(app)
    jobs = [run(app, user, 10) for _ in range(6)] + [run(app, user, 95)]
    assert [has_file(user, job) for job in jobs] == [False] * 6 + [True]
    assert told(user) == [*jobs[:2], None]
    last = inbox(user)[-1]
    assert (last["title"], last["data"]["size"]) == ("4 more files: expired", 40)


def test_a_file_expires_for_its_age_without_a_word(app: APIFlask) -> None:
    user = new_user(app)
    job = run(app, user, 10)
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(db.text("UPDATE artifacts SET expires_at = now() - interval '1 s'"))
    assert not has_file(user, job)
    assert told(user) == []

"""What is deleted when its time is over, and what stays although it refers to it."""

import shutil
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from apiflask import APIFlask

from app.artifacts.local import LocalArtifactStore
from app.extensions import db
from app.jobs import retention
from tests.support.in_process import Caller
from tests.support.quiet import MakeApp, new_user, next_turn, submit, succeed


def end(app: APIFlask, job_id: str, file: bytes | None = None) -> None:
    with app.app_context():
        job = next_turn(job_id)
        assert job is not None
        succeed(job, file)


def sql(app: APIFlask, text: str, **values: object) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(db.text(text), values)


def age(app: APIFlask, days: int) -> None:
    """All ended so many days ago."""
    change = "UPDATE jobs SET finished_at = now() - make_interval(days => :days)"
    sql(app, f"{change} WHERE finished_at IS NOT NULL", days=days)


def swept(app: APIFlask) -> int:
    with app.app_context():
        return retention.expire_jobs()


def exists(user: Caller, job_id: str) -> bool:
    return user.call("GET", f"/v1/jobs/{job_id}").status_code == 200


def test_an_ended_job_goes_with_its_log_and_its_notification_stays(make_app: MakeApp) -> None:
    app = make_app(job_days=30)
    user = new_user(app)
    old, unfinished = submit(user), submit(user)
    end(app, old)
    age(app, 29)
    assert swept(app) == 0
    age(app, 31)
    assert swept(app) == 1
    assert not exists(user, old)
    assert exists(user, unfinished)
    with app.app_context():
        logs = db.session.scalar(db.text(f"SELECT count(*) FROM job_events WHERE job_id = '{old}'"))
    assert logs == 0
    (notification,) = user.ok("GET", "/v1/notifications")["items"]
    assert (notification["type"], notification["job_id"]) == ("job.succeeded", None)


def test_a_job_stays_as_long_as_its_file(make_app: MakeApp) -> None:
    app = make_app(job_days=1, artifact_days=7)
    user = new_user(app)
    job = submit(user)
    end(app, job, b"content")
    age(app, 2)
    assert swept(app) == 0
    with user.call("GET", f"/v1/jobs/{job}/result") as answer:
        assert answer.data == b"content"
    sql(app, "UPDATE artifacts SET expires_at = now() - interval '1 s'")
    assert swept(app) == 0
    with app.app_context():
        assert retention.expire_artifacts() == 1
    assert swept(app) == 1
    assert not exists(user, job)


def test_a_job_that_repeats_a_deleted_one_stays(make_app: MakeApp) -> None:
    app = make_app(job_days=30)
    user = new_user(app)
    first = submit(user)
    end(app, first)
    second = user.ok("POST", f"/v1/jobs/{first}/retry")["id"]
    age(app, 31)
    assert swept(app) == 1
    assert user.ok("GET", f"/v1/jobs/{second}")["follows"] is None


def test_a_key_stands_for_nothing_once_its_time_is_over(make_app: MakeApp) -> None:
    app = make_app(idempotency_hours=24)
    user = new_user(app)
    for key in ("old", "young"):
        body = {"type": "middling", "params": {}}
        user.ok("POST", "/v1/jobs", json=body, headers={"Idempotency-Key": key})
    change = "UPDATE jobs SET idempotency_expires_at = now() - interval '1 s'"
    sql(app, f"{change} WHERE idempotency_key = 'old'")
    with app.app_context():
        assert retention.expire_keys() == 1
        assert retention.expire_keys() == 0
        left = db.session.execute(
            db.text(
                "SELECT idempotency_key, idempotency_hash IS NULL, idempotency_expires_at IS NULL"
                " FROM jobs ORDER BY id"
            )
        ).all()
    assert [tuple(row) for row in left] == [(None, True, True), ("young", False, False)]


def test_a_walk_through_the_store_goes_on_when_folders_vanish_before_it(tmp_path: Path) -> None:
    store = LocalArtifactStore(tmp_path / "store")
    for _ in range(3):
        with store.write(uuid4(), 1, "a.txt", "text/plain") as writing:
            writing.file.write(b"a")
    walk = store.stale_keys(timedelta(seconds=-1))
    assert next(walk).endswith("/1/a.txt")
    shutil.rmtree(store.root)
    assert list(walk) == []
    store.root.touch()
    with pytest.raises(NotADirectoryError):
        list(store.stale_keys(timedelta()))

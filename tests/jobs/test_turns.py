"""Which job a worker takes: by priority, then fairly among owners, then by age."""

from app.extensions import db, transaction
from app.jobs import sweep
from app.jobs.finish import Outcome, finish
from app.jobs.models import Job, JobState
from tests.support.at_once import at_once
from tests.support.quiet import MakeApp, new_user, next_turn, submit, succeed


def take(named: str) -> Job:
    """Claim; there must be something to claim."""
    job = next_turn(named)
    assert job is not None
    return job


def test_the_owner_with_the_least_running_is_next(make_app: MakeApp) -> None:
    app = make_app()
    busy, idle = new_user(app), new_user(app)
    jobs = [submit(busy) for _ in range(3)]
    with app.app_context():
        assert str(take(jobs[2]).id) == jobs[2]
        later = submit(idle)
        assert [str(take(jobs[1]).id) for _ in range(3)] == [later, jobs[1], jobs[0]]
        assert next_turn(jobs[0]) is None


def test_of_two_owners_the_one_served_longest_ago_is_next(make_app: MakeApp) -> None:
    app = make_app()
    first, second = new_user(app), new_user(app)
    jobs = [submit(user) for user in (first, second) for _ in range(3)]
    with app.app_context():
        turns = []
        for named in jobs:
            job = take(named)
            turns.append(str(job.user_id))
            succeed(job)
    assert turns in ([first.id, second.id] * 3, [second.id, first.id] * 3)


def test_a_lower_number_goes_first_whoever_has_the_least_running(make_app: MakeApp) -> None:
    app = make_app()
    busy, idle = new_user(app), new_user(app)
    running = submit(busy)
    with app.app_context():
        take(running)
        patient, urgent = submit(idle, "patient"), submit(busy, "urgent")
        middling = submit(busy)
        order = [str(take(patient).id) for _ in range(3)]
    assert order == [urgent, middling, patient]


def test_the_urgent_one_of_a_users_waiting_jobs_is_admitted_first(make_app: MakeApp) -> None:
    app = make_app(max_active_jobs_per_user=1)
    user = new_user(app)
    first, patient, urgent = submit(user), submit(user, "patient"), submit(user, "urgent")
    with app.app_context():
        succeed(take(first))
        assert user.ok("GET", f"/v1/jobs/{urgent}")["state"] == "queued"
        assert user.ok("GET", f"/v1/jobs/{patient}")["state"] == "waiting"


def test_a_type_may_have_a_limit_of_its_own_that_holds_up_no_other_type(make_app: MakeApp) -> None:
    app = make_app()
    user, other = new_user(app), new_user(app)
    jobs = [submit(user, "one_at_a_time") for _ in range(3)]
    submit(user), submit(other, "one_at_a_time")
    states = [user.ok("GET", f"/v1/jobs/{job}")["state"] for job in jobs]
    assert states == ["queued", "waiting", "waiting"]
    assert [job["state"] for job in user.ok("GET", "/v1/jobs?type=middling")["items"]] == ["queued"]
    assert [job["state"] for job in other.ok("GET", "/v1/jobs")["items"]] == ["queued"]
    with app.app_context():
        for _ in range(3):
            succeed(take(jobs[0]))
    states = [user.ok("GET", f"/v1/jobs/{job}")["state"] for job in jobs]
    assert states == ["succeeded", "queued", "waiting"]


def test_workers_that_look_at_the_same_instant_take_different_jobs(make_app: MakeApp) -> None:
    app = make_app()
    named = [submit(new_user(app)) for _ in range(8)]

    def look() -> str | None:
        with app.app_context():
            job = next_turn(named[0])
            return str(job.id) if job else None

    assert sorted(str(each) for each in at_once(*[look] * 8)) == sorted(named)


def test_a_job_to_be_tried_again_waits_for_a_message_of_its_own(make_app: MakeApp) -> None:
    app = make_app()
    again, other = submit(new_user(app)), submit(new_user(app))
    with app.app_context():
        job = take(again)
        assert finish(job.id, job.fence, Outcome(JobState.FAILED, code="x", retryable=True))
        with transaction():
            db.session.execute(db.update(Job).values(run_after=db.func.now()))
        assert str(take(again).id) == other
        assert next_turn(again) is None
        assert sweep.redispatch() == 1
        assert str(take(again).id) == again

"""How many jobs of one user may be unfinished at once."""

from werkzeug.test import TestResponse

from tests.support.at_once import at_once
from tests.support.in_process import Accounts, Caller
from tests.support.quiet import MakeApp, new_user, next_turn, submit, succeed

MOST = 3


def post(
    user: Caller, type_name: str = "middling", key: str = "", **params: object
) -> TestResponse:
    """Start a job, or try to."""
    headers = {"Idempotency-Key": key} if key else {}
    body = {"type": type_name, "params": params}
    return user.call("POST", "/v1/jobs", json=body, headers=headers)


def fill(user: Caller) -> list[str]:
    """All the jobs that the user may have."""
    return [submit(user) for _ in range(MOST)]


def assert_full(answer: TestResponse) -> None:
    assert answer.status_code == 429
    assert answer.get_json()["code"] == "too_many_jobs"
    assert f"You have {MOST} jobs that have not ended" in answer.get_json()["detail"]
    assert int(answer.headers["Retry-After"]) >= 1


def test_one_job_too_many_is_refused_with_a_time_to_try_again(make_app: MakeApp) -> None:
    app = make_app(max_unfinished_jobs_per_user=MOST, max_active_jobs_per_user=2)
    user = new_user(app)
    jobs = fill(user)
    assert_full(post(user))
    assert_full(user.call("POST", "/v1/create_excel_test", json={"rows": 1}))
    assert [each["id"] for each in user.ok("GET", "/v1/jobs")["items"]] == jobs[::-1]


def test_a_job_that_ends_makes_room_for_another(make_app: MakeApp) -> None:
    app = make_app(max_unfinished_jobs_per_user=MOST)
    user = new_user(app)
    jobs = fill(user)
    with app.app_context():
        running = next_turn(jobs[0])
        assert running is not None
        assert_full(post(user))
        succeed(running)
    assert post(user).status_code == 202
    assert_full(post(user))


def test_a_cancelled_job_makes_room_for_another(make_app: MakeApp) -> None:
    user = new_user(make_app(max_unfinished_jobs_per_user=MOST))
    jobs = fill(user)
    user.ok("POST", f"/v1/jobs/{jobs[1]}/cancel")
    assert post(user).status_code == 202
    assert_full(post(user))


def test_one_user_who_has_too_many_jobs_takes_nothing_from_another(make_app: MakeApp) -> None:
    app = make_app(max_unfinished_jobs_per_user=MOST)
    full, other = new_user(app), new_user(app)
    fill(full)
    assert_full(post(full))
    fill(other)


def test_a_job_that_was_made_before_comes_back_though_there_is_no_room(make_app: MakeApp) -> None:
    user = new_user(make_app(max_unfinished_jobs_per_user=MOST))
    first = post(user, key="the first").get_json()["id"]
    active = post(user, "one_of_a_kind", name="one").get_json()["id"]
    submit(user)
    assert_full(post(user, key="another"))
    assert post(user, key="the first").get_json()["id"] == first
    assert post(user, "one_of_a_kind", name="one").get_json()["id"] == active
    assert_full(post(user, "one_of_a_kind", name="two"))


def test_a_key_that_was_refused_for_want_of_room_is_still_free(make_app: MakeApp) -> None:
    user = new_user(make_app(max_unfinished_jobs_per_user=MOST))
    jobs = fill(user)
    assert_full(post(user, key="later"))
    user.ok("POST", f"/v1/jobs/{jobs[0]}/cancel")
    answer = post(user, key="later")
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (202, False)


def test_the_last_place_is_given_once_to_requests_of_the_same_instant(make_app: MakeApp) -> None:
    apps = [make_app(max_unfinished_jobs_per_user=MOST) for _ in range(2)]
    here = new_user(apps[0])
    there = Accounts(apps[1]).again(here.email)
    for _ in range(MOST - 1):
        submit(here)
    answers = at_once(*[lambda: post(here), lambda: post(there)] * 2)
    assert sorted(each.status_code for each in answers) == [202, 429, 429, 429]

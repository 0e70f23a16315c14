"""In which order jobs get their turns, as their logs tell; the same with each broker."""

from tests.support.api import Api
from tests.support.database import query
from tests.support.stack import Stack

CLAIMS = """
SELECT jobs.id::text FROM job_events JOIN jobs ON jobs.id = job_events.job_id
WHERE event = 'claimed' AND job_events.job_id = ANY(%s::uuid[]) ORDER BY job_events.id
"""


def claims(stack: Stack, jobs: list[str]) -> list[str]:
    """These jobs, in the order of their claims."""
    return [job for (job,) in query(stack.database_url, CLAIMS, jobs)]


def check_order_of_priorities(stack: Stack) -> None:
    """Jobs of three priorities and two users go by priority, whoever came first.

    Args:
        stack: whose one worker runs one job at a time.
    """
    stack.worker.stop()
    users = [stack.new_user() for _ in range(2)]
    asked = [
        (users[0], "patient"),
        (users[1], "patient"),
        (users[1], "middling"),
        (users[0], "urgent"),
        (users[1], "urgent"),
        (users[0], "middling"),
    ]
    types = {str(user.submit(name)["id"]): name for user, name in asked}
    stack.worker.start()
    for user in users:
        wait_for_all(user)
    order = [types[job] for job in claims(stack, list(types))]
    assert order == [*["urgent"] * 2, *["middling"] * 2, *["patient"] * 2]


def wait_for_all(user: Api) -> None:
    """Until each job of the user has succeeded."""
    for job in user.ok("GET", "/v1/jobs")["items"]:
        assert user.end_of(job["id"])["state"] == "succeeded"

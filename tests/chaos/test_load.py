"""What the clients say comes to the right account, and what is wrong is found."""

import queue
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from tests.chaos.accounts import Account
from tests.chaos.hosts import Line
from tests.chaos.load import Load
from tests.chaos.mix import Order, make_orders


class Deaf:
    """Clients that never answer by themselves; keeps what they are told."""

    def __init__(self) -> None:
        self.commands: list[Line] = []

    def send(self, command: Line) -> None:
        self.commands.append(command)


class Scene:
    """One user who has asked for one job."""

    def __init__(self, **order: Any) -> None:
        self.account = Account("somebody", "id of somebody")
        self.jobs: dict[str, str] = {}
        self.findings: list[str] = []
        self.lines: queue.Queue[Line] = queue.Queue()
        self.clients = Deaf()
        usual = {"user": 0, "type": "add", "params": {}, "key": "k", "twice": False}
        orders = iter([Order(**(usual | {"cancel_after": None, "retry": False} | order))])
        self.load = Load(
            [self.account], [self.clients], self.lines, orders, self.jobs, self.findings
        )
        self.load.turn(more=True)

    def say(self, what: str, **more: Any) -> None:
        self.lines.put({"user": 0, "what": what, **more})
        self.load.turn(more=False)

    def tell_end(self, job: str, end: str) -> None:
        notification = {"seq": 1, "type": f"job.{end}", "job_id": job}
        notification |= {"created_at": "2026-01-01T00:00:00+00:00"}
        self.say("given", notification=notification, at=0.0)


@pytest.fixture
def scene() -> Iterator[Scene]:
    return Scene()


def test_what_was_promised_is_in_the_ledger_and_unfinished_until_its_end_is_told(
    scene: Scene,
) -> None:
    assert scene.load.unfinished() == scene.load.unanswered() == 1
    scene.say("answer", call=0, jobs=["job", "job"])
    assert scene.jobs == {"job": "id of somebody"}
    assert (scene.load.unfinished(), scene.load.unanswered()) == (1, 0)
    scene.say("raw", seq=1, at=0.0)
    scene.tell_end("job", "succeeded")
    assert scene.load.unfinished() == 0
    assert [*scene.account.findings(1), *scene.account.untold(["job"]), *scene.findings] == []


def test_one_key_that_made_two_jobs_is_found(scene: Scene) -> None:
    scene.say("answer", call=0, jobs=["job", "other"])
    assert scene.findings == ["one key made several jobs: ['job', 'other']"]
    assert set(scene.jobs) == {"job", "other"}


def test_a_request_that_nobody_answered_promises_nothing(scene: Scene) -> None:
    scene.say("refused", call=0, reason="unreachable")
    assert (scene.jobs, scene.findings, scene.load.unfinished()) == ({}, [], 0)
    assert scene.load.refused == {"unreachable": 1}


def test_an_answer_that_nobody_expected_is_found(scene: Scene) -> None:
    scene.say("wrong", call=0, reason="submit: 500 internal_error")
    assert scene.findings == ["somebody: submit: 500 internal_error"]
    assert scene.load.unanswered() == 0


def test_a_job_that_is_to_be_cancelled_is_cancelled_after_its_answer() -> None:
    scene = Scene(cancel_after=0.0)
    scene.say("answer", call=0, jobs=["job"])
    scene.load.turn(more=False)
    assert [each["do"] for each in scene.clients.commands] == ["submit", "cancel"]
    assert scene.load.unanswered() == 1


def test_a_job_that_failed_is_asked_for_again_if_its_owner_wants_that() -> None:
    scene = Scene(retry=True)
    scene.say("answer", call=0, jobs=["job"])
    scene.tell_end("job", "failed")
    assert [each["do"] for each in scene.clients.commands] == ["submit", "retry"]


def test_a_seed_gives_the_same_orders_again_for_all_users() -> None:
    orders = list(islice(make_orders(3, 50), 500))
    assert orders == list(islice(make_orders(3, 50), 500))
    assert {each.user for each in orders} == set(range(50))
    assert all(any(wanted(each) for each in orders) for wanted in WANTED)


WANTED = [
    lambda order: order.key is None,
    lambda order: order.twice,
    lambda order: order.cancel_after is not None,
    lambda order: order.retry and order.type == "refuses",
    lambda order: order.type == "excel_test",
]

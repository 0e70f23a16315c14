"""The outbox alone: sent once, in order, whatever comes in whatever order."""

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.sockets.outbox import Outbox

Payload = dict[str, Any]


class Harness:
    """An outbox over a list of rows; green threads are run when the test says so."""

    def __init__(self, rows: int, sent: int = 0) -> None:
        self.rows = rows
        self.received: list[int] = []
        self.waiting: list[Callable[[], None]] = []
        self.late: list[int] = []  # rewinds that come while a page is waited for
        self.rewound: list[tuple[int, int]] = []
        self.outbox = Outbox(fetch=self.fetch, send=self.send, spawn=self.waiting.append)
        self.outbox.place(sent, rows)

    def fetch(self, after: int, limit: int) -> Sequence[Payload]:
        found = [{"seq": seq} for seq in range(after + 1, min(self.rows, after + limit) + 1)]
        if self.late:
            self.rewind(self.late.pop(0))
        return found

    def rewind(self, after: int) -> None:
        """As the client asks; notes after how many numbers it did."""
        if 0 <= after < self.outbox.sent:
            self.rewound.append((len(self.received), after))
        self.outbox.rewind(after)

    def send(self, payload: Payload) -> bool:
        self.received.append(payload["seq"])
        return True

    def run(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


def test_nothing_is_sent_before_the_client_is_connected() -> None:
    harness = Harness(rows=3)
    harness.outbox.want(3)
    harness.run()
    assert harness.received == []
    harness.outbox.open()
    harness.run()
    assert harness.received == [1, 2, 3]


def test_a_failed_query_leaves_the_rest_to_the_next_hint() -> None:
    harness = Harness(rows=3)
    working = harness.outbox._fetch

    def broken(after: int, limit: int) -> Sequence[Payload]:
        raise OSError("the database is away")

    harness.outbox._fetch = broken
    harness.outbox.open()
    harness.outbox.want(3)
    harness.run()
    assert harness.received == []
    harness.outbox._fetch = working
    harness.outbox.want(3)
    harness.run()
    assert harness.received == [1, 2, 3]


@given(
    sent=st.integers(0, 5),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("row"), st.booleans()),
            st.tuples(st.just("hint"), st.integers(0, 40)),
            st.tuples(st.just("run"), st.none()),
        ),
        max_size=60,
    ),
)
def test_each_number_is_sent_exactly_once_and_in_order(
    sent: int, steps: list[tuple[str, Any]]
) -> None:
    harness = Harness(rows=sent, sent=sent)
    harness.outbox.open()
    for step, value in steps:
        if step == "row":
            harness.rows += 1
            if value:
                harness.outbox.want(harness.rows, {"seq": harness.rows})
        elif step == "hint":
            known = value <= harness.rows
            harness.outbox.want(value, {"seq": value} if known else None)
        else:
            harness.run()
    harness.run()
    harness.outbox.want(harness.rows)
    harness.run()
    assert harness.received == list(range(sent + 1, harness.rows + 1))


@given(
    rewinds=st.lists(
        st.tuples(st.integers(-2, 30), st.sampled_from(["now", "run", "fetch"])), max_size=10
    ),
    news=st.integers(0, 2),
)
def test_after_a_rewind_the_sequence_goes_on_from_there_without_a_gap(
    rewinds: list[tuple[int, str]], news: int
) -> None:
    harness = Harness(rows=20)
    harness.outbox.open()
    for after, when in rewinds:
        if when == "fetch":
            harness.late.append(after)
            harness.rows += news  # none: the hint is wrong, and the page comes back empty
            harness.outbox.want(harness.rows + 1)
        else:
            harness.rewind(after)
        if when != "now":
            harness.run()
    harness.run()
    assert set(harness.received) == set(range(1, harness.rows + 1))
    assert harness.received[-1] == harness.rows
    for earlier, later in zip(harness.received, harness.received[1:], strict=False):
        assert later <= earlier + 1
    for count, after in harness.rewound:
        assert harness.received[count] <= after + 1


def test_a_number_whose_sending_failed_is_sent_again() -> None:
    harness = Harness(rows=3)
    working = harness.outbox._send
    harness.outbox._send = lambda payload: (payload["seq"] < 2 and working(payload)) or fail()
    harness.outbox.open()
    harness.run()
    harness.outbox._send = working
    harness.outbox.want(3)
    harness.run()
    assert harness.received == [1, 2, 3]


def test_a_hint_that_comes_while_an_empty_page_is_on_its_way_is_not_forgotten() -> None:
    harness = Harness(rows=0)
    working = harness.outbox._fetch

    def late(after: int, limit: int) -> Sequence[Payload]:
        found = working(after, limit)
        if harness.rows == 0:
            harness.rows = 2
            harness.outbox.want(2)
        return found

    harness.outbox._fetch = late
    harness.outbox.open()
    harness.outbox.want(1)  # a hint that was told too early
    harness.run()
    assert harness.received == [1, 2]


def fail() -> bool:
    raise OSError("the connection is gone")

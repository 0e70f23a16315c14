"""The cursor's rules, for whatever order a network and threads can make."""

from hypothesis import given
from hypothesis import strategies as st

from app.client.inbox import Inbox

COUNT = st.integers(0, 25)


def numbered(seq: int) -> dict[str, int]:
    return {"seq": seq}


def drain(inbox: Inbox) -> list[int]:
    """Handle all whose turn it is."""
    handled = []
    while (notification := inbox.next()) is not None:
        handled.append(notification["seq"])
        inbox.done(notification["seq"])
    return handled


@given(data=st.data(), head=COUNT, more=COUNT, limit=st.integers(1, 30))
def test_each_number_is_handled_once_in_order_whatever_arrives_when(
    data: st.DataObject, head: int, more: int, limit: int
) -> None:
    cursor = data.draw(st.integers(0, head) | st.none())
    last = head + more
    begin = head if cursor is None else cursor
    sendable = st.integers(max(1, begin - 3), max(1, last))
    inbox = Inbox(cursor, limit)
    handled: list[int] = []
    # Some connections, each cut after a while; on each, any messages in any order.
    for _ in range(data.draw(st.integers(1, 3))):
        inbox.reconnecting()
        messages = data.draw(st.lists(sendable, max_size=40))
        ready_at = data.draw(st.integers(0, len(messages)))
        for place, seq in enumerate([*messages, 0]):
            if place == ready_at:
                inbox.ready(max(head, inbox.cursor or 0))
            if 1 <= seq <= last:
                inbox.offer(numbered(seq))
            if data.draw(st.booleans()):
                handled += drain(inbox)
    # At last one connection holds; what it does not keep is asked for again.
    for _ in range(2 * last + 2):
        for seq in range((inbox.cursor or 0) + 1, last + 1):
            inbox.offer(numbered(seq))
        inbox.asked_again()
        handled += drain(inbox)
    assert handled == list(range(begin + 1, last + 1))
    assert inbox.cursor == last
    assert not inbox.has_gap
    assert inbox.is_complete


def test_a_gap_is_seen_until_what_is_missing_has_come() -> None:
    inbox = Inbox(0)
    inbox.reconnecting()
    inbox.offer(numbered(2))
    assert not inbox.has_gap, "before `ready` nothing is known to be missing"
    inbox.ready(2)
    assert inbox.has_gap
    inbox.offer(numbered(1))
    assert not inbox.has_gap
    assert drain(inbox) == [1, 2]
    assert not inbox.has_gap


def test_what_did_not_fit_is_a_gap_until_it_was_asked_for_again() -> None:
    inbox = Inbox(0, limit=2)
    inbox.ready(4)
    for seq in (1, 2, 3, 4):
        inbox.offer(numbered(seq))
    assert not inbox.has_gap
    assert drain(inbox) == [1, 2]
    assert inbox.has_gap
    inbox.asked_again()
    for seq in (3, 4):
        inbox.offer(numbered(seq))
    assert drain(inbox) == [3, 4]
    assert not inbox.has_gap


def test_the_cursor_follows_a_head_that_went_back() -> None:
    inbox = Inbox(10)
    inbox.ready(4)
    assert inbox.cursor == 4
    inbox.offer(numbered(5))
    assert drain(inbox) == [5]


def test_a_number_whose_callback_ran_while_the_head_went_back_does_not_move_the_cursor() -> None:
    inbox = Inbox(9)
    inbox.ready(10)
    inbox.offer(numbered(10))
    assert inbox.next() == numbered(10)
    inbox.reconnecting()
    inbox.ready(4)
    inbox.done(10)
    assert inbox.cursor == 4

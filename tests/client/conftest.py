"""Clients of this module's tests leave nothing behind."""

import threading
from collections.abc import Iterator

import pytest

from tests.support.waiting import wait_for


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    """A closed client has ended its threads, and those of the official client."""
    before = set(threading.enumerate())
    yield
    wait_for(lambda: not _strangers(before), "the end of all threads", 10)


def _strangers(before: set[threading.Thread]) -> list[threading.Thread]:
    """Those of the client, and those that the official client names by their functions."""
    signs = ("ringback", "_loop", "_handle_eio", "_read_loop", "_write_loop")
    new = set(threading.enumerate()) - before
    return [each for each in new if any(sign in each.name for sign in signs)]

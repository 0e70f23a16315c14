"""The accounting finds each thing that it is there to find."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.chaos.accounts import Account, longest_ring


def notification(seq: int, job: str | None = None, at: float = 0.0) -> dict[str, Any]:
    return {
        "seq": seq,
        "type": "job.succeeded" if job else "artifact.expired",
        "job_id": job,
        "created_at": datetime.fromtimestamp(at, UTC).isoformat(),
    }


def account(raw: list[int], given: list[int]) -> Account:
    """Of somebody whose jobs are named after the numbers of their ends."""
    made = Account("somebody", "id of somebody")
    for seq in raw:
        made.receive(seq, at=0.0)
    for seq in given:
        made.give(notification(seq, f"job {seq}"), at=0.0)
    return made


def test_a_whole_account_passes_and_its_raw_duplicates_are_counted() -> None:
    whole = account([1, 2, 2, 3, 2], [1, 2, 3])
    assert [*whole.findings(3), *whole.untold(["job 1", "job 2", "job 3"])] == []
    assert whole.raw_duplicates == 2
    assert whole.duplicates == whole.out_of_order == whole.gaps(3) == 0


@pytest.mark.parametrize(
    ("raw", "given", "finding"),
    [
        ([1, 3], [1, 2, 3], "never came: 2"),
        ([1, 2], [1, 2, 3], "never came: 3"),
        ([1, 2, 3], [1, 3], "gap: number 2"),
        ([1, 2, 3], [1, 2], "gap: number 3"),
        ([1, 2, 3], [], "gap: number 1"),
        ([1, 2, 3], [1, 2, 2, 3], "duplicate: number 2"),
        ([1, 2, 3], [1, 3, 2], "out of order: [1, 3, 2]"),
        ([1, 2, 3, 4], [1, 2, 3, 4], "number 4 above the head 3"),
    ],
)
def test_what_is_lost_doubled_or_disordered_is_found(
    raw: list[int], given: list[int], finding: str
) -> None:
    assert f"somebody: {finding}" in list(account(raw, given).findings(3))


def test_what_is_wrong_after_the_layer_is_counted() -> None:
    wrong = account([1, 2, 3, 4, 5], [1, 4, 2, 2])
    assert (wrong.duplicates, wrong.out_of_order, wrong.gaps(5)) == (1, 1, 2)


def test_an_end_that_is_not_told_is_found() -> None:
    found = list(account([1], [1]).untold(["job 1", "job 7"]))
    assert found == ["somebody: the end of job job 7 was told 0 times"]


def test_an_end_that_is_told_under_two_numbers_is_found() -> None:
    twice = account([1, 2], [1])
    twice.give(notification(2, "job 1"), at=0.0)
    assert list(twice.findings(2)) == []
    assert list(twice.untold(["job 1"])) == ["somebody: the end of job job 1 was told 2 times"]


def test_the_longest_ring_is_that_of_what_was_written_in_the_given_time() -> None:
    made = Account("somebody", "id of somebody")
    for seq, (written, came) in enumerate([(10, 18), (20, 21), (30, 34)], 1):
        made.give(notification(seq, at=written), at=came)
    assert longest_ring([made], 0, 20) == (8, "somebody")
    assert longest_ring([made], 20, 100) == (4, "somebody")
    assert longest_ring([made], 100, 200) == (0, "nobody")

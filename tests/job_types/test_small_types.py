"""`add` and `wait`."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidInput, JobCancelled
from app.job_types.add import LIMIT, Add
from app.job_types.registry import JobTypes
from app.job_types.wait import Wait
from tests.job_types.recording import RecordingContext

HUGE = pytest.param(10**5000, id="huge")


def run(job_type: Add | Wait, context: RecordingContext, **params: Any) -> dict[str, Any]:
    return job_type.run(context, JobTypes.validate(job_type, params))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("a", "b", "total"),
    [
        (2, 3, 5),
        (-1, 1, 0),
        (LIMIT, LIMIT - 1, 2 * LIMIT - 1),
        (0.1, 0.2, 0.1 + 0.2),
        (1, 0.5, 1.5),
    ],
)
def test_numbers_are_added_exactly(a: float, b: float, total: float, tmp_path: Path) -> None:
    result = run(Add(), RecordingContext(tmp_path), a=a, b=b)["sum"]
    assert (result, type(result)) == (total, type(total))
    assert float(result) == result, "a reader that knows only doubles gets another number"


@pytest.mark.parametrize(
    "bad",
    [True, "5", None, [], LIMIT + 1, -LIMIT - 1, HUGE, 1e16, float("nan"), json.loads("1e400")],
)
def test_what_is_no_number_in_range_is_refused_at_its_own_field(bad: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobTypes.validate(Add(), {"a": 1, "b": bad})
    ((name, messages),) = caught.value.fields.items()
    assert name == "params.b"
    assert len(messages) == 1


def test_waiting_takes_as_long_as_asked_and_reports_often(tmp_path: Path) -> None:
    context, before = RecordingContext(tmp_path), time.monotonic()
    result = run(Wait(), context, seconds=0.9)
    assert time.monotonic() - before >= 0.9
    assert result["waited"] == 0.9
    assert (
        datetime.fromisoformat(result["finished_at"]).utcoffset() == datetime.now(UTC).utcoffset()
    )
    assert len(context.reports) >= 4
    assert context.reports[0][0] < 0.2
    assert context.reports[0][1] == "1 s left"
    assert context.reports[-1][0] == 1


def test_waiting_for_nothing_ends_at_once(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    assert run(Wait(), context, seconds=0)["waited"] == 0
    assert context.reports == [(1, "")]


def test_a_long_wait_stops_soon_after_it_is_cancelled(tmp_path: Path) -> None:
    before = time.monotonic()
    with pytest.raises(JobCancelled):
        run(Wait(), RecordingContext(tmp_path, cancel_at=2), seconds=3600)
    assert time.monotonic() - before < 60


@pytest.mark.parametrize("bad", [-0.001, 3600.1, True, "1", None, float("nan"), HUGE])
def test_seconds_out_of_range_are_refused(bad: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobTypes.validate(Wait(), {"seconds": bad})
    assert list(caught.value.fields) == ["params.seconds"]

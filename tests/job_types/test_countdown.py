"""`countdown`: counts to a total with progress."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidInput, JobCancelled
from app.job_types.countdown import Countdown
from app.job_types.registry import JobTypes
from tests.job_types.recording import RecordingContext


def run(context: RecordingContext, **params: Any) -> dict[str, Any]:
    return Countdown().run(context, JobTypes.validate(Countdown(), params))  # type: ignore[arg-type]


def test_countdown_counts_to_its_total_with_progress_and_returns_the_time(tmp_path: Path) -> None:
    context, before = RecordingContext(tmp_path), datetime.now(UTC)
    result = run(context, total=4, seconds=0)
    assert result["counted"] == 4
    assert before <= datetime.fromisoformat(result["at"]) <= datetime.now(UTC)
    assert context.reports == [
        (0.25, "1 of 4"),
        (0.5, "2 of 4"),
        (0.75, "3 of 4"),
        (1, "4 of 4"),
    ]


def test_countdown_takes_a_step_as_long_as_asked_and_is_awake_meanwhile(tmp_path: Path) -> None:
    context, before = RecordingContext(tmp_path), time.monotonic()
    run(context, total=2, seconds=0.5)
    assert time.monotonic() - before >= 1
    assert context.reports[0] == (0, "0 of 2")
    assert len(context.reports) > 4, "it told nothing between its steps"


def test_countdown_of_long_steps_stops_soon_after_it_is_cancelled(tmp_path: Path) -> None:
    before = time.monotonic()
    with pytest.raises(JobCancelled):
        run(RecordingContext(tmp_path, cancel_at=2), total=2, seconds=1000)
    assert time.monotonic() - before < 60


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({}, "total"),
        ({"total": 0}, "total"),
        ({"total": -1}, "total"),
        ({"total": 100_001}, "total"),
        ({"total": 2.0}, "total"),
        ({"total": "3"}, "total"),
        ({"total": True}, "total"),
        ({"total": 10**3999}, "total"),
        ({"total": 1, "seconds": -0.1}, "seconds"),
        ({"total": 1, "seconds": float("nan")}, "seconds"),
        ({"total": 1, "seconds": float("inf")}, "seconds"),
        ({"total": 1, "seconds": "1"}, "seconds"),
        ({"total": 31, "seconds": 100}, "seconds"),
    ],
)
def test_countdown_refuses_what_does_not_fit_at_its_field(
    params: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobTypes.validate(Countdown(), params)
    assert list(caught.value.fields) == [f"params.{field}"]

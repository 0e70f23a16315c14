"""The parameters of `activity_report`."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from app.errors import InvalidInput
from app.job_types.activity_report import STATES, ActivityReport
from app.job_types.registry import JobTypes
from app.jobs.models import JobState


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"since": "2026-02-30"}, "since"),
        ({"since": "2026-01-01T00:00:00Z"}, "since"),
        ({"since": 20260101}, "since"),
        ({"until": "1/2/2026"}, "until"),
        ({"until": ""}, "until"),
        ({"since": "2026-01-02", "until": "2026-01-01"}, "until"),
        ({"types": "add"}, "types"),
        ({"types": ["Not a name"]}, "types.0"),
        ({"types": ["add"] * 51}, "types"),
        ({"states": ["lost"]}, "states.0"),
        ({"states": "failed"}, "states"),
        ({"include_log": "yes"}, "include_log"),
        ({"user_id": str(UUID(int=1))}, "user_id"),
    ],
)
def test_wrong_parameters_are_refused_at_their_fields(params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        JobTypes.validate(ActivityReport(), params)
    assert list(caught.value.fields) == [f"params.{field}"]


def test_days_may_be_null_and_one_day_may_be_both() -> None:
    day = {"since": "2026-01-01", "until": "2026-01-01"}
    assert JobTypes.validate(ActivityReport(), day).since == date(2026, 1, 1)  # type: ignore[attr-defined]
    nothing = JobTypes.validate(ActivityReport(), {"since": None, "until": None})
    assert nothing == JobTypes.validate(ActivityReport(), {})


def test_the_states_are_those_of_jobs() -> None:
    assert list(STATES) == [state.value for state in JobState]

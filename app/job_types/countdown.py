"""Count up to a total, a step at a time: the job to watch progress with."""

import time
from datetime import UTC, datetime

from pydantic import Field, ValidationInfo, field_validator

from app.job_types.base import JobContext, JobType, Json, Parameters

MAX_STEPS = 100_000
MAX_SECONDS = 3000
"""All steps together; well below the time limit of a job."""

REPORT_SECONDS = 0.2
"""Longest pause between two progress calls, so the longest time that a cancel is not noticed."""


class CountdownParameters(Parameters):
    """How many steps, and how slowly."""

    total: int = Field(ge=1, le=MAX_STEPS, description="Steps to count, 1 to 100,000.")
    seconds: float = Field(
        1,
        ge=0,
        le=MAX_SECONDS,
        allow_inf_nan=False,
        description="Length of a step; all steps together may take 3,000 seconds.",
    )

    @field_validator("seconds")
    @classmethod
    def _is_not_too_long(cls, seconds: float, info: ValidationInfo) -> float:
        if seconds * info.data.get("total", 0) > MAX_SECONDS:
            raise ValueError(f"All steps together take more than {MAX_SECONDS:,} seconds")
        return seconds


class Countdown(JobType[CountdownParameters]):
    """Counts."""

    name = "countdown"
    title = "Count with progress"
    parameters = CountdownParameters
    example = {"total": 5, "seconds": 0.2}

    def run(self, context: JobContext, parameters: CountdownParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        total, start = parameters.total, time.monotonic()
        for step in range(1, total + 1):
            message = f"{step - 1:,} of {total:,}"
            # From the start, so that the time that progress takes does not add up.
            _sleep_until(start + step * parameters.seconds, context, (step - 1) / total, message)
            context.progress(step / total, f"{step:,} of {total:,}")
        return {"counted": total, "at": datetime.now(UTC).isoformat()}


def _sleep_until(moment: float, context: JobContext, fraction: float, message: str) -> None:
    """Sleep until `time.monotonic()` says `moment`, waking up to see whether to stop."""
    while (left := moment - time.monotonic()) > 0:
        context.progress(fraction, message)
        time.sleep(min(REPORT_SECONDS, left))

"""Wait for a while: a job of any length, to see progress, cancelling and lost workers."""

import time
from datetime import UTC, datetime

from pydantic import Field

from app.job_types.base import JobContext, JobType, Json, Parameters

REPORT_SECONDS = 0.2
"""Pause between two progress calls, so the longest time that a cancel is not noticed."""


class WaitParameters(Parameters):
    """How long."""

    seconds: float = Field(ge=0, le=3600, allow_inf_nan=False, description="0 to 3,600.")


class Wait(JobType[WaitParameters]):
    """Waits."""

    name = "wait"
    title = "Wait"
    parameters = WaitParameters
    example = {"seconds": 1}

    def run(self, context: JobContext, parameters: WaitParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        start = time.monotonic()
        while (left := start + parameters.seconds - time.monotonic()) > 0:
            context.progress(1 - min(left / parameters.seconds, 1), f"{left:.0f} s left")
            time.sleep(min(REPORT_SECONDS, left))
        context.progress(1)
        return {"waited": parameters.seconds, "finished_at": datetime.now(UTC).isoformat()}

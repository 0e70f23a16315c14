"""Shapes of schedules: what comes in and goes out at `app.api.schedules`."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StrictBool

from app.api.job_schemas import TypeName, WhoseIn, WithParams
from app.api.schemas import Out, PageIn
from app.schedules.models import Overlap
from app.schedules.timing import MAX_CRON

Name = Annotated[
    str, Field(min_length=1, max_length=200, description="For people.", examples=["Every morning"])
]
Params = Annotated[dict[str, Any], Field(description="Of each job, as `POST /v1/jobs` takes them.")]
Cron = Annotated[
    str,
    Field(
        max_length=MAX_CRON,
        description="Five fields (minute, hour, day of month, month, day of week), as cron reads them.",
        examples=["30 7 * * MON-FRI"],
    ),
]
TimeZone = Annotated[
    str, Field(max_length=64, description="IANA name.", examples=["Europe/Berlin"])
]
OVERLAP = (
    "At a tick while an earlier job of the schedule has not ended: leave the tick out, let the new job "
    "wait for its turn, or cancel the earlier one."
)
ENABLED = "Whether it makes jobs. What it misses while it is paused is not made up for."


class ScheduleIn(WithParams):
    """What to run, and when."""

    name: Name
    type: TypeName
    params: Params = Field({}, examples=[{"rows": 1000}])
    cron: Cron
    time_zone: TimeZone = "UTC"
    overlap: Overlap = Field(Overlap.SKIP, description=OVERLAP)
    enabled: StrictBool = Field(True, description=ENABLED)


class SchedulePatch(WithParams):
    """What to change; what is left out stays."""

    name: Name | None = None
    type: TypeName | None = None
    params: Params | None = None
    cron: Cron | None = None
    time_zone: TimeZone | None = None
    overlap: Overlap | None = Field(None, description=OVERLAP)
    enabled: StrictBool | None = Field(None, description=ENABLED)

    def changes(self) -> dict[str, Any]:
        """The fields that were given."""
        return {name: value for name, value in self if value is not None}


class SchedulesQuery(PageIn):
    """Which schedules to list."""

    user_id: WhoseIn | None = Field(
        None,
        description="Whose; the caller's own when left out. `any` is everybody's; it, and anybody "
        "else's, takes the permission `schedules.read_any`.",
    )


class ScheduleOut(Out):
    """A schedule."""

    id: UUID
    user_id: UUID
    system: bool = Field(description="A job type declares it in code.")
    name: str
    type: str
    params: dict[str, Any] | None
    shortened: bool = Field(
        description="Only in lists: `params`, longer than 8 KiB, are null. A schedule of one's own, "
        "asked for by its id, has them; anybody else's cannot be asked for."
    )
    cron: str
    time_zone: str
    overlap: str
    enabled: bool
    next_runs: list[datetime] = Field(
        description="The next five ticks from now, with the zone's own offset. While it is paused: when "
        "it would run."
    )
    paused_reason: str | None = Field(description="Why it paused itself; its owner was told.")
    last_tick_at: datetime | None = Field(description="The newest tick that was dealt with.")
    created_at: datetime


class SchedulePageOut(Out):
    """A page of schedules, newest first."""

    items: list[ScheduleOut]
    next: str | None

"""How a schedule looks outside."""

from datetime import datetime
from typing import Any

from app.errors import InvalidInput
from app.schedules.models import Schedule
from app.schedules.queries import Listed
from app.schedules.timing import upcoming
from app.services import services


def schedule_view(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """The whole schedule; JSON values only.

    Args:
        now: the database's time, from which the next runs count.
    """
    return _outline(schedule, now) | {"params": schedule.params, "shortened": False}


def listed_view(listed: Listed, now: datetime) -> dict[str, Any]:
    """A schedule of a list, in the same shape."""
    shortened = listed.params is None
    return _outline(listed.schedule, now) | {"params": listed.params, "shortened": shortened}


def _outline(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """All but what may be large."""
    return {
        "id": str(schedule.id),
        "user_id": str(schedule.user_id),
        "system": schedule.system_key is not None,
        "name": schedule.name,
        "type": schedule.type,
        "cron": schedule.cron,
        "time_zone": schedule.time_zone,
        "overlap": schedule.overlap,
        "enabled": schedule.enabled,
        # Looking for rare days takes milliseconds, in which a server's event loop would stand still.
        "next_runs": services().offload(_next_runs, schedule.cron, schedule.time_zone, now),
        "paused_reason": schedule.paused_reason,
        "last_tick_at": schedule.last_tick_at.isoformat() if schedule.last_tick_at else None,
        "created_at": schedule.created_at.isoformat(),
    }


def _next_runs(cron: str, time_zone: str, now: datetime) -> list[str]:
    try:
        return [each.isoformat() for each in upcoming(cron, time_zone, now)]
    except InvalidInput:  # it was acceptable once; the tick says so, and pauses it
        return []

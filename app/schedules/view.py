"""How a schedule looks outside."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from app.errors import InvalidInput
from app.schedules.models import Schedule
from app.schedules.queries import Listed
from app.schedules.timing import upcoming
from app.services import services


def schedule_view(schedule: Schedule, now: datetime) -> dict[str, Any]:
    """The whole schedule; JSON values only. Hold no transaction meanwhile: it may take a while.

    Args:
        now: the database's time, from which the next runs count.
    """
    (runs,) = _runs([schedule], now)
    return _outline(schedule, runs) | {"params": schedule.params, "shortened": False}


def listed_views(page: Sequence[Listed], now: datetime) -> list[dict[str, Any]]:
    """The schedules of a list, in the same shape; see `schedule_view`."""
    runs = _runs([each.schedule for each in page], now)
    return [
        _outline(each.schedule, its_runs)
        | {"params": each.params, "shortened": each.params is None}
        for each, its_runs in zip(page, runs, strict=True)
    ]


def _outline(schedule: Schedule, next_runs: list[str]) -> dict[str, Any]:
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
        "next_runs": next_runs,
        "paused_reason": schedule.paused_reason,
        "last_tick_at": schedule.last_tick_at.isoformat() if schedule.last_tick_at else None,
        "created_at": schedule.created_at.isoformat(),
    }


def _runs(schedules: Sequence[Schedule], now: datetime) -> list[list[str]]:
    """The next runs of each."""
    plans = [(each.cron, each.time_zone) for each in schedules]
    # Looking for rare days takes milliseconds, in which a server's event loop would stand still.
    found: list[list[str]] = services().offload(_runs_of_all, plans, now)
    return found


def _runs_of_all(plans: Sequence[tuple[str, str]], now: datetime) -> list[list[str]]:
    return [_next_runs(cron, time_zone, now) for cron, time_zone in plans]


def _next_runs(cron: str, time_zone: str, now: datetime) -> list[str]:
    try:
        return [each.isoformat() for each in upcoming(cron, time_zone, now)]
    except InvalidInput:  # it was acceptable once; the tick says so, and pauses it
        return []

"""A schedule that cannot run any more pauses itself, and its owner is told."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from app.delivery import events
from app.delivery.mail import without_mailboxes
from app.errors import AppError, InvalidInput
from app.jobs.storable import storable
from app.notifications import inbox
from app.notifications.models import Notification
from app.notifications.view import notification_view
from app.observability import get_logger
from app.schedules.models import Schedule
from app.services import services

log = get_logger(__name__)

PAUSED = "schedule_paused"
MAX_REASON = 500


def reason_of(error: AppError, type_name: str) -> str:
    """Why a schedule of this type can make no job any more, for its owner."""
    if services().job_types.find(type_name) is None:
        text = f"There is no job type {type_name} any more."
    else:
        fields = error.fields if isinstance(error, InvalidInput) else {}
        details = [f"{name}: {', '.join(wrong)}." for name, wrong in fields.items()]
        text = " ".join([error.message, *details])
    return storable(text, MAX_REASON)


def pause(schedule: Schedule, reason: str) -> list[Callable[[], Any]]:
    """Pause a locked schedule and write to its owner's inbox, in the caller's transaction.

    Returns:
        What is to be done after the commit.
    """
    schedule.enabled, schedule.next_run_at, schedule.paused_reason = False, None, reason
    data = {"schedule_id": str(schedule.id), "name": schedule.name, "type": schedule.type}
    body = f"{reason} Change it, and enable it again."
    message = inbox.Message(PAUSED, f"{schedule.name}: paused", body, data)
    keep = timedelta(days=services().settings.notification_days)
    told = inbox.append(schedule.user_id, message, keep)
    return [partial(_tell, reason, told)]


def _tell(reason: str, told: Notification) -> None:
    log.warning("schedule paused", reason=without_mailboxes(reason))
    services().publisher.to_user(told.user_id, events.NOTIFICATION, notification_view(told))

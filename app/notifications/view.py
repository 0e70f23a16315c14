"""How an inbox looks outside: in REST answers, in hints and in replays alike."""

from typing import Any

from app.notifications.inbox import Summary
from app.notifications.models import Notification


def notification_view(notification: Notification) -> dict[str, Any]:
    """JSON values only. A hidden or expired one is a tombstone: its number and nothing to read."""
    tombstone = notification.hidden_at is not None
    return {
        "seq": notification.seq,
        "id": str(notification.id),
        "type": notification.type,
        "title": "" if tombstone else notification.title,
        "body": "" if tombstone else notification.body,
        "data": {} if tombstone else notification.data,
        "job_id": str(notification.job_id) if notification.job_id else None,
        "created_at": notification.created_at.isoformat(),
        "read_at": notification.read_at.isoformat() if notification.read_at else None,
        "tombstone": tombstone,
    }


def read_view(state: Summary) -> dict[str, Any]:
    """The event `read`: up to where everything is read, and what was unread below `head`."""
    return {"up_to": state.read, "unread": state.unread, "head": state.head}

"""`/v1/notifications`: the inbox without a socket."""

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from apiflask import APIBlueprint
from pydantic import Field, StrictInt

from app.api import guards
from app.api.schemas import In, Limit, Out
from app.extensions import transaction
from app.notifications import inbox
from app.notifications.models import Acknowledgement
from app.notifications.view import notification_view

blueprint = APIBlueprint("notifications", __name__, url_prefix="/v1", tag="Notifications")

MAX_SEQ = 2**63 - 1


class NotificationsQuery(In):
    """Which notifications to list."""

    after: int = Field(0, ge=0, le=MAX_SEQ, description="Only numbers above this one.")
    limit: Limit = 50


class ReadIn(In):
    """Up to where everything was read."""

    up_to: StrictInt = Field(ge=0, le=MAX_SEQ, description="This number and all below it.")


class NotificationOut(Out):
    """A numbered message."""

    seq: int
    id: UUID
    type: str
    title: str
    body: str
    data: dict[str, Any]
    job_id: UUID | None
    created_at: datetime
    read_at: datetime | None
    tombstone: bool = Field(description="Hidden or expired: its number only.")


class AcknowledgementOut(Out):
    """When a device had it."""

    device: str
    at: datetime


class NotificationDetailOut(NotificationOut):
    """A numbered message, and who has received it."""

    acknowledgements: list[AcknowledgementOut]


class NotificationPageOut(Out):
    """A page of notifications in order."""

    items: list[NotificationOut]
    next: int | None = Field(description="Value of `after` for the next page.")


class SummaryOut(Out):
    """The state of the inbox."""

    head: int = Field(description="Highest number.")
    unread: int


@blueprint.get("/notifications")
@guards.signed_in
@blueprint.input(NotificationsQuery, location="query")
@blueprint.output(NotificationPageOut)
def list_notifications(query_data: NotificationsQuery) -> dict[str, Any]:
    """The caller's notifications after a number, in order."""
    limit = query_data.limit
    rows = inbox.page(guards.identity().user_id, query_data.after, limit + 1)
    shown = rows[:limit]
    return {
        "items": [notification_view(row) for row in shown],
        "next": shown[-1].seq if len(rows) > limit else None,
    }


@blueprint.get("/notifications/summary")
@guards.signed_in
@blueprint.output(SummaryOut)
def summarise() -> dict[str, Any]:
    """Highest number and count of unread ones."""
    return asdict(inbox.summary(guards.identity().user_id))


@blueprint.get("/notifications/<uuid:notification_id>")
@guards.signed_in
@blueprint.output(NotificationDetailOut)
def show_notification(notification_id: UUID) -> dict[str, Any]:
    """One notification, with the devices that acknowledged it."""
    notification = inbox.get(guards.identity().user_id, notification_id)
    passed = inbox.acknowledgements(notification)
    return notification_view(notification) | {"acknowledgements": [_device(row) for row in passed]}


@blueprint.post("/notifications/read")
@guards.signed_in
@blueprint.input(ReadIn)
@blueprint.output(SummaryOut)
def mark_read(json_data: ReadIn) -> dict[str, Any]:
    """Mark everything up to a number as read."""
    user_id = guards.identity().user_id
    with transaction():
        inbox.mark_read(user_id, json_data.up_to)
        return asdict(inbox.summary(user_id))


def _device(row: Acknowledgement) -> dict[str, Any]:
    return {"device": row.device, "at": row.at}

"""`/v1/notifications`: the inbox without a socket, and sending to the inbox of a user."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from apiflask import APIBlueprint
from flask import url_for
from pydantic import AfterValidator, Field, StrictInt

from app.accounts import users
from app.accounts.permissions import Permission
from app.api import guards
from app.api.notification_answers import AGAIN_HEADER, SENT
from app.api.schemas import In, Limit, Out
from app.delivery import events
from app.notifications import inbox, reading
from app.notifications.models import Acknowledgement, Notification
from app.notifications.publish import publish
from app.notifications.view import notification_view
from app.services import services

blueprint = APIBlueprint("notifications", __name__, url_prefix="/v1", tag="Notifications")

MAX_SEQ = 2**63 - 1
MAX_TITLE = 200
MAX_BODY = 4000
MAX_DATA_BYTES = 16 * 1024
# What the system tells; nobody can send what looks like it.
RESERVED_TYPES = ("job.", "artifact.", "schedule_")


class NotificationsQuery(In):
    """Which notifications to list."""

    after: int = Field(0, ge=0, le=MAX_SEQ, description="Only numbers above this one.")
    limit: Limit = 50


class ReadIn(In):
    """Up to where everything was read."""

    up_to: StrictInt = Field(ge=0, le=MAX_SEQ, description="This number and all below it.")


def _small(data: dict[str, Any]) -> dict[str, Any]:
    size = len(json.dumps(data, ensure_ascii=False).encode())
    if size > MAX_DATA_BYTES:
        raise ValueError(f"has {size:,} bytes as JSON; at most {MAX_DATA_BYTES:,} are permitted")
    return data


def _unreserved(name: str) -> str:
    if name.startswith(RESERVED_TYPES):
        raise ValueError(f"must not begin with {' or '.join(RESERVED_TYPES)}")
    return name


class NotificationIn(In):
    """A message to a user."""

    user_id: UUID = Field(description="Whom to tell.")
    type: Annotated[
        str, Field(max_length=64, pattern=r"^[a-z][a-z0-9_.]*$"), AfterValidator(_unreserved)
    ] = Field(
        "message",
        description="For programs; `job.…`, `artifact.…` and `schedule_…` are the system's.",
    )
    title: str = Field(min_length=1, max_length=MAX_TITLE)
    body: str = Field("", max_length=MAX_BODY)
    data: Annotated[dict[str, Any], AfterValidator(_small)] = Field(
        default_factory=dict, description="For programs; at most 16 KiB as JSON."
    )
    dedup_key: str | None = Field(
        None,
        min_length=1,
        max_length=200,
        description="With the same key and user, this sender's first notification comes back.",
    )


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
    """A numbered message, from whom and to whom, and which devices have received it."""

    user_id: UUID = Field(description="Whose inbox it is in.")
    sender_id: UUID | None = Field(description="Who sent it; null for what the system tells.")
    acknowledgements: list[AcknowledgementOut]


class NotificationPageOut(Out):
    """A page of notifications in order."""

    items: list[NotificationOut]
    next: int | None = Field(description="Value of `after` for the next page.")


class SummaryOut(Out):
    """The state of the inbox."""

    head: int = Field(description="Highest number.")
    read: int = Field(description="Highest number that is marked as read.")
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


@blueprint.post("/notifications")
@guards.permitted(Permission.NOTIFICATIONS_PUBLISH)
@blueprint.input(NotificationIn)
@blueprint.output(NotificationDetailOut, status_code=201)
@blueprint.doc(summary="Send a notification to a user", responses=SENT)
def send_notification(
    json_data: NotificationIn,
) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Tell a user something.

    It gets the next number of the user's inbox, and rings on all of the user's devices. The sender sees
    at `GET /v1/notifications/{id}` which of them have it. Takes the permission
    `notifications.publish`.
    """
    user_id = users.get(json_data.user_id).id
    texts = json_data.model_dump(include={"type", "title", "body", "data", "dedup_key"})
    keep = timedelta(days=services().settings.notification_days)
    sent = publish(guards.identity().user_id, user_id, inbox.Message(**texts), keep)
    row = sent.notification
    location = {"Location": url_for("notifications.show_notification", notification_id=row.id)}
    if sent.again:
        return _detail(row), 200, location | {AGAIN_HEADER: "true"}
    services().publisher.to_user(user_id, events.NOTIFICATION, notification_view(row))
    return _detail(row, told=()), 201, location  # no device can have had it yet


@blueprint.get("/notifications/summary")
@guards.signed_in
@blueprint.output(SummaryOut)
def summarise() -> dict[str, Any]:
    """Highest number, highest one marked as read, and count of unread ones."""
    return asdict(inbox.summary(guards.identity().user_id))


@blueprint.get("/notifications/<uuid:notification_id>")
@guards.signed_in
@blueprint.output(NotificationDetailOut)
def show_notification(notification_id: UUID) -> dict[str, Any]:
    """One notification, with the devices that acknowledged it.

    For its owner, and for the user who sent it.
    """
    return _detail(inbox.get(guards.identity().user_id, notification_id))


@blueprint.post("/notifications/read")
@guards.signed_in
@blueprint.input(ReadIn)
@blueprint.output(SummaryOut)
def mark_read(json_data: ReadIn) -> dict[str, Any]:
    """Mark everything up to a number as read, on all of the caller's devices."""
    user_id = guards.identity().user_id
    return asdict(reading.mark_read(user_id, json_data.up_to, services().publisher))


def _detail(row: Notification, told: Sequence[Acknowledgement] | None = None) -> dict[str, Any]:
    devices = inbox.acknowledgements(row) if told is None else told
    return notification_view(row) | {
        "user_id": str(row.user_id),
        "sender_id": str(row.sender_id) if row.sender_id else None,
        "acknowledgements": [_device(each) for each in devices],
    }


def _device(row: Acknowledgement) -> dict[str, Any]:
    return {"device": row.device, "at": row.at}

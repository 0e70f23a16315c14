"""How the API's description tells the answers to sending a notification."""

from typing import Any

from app.api.answers import problem, reference

AGAIN_HEADER = "Idempotent-Replayed"
_TEXT = {"schema": {"type": "string"}}
_LOCATION = {"Location": {"description": "Path of the notification.", **_TEXT}}


SENT: Any = {
    200: {
        "description": "The notification that this sender's `dedup_key` made before; nobody is rung.",
        "headers": _LOCATION
        | {AGAIN_HEADER: {"description": "`true`: this key made it before.", **_TEXT}},
        "content": {"application/json": reference("NotificationDetailOut")},
    },
    201: {"description": "It is in the user's inbox.", "headers": _LOCATION},
    403: problem("`permission_missing`"),
    404: problem("`user_not_found`"),
}

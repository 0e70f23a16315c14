"""Names of rooms and of Socket.IO events; the one place where they are spelled."""

from uuid import UUID

NAMESPACE = "/"

# Server to client.
READY = "ready"
NOTIFICATION = "notification"
JOB = "job"
ERROR = "error"
READ = "read"  # in both directions
SESSIONS = "sessions"

# Client to server.
ACK = "ack"
SYNC = "sync"
AUTHENTICATE = "authenticate"

# Between processes only; a socket server acts on it and forwards it to no client.
SESSIONS_CHANGED = "sessions_changed"
ECHO = "echo"


def user_room(user_id: UUID | str) -> str:
    """The room of all connections of one user."""
    return f"user:{user_id}"


def user_of_room(room: object) -> str | None:
    """The user id in the name of a user's room; `None` for any other room."""
    if isinstance(room, str) and room.startswith("user:"):
        return room.removeprefix("user:")
    return None

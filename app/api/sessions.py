"""`/v1/sessions`: where the caller is signed in."""

from typing import Any
from uuid import UUID

from apiflask import APIBlueprint

from app.accounts import sessions
from app.accounts.models import Session
from app.api import guards
from app.api.paging import decode_cursor, page_of
from app.api.schemas import Out, PageIn, UtcTime
from app.delivery import events
from app.services import services

blueprint = APIBlueprint("sessions", __name__, url_prefix="/v1/sessions", tag="Sign-in")


class SessionOut(Out):
    """A sign-in on one device."""

    id: UUID
    device_name: str
    created_at: UtcTime
    last_used_at: UtcTime
    expires_at: UtcTime
    current: bool


class SessionsOut(Out):
    """A page of sessions, newest first."""

    items: list[SessionOut]
    next: str | None


@blueprint.get("")
@guards.signed_in
@blueprint.input(PageIn, location="query")
@blueprint.output(SessionsOut)
@blueprint.doc(summary="Where am I signed in?")
def list_sessions(query_data: PageIn) -> dict[str, Any]:
    """List sessions.

    The open sessions of the caller, newest first.
    """
    before = decode_cursor(query_data.cursor, UUID)
    rows = sessions.list_open(guards.identity().user_id, before, query_data.limit + 1)
    return page_of(rows, query_data.limit, _show, lambda row: str(row.id))


@blueprint.delete("/<uuid:session_id>")
@guards.signed_in
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Sign out another device")
def delete_session(session_id: UUID) -> str:
    """End a session of the caller.

    Its tokens stop working and its sockets close at once.
    """
    user_id = guards.identity().user_id
    sessions.revoke(user_id, session_id)
    services().publisher.to_user(user_id, events.SESSIONS_CHANGED, {})
    return ""


def _show(session: Session) -> dict[str, Any]:
    current = session.id == guards.identity().session_id
    columns = ("id", "device_name", "created_at", "last_used_at", "expires_at")
    return {name: getattr(session, name) for name in columns} | {"current": current}

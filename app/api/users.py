"""`/v1/users`: the caller's own account, and, for those permitted, everybody's."""

from typing import Annotated, Any, Self
from uuid import UUID

from apiflask import APIBlueprint
from flask import url_for
from pydantic import AfterValidator, Field, StrictBool, model_validator

from app.accounts import users
from app.accounts.models import User
from app.accounts.permissions import Permission, Role
from app.accounts.rules import MAX_EMAIL, MAX_PASSWORD, MIN_PASSWORD, checked_email
from app.accounts.users import Change
from app.api import guards, throttle
from app.api.paging import decode_cursor, page_of
from app.api.schemas import In, Out, PageIn, UtcTime
from app.delivery import events
from app.errors import InvalidInput
from app.services import services

blueprint = APIBlueprint("users", __name__, url_prefix="/v1/users", tag="Users")


def _email(text: str) -> str:
    try:
        return checked_email(text)
    except InvalidInput as error:
        raise ValueError(error.fields["email"][0]) from error


NewPassword = Annotated[str, Field(min_length=MIN_PASSWORD, max_length=MAX_PASSWORD)]


class UserIn(In):
    """A new user."""

    email: Annotated[str, Field(max_length=MAX_EMAIL), AfterValidator(_email)]
    password: NewPassword
    role: Role = Role.USER


class UserPatch(In):
    """What to change; what is left out stays."""

    active: StrictBool | None = None
    role: Role | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.active is None and self.role is None:
            raise ValueError("give `active`, `role` or both")
        return self


class PasswordPatch(In):
    """A new password."""

    present_password: Annotated[str, Field(max_length=MAX_PASSWORD)]
    new_password: NewPassword


class UserOut(Out):
    """A user."""

    id: UUID
    email: str
    role: str = Field(description="One that this server does not know holds no permission.")
    permissions: list[str] = Field(description="What the role holds.")
    active: bool
    created_at: UtcTime


class UsersOut(Out):
    """A page of users, in the order of their making."""

    items: list[UserOut]
    next: str | None


@blueprint.get("/me")
@guards.signed_in
@blueprint.output(UserOut)
@blueprint.doc(summary="Who am I?")
def show_me() -> UserOut:
    """The caller."""
    return UserOut.of(users.get(guards.identity().user_id))


@blueprint.patch("/me")
@guards.signed_in
@blueprint.input(PasswordPatch)
@blueprint.output(UserOut)
@blueprint.doc(summary="Change my password")
def change_my_password(json_data: PasswordPatch) -> UserOut:
    """Replace the caller's password.

    The present password is needed. All other sessions of the caller end.
    """
    caller = guards.identity()
    throttle.admit(str(caller.user_id))  # whoever holds a token must not guess without end
    change = users.change_password(
        caller.user_id,
        caller.session_id,
        json_data.present_password,
        json_data.new_password,
        offload=services().offload,
    )
    throttle.forgive(str(caller.user_id))
    return _announced(change)


@blueprint.get("")
@guards.permitted(Permission.USERS_READ)
@blueprint.input(PageIn, location="query")
@blueprint.output(UsersOut)
@blueprint.doc(summary="List users", responses=[403])
def list_users(query_data: PageIn) -> dict[str, Any]:
    """List users.

    In the order of their making. Takes the permission `users.read`.
    """
    after = decode_cursor(query_data.cursor, UUID)
    rows = users.list_users(after, query_data.limit + 1)
    return page_of(rows, query_data.limit, lambda row: dict(UserOut.of(row)), _position)


@blueprint.post("")
@guards.permitted(Permission.USERS_MANAGE)
@blueprint.input(UserIn)
@blueprint.output(UserOut, status_code=201)
@blueprint.doc(summary="Add a user", responses=[403, 409])
def add_user(json_data: UserIn) -> tuple[UserOut, int, dict[str, str]]:
    """Add a user.

    The user may sign in at once. Takes the permission `users.manage`.
    """
    user = users.create(
        json_data.email, json_data.password, json_data.role, offload=services().offload
    )
    location = url_for("users.show_user", user_id=user.id)
    return UserOut.of(user), 201, {"Location": location}


@blueprint.get("/<uuid:user_id>")
@guards.permitted(Permission.USERS_READ)
@blueprint.output(UserOut)
@blueprint.doc(summary="Show a user", responses=[403])
def show_user(user_id: UUID) -> UserOut:
    """Show a user.

    Takes the permission `users.read`.
    """
    return UserOut.of(users.get(user_id))


@blueprint.patch("/<uuid:user_id>")
@guards.permitted(Permission.USERS_MANAGE)
@blueprint.input(UserPatch)
@blueprint.output(UserOut)
@blueprint.doc(summary="Disable, enable, or change the role of a user", responses=[403, 409])
def change_user(user_id: UUID, json_data: UserPatch) -> UserOut:
    """Disable, enable, or change the role.

    A disabled user's tokens and sockets stop working at once. Takes the permission `users.manage`.
    """
    return _announced(users.change(user_id, active=json_data.active, role=json_data.role))


def _announced(change: Change) -> UserOut:
    if change.signed_out:
        services().publisher.to_user(change.user.id, events.SESSIONS_CHANGED, {})
    return UserOut.of(change.user)


def _position(user: User) -> str:
    return str(user.id)

"""`/v1/login`, `/v1/refresh`, `/v1/logout`."""

from typing import Literal
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import Field, StrictBool

from app.accounts import sessions, sign_in
from app.accounts.rules import MAX_PASSWORD
from app.accounts.sign_in import RefreshReused, SignedIn
from app.api import csrf, guards, throttle
from app.api.schemas import In, Out
from app.delivery import events
from app.errors import Unauthenticated
from app.services import services

blueprint = APIBlueprint("auth", __name__, url_prefix="/v1", tag="Sign-in")


class LoginIn(In):
    """Who signs in."""

    email: str = Field(max_length=320, examples=["username@test.com"])
    password: str = Field(max_length=MAX_PASSWORD, examples=["password2"])
    device: str = Field("", max_length=100, description="A name for the list of sessions.")
    cookie: StrictBool = Field(
        False, description="For pages: the refresh token goes into a cookie."
    )


class RefreshIn(In):
    """The refresh token, unless the cookie has it."""

    refresh_token: str | None = Field(None, max_length=200)


class SignedInUser(Out):
    """Whose tokens they are."""

    id: UUID
    email: str
    role: str
    permissions: list[str] = Field(description="What the role holds.")


class SignedInOut(Out):
    """What a client needs to stay signed in."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = Field(description="Seconds until the access token ends.")
    refresh_token: str | None = Field(None, description="Good once; absent with a cookie.")
    csrf_token: str | None = Field(None, description="With a cookie only: `X-CSRF-Token`.")
    session_id: UUID
    user: SignedInUser


@blueprint.post("/login")
@blueprint.input(LoginIn)
@blueprint.output(SignedInOut)
@blueprint.doc(summary="Sign in", responses=[401, 429])
def login(json_data: LoginIn) -> Response:
    """Open a session on this device.

    `401 invalid_credentials` whether the address or the password is wrong. Who tries too often is
    told how long to wait (`429 too_many_attempts`, `Retry-After`), a minute at most.
    """
    throttle.admit(json_data.email)
    signed_in = sign_in.sign_in(
        json_data.email,
        json_data.password,
        json_data.device,
        settings=services().settings,
        offload=services().offload,
    )
    throttle.forgive(json_data.email)
    return _answer(signed_in, cookie=json_data.cookie)


@blueprint.post("/refresh")
@blueprint.input(RefreshIn)
@blueprint.output(SignedInOut)
@blueprint.doc(summary="Exchange a refresh token for new tokens", responses=[401, 403])
def refresh(json_data: RefreshIn) -> Response:
    """Stay signed in.

    A refresh token is good once. A second use ends its session (`401 refresh_reused`), unless it
    follows within seconds, as after a lost answer: then the same new token comes again.
    With the cookie instead of a body, the header `X-CSRF-Token` is needed.
    """
    text = json_data.refresh_token
    from_cookie = text is None
    text = text or csrf.refresh_token_of_cookie()
    if text is None:
        raise Unauthenticated("Send `refresh_token`, or the cookie.", code="refresh_missing")
    try:
        signed_in = sign_in.refresh(text, settings=services().settings)
    except RefreshReused as error:
        services().publisher.to_user(error.user_id, events.SESSIONS_CHANGED, {})
        raise
    return _answer(signed_in, cookie=from_cookie)


@blueprint.post("/logout")
@guards.signed_in
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Sign out")
def logout() -> Response:
    """End this session.

    Its tokens stop working and its sockets close, on every process.
    """
    caller = guards.identity()
    sessions.revoke(caller.user_id, caller.session_id)
    services().publisher.to_user(caller.user_id, events.SESSIONS_CHANGED, {})
    response = Response(status=204)
    csrf.clear_cookie(response)
    return response


def _answer(signed_in: SignedIn, *, cookie: bool) -> Response:
    body = SignedInOut(
        access_token=signed_in.access_token,
        expires_in=services().settings.access_token_minutes * 60,
        refresh_token=None if cookie else signed_in.refresh_token,
        csrf_token=csrf.token_of(signed_in.session_id) if cookie else None,
        session_id=signed_in.session_id,
        user=SignedInUser.of(signed_in.user),
    )
    response = jsonify(body.model_dump(mode="json", exclude_none=True))
    response.headers["Cache-Control"] = "no-store"
    if cookie:
        csrf.set_cookie(response, signed_in.refresh_token)
    return response

"""Guards: they turn a bearer token into an `Identity`, or end the request with 401 or 403.

A guard stands right below the route, so that it runs before anything of the request is read:

    @blueprint.get("/jobs")
    @guards.signed_in
    @blueprint.output(JobsOut)
    def list_jobs(): ...
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, NoReturn, ParamSpec, TypeVar, cast
from uuid import UUID

from apiflask import HTTPTokenAuth
from apiflask.scaffold import APIScaffold

from app.accounts.permissions import Permission
from app.accounts.tokens import Identity, token_missing, verify_access
from app.errors import PermissionDenied
from app.jobs.queries import ANYBODY, Whose
from app.observability import bind_contextvars

P = ParamSpec("P")
R = TypeVar("R")

# Every other rule of the URL map has a guard; a test compares.
PUBLIC_ROUTES = frozenset(
    {
        "/",
        "/test.html",
        "/assets/swagger-ui/<name>",
        "/assets/<path:name>",
        "/app/web/static/<path:name>",
        "/docs",
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/login",
        "/v1/refresh",
    }
)

_bearer = HTTPTokenAuth(
    scheme="Bearer", description="The `access_token` of `POST /v1/login` or `POST /v1/refresh`."
)


def _verify(token: str) -> Identity:
    caller = verify_access(token)
    bind_contextvars(user_id=str(caller.user_id))
    return caller


def _refuse(_: int) -> NoReturn:
    """Called only for a request without a bearer token: anything else raises in `_verify`."""
    raise token_missing()


_bearer.verify_token(_verify)
_bearer.error_handler(_refuse)


def signed_in(view: Callable[P, R]) -> Callable[P, R]:
    """Let only signed-in users in; the view reads `guards.identity()`.

    Raises:
        Unauthenticated: see `app.accounts.tokens.verify_access`.
    """
    return cast(Callable[P, R], APIScaffold().auth_required(_bearer)(cast(Any, view)))


def permitted(permission: Permission) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only those in whose role holds a permission.

    Raises:
        Unauthenticated: see `signed_in`.
        PermissionDenied: `permission_missing`.
    """

    def guard(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            require(permission)
            return view(*args, **kwargs)

        return signed_in(checked)

    return guard


def require(permission: Permission) -> None:
    """Refuse what the caller may not do; for views that need a permission at times only.

    Raises:
        PermissionDenied: `permission_missing`.
    """
    if not identity().may(permission):
        raise PermissionDenied(
            f"This takes the permission {permission}, which your role ({identity().role}) does not "
            "hold. Ask an administrator.",
            code="permission_missing",
        )


def whose(user_id: UUID | Literal["any"] | None, permission: Permission) -> Whose:
    """Whose rows the caller asks for, and may read.

    Args:
        user_id: as the query has it; None for the caller's own.
        permission: what anybody else's take.

    Raises:
        PermissionDenied: see `require`.
    """
    if user_id is None or user_id == identity().user_id:
        return identity().user_id
    require(permission)
    return user_id if isinstance(user_id, UUID) else ANYBODY


def identity() -> Identity:
    """The caller of the present request; only in a guarded view."""
    return cast(Identity, _bearer.current_user)


def is_guarded(view: Callable[..., Any]) -> bool:
    """Whether a view function stands behind a guard."""
    return getattr(view, "_spec", {}).get("auth") is _bearer

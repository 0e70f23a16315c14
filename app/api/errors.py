"""The one place where an error becomes a response: `application/problem+json` (RFC 9457)."""

import math
import re
from collections.abc import Mapping
from http import HTTPStatus

import jwt as pyjwt
from apiflask import APIFlask, HTTPError
from flask import Response, current_app
from flask_jwt_extended.exceptions import JWTExtendedException
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.api.requests import request_id
from app.api.schemas import Problem
from app.errors import (
    AppError,
    BadRequest,
    Conflict,
    InvalidInput,
    NotFound,
    PermissionDenied,
    TooLarge,
    TooManyRequests,
    TryLater,
    Unauthenticated,
)
from app.observability import get_logger

MEDIA_TYPE = "application/problem+json"
DATABASE_RETRY_SECONDS = 2
MAX_FIELDS = 100
STATUS: Mapping[type[AppError], int] = {
    BadRequest: 400,
    Unauthenticated: 401,
    PermissionDenied: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    InvalidInput: 422,
    TooManyRequests: 429,
    TryLater: 503,
}
HTTP_CODES = {404: "route_not_found", 413: "body_too_large"}
HTTP_DETAILS = {
    404: "There is no such address. `/docs` lists all that there are.",
    405: "This address does not know that method; `Allow` names those it knows.",
    413: "The body is larger than the server accepts.",
}
_log = get_logger(__name__)

Errors = dict[str, list[str]]


def register(app: APIFlask) -> None:
    """Make every error of the app, also those of libraries, a problem response."""
    app.register_error_handler(AppError, _from_app_error)
    app.register_error_handler(HTTPError, _from_apiflask)
    app.register_error_handler(HTTPException, _from_werkzeug)
    app.register_error_handler(DBAPIError, _from_database)
    app.register_error_handler(PoolTimeout, _database_unavailable)
    app.register_error_handler(Exception, _from_anything)
    _replace_token_library_handlers(app)


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    retryable: bool = False,
    errors: Errors | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """An error response.

    Args:
        errors: field -> what is wrong with it; cut to the first hundred fields.
    """
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        retryable=retryable,
        request_id=request_id(),
        errors=dict(list(errors.items())[:MAX_FIELDS]) if errors else None,
    ).model_dump(exclude_none=True)
    response = Response(current_app.json.dumps(body), status, headers, mimetype=MEDIA_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _from_app_error(error: AppError) -> Response:
    status = next((STATUS[base] for base in type(error).__mro__ if base in STATUS), None)
    if status is None:
        return _from_anything(error)
    headers = {}
    if isinstance(error, TryLater):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return problem(
        status,
        error.code,
        error.message,
        retryable=error.retryable,
        errors=error.fields if isinstance(error, InvalidInput) else None,
        headers=headers,
    )


def _from_apiflask(error: HTTPError) -> Response:
    """APIFlask's own errors: above all, input that breaks its schema."""
    if error.status_code != HTTPStatus.UNPROCESSABLE_ENTITY:
        return problem(error.status_code, _code_of(error.status_code), error.message or "")
    fields: Errors = {}
    for location, of_location in dict(error.detail).items():
        for name, messages in of_location.items():
            field = "body" if name == "_schema" else name
            if location == "headers":
                field = header_name(name)
            fields.setdefault(field, []).extend(_plain(message) for message in messages)
    named = ", ".join(list(fields)[:5])
    return problem(422, InvalidInput.code, f"Not acceptable: {named}.", errors=fields)


def header_name(field: str) -> str:
    """The header that a field of an input schema is read from: `Idempotency-Key`."""
    return field.replace("_", "-").title()


def _plain(message: str) -> str:
    if message.startswith("Input should be a valid dictionary"):
        return "Input should be a JSON object"
    return message.removeprefix("Value error, ")


def _from_werkzeug(error: HTTPException) -> Response | HTTPException:
    if error.code is None or error.response is not None:
        return error
    headers = {name: value for name, value in error.get_headers() if name != "Content-Type"}
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return _from_anything(error)
    detail = HTTP_DETAILS.get(error.code) or error.description or error.name
    return problem(error.code, _code_of(error.code), detail, headers=headers)


def _from_database(error: DBAPIError) -> Response:
    """A database that is away, overloaded or at a limit is worth another try; the rest is ours."""
    away = isinstance(error, (OperationalError, InterfaceError)) or error.connection_invalidated
    return _database_unavailable(error) if away else _from_anything(error)


def _database_unavailable(error: Exception) -> Response:
    cause = getattr(error, "orig", None) or error
    _log.warning("database unavailable", cause=type(cause).__name__, reason=str(cause).strip())
    return problem(
        503,
        "database_unavailable",
        "The database does not answer in time. Try again shortly.",
        retryable=True,
        headers={"Retry-After": str(DATABASE_RETRY_SECONDS)},
    )


def _from_anything(error: BaseException) -> Response:
    """Nobody foresaw this one: the log gets everything, the caller only the request id."""
    _log.error("request failed", exc_info=error)
    detail = "Something went wrong on the server. Report the request id to have it looked up."
    return problem(500, AppError.code, detail)


def _from_token_library(error: Exception) -> Response:
    expired = isinstance(error, pyjwt.ExpiredSignatureError)
    detail = "The access token has expired." if expired else "The access token is not valid."
    return problem(401, "token_expired" if expired else "token_invalid", detail)


def _code_of(status: int) -> str:
    phrase = HTTPStatus(status).phrase.lower()
    return HTTP_CODES.get(status) or re.sub(r"[^a-z]+", "_", phrase)


def _replace_token_library_handlers(app: APIFlask) -> None:
    """Flask-JWT-Extended registered an answer of its own form for each of its errors."""
    handlers = app.error_handler_spec[None][None]
    for kind in list(handlers):
        if issubclass(kind, (pyjwt.PyJWTError, JWTExtendedException)):
            app.register_error_handler(kind, _from_token_library)

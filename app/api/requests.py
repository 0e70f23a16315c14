"""What every request has: an id, one access-log line, and a JSON body that can be trusted to parse.

The id is in the answer (`X-Request-Id`) and in each log line of the request.
"""

import math
import re
import time
from json import JSONDecodeError
from typing import Any
from uuid import uuid4

from flask import Flask, Request, Response, g, request
from flask.json.provider import DefaultJSONProvider
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from app.errors import BadRequest, InvalidInput
from app.observability import bind_contextvars, clear_contextvars, get_logger
from app.services import run_here, services

HEADER = "X-Request-Id"
MAX_JSON_DEPTH = 64
# Up to here every integer has a floating-point number of its own.
MAX_EXACT = 2**53
LONG_BYTES = 100_000
"""Longer bodies are looked through beside the event loop. To parse one there would be no gain: the
parser lets no other thread run meanwhile."""
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = get_logger(__name__)


class LogsFailures:
    """WSGI middleware: logs what leaves the app as an exception, which the engines answer and forget.

    Args:
        app: the rest.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """See PEP 3333."""
        try:
            return self._app(environ, start_response)
        except Exception:
            _log.exception("request not answered", path=environ.get("PATH_INFO", ""))
            raise


class Json(DefaultJSONProvider):
    """Flask's JSON, in which `2.0` is the integer that JSON Schema and JavaScript take it for."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Parse."""
        return super().loads(s, **({"parse_float": _number} | kwargs))


class JsonRequest(Request):
    """A request whose body, if any, is JSON and says so."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """The parsed body; `None` when there is no body.

        A body must name its type, also under `force`: a foreign page can then not send one without
        asking first (CORS).

        Raises:
            BadRequest: `malformed_json`.
            InvalidInput: the body is `null`, which is not the same as no body.
            RequestEntityTooLarge: also of a body that did not say how long it is.
            UnsupportedMediaType: the body is not declared as JSON.
        """
        data = self.get_data()
        if not data:
            return None
        # Werkzeug cuts a body of unknown length off at the limit, and says nothing.
        if self.content_length is None and len(data) >= (self.max_content_length or math.inf):
            raise RequestEntityTooLarge
        if not self.is_json:
            raise UnsupportedMediaType("Send JSON, with `Content-Type: application/json`.")
        try:
            value = super().get_json(force, silent, cache)
        except RecursionError as error:
            raise _malformed("It nests too deeply.") from error
        if value is None:
            raise InvalidInput("Not acceptable: body.", {"body": ["Input should be a JSON object"]})
        call = services().offload if len(data) > LONG_BYTES else run_here
        call(_refuse_extremes, value)
        return value

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Say where the JSON breaks, without repeating it."""
        where = f"{e}." if isinstance(e, JSONDecodeError) else "It is not UTF-8 text."
        raise _malformed(where) from e


def _number(text: str) -> int | float:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) <= MAX_EXACT else value


def register(app: Flask) -> None:
    """Give each request of the app its id and its log line."""
    app.request_class = JsonRequest
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)


def request_id() -> str:
    """The id of the present request."""
    if "request_id" not in g:
        g.request_id = _choose_id(request.headers.get(HEADER, ""))
    return str(g.request_id)


def _choose_id(offered: str) -> str:
    """The caller's own id if it is harmless in logs and headers, else a new one."""
    return offered if _ACCEPTABLE_ID.fullmatch(offered) else uuid4().hex


def _begin() -> None:
    g.pop("request_id", None)
    g.started = time.monotonic()
    clear_contextvars()
    bind_contextvars(request_id=request_id())


def _end(response: Response) -> Response:
    response.headers[HEADER] = request_id()
    seconds = time.monotonic() - g.get("started", time.monotonic())
    _log.info(
        "request handled",
        method=request.method,
        route=request.url_rule.rule if request.url_rule else None,
        status=response.status_code,
        client=request.remote_addr,
        seconds=round(seconds, 6),
    )
    return response


def _forget(_: BaseException | None) -> None:
    clear_contextvars()


def _malformed(why: str) -> BadRequest:
    return BadRequest(f"The body is not readable as JSON. {why}", code="malformed_json")


def _refuse_extremes(value: Any) -> None:
    """Refuse what Python reads as JSON and others do not: endless nesting, NaN, infinity."""
    level = [[value]]
    for _ in range(MAX_JSON_DEPTH):
        deeper: list[Any] = []
        for items in level:
            kinds = {*map(type, items)}  # a list may be long, and most are of one kind
            if float in kinds:
                _refuse_infinite(items)
            if kinds & {dict, list}:
                deeper += [each for each in items if isinstance(each, dict | list)]
        level = [list(each.values()) if isinstance(each, dict) else each for each in deeper]
        if not any(level):
            return
    raise _malformed("It nests too deeply.")


def _refuse_infinite(items: list[Any]) -> None:
    if not all(math.isfinite(each) for each in items if isinstance(each, float)):
        raise _malformed("A number is out of range.")

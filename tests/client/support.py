"""Clients with a fault built in, and what a callback was given."""

import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import requests
import socketio
from flask_jwt_extended import create_access_token
from requests.adapters import HTTPAdapter

from app.accounts.tokens import configure_tokens
from app.client import Ringback
from app.client.web import make_session
from app.delivery import events
from app.extensions import transaction
from app.notifications import inbox
from app.notifications.view import notification_view
from app.services import services
from tests.support.api import Api
from tests.support.stack import Stack
from tests.support.waiting import wait_for

PASSWORD = "a long password"


class Bell:
    """Remembers what was rung, and on which threads."""

    def __init__(self) -> None:
        self.rung: list[dict[str, Any]] = []
        self.threads: set[threading.Thread] = set()

    def __call__(self, notification: dict[str, Any]) -> None:
        self.rung.append(notification)
        self.threads.add(threading.current_thread())

    @property
    def numbers(self) -> list[int]:
        return [each["seq"] for each in self.rung]

    def wait_for(self, count: int, seconds: float = 60.0) -> None:
        wait_for(lambda: len(self.rung) >= count, f"{count} rings", seconds)


def append(stack: Stack, user: Api, count: int, *, ring: bool = True) -> None:
    """Add notifications, each in a transaction of its own."""
    user_id = UUID(user.user_id)
    with stack.core().app_context():
        for number in range(count):
            with transaction():
                message = inbox.Message("test", f"number {number}")
                notification = inbox.append(user_id, message, timedelta(days=1))
                view = notification_view(notification)
            if ring:
                services().publisher.to_user(user_id, events.NOTIFICATION, view)


def short_token(stack: Stack, user: Api, seconds: float) -> str:
    """An access token of the user's session that ends soon."""
    app = stack.core()
    with app.app_context():
        configure_tokens(app, services().settings)
        claims = {"sid": user.tokens["session_id"], "role": "user"}
        life = timedelta(seconds=seconds)
        return str(
            create_access_token(identity=user.user_id, additional_claims=claims, expires_delta=life)
        )


class Unreliable(socketio.Client):
    """The official client, over a network that loses, repeats and reorders notifications."""

    def __init__(self, random: random.Random, **options: Any) -> None:
        super().__init__(**options)
        self._random = random
        self.raw: list[int] = []
        self._held: list[tuple[Any, ...]] = []

    def _trigger_event(self, event: str, namespace: str, *arguments: Any) -> Any:
        if event != "notification":
            return super()._trigger_event(event, namespace, *arguments)
        self.raw.append(arguments[0]["seq"])
        fate = self._random.random()
        if fate < 0.2:
            return None
        if fate < 0.4:
            self._held.append(arguments)
            return None
        for each in (arguments, *self._held, *([arguments] if fate < 0.6 else [])):
            super()._trigger_event(event, namespace, *each)
        self._held.clear()


class UnreliableRingback(Ringback):
    """A client whose connections are unreliable, in a way that a seed decides."""

    def __init__(self, seed: int, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.random = random.Random(seed)
        self.sockets: list[Unreliable] = []

    def _make_socket(self) -> Unreliable:
        options = {
            "reconnection": False,
            "handle_sigint": False,
            "http_session": make_session(True),
        }
        self.sockets.append(Unreliable(self.random, **options))
        return self.sockets[-1]


class WithoutTransports(socketio.Client):
    """The official client behind a proxy that lets some transports not through."""

    def __init__(self, blocked: set[str], **options: Any) -> None:
        super().__init__(**options)
        self._blocked = blocked

    def connect(self, url: str, **options: Any) -> None:
        if self._blocked & set(options["transports"]):
            raise socketio.exceptions.ConnectionError("Connection error")
        super().connect(url, **options)


class BlockedRingback(Ringback):
    """A client behind such a proxy."""

    blocked: set[str]

    def _make_socket(self) -> WithoutTransports:
        return WithoutTransports(
            self.blocked,
            reconnection=False,
            handle_sigint=False,
            http_session=make_session(True),
        )


class LosesAnswers(HTTPAdapter):
    """Lets requests through to the server, and loses the first answers to those that are chosen."""

    def __init__(self, count: int, chosen: Callable[[requests.PreparedRequest], bool]) -> None:
        super().__init__()
        self.left, self._chosen = count, chosen

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        response = super().send(request, *args, **options)
        if self.left and self._chosen(request):
            self.left -= 1
            response.close()
            raise requests.ConnectionError("the answer was lost")
        return response


def lose_answers(ringback: Ringback, path: str, count: int = 1) -> LosesAnswers:
    """Lose the first answers to requests to this path."""
    adapter = LosesAnswers(count, lambda request: str(request.url).endswith(path))
    ringback._web._http.mount("http://", adapter)
    return adapter

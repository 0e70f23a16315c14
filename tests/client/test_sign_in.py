"""Signed in, and staying so: tokens, their renewal, and their end."""

import base64
import json
import select
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from app.client import Refused, Ringback, SessionEnded, SignInRefused, State, Unreachable
from app.client.pauses import Deadline
from app.client.tokens import Tokens
from app.client.web import Request
from tests.client.support import PASSWORD, Bell, append, lose_answers, short_token
from tests.support.api import Api
from tests.support.stack import Stack
from tests.support.waiting import wait_for


def test_a_wrong_password_is_told_at_once(stack: Stack, user: Api) -> None:
    with (
        pytest.raises(SignInRefused) as refused,
        Ringback(stack.url, email=user.email, password="a wrong password"),
    ):
        raise AssertionError("signed in")
    assert (refused.value.code, refused.value.status) == ("invalid_credentials", 401)


def test_who_signs_in_can_stand_in_the_environment(
    stack: Stack, user: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="RINGBACK_EMAIL"):
        Ringback(stack.url)
    monkeypatch.setenv("RINGBACK_EMAIL", str(user.email))
    monkeypatch.setenv("RINGBACK_PASSWORD", PASSWORD)
    with Ringback(stack.url) as ringback:
        assert ringback.user["email"] == user.email


@pytest.mark.parametrize("url", ["localhost:5005", "http://localhost:5005/v1", "ftp://localhost"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="http://localhost:5005"):
        Ringback(url, access_token="x")


def test_a_name_of_a_device_that_the_server_would_refuse_is_refused() -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        Ringback("http://localhost:5005", access_token="x", device="my laptop")


def test_a_server_that_is_not_there_is_told_after_a_while(stack: Stack) -> None:
    ringback = Ringback("http://localhost:9", email="a@test.com", password="b", patience=0.5)
    with pytest.raises(Unreachable, match="http://localhost:9 does not answer"):
        ringback.open()


def test_closing_ends_the_session_that_opening_began_and_no_other(stack: Stack, user: Api) -> None:
    with Ringback(stack.url, email=user.email, password=PASSWORD):
        assert len(user.ok("GET", "/v1/sessions")["items"]) == 2
    assert len(user.ok("GET", "/v1/sessions")["items"]) == 1
    with Ringback(stack.url, access_token=user.token):
        pass
    assert len(user.ok("GET", "/v1/sessions")["items"]) == 1


def test_closing_ends_the_session_also_after_the_access_token_has_ended(
    stack: Stack, user: Api
) -> None:
    with Ringback(stack.url, email=user.email, password=PASSWORD) as ringback:
        tokens = ringback._session._tokens
        assert tokens is not None
        tokens.access = short_token(stack, user, -60)
        assert len(user.ok("GET", "/v1/sessions")["items"]) == 2
    assert len(user.ok("GET", "/v1/sessions")["items"]) == 1


def test_tokens_and_passwords_are_not_in_what_is_printed_of_them() -> None:
    request = Request("POST", "/v1/login", {"password": "hidden"}, headers={"a": "hidden"})
    assert "hidden" not in repr(request) + repr(Tokens("hidden", "hidden"))


def test_a_connection_outlives_its_first_token(stack: Stack, user: Api) -> None:
    bell = Bell()
    states: list[State] = []
    with Ringback(
        stack.url,
        access_token=short_token(stack, user, 4),
        refresh_token=user.tokens["refresh_token"],
        after=0,
        on_notification=bell,
        on_state=states.append,
    ) as ringback:
        first = ringback._session._tokens
        assert first is not None
        wait_for(lambda: first.is_expired, "the end of the first token")
        assert ringback._session._tokens is not first, "it was renewed before its end"
        append(stack, user, 1)
        bell.wait_for(1)
        wait_for(lambda: states[-1] == State("live"), "the state")
    assert "offline" not in [each.name for each in states]


def test_a_client_whose_clock_is_wrong_renews_what_the_server_refuses(
    stack: Stack, user: Api
) -> None:
    expired = short_token(stack, user, -60)
    bell = Bell()
    with Ringback(
        stack.url,
        access_token=expired,
        refresh_token=user.tokens["refresh_token"],
        after=0,
        on_notification=bell,
    ) as ringback:
        assert ringback.run("add", a=1, b=2).result == {"sum": 3}
        bell.wait_for(1)


def test_a_refresh_token_alone_is_enough(stack: Stack, user: Api) -> None:
    with Ringback(stack.url, refresh_token=user.tokens["refresh_token"]) as ringback:
        assert ringback.run("add", a=1, b=2).result == {"sum": 3}


def test_of_many_threads_one_renews(stack: Stack, user: Api) -> None:
    barrier = threading.Barrier(8)
    with Ringback(
        stack.url,
        access_token=short_token(stack, user, -60),
        refresh_token=user.tokens["refresh_token"],
    ) as ringback:

        def ask(_: int) -> int:
            barrier.wait(30)
            return sum(1 for _ in ringback.jobs())

        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ask, range(8))) == [0] * 8
        assert ringback.run("add", a=1, b=2).result == {"sum": 3}


def test_who_waits_for_the_renewal_of_another_thread_waits_no_longer_than_it_may() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        session = Ringback(
            f"http://127.0.0.1:{silent.getsockname()[1]}",
            access_token=jwt_that_ended(),
            refresh_token="x",
        )._session
        with ThreadPoolExecutor(1) as pool:
            renewing = pool.submit(session.token, Deadline(0))
            wait_for(lambda: silent_has_a_guest(silent), "the renewal")
            begin = time.monotonic()
            with pytest.raises(Unreachable, match="still being renewed"):
                session.json(Request("GET", "/v1/jobs"), Deadline(0.2))
            assert not renewing.done(), f"it waited {time.monotonic() - begin:.1f} s"
            with pytest.raises(Unreachable):
                renewing.result(30)


def jwt_that_ended() -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 0, "exp": 1}).encode()).decode()
    return f"e30.{claims}.x"


def silent_has_a_guest(server: socket.socket) -> bool:
    return bool(select.select([server], [], [], 0)[0])


def test_a_renewal_whose_answer_is_lost_is_made_good(stack: Stack, user: Api) -> None:
    ringback = Ringback(
        stack.url,
        access_token=short_token(stack, user, -60),
        refresh_token=user.tokens["refresh_token"],
    )
    adapter = lose_answers(ringback, "/v1/refresh")
    with ringback:
        assert ringback.run("add", a=1, b=2).result == {"sum": 3}
    assert adapter.left == 0


class SlowRefresh(HTTPAdapter):
    """The first answer to a renewal is lost, and each that is waited for less than three seconds.

    Attributes:
        lost: when answers were given up, by the monotonic clock.
        asked: the read time-outs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lost: list[float] = []
        self.asked: list[float] = []

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> Any:
        response = super().send(request, *args, **options)
        if str(request.url).endswith("/v1/refresh"):
            self.asked.append(options["timeout"][1])
            if len(self.asked) == 1 or self.asked[-1] < 3:
                self.lost.append(time.monotonic())
                raise requests.ReadTimeout("the answer is slow")
        return response


@pytest.mark.parametrize("seconds", [300, -60])
def test_a_slow_renewal_is_made_good_within_the_grace_of_the_server(
    stack: Stack, user: Api, seconds: float
) -> None:
    ringback = Ringback(
        stack.url,
        access_token=short_token(stack, user, seconds),
        refresh_token=user.tokens["refresh_token"],
    )
    adapter = SlowRefresh()
    ringback._web._http.mount("http://", adapter)
    tokens = ringback._session._tokens
    assert tokens is not None
    tokens.due = time.monotonic()
    with ringback:
        wait_for(lambda: ringback._session._tokens is not tokens, "the renewal")
        assert ringback.run("add", a=1, b=2).result == {"sum": 3}
    assert len(adapter.lost) == 1
    assert adapter.asked == [4.0, 4.0]


def test_a_revoked_session_ends_the_client_with_its_reason(stack: Stack, user: Api) -> None:
    states: list[State] = []
    with Ringback(
        stack.url,
        access_token=user.token,
        refresh_token=user.tokens["refresh_token"],
        on_state=states.append,
    ) as ringback:
        job = ringback.submit("wait", seconds=60)
        wait_for(lambda: states and states[-1].name == "live", "the connection")
        waiting: list[Any] = []
        thread = threading.Thread(target=lambda: waiting.append(ended(ringback, job.id)))
        thread.start()
        user.ok("POST", "/v1/logout")
        thread.join(30)
        assert not thread.is_alive()
        wait_for(lambda: states[-1].name == "signed-out", "the state")
        with pytest.raises(SessionEnded):
            next(ringback.jobs())
    assert waiting == ["token_revoked"]
    Api(stack.url, user.email, PASSWORD).ok("POST", f"/v1/jobs/{job.id}/cancel")
    assert "sign in" in states[-1].reason.lower()


def ended(ringback: Ringback, job_id: str) -> str:
    with pytest.raises(SessionEnded) as problem:
        ringback.wait(job_id)
    return problem.value.code


def test_an_access_token_alone_is_used_until_it_ends(stack: Stack, user: Api) -> None:
    with Ringback(stack.url, access_token=user.token) as ringback:
        assert ringback.user["id"] == user.user_id
    with pytest.raises(SessionEnded, match="no refresh token"):
        Ringback(stack.url, access_token=short_token(stack, user, -60)).open()


def test_what_the_server_refuses_says_why(stack: Stack, user: Api) -> None:
    with Ringback(stack.url, access_token=user.token) as ringback:
        with pytest.raises(Refused, match="rows") as refused:
            ringback.submit("excel_test", rows=-1)
        assert (refused.value.status, refused.value.code) == (422, "invalid_parameters")
        assert list(refused.value.errors) == ["params.rows"]
        assert refused.value.request_id

"""Which pages may call: one list for REST, for polling and for WebSockets."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from app.config import Settings
from app.errors import ConfigError
from app.standalone.servers import Servers
from tests.support.raw import exchange, status_of
from tests.support.stack import AppServer, Stack

LISTED = "https://app.example.com"
WITH_PORT = "https://app.example.com:8443"
SECRET = "a secret of the tests, longer than thirty-two bytes"


@pytest.fixture(scope="module")
def strict(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """As in production: pages of the server itself and of two listed origins, behind a proxy."""
    stack = Stack.start(
        servers,
        tmp_path_factory.mktemp("strict"),
        RINGBACK_ENVIRONMENT="production",
        RINGBACK_DEMO_USERS="false",
        RINGBACK_ALLOWED_ORIGINS=f"{LISTED},{WITH_PORT}",
        RINGBACK_TRUSTED_PROXIES="127.0.0.1,::1",
    )
    yield stack
    stack.stop()


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, strict: Stack) -> AppServer:
    return strict.server_under(request.param)


FOREIGN = [
    "null",
    "https://evil.example",
    "http://app.example.com",
    f"{LISTED}.evil.example",
    f"{LISTED}:5005",
    "https://xapp.example.com",
    "https://appxexample.com",
    f"{LISTED}/",
    f"{LISTED} https://evil.example",
    "file://",
    "*",
    "://",
    "x" * 5000,
]


def rest(server: AppServer, origin: str | None, **headers: str) -> str | None:
    """What a browser is told about a simple request."""
    sent = headers | ({"Origin": origin} if origin is not None else {})
    answer = requests.get(f"{server.url}/healthz", headers=sent, timeout=30)
    assert answer.status_code == 200
    assert "Access-Control-Allow-Credentials" not in answer.headers
    return answer.headers.get("Access-Control-Allow-Origin")


def preflight(server: AppServer, origin: str) -> str | None:
    sent = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = requests.options(f"{server.url}/v1/jobs", headers=sent, timeout=30)
    assert answer.status_code == 200
    return answer.headers.get("Access-Control-Allow-Origin")


def polling(server: AppServer, origin: str | None, **headers: str) -> int:
    sent = headers | ({"Origin": origin} if origin is not None else {})
    address = f"{server.url}/socket.io/?EIO=4&transport=polling"
    return requests.get(address, headers=sent, timeout=30).status_code


def websocket(server: AppServer, origin: str | None, **headers: str) -> int:
    sent = headers | ({"Origin": origin} if origin is not None else {})
    host = sent.pop("Host", urlsplit(server.url).netloc)
    lines = [
        "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        *(f"{name}: {value}" for name, value in sent.items()),
    ]
    return status_of(exchange(server.url, "\r\n".join([*lines, "", ""]).encode()))


@pytest.mark.parametrize("origin", [LISTED, WITH_PORT])
def test_a_page_of_a_listed_origin_may_call(server: AppServer, origin: str) -> None:
    assert rest(server, origin) == preflight(server, origin) == origin
    assert polling(server, origin) == 200
    assert websocket(server, origin) == 101


@pytest.mark.parametrize("origin", FOREIGN, ids=lambda origin: origin[:40])
def test_a_page_of_any_other_origin_may_not(server: AppServer, origin: str) -> None:
    assert rest(server, origin) is None
    assert preflight(server, origin) is None
    assert polling(server, origin) == 400
    assert websocket(server, origin) == 400


def test_an_origin_is_the_same_in_whatever_case(server: AppServer) -> None:
    origin = LISTED.upper()
    assert rest(server, origin) == origin
    assert polling(server, origin) == 200
    assert websocket(server, origin) == 101


def test_a_client_that_is_no_browser_may_call(server: AppServer) -> None:
    assert rest(server, None) is None
    assert polling(server, None) == 200
    assert websocket(server, None) == 101


def test_the_servers_own_pages_may_call(server: AppServer) -> None:
    assert polling(server, server.url) == 200
    assert websocket(server, server.url) == 101


def test_behind_a_proxy_the_own_origin_is_what_the_browser_sees(server: AppServer) -> None:
    seen = {"Host": "ringback.example", "X-Forwarded-Proto": "https"}
    own = "https://ringback.example"
    assert polling(server, own, **seen) == 200
    assert websocket(server, own, **seen) == 101
    assert polling(server, "http://ringback.example", **seen) == 400
    assert websocket(server, "http://ringback.example", **seen) == 400


def test_nobody_but_a_proxy_says_what_the_browser_sees(stack: Stack) -> None:
    seen = {"Host": "ringback.example", "X-Forwarded-Proto": "https"}
    assert polling(stack.server, "https://ringback.example", **seen) == 400
    assert polling(stack.server, "http://ringback.example", **seen) == 200


def test_caches_are_told_that_the_answer_depends_on_the_origin(server: AppServer) -> None:
    answer = requests.get(f"{server.url}/healthz", headers={"Origin": LISTED}, timeout=30)
    assert "Origin" in answer.headers["Vary"]


def test_development_alone_accepts_a_page_opened_from_disk(stack: Stack) -> None:
    assert rest(stack.server, "null") == "null"
    assert polling(stack.server, "null") == 200
    assert websocket(stack.server, "null") == 101


@pytest.mark.parametrize(
    "origin",
    ["*", "https://*.example.com", "example.com", "https://example.com/", "https://a.b/c", "null"],
)
def test_what_is_no_origin_stops_the_start(origin: str) -> None:
    with pytest.raises(ConfigError, match="ALLOWED_ORIGINS"):
        Settings.load(secret_key=SECRET, allowed_origins=origin)

"""Bytes that no honest client sends, at both real servers: each is answered, none breaks anything."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.api import Api
from tests.support.raw import exchange, status_of
from tests.support.stack import AppServer, Stack

JSON = b"Content-Type: application/json\r\n"
POST = b"POST /v1/login HTTP/1.1\r\nHost: x\r\n" + JSON
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
OPEN = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
)
LOGIN = b'{"email": "a@example.com", "password": "wrong"}'
MEBIBYTE = b"x" * (1 << 20)


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


def get(path: bytes, *headers: bytes) -> bytes:
    lines = [b"GET " + path + b" HTTP/1.1", b"Host: x", b"Connection: close", *headers, b"", b""]
    return b"\r\n".join(lines)


def chunked(*chunks: bytes) -> bytes:
    parts = [f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in (*chunks, b"")]
    return POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(parts)


def sized(length: bytes, body: bytes = b"{}") -> bytes:
    return POST + b"Content-Length: " + length + b"\r\n\r\n" + body


def opening(*headers: bytes) -> bytes:
    version = b"Sec-WebSocket-Version: 13"
    return OPEN + KEY + b"\r\n".join([version, *headers, b"", b""])


ANSWERED = {
    "a chunked body is read": (chunked(LOGIN), {401}),
    "a chunked body in bytes": (chunked(*(bytes([each]) for each in LOGIN)), {401}),
    "a broken chunk size": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", {400}),
    "a chunked body that is too large": (chunked(*([MEBIBYTE] * 3)), {413}),
    "a body that is too large": (sized(b"3145728", MEBIBYTE * 3), {413}),
    "a length that is too large": (sized(b"9" * 20), {413}),
    "a length that is none": (sized(b"abc"), {400}),
    "a negative length": (sized(b"-5"), {400}),
    "a coding nobody knows": (POST + b"Transfer-Encoding: gzip\r\n\r\n{}", {400}),
    "two codings": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", {400}),
    "no HTTP": (b"\x00\xff\xfe\r\n\r\n", {400}),
    "HTTP of the future": (b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n", {400, 505}),
    "HTTP of the past": (b"GET /healthz\r\n\r\n", {200, 400}),
    "another's address": (get(b"http://evil.example/healthz"), {404}),
    "an unknown method": (b"BREW /healthz HTTP/1.1\r\nHost: x\r\n\r\n", {405}),
    "a tunnel": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", {404}),
    "a trace": (b"TRACE /v1/jobs HTTP/1.1\r\nHost: x\r\n\r\n", {405}),
    "everything": (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", {404}),
    "a long address": (get(b"/healthz?" + b"a" * 100_000), {414}),
    "a long header": (get(b"/healthz", b"X: " + b"a" * 100_000), {400, 431}),
    "many headers": (get(b"/healthz", *(b"X-%d: a" % n for n in range(200))), {400, 431}),
    "bytes in headers": (get(b"/healthz", b"X-Request-Id: a\x00b", b"Cookie: \xff\xfe;=;;"), {200}),
    "NUL in a path": (get(b"/v1/%00/x"), {404}),
    "NUL in a file name": (get(b"/assets/%00.css"), {404}),
    "no UTF-8 in a path": (get(b"/assets/%ff%fe"), {404}),
    "raw bytes in a path": (get(b"/v1/\xc3\xa9\xff"), {404}),
    "no UTF-8 in a query": (get(b"/v1/jobs?state=%ff%fe&%00=%00"), {401}),
    "a host that is none": (get(b"/healthz", b"Host: a b\xff<>"), {200, 400}),
    "no opening of a WebSocket": (OPEN + b"\r\n", {400}),
    "an old WebSocket": (OPEN + KEY + b"Sec-WebSocket-Version: 8\r\n\r\n", {400}),
    "a short key": (OPEN + b"Sec-WebSocket-Key: !\r\nSec-WebSocket-Version: 13\r\n\r\n", {400}),
    "an odd extension": (
        opening(b"Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=abc"),
        {101},
    ),
    "bytes as extension": (opening(b"Sec-WebSocket-Extensions: \xff;;;="), {101}),
    "bytes as cookie": (opening(b"Cookie: \xc3\xa9=\xff"), {101}),
    "an unknown Engine.IO": (get(b"/socket.io/?EIO=x&transport=polling"), {400}),
    "a foreign session": (get(b"/socket.io/?EIO=4&transport=polling&sid=../../etc"), {400}),
    "a foreign transport": (get(b"/socket.io/?EIO=4&transport=%00"), {400}),
}


@pytest.mark.parametrize("case", ANSWERED)
def test_it_is_answered_and_the_server_goes_on(server: AppServer, case: str) -> None:
    data, expected = ANSWERED[case]
    answer = exchange(server.url, data)
    assert status_of(answer) in expected, answer[:300]
    assert b"Traceback" not in answer and b"site-packages" not in answer
    assert b"Python/" not in answer
    assert Api(server.url).call("GET", "/healthz").ok


def test_a_body_with_two_ends_is_never_two_requests(server: AppServer) -> None:
    """What is one request for a proxy must not be two for us."""
    inner = get(b"/healthz")
    both = POST + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % (5 + len(inner))
    answer = exchange(server.url, both + b"0\r\n\r\n" + inner, until_closed=True)
    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.") == 1


def test_a_connection_that_never_ends_its_request_is_closed(stack: Stack) -> None:
    heads = [b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Sl", b"GET /healthz HTTP/1.1\r\n"]
    cases = [
        (stack.server_under(name).url, head) for name in ("eventlet", "gevent") for head in heads
    ]

    def wait_for_close(case: tuple[str, bytes]) -> int:
        return status_of(exchange(*case, seconds=60, until_closed=True))

    with ThreadPoolExecutor(len(cases)) as pool:
        started = time.monotonic()
        assert {*pool.map(wait_for_close, cases)} <= {0, 400, 408}
        assert time.monotonic() - started < 55

"""Bytes that no honest client sends, at both real servers: each is answered, none breaks anything."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.api import Api
from tests.support.raw import exchange, flood, status_of
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


# More than the kernel and the server hold of what nobody reads.
MOST_BYTES = 32 << 20
CHUNKED = b"Transfer-Encoding: chunked\r\n"


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


def test_compression_is_not_agreed_on_for_it_costs_memory(server: AppServer) -> None:
    offer = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    answer = exchange(server.url, opening(offer))
    assert status_of(answer) == 101
    assert b"extensions" not in answer.lower()


def broken(*lines: bytes) -> bytes:
    """A chunked body that is none, and what might be taken for its end."""
    return POST + CHUNKED + b"\r\n" + b"".join(lines) + b"\r\n0\r\n\r\n"


def unclear(*lines: bytes) -> bytes:
    return POST + b"".join(lines) + b"\r\n" + b"0\r\n\r\n"


# For somebody in front of us each may be one request, with the next one in its body.
SMUGGLED = {
    "both ways to say it": unclear(b"Content-Length: 5\r\n", CHUNKED),
    "two lengths": unclear(b"Content-Length: 2\r\n", b"Content-Length: 40\r\n"),
    "one length twice": unclear(b"Content-Length: 2\r\n", b"Content-Length: 2\r\n"),
    "a list of lengths": unclear(b"Content-Length: 2, 2\r\n"),
    "a length with a sign": unclear(b"Content-Length: +3\r\n"),
    "a length with an underscore": unclear(b"Content-Length: 1_0\r\n"),
    "a length in other digits": unclear(b"Content-Length: \xb2\r\n"),
    "two codings": unclear(CHUNKED, b"Transfer-Encoding: identity\r\n"),
    "two codings, the other way": unclear(b"Transfer-Encoding: identity\r\n", CHUNKED),
    "one coding twice": unclear(CHUNKED, CHUNKED),
    "no coding": unclear(b"Transfer-Encoding:\r\n"),
    "a coding in a folded line": unclear(b"Transfer-Encoding:\r\n chunked\r\n"),
    "a negative chunk": broken(b"-5\r\n"),
    "a chunk with a sign": broken(b"+2\r\n{}"),
    "a chunk with a prefix": broken(b"0x2\r\n{}"),
    "a chunk with an underscore": broken(b"0_2\r\n{}"),
    "a chunk without a size": broken(b"\r\n{}"),
    "a chunk whose line ends early": broken(b"2\n{}"),
    "a chunk longer than it says": broken(b"2\r\n{}{}"),
}


@pytest.mark.parametrize("case", SMUGGLED)
def test_a_body_whose_end_is_unclear_is_never_two_requests(server: AppServer, case: str) -> None:
    answer = exchange(server.url, SMUGGLED[case] + get(b"/healthz"), until_closed=True)
    assert status_of(answer) == 400, answer[:300]
    assert answer.count(b"HTTP/1.") == 1


@pytest.mark.parametrize("start", [b"", b"2;", b"2\r\n{}\r\n0\r\nX: ", b"-5\r\n", b"2\r\n{}"])
def test_no_line_of_a_chunked_body_is_read_without_an_end(server: AppServer, start: bytes) -> None:
    taken, answer = flood(server.url, POST + CHUNKED + b"\r\n" + start, b"1" * 65536, MOST_BYTES)
    assert taken < MOST_BYTES
    assert status_of(answer) in {0, 400}  # 0: it was closed before all was sent, and that is lost


def test_endless_trailers_are_not_read(server: AppServer) -> None:
    start = POST + CHUNKED + b"\r\n2\r\n{}\r\n0\r\n"
    taken, answer = flood(server.url, start, b"X: y\r\n" * 10_000, MOST_BYTES)
    assert taken < MOST_BYTES
    assert status_of(answer) in {0, 400}


def test_the_body_of_a_request_for_an_upgrade_is_read_once(server: AppServer) -> None:
    upgrade = b"Connection: upgrade\r\n"
    asked = sized(b"%d" % len(LOGIN), LOGIN).replace(JSON, JSON + upgrade)
    answer = exchange(server.url, asked + get(b"/healthz"), until_closed=True)
    assert status_of(answer) == 401
    assert answer.count(b"HTTP/1.") == 2


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

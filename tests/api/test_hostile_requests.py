"""Well-formed HTTP that no honest client sends: to every route, and to what serves files."""

import re
from typing import Any

import pytest
import requests
from werkzeug.routing import Rule

from app.config import Settings
from app.factory import create_app
from tests.support.api import Api
from tests.support.raw import exchange, status_of
from tests.support.stack import Stack

SECRET = "a secret of the tests, longer than thirty-two bytes"
ANY_ID = "01234567-89ab-7def-8123-456789abcdef"
LEAK = re.compile(r"Traceback|site-packages|psycopg2|sqlalchemy|root:x:0|RINGBACK_")


def rules() -> list[Rule]:
    return list(create_app(Settings.load(secret_key=SECRET)).url_map.iter_rules())


PATHS = sorted({re.sub(r"<[^>]+>", ANY_ID, rule.rule) for rule in rules()})


@pytest.fixture(scope="module")
def caller(stack: Stack) -> Api:
    return stack.new_user()


@pytest.fixture(scope="module")
def result(caller: Api) -> str:
    """Path of a result file."""
    return f"/v1/jobs/{caller.run('excel_test', rows=50)['id']}/result"


def assert_harmless(answer: requests.Response) -> None:
    assert answer.status_code < 500, answer.text
    assert not LEAK.search(str(answer.headers))
    if answer.status_code >= 400:
        assert not LEAK.search(answer.text)


@pytest.mark.parametrize("path", PATHS)
def test_every_route_survives_every_method_and_a_flood_of_parameters(
    caller: Api, path: str
) -> None:
    if path == "/v1/logout":
        caller = Api(caller.url, caller.email, caller.password)
    for method in ("HEAD", "OPTIONS", "GET", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "X"):
        assert_harmless(caller.call(method, path, allow_redirects=False))
    many = "&".join(f"p{number}=1" for number in range(700))
    odd = ["limit=1&limit=2&limit=-1", "cursor[]=1", "%00=%ff", "limit=%F0%9F", many, "=&&=", "?"]
    for query in odd:
        assert_harmless(caller.call("GET", f"{path}?{query}", allow_redirects=False))


@pytest.mark.parametrize("path", PATHS)
def test_every_route_survives_headers_and_bodies_from_elsewhere(caller: Api, path: str) -> None:
    if path == "/v1/logout":
        caller = Api(caller.url, caller.email, caller.password)
    headers: list[dict[str, Any]] = [
        {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "DELETE"},
        {"Cookie": "ringback_refresh=;=;;a=b=c; ringback_refresh=\xff; $Version=1" + "x" * 4000},
        {"Accept": "application/xml;q=,,", "Accept-Encoding": "br;q=x", "Accept-Language": "*;;"},
        {"If-None-Match": '"', "If-Match": "W/,", "If-Modified-Since": "yesterday"},
        {"Range": "bytes=-", "If-Range": '"'},
        {"Content-Type": "multipart/form-data; boundary="},
        {"Content-Type": "application/json; charset=utf-99"},
        {"Content-Encoding": "gzip"},
        {"Authorization": "Basic Og=="},
        {"Authorization": "Bearer " + "." * 4000},
        {"Authorization": 'Digest username="'},
        {"X-Forwarded-For": "," * 4000, "Forwarded": "for=;;", "X-Forwarded-Proto": "javascript"},
        {"Origin": "null" * 1000, "Access-Control-Request-Method": "%00"},
    ]
    for each in headers:
        for method, body in (("GET", None), ("POST", b"{}"), ("POST", b"\xff\x00[[[{")):
            answer = caller.call(method, path, headers=each, data=body, allow_redirects=False)
            assert_harmless(answer)


def test_no_header_turns_one_method_into_another(caller: Api) -> None:
    override = {"X-HTTP-Method-Override": "DELETE", "X-HTTP-Method": "DELETE"}
    session = caller.tokens["session_id"]
    answer = caller.call("POST", f"/v1/sessions/{session}", headers=override)
    assert answer.status_code == 405
    assert caller.call("GET", "/v1/users/me?_method=DELETE", headers=override).ok


@pytest.mark.parametrize("folder", ["/assets", "/app/web/static", "/assets/swagger-ui", "/docs"])
@pytest.mark.parametrize(
    "climb",
    [
        "../../config.py",
        "..%2f..%2fconfig.py",
        "%2e%2e/%2e%2e/config.py",
        "..%5c..%5cconfig.py",
        "....//....//config.py",
        "%252e%252e/config.py",
        "..;/config.py",
        "/etc/passwd",
        "%2fetc%2fpasswd",
        "..%00/config.py",
        "../pages.py",
        "C:%5cwindows%5cwin.ini",
        "~root/.ssh/id_rsa",
        ".",
        "..",
        "",
    ],
)
def test_no_path_leads_out_of_the_folder_of_files(stack: Stack, folder: str, climb: str) -> None:
    request = f"GET {folder}/{climb} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = exchange(stack.url, request.encode(), until_closed=True)
    assert status_of(answer) in {400, 404}, answer[:200]
    assert not LEAK.search(answer.decode(errors="replace"))


@pytest.mark.parametrize(
    ("ranges", "expected"),
    [
        ("bytes=0-0", [206]),
        ("bytes=-1", [206]),
        ("bytes=0-99999999999999999999", [206]),
        ("bytes=99999999999999999999-", [416]),
        ("bytes=5-2", [200, 416]),
        ("bytes=--5", [200, 416]),
        ("bytes=-0", [200, 206, 416]),
        ("bytes=a-b", [200, 416]),
        ("bytes=0-1,2-3", [200, 416]),
        ("bytes=" + ",".join(["0-"] * 500), [200, 416]),
        ("bytes=" + ",".join(f"{n}-{n}" for n in range(500)), [200, 416]),
        ("lines=1-2", [200, 416]),
        ("bytes", [200, 416]),
        ("=", [200, 416]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_no_range_gets_more_than_the_file(
    caller: Api, result: str, ranges: str, expected: list[int]
) -> None:
    whole = caller.call("GET", result).content
    answer = caller.call("GET", result, headers={"Range": ranges})
    assert answer.status_code in expected
    assert len(answer.content) <= len(whole) or answer.status_code == 416
    if answer.status_code == 206:
        assert answer.content in whole


def test_another_users_file_is_not_there_however_it_is_asked_for(
    stack: Stack, caller: Api, result: str
) -> None:
    etag = caller.call("HEAD", result).headers["ETag"]
    other = stack.new_user()
    for headers in ({}, {"If-None-Match": etag}, {"If-Match": etag}, {"Range": "bytes=0-0"}):
        for method in ("GET", "HEAD"):
            assert other.call(method, result, headers=headers).status_code == 404

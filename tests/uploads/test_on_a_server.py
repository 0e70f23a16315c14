"""Uploading to a real server, under both engines, and extract_text by a real worker."""

import socket
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.support.api import Api
from tests.support.beginnings import SENT, answer_of, begun_upload
from tests.support.database import query
from tests.support.socket import Listener
from tests.support.stack import AppServer, Stack
from tests.support.waiting import wait_for
from tests.uploads import files, gate

BOUNDARY = b"a-boundary"
GENEROUS_SECONDS = 20.0


@pytest.fixture(params=["eventlet", "gevent"])
def server(request: pytest.FixtureRequest, stack: Stack) -> AppServer:
    return stack.server_under(request.param)


@pytest.fixture
def sender(stack: Stack, server: AppServer) -> Api:
    user = stack.new_user()
    assert user.email is not None
    return Api(server.url, user.email, user.password)


def send(user: Api, content: bytes, name: str = "a.csv") -> requests.Response:
    return user.call("POST", "/v1/uploads", files={"file": (name, content)})


class SlowUpload:
    """An upload whose client sends when a test tells it to."""

    def __init__(self, user: Api, body: bytes, chunked: bool) -> None:
        host = urlsplit(user.url)
        self._socket = socket.create_connection((host.hostname, host.port), timeout=30)
        self._body, self._chunked = body, chunked
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
        head = (
            f"POST /v1/uploads HTTP/1.1\r\nHost: {host.netloc}\r\n{length}\r\nConnection: close\r\n"
            f"Authorization: Bearer {user.token}\r\n"
            f"Content-Type: multipart/form-data; boundary={BOUNDARY.decode()}\r\n\r\n"
        )
        self._socket.sendall(head.encode())

    def send(self, size: int) -> None:
        part, self._body = self._body[:size], self._body[size:]
        self._socket.sendall(b"%x\r\n%s\r\n" % (len(part), part) if self._chunked else part)

    def answer(self) -> bytes:
        """Send the rest; the answer's head and body."""
        self.send(len(self._body))
        if self._chunked:
            self._socket.sendall(b"0\r\n\r\n")
        return b"".join(iter(lambda: self._socket.recv(65536), b""))

    def close(self) -> None:
        self._socket.close()


def multipart(content: bytes) -> bytes:
    head = b'--%s\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
    return head % BOUNDARY + content + b"\r\n--%s--\r\n" % BOUNDARY


@pytest.fixture(params=["with a length", "in chunks"])
def slow(request: pytest.FixtureRequest, sender: Api) -> Iterator[SlowUpload]:
    body = multipart(b"some,text\n" * 20_000)
    with closing(SlowUpload(sender, body, request.param == "in chunks")) as upload:
        yield upload


def test_a_slow_upload_holds_up_nobody(
    stack: Stack, server: AppServer, sender: Api, slow: SlowUpload
) -> None:
    slow.send(1000)
    with Listener(server.url).connect(sender.token) as listener:
        for number in range(1, 4):
            slow.send(2000)
            job = sender.run("add", a=1, b=2)
            assert listener.wait_for("notification", number)[-1]["job_id"] == job["id"]
    assert sender.ok("GET", "/v1/uploads")["items"] == []
    answer = slow.answer()
    assert answer.startswith(b"HTTP/1.1 201"), answer
    (upload,) = sender.ok("GET", "/v1/uploads")["items"]
    assert (upload["name"], upload["size"]) == ("a.csv", 200_000)


def left_by(stack: Stack, server: AppServer) -> list[str]:
    """Files of uploads that no row names: in the store, and those that the server has open."""
    root = psutil.Process(server.process.pid)
    links = [
        link
        for process in (root, *root.children(recursive=True))
        for link in Path(f"/proc/{process.pid}/fd").iterdir()
    ]
    temporary = f"{tempfile.gettempdir()}/"
    opened = [target for link in links if (target := target_of(link)).startswith(temporary)]
    known = {key for (key,) in query(stack.database_url, "SELECT storage_key FROM uploads")}
    folder = Path(f"{stack.environment['RINGBACK_ARTIFACT_DIR']}-uploads")
    stored = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return sorted(stored - known) + [each for each in opened if each.endswith("(deleted)")]


def target_of(link: Path) -> str:
    try:
        return str(link.readlink())
    except FileNotFoundError:  # closed since it was listed
        return ""


def test_an_upload_that_breaks_off_leaves_nothing(
    stack: Stack, server: AppServer, sender: Api
) -> None:
    wait_for(lambda: left_by(stack, server) == [], "the end of what others left")
    broken = SlowUpload(sender, multipart(b"a" * 900_000), chunked=False)
    broken.send(600_000)
    wait_for(lambda: left_by(stack, server), "the file that takes in what has come")
    broken.close()
    wait_for(lambda: left_by(stack, server) == [], "the end of that file")
    assert sender.ok("GET", "/v1/uploads")["items"] == []
    assert send(sender, b"a,b").status_code == 201
    assert left_by(stack, server) == []


@pytest.fixture(params=["eventlet", "gevent"])
def gated(request: pytest.FixtureRequest, stack: Stack, tmp_path: Path) -> Iterator[AppServer]:
    """A server whose store of uploads waits at the gate `gate` in the test's folder."""
    mine = {"RINGBACK_COLLABORATORS": "tests.uploads.gate:replace"}
    mine[gate.FILE] = str(tmp_path / "gate")
    server = AppServer(stack.environment | mine, tmp_path, request.param)
    server.start()
    yield server
    server.stop()


def test_others_are_served_while_large_files_are_looked_through(
    gated: AppServer, stack: Stack, tmp_path: Path
) -> None:
    sender = stack.new_user(gated.url)
    with ThreadPoolExecutor(3) as pool:
        with gate.shut(tmp_path / "gate") as reached:
            sending = [pool.submit(send, sender, files.workbook(), "a.xlsx") for _ in range(3)]
            wait_for(reached.exists, "a file on its way into the store")
            for _ in range(10):
                assert requests.get(f"{gated.url}/healthz", timeout=GENEROUS_SECONDS).ok
            assert sender.ok("GET", "/v1/uploads")["items"] == []
            assert not any(each.done() for each in sending)
        assert [each.result().status_code for each in sending] == [201] * 3


def test_a_body_beyond_the_limit_is_answered_whether_it_says_its_length_or_not(
    sender: Api,
) -> None:
    too_large = b"a" * ((20 << 20) + 100_000)
    assert send(sender, too_large).json()["code"] == "upload_too_large"
    upload = SlowUpload(sender, multipart(too_large), chunked=True)
    with closing(upload):
        try:
            answer = upload.answer()
        except ConnectionError:
            return  # it was answered, and closed, before all was sent
    assert b"upload_too_large" in answer


def test_an_upload_that_is_refused_is_answered_before_it_is_sent_and_the_rest_is_let_in(
    sender: Api,
) -> None:
    """Who goes on sending would lose the answer with the connection: a proxy does."""
    for token, size, refusal in (
        ("none", 15 << 20, (401, "token_invalid")),
        (sender.token, 25 << 20, (413, "upload_too_large")),
    ):
        with begun_upload(sender.url, token, size) as connection:
            status, problem = answer_of(connection)
            assert (status, problem["code"]) == refusal
            connection.sock.sendall(bytes(size - SENT))
            connection.request("GET", "/healthz")
            assert answer_of(connection)[0] == 200


def test_extract_text_of_an_upload_ends_with_its_text_in_a_file(stack: Stack, user: Api) -> None:
    rows = [["Item", "Price"], *([f"Lamp {n}", n] for n in range(2000))]
    upload = send(user, files.workbook({"Orders": rows}), "Umsätze.xlsx").json()
    job = user.run("extract_text", upload_id=upload["id"])
    assert job["state"] == "succeeded", job["error"]
    assert job["result"]["file"] == "Umsätze.xlsx"
    assert job["result"]["cells"] == {
        "text": 2002,
        "number": 2000,
        "date": 0,
        "boolean": 0,
        "error": 0,
        "empty": 0,
    }
    assert job["artifact"]["name"] == "Umsätze.json"
    (sheet,) = user.ok("GET", job["artifact"]["url"])["sheets"]
    assert sheet["rows"] == rows
    assert sheet["text"].startswith("Item\tPrice\nLamp 0\n")


def test_extract_text_of_a_hostile_workbook_fails_and_its_worker_works_on(
    stack: Stack, user: Api
) -> None:
    broken = files.changed(sheet=b"<worksheet><sheetData><row>" * 1000)
    upload = send(user, broken, "a.xlsx").json()
    job = user.run("extract_text", upload_id=upload["id"])
    assert (job["state"], job["error"]["code"]) == ("failed", "file_unreadable")
    assert (job["attempt"], job["artifact"]) == (1, None)
    assert user.run("extract_text")["state"] == "succeeded"


def test_extract_text_of_an_upload_that_was_deleted_meanwhile_says_so(
    stack: Stack, user: Api
) -> None:
    upload = send(user, b"a,b").json()
    assert user.run("extract_text", upload_id=upload["id"])["state"] == "succeeded"
    # The first waits for its turn behind others of its owner, and by then its file is gone.
    waiting = [user.submit("wait", seconds=1) for _ in range(6)]
    job = user.submit("extract_text", upload_id=upload["id"])
    assert user.call("DELETE", f"/v1/uploads/{upload['id']}").status_code == 204
    ended = user.end_of(job["id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "upload_not_found")
    again = user.call("POST", f"/v1/jobs/{job['id']}/retry")
    assert again.status_code == 422
    for each in waiting:
        user.end_of(each["id"])

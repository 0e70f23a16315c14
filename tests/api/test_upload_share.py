"""What one user may upload: how many files, how much, how many at once; and a disk that is away."""
# ruff: noqa: F811

import errno
import io
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any, NoReturn
from uuid import UUID

import pytest
from apiflask import APIFlask
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from app.api.requests import JsonRequest
from app.artifacts.local import LocalArtifactStore
from app.errors import AppError
from app.services import EXTENSION, services
from app.uploads import queries, share
from tests.api.test_uploads import CSV, PATH, refused, send, sent
from tests.support.in_process import Caller
from tests.support.quiet import MakeApp, make_app, new_user, own_settings  # noqa: F401

FORM = "multipart/form-data"
IN_CHUNKS: dict[str, Any] = {
    "headers": {"Transfer-Encoding": "chunked"},
    "environ_overrides": {"wsgi.input_terminated": True},
}


# Werkzeug leaves a file that came in half to reference counting.
half_read = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")


class Unread(io.RawIOBase):
    """A body of which nobody may read."""

    def read(self, size: int = -1) -> NoReturn:
        raise AssertionError("the body was read")

    readinto = readline = readall = read  # type: ignore[assignment]


def announce(user: Caller, length: int | None) -> TestResponse:
    """The head of an upload; its length, or none where the body comes in chunks."""
    environment: dict[str, Any] = {"wsgi.input": Unread(), "wsgi.input_terminated": True}
    how = {"CONTENT_LENGTH": str(length)} if length else {"HTTP_TRANSFER_ENCODING": "chunked"}
    return user.call("POST", PATH, content_type=FORM, environ_overrides=environment | how)


class StaleStore(LocalArtifactStore):
    """A folder on a network that went away."""

    def path(self, key: str) -> NoReturn:
        raise OSError(errno.ESTALE, "Stale file handle", key)


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path) -> APIFlask:
    return make_app(upload_dir=tmp_path, max_upload_bytes_per_user=100_000, max_uploads_per_user=5)


@pytest.fixture
def user(app: APIFlask) -> Caller:
    return new_user(app)


def test_a_user_has_only_so_many_uploads(app: APIFlask, user: Caller) -> None:
    made = [sent(user) for _ in range(5)]
    problem = refused(send(user, b"a,b"), 409, "uploads_full")
    assert "You have 5 uploads, and one user may have 5." in problem["detail"]
    sent(new_user(app))
    assert user.call("DELETE", f"{PATH}/{made[0]['id']}").status_code == 204
    sent(user)


def test_a_body_is_not_read_if_its_length_is_more_than_the_rest_of_a_share(user: Caller) -> None:
    sent(user, b"a" * 60_000)
    problem = refused(announce(user, 60_000), 409, "uploads_full")
    assert "60,000 of the 100,000 bytes" in problem["detail"]
    # What is around a file counts for nothing.
    sent(user, b"a" * 40_000)


@pytest.mark.parametrize("length", [300, None], ids=["with a length", "in chunks"])
def test_a_body_is_not_read_if_nothing_is_left_of_a_share(user: Caller, length: int | None) -> None:
    sent(user, b"a" * 100_000)
    refused(announce(user, length), 409, "uploads_full")


def test_a_file_that_is_too_large_for_all_is_told_so_and_not_that_a_share_is_used_up(
    user: Caller,
) -> None:
    refused(announce(user, 21_000_000), 413, "upload_too_large")


def test_a_user_sends_only_so_many_files_at_once(app: APIFlask, user: Caller) -> None:
    with app.app_context(), ExitStack() as coming:
        for _ in range(share.AT_ONCE):
            coming.enter_context(share.coming_in(UUID(user.id), None))
        answer = announce(user, 300)
        problem = refused(answer, 429, "too_many_uploads")
        assert problem["retryable"]
        assert int(answer.headers["Retry-After"]) > 0
        sent(new_user(app))
    sent(user)


def test_uploads_that_are_refused_are_no_longer_on_their_way(user: Caller) -> None:
    for _ in range(share.AT_ONCE + 1):
        refused(send(user, b"\0"), 422, "upload_refused")
    sent(user)


def test_an_upload_that_the_disk_does_not_give_may_be_read_by_a_later_attempt(
    app: APIFlask, user: Caller, tmp_path: Path
) -> None:
    upload = sent(user)
    with app.app_context():
        app.extensions[EXTENSION] = replace(services(), uploads=StaleStore(tmp_path))
        with pytest.raises(AppError, match="Stale file handle") as caught:
            queries.for_job(UUID(user.id), UUID(upload["id"]))
    assert (caught.value.code, caught.value.retryable) == ("storage_unavailable", True)


@pytest.mark.parametrize(
    "parts",
    [{f"p{n}": "small" for n in range(11)}, {"file": "a" * 505_000}],
    ids=["many", "without a file name"],
)
@pytest.mark.parametrize("how", [{}, IN_CHUNKS], ids=["with a length", "in chunks"])
def test_a_small_body_in_the_wrong_parts_is_not_told_that_its_file_is_too_large(
    make_app: MakeApp, tmp_path: Path, parts: dict[str, str], how: dict[str, Any]
) -> None:
    user = new_user(make_app(upload_dir=tmp_path))
    answer = user.call("POST", PATH, data=parts, content_type=FORM, **how)
    (reason,) = refused(answer, 422, "invalid_input")["errors"]["file"]
    assert "10 parts" in reason
    assert "500,000 bytes without a file name" in reason


@half_read
@pytest.mark.parametrize("size", [100_001, 400_000])
def test_a_file_in_chunks_is_told_that_it_is_too_large(
    make_app: MakeApp, tmp_path: Path, size: int
) -> None:
    user = new_user(make_app(upload_dir=tmp_path, max_upload_bytes=100_000))
    parts = {"file": (io.BytesIO(b"a" * size), "a.csv")}
    answer = user.call("POST", PATH, data=parts, content_type=FORM, **IN_CHUNKS)
    refused(answer, 413, "upload_too_large")


@half_read
def test_a_file_for_which_temporary_files_have_no_room_may_be_sent_again(
    user: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_a_full_disk(*_: object, **__: object) -> IO[bytes]:
        return Path("/dev/full").open("w+b")

    monkeypatch.setattr(JsonRequest, "_get_file_stream", on_a_full_disk)
    problem = refused(send(user, CSV), 503, "storage_full")
    assert problem["retryable"]
    assert "TMPDIR" in problem["detail"]
    monkeypatch.undo()
    sent(user)


@half_read
def test_a_file_for_which_there_is_no_folder_of_temporary_files_may_be_sent_again(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user = new_user(make_app(upload_dir=tmp_path))
    content = io.BytesIO(b"a" * 600_000)  # more than is kept in memory
    boundary, body = encode_multipart({"file": FileStorage(content, "a.csv")})
    send_it = partial(
        user.call, "POST", PATH, data=body, content_type=f"{FORM}; boundary={boundary}"
    )
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    problem = refused(send_it(), 503, "storage_unavailable")
    assert "TMPDIR" in problem["detail"]
    monkeypatch.undo()
    assert send_it().status_code == 201

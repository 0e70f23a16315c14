"""What one user may upload: how many files, how much, how many at once; and a store that is away."""
# ruff: noqa: F811

import errno
import io
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from app.artifacts.local import LocalArtifactStore
from app.errors import AppError
from app.services import EXTENSION, services
from app.uploads import queries, share
from tests.api.test_uploads import PATH, refused, send, sent
from tests.support.in_process import Caller
from tests.support.quiet import MakeApp, make_app, new_user, own_settings  # noqa: F401


class Unread(io.RawIOBase):
    """A body of which nobody may read."""

    def read(self, size: int = -1) -> NoReturn:
        raise AssertionError("the body was read")

    readinto = readline = readall = read  # type: ignore[assignment]


def announce(user: Caller, length: int | None) -> TestResponse:
    """The head of an upload; its length, or none where the body comes in chunks."""
    environment: dict[str, Any] = {"wsgi.input": Unread(), "wsgi.input_terminated": length is None}
    if length is not None:
        environment["CONTENT_LENGTH"] = str(length)
    kind = "multipart/form-data; boundary=x"
    return user.call("POST", PATH, content_type=kind, environ_overrides=environment)


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

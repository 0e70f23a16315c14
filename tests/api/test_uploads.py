"""Uploading files for extract_text to read: over REST, with a real store and a real database."""
# ruff: noqa: F811

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import pytest
from apiflask import APIFlask
from werkzeug.test import TestResponse

from app.accounts.permissions import Role
from app.extensions import db
from app.jobs import retention
from app.services import services
from app.uploads import queries
from tests.support.in_process import Accounts, Caller
from tests.support.quiet import MakeApp, make_app, new_user, own_settings  # noqa: F401
from tests.uploads import files

PATH = "/v1/uploads"
CSV = b"Item,Price\nLamp,12.50\n"


def send(user: Caller, content: bytes, name: str = "a.csv", **parts: Any) -> TestResponse:
    data = {"file": (io.BytesIO(content), name)} | parts
    return user.call("POST", PATH, data=data, content_type="multipart/form-data")


def sent(user: Caller, content: bytes = CSV, name: str = "a.csv") -> dict[str, Any]:
    answer = send(user, content, name)
    assert answer.status_code == 201, answer.text
    upload: dict[str, Any] = answer.get_json()
    return upload


def refused(answer: TestResponse, status: int, code: str) -> dict[str, Any]:
    problem: dict[str, Any] = answer.get_json()
    assert (answer.status_code, problem["code"]) == (status, code), answer.text
    return problem


def stored(app: APIFlask) -> list[Path]:
    """All that is in the store, folders included."""
    with app.app_context():
        return sorted(services().settings.effective_upload_dir.rglob("*"))


@pytest.fixture
def app(make_app: MakeApp, tmp_path: Path) -> APIFlask:
    return make_app(upload_dir=tmp_path)


@pytest.fixture
def user(app: APIFlask) -> Caller:
    return new_user(app)


def test_extract_text_is_given_a_file_that_was_uploaded(app: APIFlask, user: Caller) -> None:
    content = files.workbook()
    answer = send(user, content, "..\\Umsätze.xlsx")
    assert answer.status_code == 201
    upload = answer.get_json()
    assert answer.headers["Location"] == f"{PATH}/{upload['id']}"
    assert (
        upload.items()
        >= {
            "name": "Umsätze.xlsx",
            "media_type": files.XLSX,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }.items()
    )
    kept = datetime.fromisoformat(upload["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=6.9) < kept <= timedelta(days=7)
    assert user.ok("GET", f"{PATH}/{upload['id']}") == upload
    (file,) = (path for path in stored(app) if path.is_file())
    assert (file.name, file.read_bytes()) == ("upload", content)


def test_extract_text_accepts_only_an_upload_of_its_owner(app: APIFlask, user: Caller) -> None:
    own = sent(user)["id"]
    stranger, admin = new_user(app), Accounts(app).caller(Role.ADMIN)
    body = {"type": "extract_text", "params": {"upload_id": own}}
    assert user.call("POST", "/v1/jobs", json=body).status_code == 202
    for other in (stranger, admin):
        problem = refused(other.call("POST", "/v1/jobs", json=body), 422, "invalid_parameters")
        assert list(problem["errors"]) == ["params.upload_id"]
        refused(other.call("GET", f"{PATH}/{own}"), 404, "upload_not_found")
        refused(other.call("DELETE", f"{PATH}/{own}"), 404, "upload_not_found")
        assert other.ok("GET", PATH)["items"] == []
    body["params"] = {"upload_id": str(uuid4())}
    refused(user.call("POST", "/v1/jobs", json=body), 422, "invalid_parameters")


def test_uploads_are_listed_newest_first_over_pages(user: Caller) -> None:
    made = [sent(user, name=f"{n}.csv") for n in range(3)]
    page = user.ok("GET", f"{PATH}?limit=2")
    assert page["items"] == [made[2], made[1]]
    rest = user.ok("GET", f"{PATH}?limit=2&cursor={page['next']}")
    assert (rest["items"], rest["next"]) == ([made[0]], None)
    refused(user.call("GET", f"{PATH}?cursor=x"), 400, "invalid_cursor")


def test_an_upload_is_deleted_with_its_file(app: APIFlask, user: Caller) -> None:
    path = f"{PATH}/{sent(user)['id']}"
    assert user.call("DELETE", path).status_code == 204
    assert stored(app) == []
    for method in ("GET", "DELETE"):
        refused(user.call(method, path), 404, "upload_not_found")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (files.ole("Root Entry", "EncryptedPackage"), "password"),
        (files.changed(sheet=files.laughs()), "entities"),
        (files.workbook()[:-40], "damaged"),
        (b"\0\1\2", "neither"),
        (b"", "empty"),
    ],
    ids=["password", "laughs", "truncated", "binary", "empty"],
)
def test_extract_text_files_that_are_refused_leave_nothing(
    app: APIFlask, user: Caller, content: bytes, says: str
) -> None:
    problem = refused(send(user, content, "a.xlsx"), 422, "upload_refused")
    assert says in problem["detail"]
    assert problem["errors"] == {"file": [problem["detail"]]}
    assert stored(app) == []
    assert user.ok("GET", PATH)["items"] == []


def test_a_zip_bomb_is_refused_by_the_limits_that_are_set(make_app: MakeApp) -> None:
    user = new_user(make_app(max_unpacked_bytes=100_000, max_unpacked_entries=20))
    problem = refused(send(user, files.bomb(200_000)), 422, "upload_refused")
    assert "100,000 bytes" in problem["detail"]
    parts = [(f"{n}.bin", b"") for n in range(21)]
    assert "20 parts" in refused(send(user, files.package(parts)), 422, "upload_refused")["detail"]
    assert send(user, files.workbook()).status_code == 201


def test_a_file_that_is_too_large_is_told_so_and_one_beyond_other_bodies_is_not(
    make_app: MakeApp,
    tmp_path: Path,
) -> None:
    app = make_app(upload_dir=tmp_path, max_upload_bytes=100_000, max_request_bytes=10_000)
    user = new_user(app)
    assert sent(user, b"a" * 100_000)["size"] == 100_000
    before = stored(app)
    for size in (100_001, 130_000, 400_000):
        problem = refused(send(user, b"a" * size), 413, "upload_too_large")
        assert "100,000 bytes" in problem["detail"]
    assert stored(app) == before
    body = {"type": "add", "params": {"a": 1, "b": 2, "c": "x" * 10_000}}
    refused(user.call("POST", "/v1/jobs", json=body), 413, "body_too_large")


def test_two_uploads_at_once_cannot_pass_what_one_user_may_have(
    make_app: MakeApp,
    tmp_path: Path,
) -> None:
    app = make_app(upload_dir=tmp_path, max_upload_bytes_per_user=100_000)
    user = new_user(app)
    again = [Accounts(app).again(user.email) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: send(each, b"a" * 40_000), again))
    assert sorted(each.status_code for each in answers) == [201, 201, 409, 409]
    problem = refused(send(user, b"a" * 40_000), 409, "uploads_full")
    assert "80,000 of the 100,000 bytes" in problem["detail"]
    assert len([path for path in stored(app) if path.is_file()]) == 2
    assert len(stored(app)) == 6
    # The share is that of one user, and grows again.
    assert send(new_user(app), b"a" * 40_000).status_code == 201
    user.call("DELETE", f"{PATH}/{user.ok('GET', PATH)['items'][0]['id']}")
    assert send(user, b"a" * 40_000).status_code == 201


def test_a_body_that_is_no_form_with_one_file_is_refused(app: APIFlask, user: Caller) -> None:
    refused(user.call("POST", PATH, json={"file": "a"}), 415, "unsupported_media_type")
    refused(user.call("POST", PATH), 415, "unsupported_media_type")
    two = {"file": [(io.BytesIO(CSV), "a.csv"), (io.BytesIO(CSV), "b.csv")]}
    field = {"file": "no file, for it has no name"}
    for data in ({}, two, field):
        answer = user.call("POST", PATH, data=data, content_type="multipart/form-data")
        assert list(refused(answer, 422, "invalid_input")["errors"]) == ["file"]
    surplus = refused(send(user, CSV, other=(io.BytesIO(CSV), "b.csv")), 422, "invalid_input")
    assert list(surplus["errors"]) == ["other"]
    broken = {"content_type": "multipart/form-data; boundary=x", "data": b"--x\r\nno end"}
    refused(user.call("POST", PATH, **broken), 422, "invalid_input")
    assert stored(app) == []


def test_uploads_expire_and_their_files_go(app: APIFlask, user: Caller) -> None:
    old, young = sent(user), sent(user)
    with app.app_context():
        assert retention.expire_uploads() == 0
        change = "UPDATE uploads SET expires_at = now() - interval '1 s' WHERE id = :id"
        with db.engine.begin() as connection:
            connection.execute(db.text(change), {"id": old["id"]})
    refused(user.call("GET", f"{PATH}/{old['id']}"), 404, "upload_not_found")
    with app.app_context():
        assert (retention.expire_uploads(), retention.expire_uploads()) == (1, 0)
    assert user.ok("GET", PATH)["items"] == [young]
    assert len([path for path in stored(app) if path.is_file()]) == 1


def test_a_sweep_for_orphans_leaves_uploads_and_takes_those_of_users_who_are_gone(
    make_app: MakeApp,
    tmp_path: Path,
) -> None:
    app = make_app(upload_dir=tmp_path, orphan_seconds=1e-6)
    user, other = new_user(app), new_user(app)
    kept = sent(user)
    sent(other)
    with app.app_context():
        assert retention.remove_orphans() == 0
        with db.engine.begin() as connection:
            connection.execute(db.text("DELETE FROM users WHERE id = :id"), {"id": other.id})
        assert retention.remove_orphans() == 1
    assert [path.name for path in stored(app)] == [kept["id"], "0", "upload"]


def test_uploads_have_a_folder_of_their_own_which_results_are_never_in(
    make_app: MakeApp,
    tmp_path: Path,
) -> None:
    """A version without uploads takes files in the folder of results for orphans."""
    app = make_app(artifact_dir=tmp_path / "artifacts", orphan_seconds=1e-6)
    user = new_user(app)
    upload = sent(user)
    assert list(tmp_path.rglob("upload")) == [
        tmp_path / "artifacts-uploads" / upload["id"] / "0" / "upload"
    ]
    with app.app_context():
        orphan = tmp_path / "artifacts" / str(uuid4()) / "1" / "old"
        orphan.parent.mkdir(parents=True)
        orphan.touch()
        assert retention.remove_orphans() == 1
        assert queries.for_job(UUID(user.id), UUID(upload["id"])).path.read_bytes() == CSV


def test_an_upload_of_which_nobody_knows_whether_it_was_committed_keeps_its_file(
    app: APIFlask, user: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is there, and the answer of the database was lost."""
    with app.app_context():
        dialect = db.engine.dialect
    commit = dialect.do_commit

    def commit_and_lose(connection: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM uploads")
            (rows,) = cursor.fetchone()
        commit(connection)
        if rows:
            monkeypatch.undo()
            raise psycopg2.OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(dialect, "do_commit", commit_and_lose)
    refused(send(user, CSV), 503, "database_unavailable")
    (upload,) = user.ok("GET", PATH)["items"]
    with app.app_context():
        assert queries.for_job(UUID(user.id), UUID(upload["id"])).path.read_bytes() == CSV


def test_a_store_that_cannot_be_written_to_is_told_as_such(
    make_app: MakeApp,
    tmp_path: Path,
) -> None:
    (tmp_path / "file").touch()
    user = new_user(make_app(upload_dir=tmp_path / "file"))
    answer = send(user, CSV)
    problem = refused(answer, 503, "storage_unavailable")
    assert problem["retryable"]
    assert "RINGBACK_UPLOAD_DIR" in problem["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    assert user.ok("GET", PATH)["items"] == []

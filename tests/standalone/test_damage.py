"""A damaged data folder: the start fails with its reason, the server's log, and what to do."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.standalone.folder import StandaloneError
from app.standalone.reset import reset
from app.standalone.servers import Servers
from tests.standalone.support import query

ProcessesOf = Callable[[Path], list[str]]


def refusal(path: Path) -> str:
    """Why servers do not start there."""
    with pytest.raises(StandaloneError) as caught:
        Servers(path).start()
    assert "`make reset` starts afresh" in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("content", [b"\x00\xff garbage", b"", b"17\n"])
def test_a_wrong_version_file_is_named(stopped_servers: Servers, content: bytes) -> None:
    (stopped_servers.path / "postgres/data/PG_VERSION").write_bytes(content)
    message = refusal(stopped_servers.path)
    assert "damaged or of another version" in message
    assert "this Postgres needs '18'" in message
    assert str(stopped_servers.postgres.log) in message


def test_a_missing_version_file_is_named(stopped_servers: Servers) -> None:
    (stopped_servers.path / "postgres/data/PG_VERSION").unlink()
    assert "No such file" in refusal(stopped_servers.path)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("global/pg_control", "could not find the database system"),
        ("postgresql.conf", 'postgresql.conf": No such file'),
        ("pg_wal", "required WAL directory"),
        ("base", "refuses work"),
    ],
)
def test_missing_parts_are_reported_with_the_log(
    stopped_servers: Servers, name: str, complaint: str
) -> None:
    part = stopped_servers.path / "postgres/data" / name
    part.rename(stopped_servers.path / "taken away")
    message = refusal(stopped_servers.path)
    assert str(stopped_servers.postgres.log) in message
    assert complaint in message


@pytest.mark.parametrize("mode", [0o000, 0o777])
def test_wrong_permissions_are_reported(stopped_servers: Servers, mode: int) -> None:
    data = stopped_servers.path / "postgres/data"
    data.chmod(mode)
    message = refusal(stopped_servers.path)
    data.chmod(0o700)
    assert "ermission" in message


def test_a_lost_password_is_reported(stopped_servers: Servers) -> None:
    (stopped_servers.path / "postgres/password").unlink()
    assert "password authentication failed" in refusal(stopped_servers.path)


@pytest.mark.parametrize("content", ["", "short", "ä" * 64])
def test_a_spoiled_secret_is_reported(stopped_servers: Servers, content: str) -> None:
    secret = stopped_servers.path / "valkey/password"
    secret.write_text(content)
    assert str(secret) in refusal(stopped_servers.path)


def test_a_spoiled_append_only_file_is_reported(
    stopped_servers: Servers, processes_of: ProcessesOf
) -> None:
    for file in (stopped_servers.path / "valkey/appendonlydir").glob("*.incr.aof"):
        file.write_bytes(b"garbage\r\n" * 100)
    message = refusal(stopped_servers.path)
    assert message.startswith("Valkey did not start")
    assert "Bad file format" in message
    assert processes_of(stopped_servers.path) == []


def test_a_file_in_place_of_the_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(StandaloneError, match="cannot be made: File exists"):
        Servers(tmp_path / "data").start()


def test_after_a_refusal_the_mended_folder_starts(stopped_servers: Servers) -> None:
    version = stopped_servers.path / "postgres/data/PG_VERSION"
    version.write_text("garbage")
    refusal(stopped_servers.path)
    version.write_text("18\n")
    with Servers(stopped_servers.path) as mended:
        assert query(mended, "SELECT number FROM kept") == [(7,)]


def test_reset_deletes_whatever_is_left_of_the_folder(stopped_servers: Servers) -> None:
    (stopped_servers.path / "postgres/data").chmod(0o000)
    assert reset(stopped_servers.path).startswith("Deleted")
    assert not stopped_servers.path.exists()


def test_reset_refuses_while_servers_run(own_servers: Servers) -> None:
    with pytest.raises(StandaloneError, match="running here already"):
        reset(own_servers.path)
    assert query(own_servers, "SELECT 1") == [(1,)]


def test_reset_of_nothing_says_so(tmp_path: Path) -> None:
    assert reset(tmp_path / "nothing").startswith("Nothing to delete")

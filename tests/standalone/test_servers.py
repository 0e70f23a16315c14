"""Real servers: they start, keep what they were given whatever ends them, and leave nothing."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from app.standalone.folder import StandaloneError
from app.standalone.servers import Servers
from tests.standalone.support import ROOT, query, until, valkey

ProcessesOf = Callable[[Path], list[str]]

OWNER = """
import sys, time
from pathlib import Path
from app.standalone.servers import Servers
servers = Servers(Path(sys.argv[1]))
servers.start()
print("started", flush=True)
time.sleep(600)
"""


def test_the_environment_names_servers_that_answer(own_servers: Servers) -> None:
    environment = own_servers.environment()
    address = environment["RINGBACK_DATABASE_URL"].replace("+psycopg2", "", 1)
    psycopg2.connect(address).close()
    assert redis.Redis.from_url(environment["RINGBACK_REDIS_URL"]).ping()
    assert len(environment["RINGBACK_SECRET_KEY"]) == 64


def test_postgres_has_utf8_and_room_for_all_processes(own_servers: Servers) -> None:
    assert query(own_servers, "SHOW server_encoding") == [("UTF8",)]
    assert query(own_servers, "SHOW timezone") == [("UTC",)]
    assert int(query(own_servers, "SHOW max_connections")[0][0]) >= 200


def test_neither_server_lets_anybody_in_without_the_password(own_servers: Servers) -> None:
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(
            host="127.0.0.1", port=own_servers.postgres.port, user="ringback", passfile="/dev/null"
        )
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=own_servers.valkey.port or 0).ping()


def test_data_and_secrets_are_there_at_the_next_start(stopped_servers: Servers) -> None:
    secret = stopped_servers.secret_key()
    with Servers(stopped_servers.path) as again:
        assert query(again, "SELECT number FROM kept") == [(7,)]
        assert valkey(again).get("kept") == "7"
        assert again.secret_key() == secret


def test_servers_killed_with_9_come_back_at_the_same_address_with_all_rows(
    own_servers: Servers,
) -> None:
    before = own_servers.environment()
    query(own_servers, "CREATE TABLE kept AS SELECT 7 AS number")
    own_servers.postgres.kill()
    own_servers.valkey.kill()
    assert own_servers.stopped() is own_servers.postgres
    own_servers.postgres.start()
    own_servers.valkey.start()
    assert own_servers.stopped() is None
    assert own_servers.environment() == before
    assert query(own_servers, "SELECT number FROM kept") == [(7,)]


def test_stopping_leaves_no_process(own_servers: Servers, processes_of: ProcessesOf) -> None:
    assert len(processes_of(own_servers.path)) > 2
    own_servers.stop()
    assert processes_of(own_servers.path) == []


def test_a_second_user_of_the_folder_is_told_who_has_it(own_servers: Servers) -> None:
    with pytest.raises(StandaloneError, match=r"running here already \(process \d+") as caught:
        Servers(own_servers.path).start()
    assert caught.value.code == "already_running"
    assert query(own_servers, "SELECT 1") == [(1,)]


def test_no_secret_can_be_read_by_others(stopped_servers: Servers) -> None:
    path = stopped_servers.path
    assert path.stat().st_mode & 0o077 == 0
    for secret in ("secret_key", "postgres/password", "valkey/password", "valkey/valkey.conf"):
        assert (path / secret).stat().st_mode & 0o777 == 0o600, secret


def test_no_password_stands_on_a_command_line(own_servers: Servers) -> None:
    passwords = [
        (own_servers.path / name / "password").read_text() for name in ("postgres", "valkey")
    ]
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        assert not any(password in words for password in passwords)


def start_owner(folder: Path) -> subprocess.Popen[str]:
    """A process that has started servers in the folder and waits."""
    command = [sys.executable, "-c", OWNER, str(folder)]
    owner = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    assert owner.stdout.readline() == "started\n"
    return owner


def kill_owner(owner: subprocess.Popen[str]) -> None:
    """What `kill -9` or a crash does."""
    with owner:
        owner.send_signal(signal.SIGKILL)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_servers_end_when_their_owner_is_killed(tmp_path: Path, processes_of: ProcessesOf) -> None:
    owner = start_owner(tmp_path / "data")
    assert len(processes_of(tmp_path)) > 2
    kill_owner(owner)
    until(lambda: not processes_of(tmp_path), seconds=10)


def test_the_next_start_after_an_owner_was_killed_finds_its_way(tmp_path: Path) -> None:
    kill_owner(start_owner(tmp_path / "data"))
    with Servers(tmp_path / "data") as servers:
        assert query(servers, "SELECT 1") == [(1,)]
        assert valkey(servers).ping()


def test_a_power_cut_leaves_locks_behind_that_do_not_matter(
    own_servers: Servers, processes_of: ProcessesOf
) -> None:
    """The id in a stale `postmaster.pid` may meanwhile be that of another process: of ours."""
    stale = own_servers.path / "postgres/data/postmaster.pid"
    lines = stale.read_text().splitlines()
    own_servers.postgres.kill()
    assert stale.exists()
    stale.write_text("\n".join([str(psutil.Process().ppid()), *lines[1:]]) + "\n")
    own_servers.postgres.start()
    assert query(own_servers, "SELECT 1") == [(1,)]


def test_a_first_start_that_was_cut_off_is_begun_again(
    tmp_path: Path, stopped_servers: Servers
) -> None:
    """initdb works aside, so a half-made cluster is never taken for a whole one."""
    half = tmp_path / "half/postgres/data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    with Servers(tmp_path / "half") as servers:
        assert query(servers, "SELECT 1") == [(1,)]
    assert not half.exists()

"""Readiness in this process: schema, pool, folders, and questions that are never answered."""

import errno
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask

from app.artifacts.local import LocalArtifactStore
from app.config import Settings
from app.extensions import POOL_OVERFLOW, POOL_SIZE, db
from app.factory import create_app, create_core, default_services
from app.migrate import migrate
from app.operations.questions import Question, Unanswered, ask_all
from app.standalone.servers import Servers
from tests.support.database import create_database, query
from tests.support.in_process import close, make_settings
from tests.support.waiting import wait_for

FOLDERS = {"artifacts", "uploads"}


class FullStore(LocalArtifactStore):
    """A disk without room."""

    def free_bytes(self) -> int:
        return 1000


class BrokenStore(LocalArtifactStore):
    """A folder that this process may not enter."""

    def free_bytes(self) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", "/var/lib/secret-name")


class HangingStore(LocalArtifactStore):
    """A network folder whose server is gone."""

    checks = 0

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.back = threading.Event()

    def free_bytes(self) -> int:
        self.checks += 1
        assert self.back.wait(60)
        return super().free_bytes()


def ready(app: APIFlask) -> tuple[int, dict[str, Any]]:
    answer = app.test_client().get("/readyz")
    return answer.status_code, answer.get_json()["parts"]


@pytest.fixture
def app_with(settings: Settings) -> Iterator[Callable[..., APIFlask]]:
    """Makes an application of other stores: `store=` for result files, `uploads=`."""
    made: list[APIFlask] = []

    def make(**stores: LocalArtifactStore) -> APIFlask:
        made.append(create_app(settings, replace(default_services(settings), **stores)))
        return made[-1]

    yield make
    for app in made:
        close(app)


@pytest.fixture
def fresh(servers: Servers) -> Settings:
    """Settings on an empty database."""
    return make_settings(servers, create_database(servers))


def test_a_database_without_a_schema_is_not_ready(fresh: Settings) -> None:
    app = create_app(fresh)
    status, parts = ready(app)
    assert (status, parts["database"]["ok"]) == (503, False)
    assert parts["database"]["reason"] == "there is no schema: run `python -m app migrate`"
    close(app)


def test_an_older_schema_is_not_ready_and_a_newer_one_is(fresh: Settings) -> None:
    core = create_core(fresh, role="migrate")
    migrate(core)
    app, url = create_app(fresh), fresh.database_url.get_secret_value()
    assert ready(app)[0] == 200
    query(url, "UPDATE alembic_version SET version_num = '0001'")
    status, parts = ready(app)
    assert status == 503
    assert parts["database"]["reason"].startswith("the schema is older than this version")
    query(url, "UPDATE alembic_version SET version_num = 'of the next version'")
    status, parts = ready(app)
    assert status == 200
    assert parts["database"] == parts["database"] | {
        "ok": True,
        "reason": "the schema is newer than this version",
    }
    for each in (app, core):
        with each.app_context():
            db.engine.dispose()


def test_a_server_whose_connections_are_all_in_use_says_so_and_stays_ready(
    web_app: APIFlask,
) -> None:
    with web_app.app_context(), ExitStack() as taken:
        for _ in range(POOL_SIZE + POOL_OVERFLOW):
            taken.enter_context(db.engine.connect())
        status, parts = ready(web_app)
        assert (status, parts["database"]["ok"]) == (200, True)
        assert parts["connections"]["reason"] == (
            "all database connections of this server are in use"
        )
    assert ready(web_app)[1]["connections"]["ok"]


@pytest.mark.parametrize(
    ("part", "folder"), [("artifacts", "store"), ("uploads", "uploads")], ids=["results", "uploads"]
)
@pytest.mark.parametrize(
    ("store", "reason"),
    [
        (FullStore, "the disk is full"),
        (BrokenStore, "files cannot be reached (Permission denied)"),
    ],
)
def test_a_disk_that_is_full_or_cannot_be_read_is_told_without_saying_where(
    app_with: Callable[..., APIFlask],
    tmp_path: Path,
    store: type[LocalArtifactStore],
    reason: str,
    part: str,
    folder: str,
) -> None:
    status, parts = ready(app_with(**{folder: store(tmp_path)}))
    assert status == 200
    assert parts[part]["reason"] == reason
    assert [name for name, each in parts.items() if name in FOLDERS and not each["ok"]] == [part]


def test_a_folder_that_hangs_is_asked_once_however_many_want_to_know(
    app_with: Callable[..., APIFlask], tmp_path: Path
) -> None:
    store = HangingStore(tmp_path)
    app = app_with(store=store)
    for _ in range(3):
        status, parts = ready(app)
        assert status == 200
        assert parts["artifacts"]["reason"].startswith("has not answered for ")
    assert store.checks == 1
    store.back.set()
    wait_for(lambda: ready(app)[1]["artifacts"]["ok"], "the folder again")


def test_a_folder_that_may_only_be_read_or_is_still_to_be_made_will_do(tmp_path: Path) -> None:
    """Servers in containers have it read-only; the first job's file makes it."""
    tmp_path.chmod(0o555)
    assert LocalArtifactStore(tmp_path).free_bytes() > 0
    assert LocalArtifactStore(tmp_path / "still" / "to be made").free_bytes() > 0
    tmp_path.chmod(0o755)
    assert list(tmp_path.iterdir()) == []


def test_a_broker_of_its_own_is_a_part_of_its_own(
    settings: Settings, other_app: Callable[..., APIFlask]
) -> None:
    address = settings.redis_url.get_secret_value()
    working = other_app(broker_url=type(settings.redis_url)(f"{address}9"))
    # On a busy machine an answer may come too late, and counts as none.
    wait_for(lambda: ready(working)[1]["broker"]["ok"] is True, "an answer of the broker")
    away = other_app(broker_url=type(settings.redis_url)("redis://127.0.0.1:1/0"))

    def states() -> tuple[int, bool, bool]:
        status, parts = ready(away)
        assert "127.0.0.1" not in parts["broker"]["reason"]
        return status, parts["broker"]["ok"], parts["redis"]["ok"]

    wait_for(lambda: states() == (200, False, True), "a server that is ready without its broker")


def test_questions_are_asked_side_by_side_and_an_error_is_an_answer() -> None:
    meeting = threading.Barrier(2)

    def meet() -> int:
        return meeting.wait(30)

    def fail() -> None:
        raise ValueError("no")

    one, two, three = ask_all([Question(meet), Question(meet), Question(fail)], 30)
    assert {one.value, two.value} == {0, 1}
    assert isinstance(three.error, ValueError)


def test_who_asks_meanwhile_gets_the_same_answer() -> None:
    go, asked = threading.Event(), []

    def ask() -> int:
        asked.append(True)
        assert go.wait(60)
        return len(asked)

    question = Question(ask)
    (answer,) = ask_all([question], 0.01)
    assert isinstance(answer.error, Unanswered)
    joined = question.begin()
    go.set()
    assert ask_all([question], 30)[0].value in {1, 2}
    assert joined.answer is not None
    assert joined.answer.value == 1

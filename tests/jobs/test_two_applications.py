"""Configuration bound late in the factory: two applications, with two brokers, in one process."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from apiflask import APIFlask
from flask import current_app, has_app_context
from sqlalchemy import text
from sqlalchemy.orm import Session

from app.config import Settings
from app.extensions import db
from app.factory import create_app, create_celery, create_core, default_services
from app.jobs.broker import RUN_JOB
from app.migrate import migrate
from app.services import Services
from app.standalone.servers import Servers
from app.standalone.valkey import Valkey
from tests.support.database import create_database, query
from tests.support.in_process import Accounts, Caller, close
from tests.support.process import AppProcess
from tests.support.quiet import Undispatched
from tests.support.waiting import wait_for

ENDED = "SELECT count(*) FROM jobs WHERE user_id = %s AND finished_at IS NOT NULL"


@dataclass(frozen=True)
class Application:
    """One of the two.

    Attributes:
        file: its configuration; nothing else tells it, or its worker, anything.
    """

    file: Path
    settings: Settings
    web: APIFlask
    broker: Valkey

    @property
    def database_url(self) -> str:
        return self.settings.database_url.get_secret_value()

    @property
    def database(self) -> str:
        return self.database_url.rpartition("/")[2]

    def caller(self) -> Caller:
        return Accounts(self.web).caller()


@pytest.fixture(scope="module")
def applications(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Application, Application]]:
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        first, second = (
            stack.enter_context(application(servers, tmp_path_factory.mktemp(name), patch))
            for name in ("one", "two")
        )
        yield first, second


@contextmanager
def application(servers: Servers, folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Application]:
    broker = Valkey(folder / "valkey")
    broker.start()
    file = folder / "settings.yaml"
    configuration: dict[str, Any] = {
        "secret_key": secrets.token_urlsafe(48),
        "celery": {"broker_url": broker.url},
        "database": {"url": create_database(servers)},
        "redis": {"url": broker.url},
        "artifact": {"dir": str(folder / "artifacts")},
        "worker": {"processes": 1},
    }
    file.write_text(yaml.safe_dump(configuration))
    patch.setenv("RINGBACK_CONFIG", str(file))
    settings = Settings.load()
    core = create_core(settings, role="migrate")
    migrate(core)
    with core.app_context():
        db.engine.dispose()
    web = create_app(settings)
    yield Application(file, settings, web, broker)
    close(web)
    broker.stop()


def claims_of(user_id: str, application: Application) -> dict[str, str]:
    """Which worker had each of the user's jobs in its database."""
    sql = (
        "SELECT job_id::text, job_events.worker FROM job_events JOIN jobs ON jobs.id = job_id"
        " WHERE event = 'claimed' AND user_id = %s"
    )
    return dict(query(application.database_url, sql, user_id))


def test_two_applications_with_two_brokers_in_one_process_each_reach_their_own_worker(
    applications: tuple[Application, Application], tmp_path: Path
) -> None:
    callers = [each.caller() for each in applications]
    body = {"type": "add", "params": {"a": 1, "b": 2}}
    # In turn, so that whatever one process has only one of would be the other's.
    jobs = [[], []]  # type: list[list[str]]
    for _ in range(3):
        for mine, caller in zip(jobs, callers, strict=True):
            mine.append(caller.ok("POST", "/v1/jobs", json=body)["id"])
    workers = [
        AppProcess("worker", {"RINGBACK_CONFIG": str(each.file)}, tmp_path / f"{number}.log")
        for number, each in enumerate(applications)
    ]
    try:
        for worker in workers:
            worker.start()
        each_part = zip(applications, callers, jobs, workers, strict=True)
        for application, caller, mine, worker in each_part:
            wait_for_ends(application, caller, len(mine))
            assert {state(caller, job) for job in mine} == {"succeeded"}
            claims = claims_of(caller.id, application)
            assert set(claims) == set(mine)
            assert all(f"-{worker.pid}@" in name for name in claims.values()), claims
    finally:
        for worker in workers:
            worker.stop()


def wait_for_ends(application: Application, caller: Caller, count: int) -> None:
    """Ask the database: who asks for a job so often gets 429."""
    url, ended = application.database_url, [(count,)]
    wait_for(lambda: query(url, ENDED, caller.id) == ended, "all ends", 90)


def state(caller: Caller, job: str) -> str:
    return str(caller.ok("GET", f"/v1/jobs/{job}")["state"])


@dataclass
class Witness:
    """A store of files that notes in which context it is asked to write.

    Attributes:
        seen: application, session and name of the database, for each job.
    """

    real: Any
    seen: list[tuple[Any, Session, str]] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    @contextmanager
    def write(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        session = db.session()
        name = session.scalar(text("SELECT current_database()"))
        session.rollback()
        self.seen.append((current_app._get_current_object(), session, name))  # type: ignore[attr-defined]
        with self.real.write(*arguments, **options) as writing:
            yield writing


def test_every_job_runs_in_an_application_context_with_its_own_database_session(
    applications: tuple[Application, Application],
) -> None:
    witnesses = []
    for application in applications:
        real = replace(default_services(application.settings), dispatcher=Undispatched())
        witness = Witness(real.store)
        witnesses.append(witness)
        run_two_jobs(application, replace(real, store=witness))
    for application, witness in zip(applications, witnesses, strict=True):
        assert {name for _, _, name in witness.seen} == {application.database}
        assert len({id(app) for app, _, _ in witness.seen}) == 1  # that of its worker
    sessions = [session for witness in witnesses for _, session, _ in witness.seen]
    assert len(set(map(id, sessions))) == len(sessions) == 4
    assert [each for each in sessions if each.in_transaction()] == []
    assert witnesses[0].seen[0][0] is not witnesses[1].seen[0][0]


def run_two_jobs(application: Application, services: Services) -> None:
    """As a worker of the application would, through its Celery task."""
    web = create_app(application.settings, services)
    celery = create_celery(application.settings, services)
    caller = Accounts(web).caller()
    body = {"type": "excel_test", "params": {"rows": 1}}
    jobs = [caller.ok("POST", "/v1/jobs", json=body)["id"] for _ in range(2)]
    for job in jobs:
        sql = "SELECT fence FROM jobs WHERE id = %s"
        ((fence,),) = query(application.database_url, sql, job)
        celery.tasks[RUN_JOB].apply(args=[job, fence], throw=True)
        assert not has_app_context()
    assert {state(caller, job) for job in jobs} == {"succeeded"}
    close(web)
    celery.close()

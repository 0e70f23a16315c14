"""A database with users, for job types that read."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine

from app.config import Settings
from app.delivery.smtp import SmtpMailer, SmtpServer
from app.extensions import db
from app.factory import create_core, default_services
from app.jobs.models import Job
from app.jobs.reading import OwnRows
from app.jobs.run import run_job
from app.standalone.ports import free_port
from tests.job_types.recording import RecordingContext
from tests.support.activity import add_jobs, add_user
from tests.support.core import Undispatched, new_job, state_of
from tests.support.in_process import settings  # noqa: F401  # a fixture
from tests.support.smtp import MailServer


@pytest.fixture(scope="session")
def database_url(settings: Settings) -> str:  # noqa: F811
    return settings.database_url.get_secret_value()


@pytest.fixture(scope="session")
def engine(settings: Settings) -> Iterator[Engine]:  # noqa: F811
    with create_core(settings, role="test").app_context():
        made = db.engine
    yield made  # and no context, which would be that of all tests after this one
    made.dispose()


@pytest.fixture(scope="session")
def busy_user(database_url: str) -> UUID:
    """Somebody with 200 jobs."""
    user_id, _ = add_user(database_url)
    add_jobs(database_url, user_id, 200)
    return user_id


@pytest.fixture(scope="session")
def mailer() -> Iterator[SmtpMailer]:
    """Sends to a server that takes everything."""
    with MailServer(free_port()) as server:
        here = SmtpServer("127.0.0.1", server.port, "none", None, "", timeout=20)
        yield SmtpMailer(here, "ringback@example.com")


@pytest.fixture
def make_context(
    engine: Engine, busy_user: UUID, mailer: SmtpMailer
) -> Iterator[Callable[..., RecordingContext]]:
    """Makes contexts that can read and send mail; as `busy_user` unless told otherwise."""
    with ExitStack() as stack:

        def make(folder: Path, owner: UUID = busy_user, **options: Any) -> RecordingContext:
            own_rows = stack.enter_context(closing(OwnRows(engine, owner)))
            return RecordingContext(folder, own_rows=own_rows, mailer=mailer, **options)

        yield make


@pytest.fixture
def mail_job(settings: Settings) -> Iterator[Callable[..., Job]]:  # noqa: F811
    """Sends a mail to example.com, as a job that runs in this process to the end of its attempt.

    Takes the port of the mail server, and what makes the job if that is not for just any user.
    """
    apps: list[Flask] = []

    def run(port: int, submit: Callable[..., Job] = new_job) -> Job:
        server = {"smtp_host": "localhost", "smtp_port": port, "smtp_security": "none"}
        mail = {"mail_sender": "Ringback <ringback@example.com>", "mail_domains": ["example.com"]}
        changed = settings.model_copy(update=server | mail)
        services = replace(default_services(changed), dispatcher=Undispatched())
        apps.append(create_core(changed, services, role="test"))
        with apps[-1].app_context():
            params = {"to": "somebody@example.com", "subject": "Your report", "text": "Here."}
            job = submit("send_email", params)
            run_job(apps[-1], job.id, 0, "test")
            return state_of(job.id)

    yield run
    for app in apps:
        with app.app_context():
            db.engine.dispose()

"""What runs by itself may send mail, too: to the domains that are listed, and to nobody else."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import users
from app.config import Settings
from app.extensions import db, transaction
from app.factory import create_core, default_services
from app.job_types.base import Timetable
from app.job_types.send_email import SendEmail
from app.jobs.models import JobState
from app.jobs.owner import JobOwner
from app.jobs.run import run_job
from app.schedules import system
from app.schedules.models import Schedule
from app.schedules.tick import tick
from app.standalone.ports import free_port
from tests.schedules.conftest import World
from tests.support.core import state_of
from tests.support.quiet import Undispatched
from tests.support.smtp import MailServer

TO = "reports@listed.example.com"
DAILY = Timetable(
    "daily", "0 3 * * *", parameters={"to": TO, "subject": "Your report", "text": "Here."}
)


@pytest.fixture(scope="module")
def mail_server() -> Iterator[MailServer]:
    with MailServer(free_port()) as server:
        yield server


@pytest.fixture(scope="module")
def app(own_settings: Settings, mail_server: MailServer) -> Iterator[Flask]:
    """One that sends mail, in place of that of the other modules."""
    server = {"smtp_host": "localhost", "smtp_port": mail_server.port, "smtp_security": "none"}
    mail = {"mail_sender": "ringback@example.com", "mail_domains": ["listed.example.com"]}
    settings = own_settings.model_copy(update=server | mail)
    given = replace(default_services(settings), dispatcher=Undispatched())
    core = create_core(settings, given, role="test")
    yield core
    with core.app_context():
        db.engine.dispose()


def test_system_schedules_send_mail_to_listed_domains_and_to_nobody_else(
    app: Flask, world: World, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SendEmail, "timetables", (DAILY,))
    system.make_right(system.declared([SendEmail()]), start=True)
    with transaction():
        schedule = db.session.scalars(select(Schedule)).one()
    world.let_pass(schedule)
    tick()
    (job,) = world.jobs(schedule)
    run_job(app, job.id, 0, "the test")
    assert (state_of(job.id).state, state_of(job.id).error_code) == (JobState.SUCCEEDED, None)
    assert [each.to for each in mail_server.received] == [[TO]]
    nobody = users.find(system.SYSTEM_EMAIL)
    assert nobody is not None
    assert not JobOwner(nobody.id).may_mail("somebody@example.com")

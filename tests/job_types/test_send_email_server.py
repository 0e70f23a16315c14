"""`send_email`: what is said to a mail server and by it, and when that is worth another attempt."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from app.accounts.models import User
from app.delivery.mail import Letter
from app.delivery.smtp import SmtpMailer, SmtpServer
from app.errors import JobFailed
from app.extensions import db, transaction
from app.job_types.send_email import SendEmail, SendEmailParameters
from app.jobs import context
from app.jobs.lease import Lease
from app.jobs.models import Job, JobState
from app.jobs.stopping import stopping
from app.standalone.ports import free_port
from tests.support.core import new_job
from tests.support.smtp import PASSWORD, USERNAME, Certificate, MailServer
from tests.support.waiting import wait_for

SENDER = "Ringback <ringback@example.com>"
TIMEOUT = 10.0
TO = "somebody@example.com"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate.make(tmp_path_factory.mktemp("certificate"), "localhost")


@pytest.fixture
def open_server() -> Iterator[MailServer]:
    """It demands nothing."""
    with MailServer(free_port()) as server:
        yield server


def mailer(port: int, security: Any = "none", timeout: float = TIMEOUT) -> SmtpMailer:
    username, password = (None, "") if security == "none" else (USERNAME, PASSWORD)
    here = SmtpServer("localhost", port, security, username, password, timeout)
    return SmtpMailer(here, SENDER)


def letter(**changes: Any) -> Letter:
    return replace(Letter(uuid4(), [TO], "Your report", "It is there."), **changes)


def test_send_email_without_tls_tells_that_the_server_demands_tls(
    mail_job: Callable[..., Any], certificate: Certificate
) -> None:
    with MailServer(free_port(), certificate=certificate, demands_tls=True) as server:
        job = mail_job(server.port)
    assert (job.state, job.error_code) == (JobState.FAILED, "mail_settings_wrong")
    assert "STARTTLS" in job.error_message and "docs/mail.md" in job.error_message
    assert server.received == []


def test_send_email_without_a_sign_in_tells_that_the_server_demands_one(
    mail_job: Callable[..., Any], certificate: Certificate
) -> None:
    with MailServer(free_port(), certificate=certificate, demands_sign_in=True) as server:
        job = mail_job(server.port)
    assert (job.state, job.error_code) == (JobState.FAILED, "mail_settings_wrong")
    assert "uthentication" in job.error_message
    assert server.received == []


def test_send_email_of_which_some_recipients_are_refused_for_now_is_sent_to_the_others(
    open_server: MailServer,
) -> None:
    to = [TO, "later@example.com"]
    open_server.refused = {to[1]: "450 4.2.0 Come again"}
    refused = mailer(open_server.port).send(letter(to=to))
    assert refused == {to[1]: "450 4.2.0 Come again"}
    assert open_server.received[0].to == [TO]


def test_send_email_is_tried_again_if_all_recipients_are_refused_for_now(
    open_server: MailServer,
) -> None:
    open_server.refused = {TO: "450 4.2.0 Greylisted"}
    with pytest.raises(JobFailed, match=r"450 4\.2\.0 Greylisted") as caught:
        mailer(open_server.port).send(letter())
    assert (caught.value.code, caught.value.retryable) == ("mail_refused", True)


def test_send_email_speaks_tls_from_the_start(
    certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    with MailServer(free_port(), certificate=certificate, at_once=True) as server:
        assert mailer(server.port, "tls").send(letter()) == {}
    assert server.received[0].encrypted and server.received[0].signed_in


def test_send_email_checks_the_name_in_a_certificate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Certificate.make(tmp_path, "other.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", str(other.path))
    with (
        MailServer(free_port(), certificate=other) as server,
        pytest.raises(JobFailed, match="mismatch") as caught,
    ):
        mailer(server.port, "starttls").send(letter())
    assert (caught.value.code, caught.value.retryable) == ("mail_settings_wrong", False)


def test_send_email_with_tls_to_a_port_without_fails_and_says_so(open_server: MailServer) -> None:
    with pytest.raises(JobFailed, match="no encrypted connection") as caught:
        mailer(open_server.port, "tls").send(letter())
    assert (caught.value.code, caught.value.retryable) == ("mail_settings_wrong", False)


def test_send_email_to_an_address_beyond_ascii_needs_a_server_that_takes_it(
    open_server: MailServer,
) -> None:
    to = ["bücher@münchen.de"]
    with pytest.raises(JobFailed, match="beyond ASCII") as caught:
        mailer(open_server.port).send(letter(to=to))
    assert (caught.value.code, caught.value.retryable) == ("mail_refused", False)
    with MailServer(free_port(), international=True) as server:
        assert mailer(server.port).send(letter(to=to)) == {}
    (got,) = server.received
    assert (got.to, got.message["To"]) == (to, to[0])


@contextmanager
def script(*answers: bytes) -> Iterator[int]:
    """A server that says these things, each after it has heard something, and then hangs up."""

    def talk() -> None:
        connection, _ = listening.accept()
        with connection:
            for number, answer in enumerate(answers):
                if number:
                    connection.recv(1 << 16)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=talk)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(TIMEOUT)


YES = b"250 ok\r\n"


@pytest.mark.parametrize(
    ("answers", "code", "retryable"),
    [
        ([b""], "mail_server_unavailable", True),
        ([b"421 4.3.2 Going down\r\n"], "mail_server_unavailable", True),
        ([b"554 5.7.1 Not you\r\n"], "mail_refused", False),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "mail_settings_wrong", False),
        ([b"220 hi\r\n", YES, b"550 5.7.1 Not from you\r\n"], "mail_refused", False),
        ([b"220 hi\r\n", YES, YES, b"421 bye\r\n"], "mail_server_unavailable", True),
        ([b"220 hi\r\n", YES, YES, YES], "mail_server_unavailable", True),
        ([b"220 hi\r\n", YES, YES, YES, b"451 no\r\n"], "mail_server_unavailable", True),
        ([b"220 hi\r\n", YES, YES, YES, b"354 go\r\n", b""], "outcome_unknown", False),
        ([b"220 hi\r\n", YES, YES, YES, b"354 go\r\n", b"25"], "outcome_unknown", False),
        ([b"220 hi\r\n", YES, YES, YES, b"354 go\r\n", b"hello\r\n"], "outcome_unknown", False),
        ([b"220 hi\r\n", YES, YES, YES, b"354 go\r\n", b"x" * 9000], "outcome_unknown", False),
    ],
)
def test_send_email_is_repeated_only_if_the_server_cannot_have_taken_it(
    answers: list[bytes], code: str, retryable: bool
) -> None:
    with script(*answers) as port, pytest.raises(JobFailed) as caught:
        mailer(port).send(letter())
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


def test_send_email_shows_an_answer_on_one_short_line(open_server: MailServer) -> None:
    words = "é\t\x1b[31m" + "long " * 60
    open_server.answers = [f"554-5.0.0 {words}\r\n554 5.0.0 end"]
    with pytest.raises(JobFailed) as caught:
        mailer(open_server.port).send(letter())
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 300


def test_send_email_is_taken_though_the_server_hangs_up_before_the_farewell() -> None:
    with script(b"220 hi\r\n", YES, YES, YES, b"354 go\r\n", b"250 taken\r\n") as port:
        assert mailer(port).send(letter()) == {}


def test_send_email_whose_worker_has_to_stop_before_it_connects_is_left_to_another(
    mail_job: Callable[..., Any], open_server: MailServer
) -> None:
    stopping.begin_here(0.0)
    try:
        job = mail_job(open_server.port)
    finally:
        stopping.forget_here()
    assert (job.state, job.attempt) == (JobState.QUEUED, 2)
    assert open_server.received == []


def test_send_email_that_is_cancelled_before_it_connects_is_not_sent(
    mail_job: Callable[..., Any], open_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Lease.check

    def check_after_a_cancel(lease: Lease) -> None:
        with transaction():
            running = select(Job).where(Job.id == lease._job_id)
            db.session.scalars(running).one().cancel_requested_at = func.now()
        wait_for(lambda: lease.cancelled, "the cancel to be noticed")
        check(lease)

    monkeypatch.setattr(Lease, "check", check_after_a_cancel)
    job = mail_job(open_server.port)
    assert (job.state, job.error_code) == (JobState.CANCELLED, "job_cancelled")
    assert open_server.received == []


def test_send_email_waits_for_a_database_that_went_away_before_it_was_sent(
    mail_job: Callable[..., Any], open_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the connection was lost"))

    monkeypatch.setattr(context, "refuse_recipients", is_away)
    job = mail_job(open_server.port)
    assert (job.state, job.attempt) == (JobState.QUEUED, 2)
    assert open_server.received == []


def test_send_email_of_a_user_who_was_disabled_since_is_not_sent(
    mail_job: Callable[..., Any], open_server: MailServer
) -> None:
    def of_a_disabled_user(type_name: str, params: dict[str, Any]) -> Job:
        job = new_job(type_name, params)
        with transaction():
            db.session.get_one(User, job.user_id).active = False
        return job

    job = mail_job(open_server.port, of_a_disabled_user)
    assert (job.state, job.error_code) == (JobState.FAILED, "recipient_not_permitted")
    assert "not disabled" in job.error_message
    assert open_server.received == []


def test_a_type_that_could_be_run_twice_sends_no_mail(
    mail_job: Callable[..., Any], open_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SendEmail, "repeatable", True)
    job = mail_job(open_server.port)
    assert (job.state, job.error_code) == (JobState.FAILED, "job_raised")
    assert "repeatable = False" in job.error_message
    assert open_server.received == []


def test_a_job_sends_one_mail(
    mail_job: Callable[..., Any], open_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = SendEmail.run

    def twice(job_type: SendEmail, job: Any, given: SendEmailParameters) -> dict[str, Any]:
        once(job_type, job, given)
        return once(job_type, job, given)

    monkeypatch.setattr(SendEmail, "run", twice)
    job = mail_job(open_server.port)
    assert (job.state, job.error_code) == (JobState.FAILED, "job_raised")
    assert "one mail" in job.error_message
    assert len(open_server.received) == 1

"""`send_email`: servers that take their time, limits that pass meanwhile, and what the log says."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from app.delivery import smtp
from app.delivery.mail import Letter
from app.delivery.smtp import SmtpMailer, SmtpServer
from app.errors import JobFailed
from app.job_types.send_email import SendEmail, SendEmailParameters
from app.jobs import run
from app.jobs.models import Job, JobState
from app.jobs.time_limits import TimeLimits
from app.standalone.ports import free_port
from tests.support.smtp import Certificate, MailServer

# A conversation is given up after the first, an answer is waited for as long as the second.
IN_ALL, ANSWER = 1.0, 30.0
HELLO, YES, GO = b"220 hi\r\n", b"250 ok\r\n", b"354 go\r\n"
Talk = Callable[[socket.socket], None]


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "HANDOVER_SECONDS", IN_ALL)


@contextmanager
def server(talk: Talk) -> Iterator[int]:
    """A server that talks like this until the connection breaks; gives its port."""

    def serve() -> None:
        connection, _ = listening.accept()
        with connection, contextlib.suppress(OSError):
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1]
        thread.join(ANSWER)


def dribbles(byte: bytes, *before: bytes) -> Talk:
    """Says these things, each after it has heard something, and then one byte again and again."""

    def talk(connection: socket.socket) -> None:
        for each in before:
            connection.sendall(each)
            connection.recv(1 << 16)
        while True:
            connection.sendall(byte)
            time.sleep(0.02)

    return talk


def is_slow(connection: socket.socket) -> None:
    """Says yes to everything, each time within the timeout."""
    connection.sendall(HELLO)
    while connection.recv(1 << 16):
        time.sleep(IN_ALL / 10)
        connection.sendall(YES)


def failure(port: int, security: Any = "none", timeout: float = ANSWER) -> JobFailed:
    """What sending to fifty people there ends with; it must not take as long as one answer may."""
    to = [f"somebody-{number}@example.com" for number in range(50)]
    begun = time.monotonic()
    with pytest.raises(JobFailed) as caught:
        SmtpMailer(
            SmtpServer("localhost", port, security, None, "", timeout), "me@example.com"
        ).send(Letter(uuid4(), to, "Your report", "It is there."))
    assert time.monotonic() - begun < ANSWER
    return caught.value


@pytest.mark.usefixtures("short_deadline")
@pytest.mark.parametrize(
    "talk",
    [
        dribbles(b"2"),
        dribbles(b"220-wait\r\n"),
        dribbles(b"2", HELLO),
        dribbles(b"5", HELLO, YES, YES),
        dribbles(b"5", HELLO, YES, *[YES] * 51),
        is_slow,
    ],
)
def test_send_email_to_a_server_that_is_never_silent_but_too_slow_is_tried_again(
    talk: Talk,
) -> None:
    with server(talk) as port:
        failed = failure(port)
    assert (failed.code, failed.retryable) == ("mail_server_unavailable", True)
    assert "not handed over within 1 s" in failed.message


@pytest.mark.usefixtures("short_deadline")
def test_send_email_over_tls_to_a_server_that_is_never_silent_but_too_slow_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = Certificate.make(tmp_path, "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))

    def talk(connection: socket.socket) -> None:
        with certificate.context().wrap_socket(connection, server_side=True) as encrypted:
            dribbles(b"2", HELLO)(encrypted)

    with server(talk) as port:
        failed = failure(port, "tls")
    assert (failed.code, failed.retryable) == ("mail_server_unavailable", True)
    assert "not handed over within 1 s" in failed.message


def test_send_email_whose_server_never_ends_its_answer_to_the_message_is_not_sent_twice() -> None:
    with server(dribbles(b"x", HELLO, YES, YES, *[YES] * 50, GO)) as port:
        failed = failure(port, timeout=0.3)
    assert (failed.code, failed.retryable) == ("outcome_unknown", False)


def test_send_email_whose_server_answers_after_the_soft_limit_of_time_succeeds(
    mail_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    limits: list[TimeLimits] = []
    send, work = SmtpMailer.send, SendEmail.run

    class Kept(TimeLimits):
        def __init__(self, *args: float) -> None:
            super().__init__(*args)
            limits.append(self)

    def send_and_pass_the_limit(mailer: SmtpMailer, letter: Letter) -> Mapping[str, str]:
        refused = send(mailer, letter)
        limits[-1]._soft_at = time.monotonic()
        limits[-1]._ring()  # as the alarm of a worker's process does then
        return refused

    def work_and_report(job_type: SendEmail, job: Any, given: SendEmailParameters) -> Any:
        result = work(job_type, job, given)
        job.progress(1.0)
        return result

    monkeypatch.setattr(run, "TimeLimits", Kept)
    monkeypatch.setattr(SmtpMailer, "send", send_and_pass_the_limit)
    monkeypatch.setattr(SendEmail, "run", work_and_report)
    with MailServer(free_port()) as taking:
        job = mail_job(taking.port)
    assert len(taking.received) == 1
    assert (job.state, job.error_code) == (JobState.SUCCEEDED, None)
    assert job.result == {"accepted": ["somebody@example.com"], "refused": {}}


def test_send_email_that_is_refused_for_now_logs_why_and_no_address(
    mail_job: Callable[..., Job],
) -> None:
    words = "450 4.2.0 <Somebody@example.com> is not to be reached"
    refused = {"somebody@example.com": words}
    with MailServer(free_port(), refused=refused) as later, capture_logs() as lines:
        job = mail_job(later.port)
    assert (job.state, job.attempt) == (JobState.QUEUED, 2)
    told = {each["event"]: each["reason"] for each in lines if "reason" in each}
    assert "450 4.2.0 <…@example.com> is not to be reached" in told["mail not sent"]
    assert "…@example.com" in told["job failed for now"]
    assert "somebody@" not in str(lines).lower()

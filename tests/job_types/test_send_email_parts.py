"""`send_email` in parts: what is accepted, to whom, and what is said to a mail server and by it."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from app.config import Settings
from app.delivery.mail import Letter, compose
from app.delivery.smtp import SmtpMailer, SmtpServer
from app.errors import ConfigError, InvalidInput, JobFailed
from app.extensions import db
from app.factory import create_core, default_services
from app.job_types.recipients import MAX_RECIPIENTS
from app.job_types.registry import JobTypes
from app.job_types.send_email import MAX_SUBJECT, MAX_TEXT, SendEmail, SendEmailParameters
from app.jobs.models import JobState
from app.jobs.owner import JobOwner
from app.jobs.run import run_job
from app.standalone.ports import free_port
from tests.support.core import Undispatched, new_job, state_of
from tests.support.smtp import PASSWORD, USERNAME, Certificate, MailServer

SECRET = "a secret of the tests, longer than thirty-two bytes"
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
    sign_in = (None, "") if security == "none" else (USERNAME, PASSWORD)
    return SmtpMailer(SmtpServer("localhost", port, security, *sign_in, timeout), SENDER)


def letter(**changes: Any) -> Letter:
    return replace(Letter(uuid4(), [TO], "Your report", "It is there."), **changes)


def parameters(**changes: Any) -> SendEmailParameters:
    given = {"to": TO, "subject": "Your report", "text": "It is there."} | changes
    checked = JobTypes.validate(SendEmail(), given)
    assert isinstance(checked, SendEmailParameters)
    return checked


@pytest.mark.parametrize(
    "character", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028"]
)
def test_send_email_takes_no_header_from_a_subject_or_an_address(character: str) -> None:
    more = f"{character}Bcc: victim@example.com"
    for field, value in (
        ("subject", f"Hello{more}"),
        ("to", f"{TO}{more}"),
        ("to", [TO, TO + more]),
    ):
        with pytest.raises(InvalidInput) as caught:
            parameters(**{field: value})
        ((name, messages),) = caught.value.fields.items()
        assert (name, len(messages)) == (f"params.{field}", 1)
    for changes in ({"subject": f"Hello{more}"}, {"to": [f"{TO}{more}"]}):
        with pytest.raises(JobFailed, match="line breaks"):
            compose(letter(**changes), SENDER)


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        *[("to", bad) for bad in (None, 5, True, {}, [], [[TO]], [TO, None], "", "nobody", "@")],
        *[("to", bad) for bad in (f"X <{TO}>", f"{TO},{TO}", "a@localhost", "a@[127.0.0.1]")],
        *[("to", bad) for bad in ('"a b"@example.com', f"{'a' * 300}@example.com")],
        ("to", [f"user-{number}@example.com" for number in range(MAX_RECIPIENTS + 1)]),
        *[("subject", bad) for bad in (None, 5, "", "  ", "x" * (MAX_SUBJECT + 1))],
        *[("text", bad) for bad in (None, 5, "", "x" * (MAX_TEXT + 1))],
        *[("html", bad) for bad in (5, "", "x" * (MAX_TEXT + 1))],
        *[("cc", TO), ("from", TO)],
    ],
)
def test_send_email_names_the_parameter_that_is_wrong(field: str, bad: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters(**{field: bad})
    assert list(caught.value.fields) == [f"params.{field}"]
    assert len(caught.value.fields[f"params.{field}"]) == 1


def test_send_email_of_a_million_addresses_is_refused_at_once() -> None:
    with pytest.raises(InvalidInput) as caught:
        parameters(to=["x@example.com"] * 1_000_000)
    assert list(caught.value.fields) == ["params.to"]


def test_send_email_knows_the_spellings_of_one_address() -> None:
    same = [TO, "somebody@EXAMPLE.com", "somebody@example。com", f"{TO}"]
    assert parameters(to=same).to == [TO]
    assert parameters(to="bob@MÜNCHEN.de").to == ["bob@xn--mnchen-3ya.de"]
    assert parameters(to=["bob@xn--mnchen-3ya.de"]).to == ["bob@xn--mnchen-3ya.de"]
    assert parameters(to="bücher@münchen.de").to == ["bücher@münchen.de"]


class SomeOwner(JobOwner):
    """An owner who need not be in the database."""

    def __init__(self, email: str) -> None:
        super().__init__(uuid4())
        self._user = type("User", (), {"email": email, "permissions": frozenset()})()


@pytest.mark.parametrize(
    ("own", "permitted", "refused"),
    [
        ("Bob@Example.com", ["bob@example.com", "BOB@EXAMPLE.COM"], ["bob+x@example.com"]),
        ("bob@münchen.de", ["bob@xn--mnchen-3ya.de", "BOB@MÜNCHEN.de"], ["bob@munchen.de"]),
        ("bob@straße.de", ["bob@xn--strae-oqa.de"], ["bob@strasse.de"]),
        ("kim@example.com", ["\u212aim@example.com"], ["kım@example.com", "кim@example.com"]),
        ("stig@example.com", ["STIG@example.com"], ["\u017ftig@example.com", "sti.g@example.com"]),
        ("büro@example.com", ["bu\u0308ro@example.com"], ["BÜRO@example.com", "buro@example.com"]),
    ],
)
def test_send_email_compares_addresses_in_one_form(
    own: str, permitted: list[str], refused: list[str], settings: Settings
) -> None:
    with create_core(settings, role="test").app_context():
        owner = SomeOwner(own)
        assert [each for each in permitted if not owner.may_mail(each)] == []
        assert [each for each in refused if owner.may_mail(each)] == []
        db.engine.dispose()


@pytest.fixture
def make_job(settings: Settings) -> Iterator[Callable[..., Any]]:
    """Runs a job of a user of example.com to the end of its attempt, in this process; returns it."""
    apps: list[Flask] = []

    def make(port: int, **changes: Any) -> Any:
        mine = {"smtp_host": "localhost", "smtp_port": port, "smtp_security": "none"}
        mine |= {"mail_sender": SENDER, "mail_domains": ["example.com"]}
        changed = settings.model_copy(update=mine | changes)
        services = replace(default_services(changed), dispatcher=Undispatched())
        apps.append(create_core(changed, services, role="test"))
        with apps[-1].app_context():
            params = {"to": TO, "subject": "Your report", "text": "It is there."}
            job = new_job("send_email", params)
            run_job(apps[-1], job.id, 0, "test")
            return state_of(job.id)

    yield make
    for app in apps:
        with app.app_context():
            db.engine.dispose()


def test_send_email_without_tls_tells_that_the_server_demands_tls(
    make_job: Callable[..., Any], certificate: Certificate
) -> None:
    with MailServer(free_port(), certificate=certificate, demands_tls=True) as server:
        job = make_job(server.port)
    assert (job.state, job.error_code) == (JobState.FAILED, "mail_settings_wrong")
    assert "STARTTLS" in job.error_message and "docs/mail.md" in job.error_message
    assert server.received == []


def test_send_email_without_a_sign_in_tells_that_the_server_demands_one(
    make_job: Callable[..., Any], certificate: Certificate
) -> None:
    with MailServer(free_port(), certificate=certificate, demands_sign_in=True) as server:
        job = make_job(server.port)
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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_host": "smtp.example.com"}, "mail_sender is missing"),
        ({"smtp_host": "smtp.example.com:587", "mail_sender": SENDER}, "smtp_port"),
        ({"smtp_host": "smtp://smtp.example.com", "mail_sender": SENDER}, "host alone"),
        ({"mail_sender": "Ringback"}, "MAIL_SENDER"),
        ({"mail_sender": "Ringback\r\nBcc: x@example.com <a@example.com>"}, "MAIL_SENDER"),
        ({"mail_sender": "bücher@example.com"}, "ASCII"),
        ({"mail_domains": "example.com,*.example.org"}, "is no domain"),
        ({"smtp_username": "me"}, "both of them"),
        ({"smtp_username": "me", "smtp_password": "it", "smtp_security": "none"}, "to read"),
        ({"smtp_username": "me", "smtp_password": "größer"}, "ASCII"),
        ({"smtp_timeout_seconds": 61}, "SMTP_TIMEOUT_SECONDS"),
    ],
)
def test_settings_of_mail_that_cannot_work_stop_the_start(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        Settings.load(secret_key=SECRET, **wrong)


def test_empty_settings_of_mail_are_left_out() -> None:
    names = ("smtp_host", "smtp_username", "smtp_password", "mail_sender", "mail_domains")
    settings = Settings.load(secret_key=SECRET, **dict.fromkeys(names, ""))
    assert [getattr(settings, name) for name in names] == [None, None, None, None, []]


def test_domains_of_mail_are_compared_as_the_dns_knows_them() -> None:
    settings = Settings.load(secret_key=SECRET, mail_domains="Example.COM, münchen.de")
    assert settings.mail_domains == ["example.com", "xn--mnchen-3ya.de"]

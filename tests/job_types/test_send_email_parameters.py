"""`send_email`: what is accepted, to whom, and with which settings."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from app.accounts.models import User
from app.accounts.permissions import Role
from app.config import Settings
from app.delivery.mail import Letter, compose
from app.errors import ConfigError, InvalidInput, JobFailed
from app.extensions import db
from app.factory import create_core
from app.job_types.recipients import MAX_RECIPIENTS
from app.job_types.registry import JobTypes
from app.job_types.send_email import MAX_SUBJECT, MAX_TEXT, SendEmail, SendEmailParameters
from app.jobs.owner import JobOwner

SECRET = "a secret of the tests, longer than thirty-two bytes"
SENDER = "Ringback <ringback@example.com>"
TIMEOUT = 10.0
TO = "somebody@example.com"


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
        self._user = User(email=email, role=Role.USER, active=True)


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


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"smtp_host": "smtp.example.com"}, "mail_sender is missing"),
        ({"smtp_host": "smtp.example.com:587", "mail_sender": SENDER}, "smtp_port"),
        ({"smtp_host": "smtp://smtp.example.com", "mail_sender": SENDER}, "host alone"),
        *[
            ({"smtp_host": host, "mail_sender": SENDER}, "SMTP_HOST: must have 1 to 63 characters")
            for host in ("smtp..example.com", ".example.com", "x" * 64 + ".com", "::" + "1" * 64)
        ],
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

"""`send_email`: from the call to a real mail server, and everything that such a server can do."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.standalone.ports import free_port
from app.standalone.servers import Servers
from tests.support.api import Api
from tests.support.database import query
from tests.support.smtp import PASSWORD, USERNAME, Certificate, MailServer
from tests.support.stack import Stack
from tests.support.waiting import wait_for

SENDER = "Ringback <ringback@example.com>"
TIMEOUT = 2.0
FRIENDS = ["friend@allowed.example.com", "other@allowed.example.com"]
ALLOWED = "allowed.example.com,MÜNCHEN.example.com"


class Post:
    """A mail server at the address that the worker of the stack knows, and its certificates."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.good = Certificate.make(folder, "localhost")
        (folder / "others").mkdir()
        self.unknown = Certificate.make(folder / "others", "localhost")

    def server(self, **options: Any) -> MailServer:
        """One as the settings of the worker expect it, but for these options."""
        usual = {"certificate": self.good, "demands_tls": True, "demands_sign_in": True}
        return MailServer(self.port, **(usual | options))


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Post:
    return Post(tmp_path_factory.mktemp("post"))


@pytest.fixture(scope="module")
def mail_stack(
    post: Post, servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    settings = {
        "RINGBACK_SMTP_HOST": "localhost",
        "RINGBACK_SMTP_PORT": str(post.port),
        "RINGBACK_SMTP_USERNAME": USERNAME,
        "RINGBACK_SMTP_PASSWORD": PASSWORD,
        "RINGBACK_SMTP_TIMEOUT_SECONDS": str(TIMEOUT),
        "RINGBACK_MAIL_SENDER": SENDER,
        "RINGBACK_MAIL_DOMAINS": ALLOWED,
        "SSL_CERT_FILE": str(post.good.path),
    }
    stack = Stack.start(servers, tmp_path_factory.mktemp("mail-stack"), **settings)
    yield stack
    stack.stop()


@pytest.fixture
def user(mail_stack: Stack) -> Api:
    return mail_stack.new_user()


def letter(to: Any, **changes: Any) -> dict[str, Any]:
    return {"to": to, "subject": "Your report", "text": "It is there."} | changes


def send(user: Api, to: Any = None, **changes: Any) -> dict[str, Any]:
    """Send, to oneself unless told otherwise, and wait for the end; returns the job."""
    job = user.submit("send_email", **letter(user.email if to is None else to, **changes))
    return user.end_of(job["id"])


def events(user: Api, job_id: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.ok("GET", f"/v1/jobs/{job_id}/events")["items"]
    return items


def failed_for_now(user: Api, job_id: str) -> dict[str, Any]:
    """The event of the first attempt that is to be repeated."""

    def found() -> dict[str, Any] | None:
        return next((each for each in events(user, job_id) if each["event"] == "retrying"), None)

    return wait_for(found, "a failed attempt that is repeated")


def test_send_email_arrives_as_text_and_html_signed_in_over_tls(user: Api, post: Post) -> None:
    text, html = "Grüße,\n.\n..\n\rEnde 🔔", "<p>Grüße <b>🔔</b></p>"
    with post.server() as server:
        job = send(user, subject="Bericht für März 🔔", text=text, html=html)
    assert (job["state"], job["result"]) == ("succeeded", {"accepted": [user.email], "refused": {}})
    (got,) = server.received
    assert (got.sender, got.to) == ("ringback@example.com", [user.email])
    assert got.encrypted and got.signed_in
    message = got.message
    assert (message["From"], message["To"]) == (SENDER, user.email)
    assert message["Subject"] == "Bericht für März 🔔"
    assert message["Message-ID"] == f"<{job['id']}@example.com>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime.utcoffset() is not None
    assert got.part("plain") == "Grüße,\n.\n..\n\nEnde 🔔\n"
    assert got.part("html") == html + "\n"
    assert got.raw.isascii() and max(map(len, got.raw.split(b"\r\n"))) < 999
    assert got.raw.count(b"\n") == got.raw.count(b"\r\n") == got.raw.count(b"\r")


def test_send_email_takes_a_list_and_tells_who_was_refused_in_the_servers_words(
    user: Api, post: Post
) -> None:
    with post.server(refused={FRIENDS[1]: "550 5.1.1 No such person here"}) as server:
        job = send(user, [*FRIENDS, FRIENDS[0]])
    assert job["state"] == "succeeded"
    assert job["result"] == {
        "accepted": [FRIENDS[0]],
        "refused": {FRIENDS[1]: "550 5.1.1 No such person here"},
    }
    (got,) = server.received
    assert got.to == [FRIENDS[0]]


def test_send_email_of_which_every_recipient_is_refused_fails_with_the_servers_words(
    user: Api, post: Post
) -> None:
    refused = {FRIENDS[0]: "550 5.1.1 Nobody", FRIENDS[1]: "553 5.1.3 What?"}
    with post.server(refused=refused) as server:
        job = send(user, FRIENDS)
    assert (job["state"], job["error"]["code"], job["attempt"]) == ("failed", "mail_refused", 1)
    assert f"{FRIENDS[0]}: 550 5.1.1 Nobody; {FRIENDS[1]}: 553 5.1.3" in job["error"]["message"]
    assert server.received == []


def test_send_email_that_is_refused_for_good_is_not_tried_again(user: Api, post: Post) -> None:
    with post.server(answers=["554 5.7.1 Looks like spam"]) as server:
        job = send(user)
    assert (job["state"], job["error"]["code"], job["attempt"]) == ("failed", "mail_refused", 1)
    assert "554 5.7.1 Looks like spam" in job["error"]["message"]
    assert len(server.received) == 1


def test_send_email_is_tried_again_after_temporary_errors_with_the_same_message_id(
    user: Api, post: Post
) -> None:
    busy, full = "451 4.3.2 Busy, come again", "452 4.3.1 Full"
    with post.server(mail_answers=[busy], answers=[full]) as server:
        job = send(user)
    assert (job["state"], job["attempt"]) == ("succeeded", 3)
    told = [each for each in events(user, job["id"]) if each["event"] == "retrying"]
    assert [each["data"]["code"] for each in told] == ["mail_server_unavailable"] * 2
    assert (busy in told[0]["message"], full in told[1]["message"]) == (True, True)
    ids = {each.message["Message-ID"] for each in server.received}
    assert ids == {f"<{job['id']}@example.com>"}
    assert [each["type"] for each in user.notifications()] == ["job.succeeded"]


def test_send_email_waits_for_a_server_that_is_down(user: Api, post: Post) -> None:
    job = user.submit("send_email", **letter(user.email))
    told = failed_for_now(user, job["id"])
    assert told["data"]["code"] == "mail_server_unavailable"
    assert "refused" in told["message"]
    with post.server() as server:
        assert user.end_of(job["id"])["state"] == "succeeded"
    assert len(server.received) == 1


def test_send_email_gives_up_waiting_for_a_server_that_says_nothing(user: Api, post: Post) -> None:
    with socket.create_server(("127.0.0.1", post.port)):
        job = user.submit("send_email", **letter(user.email))
        told = failed_for_now(user, job["id"])
    assert told["data"]["code"] == "mail_server_unavailable"
    assert "timed out" in told["message"]
    assert user.ok("POST", f"/v1/jobs/{job['id']}/cancel")["id"] == job["id"]
    assert user.end_of(job["id"])["state"] == "cancelled"


def test_send_email_whose_server_breaks_off_after_the_data_is_not_sent_twice(
    user: Api, post: Post
) -> None:
    with post.server(breaks_off=True) as server:
        job = send(user)
    assert (job["state"], job["error"]["code"], job["attempt"]) == ("failed", "outcome_unknown", 1)
    assert "not sent a second time" in job["error"]["message"]
    assert len(server.received) == 1


def test_send_email_through_a_server_that_is_slow_with_a_whole_mail_succeeds(
    user: Api, post: Post
) -> None:
    with post.server(pause=TIMEOUT * 1.5) as server:
        assert send(user)["state"] == "succeeded"
    assert len(server.received) == 1


def test_send_email_whose_worker_dies_while_the_server_thinks_is_not_sent_twice(
    mail_stack: Stack, user: Api, post: Post
) -> None:
    with post.server(pause=8.0) as server:
        job = user.submit("send_email", **letter(user.email))
        wait_for(lambda: server.received, "the message at the server")
        mail_stack.worker.kill()
        mail_stack.worker.start()
        ended = user.end_of(job["id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "outcome_unknown")
    assert len(server.received) == 1


def test_send_email_that_is_handed_over_is_not_cancelled(user: Api, post: Post) -> None:
    with post.server(pause=3.0) as server:
        job = user.submit("send_email", **letter(user.email))
        wait_for(lambda: server.received, "the message at the server")
        user.ok("POST", f"/v1/jobs/{job['id']}/cancel")
        assert user.end_of(job["id"])["state"] == "succeeded"


def test_send_email_refuses_a_server_with_a_certificate_that_nobody_trusts(
    user: Api, post: Post
) -> None:
    with post.server(certificate=post.unknown) as server:
        job = send(user)
    assert (job["error"]["code"], job["attempt"]) == ("mail_settings_wrong", 1)
    assert "certificate" in job["error"]["message"]
    assert server.connections == 0


def test_send_email_tells_that_the_server_has_no_tls(user: Api, post: Post) -> None:
    plain = {"certificate": None, "demands_tls": False, "demands_sign_in": False}
    with post.server(**plain) as server:
        job = send(user)
    assert job["error"]["code"] == "mail_settings_wrong"
    assert "STARTTLS" in job["error"]["message"]
    assert server.connections == 0


def test_send_email_tells_that_the_password_is_wrong_and_not_which(user: Api, post: Post) -> None:
    with post.server(password="another one") as server:
        job = send(user)
    assert (job["error"]["code"], job["attempt"]) == ("mail_settings_wrong", 1)
    assert "535" in job["error"]["message"]
    assert "RINGBACK_SMTP_" in job["error"]["message"]
    assert PASSWORD not in str(job)
    assert server.received == []


def test_send_email_without_a_mail_server_fails_and_says_what_is_missing(stack: Stack) -> None:
    user = stack.new_user()
    job = send(user)
    assert (job["error"]["code"], job["attempt"]) == ("mail_not_configured", 1)
    assert "RINGBACK_SMTP_HOST" in job["error"]["message"]
    (told,) = user.notifications()
    assert (told["type"], told["data"]["error"]["code"]) == ("job.failed", "mail_not_configured")


def test_send_email_goes_to_oneself_and_to_listed_domains_only(user: Api) -> None:
    local, _, domain = str(user.email).partition("@")
    for stranger in (
        "somebody@example.com",
        f"{local}+more@{domain}",
        f"{local}@sub.{domain}",
        f"{local}@{domain}.example.com",
        "x@sub.allowed.example.com",
        "x@notallowed.example.com",
        "x@allowed.example.com.evil.com",
    ):
        body = {"type": "send_email", "params": letter([user.email, stranger])}
        answer = user.call("POST", "/v1/jobs", json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "recipient_not_permitted")
        assert answer.json()["detail"].endswith(f": {stranger}.")
    assert user.ok("GET", "/v1/jobs")["items"] == []


def test_send_email_goes_to_anybody_for_who_has_the_permission(
    mail_stack: Stack, post: Post
) -> None:
    with post.server() as server:
        job = send(mail_stack.admin, "somebody@elsewhere.example.com")
    assert job["state"] == "succeeded"
    assert server.received[0].to == ["somebody@elsewhere.example.com"]


def test_send_email_looks_at_the_permission_again_when_it_is_sent(
    mail_stack: Stack, user: Api, post: Post
) -> None:
    url = mail_stack.database_url
    query(url, "UPDATE users SET role = 'admin' WHERE id = %s", user.user_id)
    job = user.submit("send_email", **letter("somebody@elsewhere.example.com"))
    failed_for_now(user, job["id"])  # there is no mail server yet
    query(url, "UPDATE users SET role = 'user' WHERE id = %s", user.user_id)
    with post.server() as server:
        ended = user.end_of(job["id"])
    assert (ended["state"], ended["error"]["code"]) == ("failed", "recipient_not_permitted")
    assert server.connections == 0

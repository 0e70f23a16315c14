"""Mail by SMTP: one letter over one connection, and what became of it.

What counts is the moment at which the last byte of the message is on its way. Whatever goes wrong
before it, the server cannot have taken the letter, and it is sent again later. From then on until the
server has answered, nobody knows, and it is never sent again.
"""

import contextlib
import re
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal

from app.delivery.deadline import Deadline
from app.delivery.mail import (
    Letter,
    compose,
    domain_of,
    is_international,
    sender_address,
    without_mailboxes,
)
from app.errors import JobFailed
from app.observability import get_logger

log = get_logger(__name__)

# All that comes before the server's answer to the message: a connection that takes longer is given
# up, so that the job is tried again long before its time limit.
HANDOVER_SECONDS = 120.0
# A server may look through a message before it answers, and to give up leaves its fate unknown: so
# the answer is waited for this many times as long as any other.
PATIENCE = 5
QUIT_SECONDS = 1.0  # the letter is taken; this is courtesy
MAX_WORDS = 200
READY = 220
GO_ON = 354
SERVICE_CLOSES = 421
# It wants a sign-in, another one, or TLS before it (RFC 4954, RFC 3207).
WANTS_OTHER_SETTINGS = {530, 534, 535, 538}
BROKEN_OFF = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)

SETTINGS = "Whoever runs this server corrects the settings RINGBACK_SMTP_…, see docs/mail.md."
UNKNOWN = (
    "The connection to the mail server broke before it said whether it takes the mail. Whether it was "
    "sent is not known, so it is not sent a second time."
)


@dataclass(frozen=True)
class SmtpServer:
    """Where mail is handed in.

    Attributes:
        security: `starttls` (encrypted after the greeting), `tls` (from the start) or `none`.
        username, password: the sign-in; None: without.
        timeout: longest wait for an answer, seconds.
    """

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str | None
    password: str
    timeout: float


class SmtpMailer:
    """See `app.delivery.mail.Mailer`. Opens a connection for each letter.

    Args:
        sender: an address, with or without a name.
    """

    def __init__(self, server: SmtpServer, sender: str) -> None:
        self._server, self._sender = server, sender

    def send(self, letter: Letter) -> Mapping[str, str]:
        """See `Mailer.send`."""
        message = compose(letter, self._sender)
        try:
            return self._send(letter, message)
        except JobFailed as error:
            where = f"{self._server.host}:{self._server.port}"
            reason = f"{where}: {without_mailboxes(error.message)}"
            log.warning("mail not sent", code=error.code, reason=reason)
            raise

    def _send(self, letter: Letter, message: EmailMessage) -> Mapping[str, str]:
        smtp = self._client(domain_of(sender_address(message)))
        with Deadline(smtp, HANDOVER_SECONDS) as deadline:
            try:
                refused = self._hand_over(smtp, letter, message, deadline)
                _await_answer(smtp, deadline, self._server.timeout * PATIENCE)
            finally:
                _leave(smtp, deadline)
        return refused

    def _hand_over(
        self, smtp: smtplib.SMTP, letter: Letter, message: EmailMessage, deadline: Deadline
    ) -> Mapping[str, str]:
        """Everything until the last byte is on its way; returns who was refused."""
        data = message.as_bytes()
        try:
            self._connect(smtp)
            _name_sender(smtp, message, len(data), is_international(letter.to))
            refused = _name_recipients(smtp, letter.to)
            _send_data(smtp, data)
        except (OSError, JobFailed) as error:  # those of smtplib and ssl are OSErrors
            if deadline.passed:  # an answer that it cut short may look like a refusal
                raise _too_slow() from error
            if isinstance(error, JobFailed):
                raise
            raise _failure(error) from error
        return refused

    def _client(self, own_name: str) -> smtplib.SMTP:
        """One that is not connected yet, so that a slow greeting can be broken off, too."""
        server = self._server
        # Without a name of ours, smtplib would ask the DNS for one, which can take long.
        if server.security != "tls":
            smtp = smtplib.SMTP(local_hostname=own_name, timeout=server.timeout)
        else:
            context = ssl.create_default_context()
            smtp = smtplib.SMTP_SSL(
                local_hostname=own_name, timeout=server.timeout, context=context
            )
        # The name that the certificate has to have: smtplib takes it from whom it connects at once.
        vars(smtp)["_host"] = server.host
        return smtp

    def _connect(self, smtp: smtplib.SMTP) -> None:
        code, greeting = smtp.connect(self._server.host, self._server.port)
        if code != READY:
            raise _refusal(code, _words(greeting))
        self._prepare(smtp)

    def _prepare(self, smtp: smtplib.SMTP) -> None:
        server = self._server
        smtp.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            smtp.starttls(context=ssl.create_default_context())
            smtp.ehlo_or_helo_if_needed()
        if server.username is not None:
            smtp.login(server.username, server.password)


def _name_sender(smtp: smtplib.SMTP, message: EmailMessage, size: int, international: bool) -> None:
    options = [f"size={size}"] if smtp.has_extn("size") else []
    if international:
        if not smtp.has_extn("smtputf8"):
            raise JobFailed(
                "The mail server takes no address with letters beyond ASCII before the @.",
                code="mail_refused",
            )
        options += ["SMTPUTF8", "BODY=8BITMIME"]
    _expect(*smtp.mail(sender_address(message), options))


def _name_recipients(smtp: smtplib.SMTP, to: Sequence[str]) -> Mapping[str, str]:
    """Say to whom; returns who was refused, if it is not everybody."""
    refused: dict[str, tuple[int, str]] = {}
    for address in to:
        code, answer = smtp.rcpt(address)
        if code == SERVICE_CLOSES:
            raise _refusal(code, _words(answer))
        if not _is_yes(code):
            refused[address] = (code, _words(answer, code))
    if len(refused) == len(to):
        raise _all_refused(refused)
    return {address: words for address, (_, words) in refused.items()}


def _send_data(smtp: smtplib.SMTP, data: bytes) -> None:
    code, answer = smtp.docmd("DATA")
    if code != GO_ON:
        raise _refusal(code, _words(answer))
    # A line of one dot would end the message before its end (RFC 5321, 4.5.2).
    smtp.send(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")


def _await_answer(smtp: smtplib.SMTP, deadline: Deadline, patience: float) -> None:
    """What the server says to the message, which it may have taken by now."""
    deadline.put(patience)
    try:
        if smtp.sock is not None:
            smtp.sock.settimeout(patience)
        code, answer = smtp.getreply()
    except OSError as error:
        raise JobFailed(UNKNOWN, code="outcome_unknown") from error
    if not _is_yes(code) and not 400 <= code < 600:
        raise JobFailed(UNKNOWN, code="outcome_unknown")
    _expect(code, answer)


def _leave(smtp: smtplib.SMTP, deadline: Deadline) -> None:
    # What became of the letter is decided by now.
    deadline.put(QUIT_SECONDS)
    with contextlib.suppress(OSError):
        if smtp.sock is not None:
            smtp.sock.settimeout(QUIT_SECONDS)
            smtp.quit()
    smtp.close()


def _expect(code: int, answer: bytes) -> None:
    if not _is_yes(code):
        raise _refusal(code, _words(answer))


def _is_yes(code: int) -> bool:
    return 200 <= code < 300


def _failure(error: OSError) -> JobFailed:
    """What a failure before the message was handed over means."""
    if isinstance(error, smtplib.SMTPResponseException):
        return _refusal(error.smtp_code, _words(error.smtp_error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return _wrong_settings(f"its certificate is not accepted, {error.verify_message}")
    if isinstance(error, ssl.SSLError) and not isinstance(error, BROKEN_OFF):
        return _wrong_settings(f"no encrypted connection comes about, {error}")
    # No STARTTLS, no sign-in, or no way to sign in that both sides know.
    if isinstance(error, smtplib.SMTPNotSupportedError) or type(error) is smtplib.SMTPException:
        return _wrong_settings(str(error))
    reason = _words(str(error) or type(error).__name__)
    return _unavailable(f"The mail server cannot be reached, or broke off: {reason}")


def _refusal(code: int, words: str) -> JobFailed:
    if code in WANTS_OTHER_SETTINGS:
        return _wrong_settings(f"{code} {words}")
    if 400 <= code < 500:
        return _unavailable(f"The mail server says, for now: {code} {words}")
    if not 500 <= code < 600:
        return _wrong_settings(f"what answers there speaks no SMTP, {words or 'it says nothing'}")
    return JobFailed(f"The mail server refused the mail: {code} {words}", code="mail_refused")


def _all_refused(refused: Mapping[str, tuple[int, str]]) -> JobFailed:
    first, words = next(iter(refused.values()))
    if first in WANTS_OTHER_SETTINGS:
        return _wrong_settings(words)
    told = "; ".join(f"{address}: {words}" for address, (_, words) in refused.items())
    for_now = any(400 <= code < 500 for code, _ in refused.values())
    return JobFailed(
        f"The mail server refused every recipient: {told}", code="mail_refused", retryable=for_now
    )


def _wrong_settings(words: str) -> JobFailed:
    return JobFailed(
        f"The mail server and the settings do not fit together: {_words(words)}. {SETTINGS}",
        code="mail_settings_wrong",
    )


def _too_slow() -> JobFailed:
    return _unavailable(
        f"The mail server was too slow: the mail was not handed over within {HANDOVER_SECONDS:g} s."
    )


def _unavailable(message: str) -> JobFailed:
    return JobFailed(message, code="mail_server_unavailable", retryable=True)


def _words(answer: bytes | str, code: int | None = None) -> str:
    """An answer of the server on one line, cut to what people read."""
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    words = "".join(each if each.isprintable() else " " for each in text)
    return " ".join([*([str(code)] if code else []), *words.split()])[:MAX_WORDS]

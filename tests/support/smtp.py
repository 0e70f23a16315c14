"""A real SMTP server on this machine, that takes mail or does what bad servers do."""

import asyncio
import ssl
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

READY_SECONDS = 30.0
USERNAME, PASSWORD = "ringback", "the password of the mail server"
TAKEN = "250 2.0.0 Taken"


@dataclass(frozen=True)
class Certificate:
    """A certificate that is its own authority, and its key."""

    path: Path
    key: Path

    @classmethod
    def make(cls, folder: Path, name: str) -> "Certificate":
        """One for the host `name`."""
        made = cls(folder / f"{name}.crt", folder / f"{name}.key")
        subprocess.run(
            [
                *(
                    "openssl",
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                ),
                *("-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-addext", f"subjectAltName=DNS:{name}", "-keyout", made.key, "-out", made.path),
            ],
            check=True,
            capture_output=True,
        )
        return made

    def context(self) -> ssl.SSLContext:
        """For a server that shows it."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.path, self.key)
        return context


@dataclass(frozen=True)
class Received:
    """A message that the server has seen to its end, whether it took it or not."""

    sender: str
    to: Sequence[str]
    raw: bytes
    encrypted: bool
    signed_in: bool

    @property
    def message(self) -> EmailMessage:
        return cast(EmailMessage, message_from_bytes(self.raw, policy=policy.default))

    def part(self, kind: str) -> str:
        """The text of the body of this kind, `plain` or `html`."""
        body = self.message.get_body((cast(Any, kind),))
        assert body is not None, kind
        return str(body.get_content()).replace("\r\n", "\n")


@dataclass
class MailServer:
    """Takes mail on 127.0.0.1 inside its `with` block.

    Attributes:
        certificate: offers STARTTLS with it, or TLS from the start with `at_once`.
        demands_tls, demands_sign_in: refuses mail without.
        international: takes addresses with letters beyond ASCII.
        refused: what it answers to these recipients.
        answers: to the next messages, in their order; then it takes them.
        mail_answers: the same for senders.
        pause: seconds before the answer to a message.
        breaks_off: it hangs up in place of an answer to a message.
        received: all messages, in the order in which they came.
    """

    port: int
    certificate: Certificate | None = None
    at_once: bool = False
    demands_tls: bool = False
    demands_sign_in: bool = False
    international: bool = False
    password: str = PASSWORD
    refused: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    mail_answers: list[str] = field(default_factory=list)
    pause: float = 0.0
    breaks_off: bool = False
    received: list[Received] = field(default_factory=list)
    connections: int = 0

    def __enter__(self) -> "MailServer":
        context = self.certificate.context() if self.certificate else None
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            ready_timeout=READY_SECONDS,
            ssl_context=context if self.at_once else None,
            tls_context=None if self.at_once else context,
            require_starttls=self.demands_tls,
            auth_required=self.demands_sign_in,
            auth_require_tls=not self.at_once,
            authenticator=self._authenticate,
            enable_SMTPUTF8=self.international,
        )
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def _authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any
    ) -> AuthResult:
        wanted = LoginPassword(USERNAME.encode(), self.password.encode())
        return AuthResult(success=given == wanted, handled=False)

    async def handle_MAIL(  # noqa: N802  # aiosmtpd goes by these names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.connections += 1
        answer = self.mail_answers.pop(0) if self.mail_answers else "250 OK"
        if answer.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return answer

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        assert envelope.mail_from is not None
        self.received.append(
            Received(
                envelope.mail_from,
                list(envelope.rcpt_tos),
                envelope.content,
                encrypted=session.ssl is not None or self.at_once,
                signed_in=bool(session.authenticated),
            )
        )
        if self.breaks_off:
            assert server.transport is not None
            server.transport.abort()
            raise ConnectionResetError
        await asyncio.sleep(self.pause)
        return self.answers.pop(0) if self.answers else TAKEN

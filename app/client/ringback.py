"""The client: what a program holds."""

import logging
import os
import re
import socket
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import socketio

from app.client.calls import Calls
from app.client.connection import Connection
from app.client.cursor_file import CursorFile
from app.client.delivery import Delivery, OnNotification, OnState
from app.client.inbox import Inbox
from app.client.session import Session
from app.client.tokens import Tokens
from app.client.watches import Watches
from app.client.web import Request, Web, make_session

log = logging.getLogger(__name__)
library_log = logging.getLogger(f"{__name__}.engineio")
library_log.setLevel(logging.ERROR)
# A thread says so, half a minute later, of a connection whose loss `on_state` has told long ago.
library_log.addFilter(lambda record: record.getMessage() != "packet queue is empty, aborting")

PATIENCE_SECONDS = 60.0
DEVICE = re.compile(r"[A-Za-z0-9._:-]{1,100}")


class Ringback(Calls):
    """One user's way to one Ringback server. Threads may share it.

    Use it as a context manager: entering signs in and connects, leaving closes all.

        with Ringback("http://localhost:5005", email="…", password="…") as ringback:
            job = ringback.run("excel_test", rows=1000)
            job.download("rows.xlsx")

    Args:
        url: of the server: scheme, host and port.
        email, password: who signs in; left out, the environment variables RINGBACK_EMAIL and
            RINGBACK_PASSWORD of the caller's process say it. That session ends with `close`.
        access_token, refresh_token: instead of these, the tokens of a sign-in that exists; it is left
            open. The refresh token is good once: nobody else may use it. Without one, the client
            works until the access token ends.
        after: notifications above this number are brought; left out: those that come after `open`.
        cursor_file: the number up to which notifications were handled is kept in this file, and is
            read from it at the next start; `after` counts at the first one. One file for each user.
        on_notification: called with each notification above the cursor: once, in order, on one
            thread of the client's own. When it has returned the notification is acknowledged. What it
            raises is logged, and the next one follows.
        on_state: called with each new `State` of the connection, on the same thread.
        device: a name for this device, up to 100 letters, digits, `.`, `_`, `:`, `-`; left out, a new
            one. Acknowledgements are kept under it.
        patience: seconds for which a request is tried again while the server is away or busy.
        verify: of TLS: False trusts any certificate; a path names a file of authorities to trust.

    Attributes:
        url: of the server.
        device: its name.
        user: who signed in: `id`, `email`, `role`; empty before `open`.
    """

    def __init__(  # noqa: PLR0913  # all but the first are named, and most are left out
        self,
        url: str,
        *,
        email: str | None = None,
        password: str | None = None,
        access_token: str | None = None,
        refresh_token: str | None = None,
        after: int | None = None,
        cursor_file: str | os.PathLike[str] | None = None,
        on_notification: OnNotification | None = None,
        on_state: OnState | None = None,
        device: str | None = None,
        patience: float = PATIENCE_SECONDS,
        verify: bool | str = True,
    ) -> None:
        self.url = _checked(url)
        self.device = device or f"python-{uuid4().hex[:12]}"
        if not DEVICE.fullmatch(self.device):
            raise ValueError(
                f"device {device!r}: up to 100 letters, digits and . _ : - are allowed."
            )
        self._web = Web(self.url, verify)
        session = self._make_session(email, password, access_token, refresh_token)
        self.user: dict[str, Any] = {}
        super().__init__(session, Watches(), patience)
        self._after, self._cursor_file = after, cursor_file
        self._callbacks = (on_notification, on_state)
        self._delivery: Delivery | None = None
        self._connection: Connection | None = None

    def _make_session(
        self, email: str | None, password: str | None, access: str | None, refresh: str | None
    ) -> Session:
        tokens = Tokens.given(access or "", refresh) if access or refresh else None
        if tokens is None:
            email = email or os.environ.get("RINGBACK_EMAIL")
            password = password or os.environ.get("RINGBACK_PASSWORD")
            if not email or not password:
                raise ValueError(
                    "Say who signs in: email and password, or RINGBACK_EMAIL and RINGBACK_PASSWORD "
                    "in the environment, or access_token, or refresh_token."
                )
        name = f"Python on {socket.gethostname()}"[:100]
        return Session(self._web, email=email, password=password, tokens=tokens, device=name)

    def __enter__(self) -> "Ringback":
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def open(self) -> None:
        """Sign in, and begin to connect in the background; `with` calls it.

        Raises:
            SignInRefused: the address or the password is wrong.
            SessionEnded: the given tokens are of no use any more.
            Unreachable: no answer within `patience`.
        """
        try:
            self.user = self._json(Request("GET", "/v1/users/me"))
            file = self._open_cursor_file()
            cursor = self._begin(file)
        except BaseException:
            self.close()
            raise
        self._delivery = Delivery(Inbox(cursor), file, *self._callbacks)
        self._connection = Connection(
            self.url, self.device, self._make_socket, self._session, self._delivery, self._watches
        )
        self._delivery.start()
        self._connection.start()

    def close(self) -> None:
        """Disconnect, sign out if `open` signed in, and end all threads. Jobs go on.

        Waits for a callback that runs, for some seconds. Afterwards this object is of no use.
        """
        if self._delivery is not None:
            self._delivery.stop()
        self._web.stop()
        self._watches.look()
        if self._connection is not None:
            self._connection.close()
        self._session.sign_out()
        self._web.close()

    @property
    def cursor(self) -> int | None:
        """The number of the last notification whose callback has returned; None before any is known."""
        return self._delivery.cursor if self._delivery else self._after

    def _begin(self, file: CursorFile | None) -> int:
        """The number above which notifications are brought; "now" is when `open` was called."""
        stored = file.read() if file else None
        cursor = self._after if stored is None else stored
        if cursor is None:
            cursor = int(self._json(Request("GET", "/v1/notifications/summary"))["head"])
        if file is not None and cursor != stored:
            file.write(cursor)
        return cursor

    def _open_cursor_file(self) -> CursorFile | None:
        if self._cursor_file is None:
            return None
        return CursorFile(Path(self._cursor_file), self.user["id"])

    def _make_socket(self) -> Any:
        """A new `socketio.Client` for one connection; handlers are registered by the caller."""
        return socketio.Client(
            reconnection=False,
            handle_sigint=False,
            engineio_logger=library_log,
            http_session=make_session(self._web.verify),
        )


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/"):
        raise ValueError(f"{url!r} is no address of a server; it looks like http://localhost:5005.")
    return url.rstrip("/")

"""The end of a conversation with a server that takes too long over it."""

import contextlib
import smtplib
import socket
import threading
import time
from typing import Self

TURN_SECONDS = 0.2


class Deadline:
    """Breaks a connection off at a moment, whatever it is doing then, inside its `with` block.

    The timeout of a socket begins anew with each byte: a server that says one now and then, or
    answers each of fifty recipients late, would never run into it.

    Attributes:
        passed: whether it has broken the connection off.
    """

    def __init__(self, smtp: smtplib.SMTP, seconds: float) -> None:
        self.passed = False
        self._smtp, self._over = smtp, threading.Event()
        self.put(seconds)
        self._thread = threading.Thread(target=self._watch, name="mail-deadline", daemon=True)

    def put(self, seconds: float) -> None:
        """So long from now, in place of the moment so far."""
        self._at = time.monotonic() + seconds

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        # More than once: while TLS begins, or before it is connected, there is nothing to break.
        while not self._over.wait(TURN_SECONDS):
            if time.monotonic() >= self._at:
                self.passed = True
                self._break_off()

    def _break_off(self) -> None:
        connection = self._smtp.sock
        if connection is not None:
            with contextlib.suppress(OSError):  # it is closed, or being exchanged for one with TLS
                # Not the method of a connection with TLS: what is sent after it goes out in the clear.
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

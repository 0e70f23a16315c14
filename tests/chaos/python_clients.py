"""Users with the Python client; see `hosts` for what they are told and what they say."""

import json
import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import socketio

from app.client import Refused, Ringback, Unreachable

THREADS = 64
_output = threading.Lock()


def say(user: int, what: str, **more: Any) -> None:
    line = json.dumps({"user": user, "what": what, **more})
    with _output:
        print(line, flush=True)  # noqa: T201  # it is how they talk


class Recorded(Ringback):
    """Says what arrives at the official client below it, and what it gives."""

    def __init__(self, user: int, url: str, email: str, password: str) -> None:
        self._user = user
        super().__init__(url, email=email, password=password, after=0, on_notification=self._give)

    def _make_socket(self) -> socketio.Client:
        socket = super()._make_socket()
        handle = socket._handle_event

        def record(namespace: str, number: int | None, data: list[Any]) -> None:
            if data[0] == "notification":
                say(self._user, "raw", seq=data[1]["seq"], at=time.time())
            handle(namespace, number, data)

        socket._handle_event = record
        return socket

    def _give(self, notification: dict[str, Any]) -> None:
        say(self._user, "given", notification=notification, at=time.time())


class People:
    """All users of this process."""

    def __init__(self) -> None:
        self._clients: dict[int, Recorded] = {}
        self._pool = ThreadPoolExecutor(THREADS)

    def obey(self, do: str, **command: Any) -> None:
        """Do what a line says; on a thread."""
        call = {"call": command["call"]} if "call" in command else {}
        try:
            getattr(self, f"_{do}")(**command)
        except Unreachable as error:
            say(command["user"], "refused", reason=error.code, **call)
        except Exception as error:  # noqa: BLE001  # it is told, and fails the run
            reason = f"{do}: {type(error).__name__}: {error}"
            say(command["user"], "wrong", reason=reason, **call)

    def obey_all(self) -> None:
        """Until there is nobody to say anything."""
        for line in sys.stdin:
            self._pool.submit(self.obey, **json.loads(line))
        os._exit(0)

    def _start(self, user: int, **who: str) -> None:
        self._clients[user] = Recorded(user, **who)
        self._clients[user].open()
        say(user, "started")

    def _submit(self, user: int, call: int, order: dict[str, Any]) -> None:
        """This client sends a key with each request."""

        def once() -> str:
            client = self._clients[user]
            return client.submit(order["type"], order["params"], key=order["key"]).id

        with ThreadPoolExecutor() as pool:
            both = [pool.submit(once) for _ in range(2 if order["twice"] else 1)]
        # What one of them was promised counts, even if the other was not answered.
        jobs = [each.result() for each in both if each.exception() is None]
        say(user, "answer", call=call, jobs=jobs or [both[0].result()])

    def _cancel(self, user: int, call: int, job: str) -> None:
        try:
            self._clients[user].cancel(job)
        except Refused as error:
            if error.code != "job_ended":
                raise
        say(user, "answer", call=call, jobs=[])

    def _retry(self, user: int, call: int, job: str, key: str) -> None:
        made = self._clients[user].retry(job, key=key)
        say(user, "answer", call=call, jobs=[made.id])


if __name__ == "__main__":
    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s")
    People().obey_all()

"""The subscription of one server to Redis, with nothing else in the process."""

import subprocess
import sys
from uuid import uuid4

import pytest

from tests.support.stack import Stack

# No descriptor is opened after the subscription is given up: eventlet wakes who waits for a closed one
# only when its number is used again.
GIVES_UP = """
import sys
from app.engine import load
load(sys.argv[1]).patch()
import threading
import time
from types import SimpleNamespace
from app.sockets.manager import ClientManager

class Listener:
    made = 0
    def subscribed(self):
        self.made += 1

listener = Listener()
manager = ClientManager(sys.argv[2], sys.argv[3], listener)
manager.server = SimpleNamespace(sleep=time.sleep)
threading.Thread(target=lambda: list(manager._redis_listen_with_retries()), daemon=True).start()
deadline = time.monotonic() + 60
for number in (1, 2, 3):
    while listener.made < number and time.monotonic() < deadline:
        time.sleep(0.05)
    manager.renew()
print(listener.made)
"""


@pytest.mark.parametrize("engine", ["eventlet", "gevent"])
def test_a_subscription_that_is_given_up_is_made_anew_each_time(stack: Stack, engine: str) -> None:
    redis_url = stack.environment["RINGBACK_REDIS_URL"]
    command = [sys.executable, "-W", "ignore", "-c", GIVES_UP, engine, redis_url, uuid4().hex]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert ended.stdout.splitlines()[-1] == "3", ended

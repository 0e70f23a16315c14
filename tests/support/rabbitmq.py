"""RabbitMQ as the system's package has it, without its service: as root or as anybody else."""

import shutil
import signal
from pathlib import Path

from kombu import Connection

from app.standalone.child import Child
from app.standalone.folder import keep_secret
from app.standalone.ports import LOOPBACK, free_port
from app.standalone.server import Server
from app.standalone.unprivileged import RunAs

# The one on the path changes to a user of its own, and keeps its data where only that one may.
BINARY = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
EPMD = shutil.which("epmd") or ""

CONFIGURATION = """
listeners.tcp.1 = {address}:{port}
default_user = ringback
default_pass = {password}
default_user_tags.administrator = true
loopback_users = none
log.console = true
log.console.level = warning
log.file = false
consumer_timeout = {consumer_milliseconds}
"""
# RabbitMQ looks once a minute for consumers that take too long.
ADVANCED = "[{rabbit, [{channel_tick_interval, 500}]}]."
# Longer than a job of most tests; RabbitMQ's own is half an hour.
CONSUMER_SECONDS = 5
DATA = "mnesia"


class RabbitMQ(Server):
    """A broker with a user `ringback`, whose queues and durable messages outlive a restart.

    Args:
        folder: see `Server`.
        consumer_seconds: how long a worker may have a message before its channel is closed.
    """

    name = "RabbitMQ"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, consumer_seconds: int = CONSUMER_SECONDS) -> None:
        super().__init__(folder)
        self._consumer_seconds = consumer_seconds
        # The node finds its own port through it; as a child of the node it would outlive it.
        (self.folder / "epmd").mkdir(mode=0o700, parents=True, exist_ok=True)
        self._epmd = Child(self.folder / "epmd", signal.SIGTERM)
        self._epmd_port, self._node_port = free_port(), free_port()

    @property
    def url(self) -> str:
        """See `Server.url`; for Celery."""
        password = keep_secret(self.folder / "password")
        return f"amqp://ringback:{password}@{LOOPBACK}:{self.port}//"

    def start(self) -> None:
        """See `Server.start`."""
        if not self._epmd.is_running:
            arguments = ["-port", str(self._epmd_port), "-address", LOOPBACK]
            self._epmd.start([EPMD, *arguments])
        super().start()

    def stop(self) -> None:
        """See `Server.stop`."""
        super().stop()
        self._epmd.stop()

    def _prepare(self) -> RunAs:
        keep_secret(self.folder / "password")
        return RunAs.SAME

    def _command(self) -> list[str]:
        file = self.folder / "rabbitmq.conf"
        file.touch(mode=0o600)
        password = keep_secret(self.folder / "password")
        text = CONFIGURATION.format(
            address=LOOPBACK,
            port=self.port,
            password=password,
            consumer_milliseconds=self._consumer_seconds * 1000,
        )
        file.write_text(text)
        self._advanced.write_text(ADVANCED)
        variables = [f"{name}={value}" for name, value in self._variables(file).items()]
        return ["/usr/bin/env", *variables, str(BINARY)]

    @property
    def _advanced(self) -> Path:
        return self.folder / "advanced.config"

    def _variables(self, file: Path) -> dict[str, str | int | Path]:
        return {
            "HOME": self.folder,  # of the cookie
            "ERL_EPMD_PORT": self._epmd_port,
            "RABBITMQ_NODENAME": f"ringback-{self._epmd_port}@localhost",
            "RABBITMQ_DIST_PORT": self._node_port,
            "RABBITMQ_CONFIG_FILE": file,
            "RABBITMQ_ADVANCED_CONFIG_FILE": self._advanced,
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_MNESIA_BASE": self.folder / DATA,
            "RABBITMQ_LOG_BASE": self.folder / "logs",
            "RABBITMQ_ENABLED_PLUGINS_FILE": self.folder / "enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 2:2 -kernel inet_dist_use_interface {127,0,0,1}"
            ),
        }

    def _is_ready(self) -> bool:
        try:
            with Connection(self.url, connect_timeout=1) as connection:
                connection.connect()
        except OSError:
            return False
        return True

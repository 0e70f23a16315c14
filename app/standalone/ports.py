"""Ports: a free one for a server of our own, and who holds a taken one."""

import errno
import secrets
import socket
from contextlib import suppress

import psutil

from app.standalone.folder import StandaloneError

LOOPBACK = "127.0.0.1"


# Below those that the systems give to outgoing connections, which might take the port of a server
# that is just being restarted.
PORTS = range(20_000, 32_768)


def free_port() -> int:
    """A loopback port that nobody has now; another process may still be quicker."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def require_free(host: str, port: int) -> None:
    """Check that a server can listen on `host` and `port`.

    Raises:
        StandaloneError: it cannot; the message names the holder, if it can be known.
    """
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen()
    except OSError as error:
        raise StandaloneError(_explain(error, host, port), code="port_unavailable") from error


def _explain(error: OSError, host: str, port: int) -> str:
    other = f"Choose another: make run PORT={port + 1 if 1024 <= port < 65535 else 5006}"
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken{_holder(port)}. Stop that program, or:\n{other}"
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights than this user has. {other}"
    return f"The server cannot listen on {host}, port {port}: {error.strerror}."


def _holder(port: int) -> str:
    """` by NAME (process 12)`, or nothing if the system does not tell."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = (
                connection.status == psutil.CONN_LISTEN
                and getattr(connection.laddr, "port", None) == port
            )
            if listens and connection.pid:
                name = psutil.Process(connection.pid).name()
                return f" by {name} (process {connection.pid})"
    except psutil.Error:
        return ""
    return ""

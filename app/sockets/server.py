"""The Socket.IO server of one app: it puts the parts together and hears the client manager."""

from typing import Any

from flask import Flask
from flask_socketio import SocketIO

from app.delivery import events
from app.observability import get_logger
from app.operations.draining import draining
from app.operations.metrics import metrics
from app.operations.readiness import readiness
from app.services import services
from app.sockets.acknowledgements import Acknowledgements
from app.sockets.connection import Connections
from app.sockets.door import Door
from app.sockets.echo import Echo, SelfTest, Voice
from app.sockets.farewell import Farewell, UnderWay
from app.sockets.floods import Floods
from app.sockets.handlers import Handlers
from app.sockets.hints import Hints
from app.sockets.manager import ClientManager
from app.sockets.measures import Measures
from app.sockets.reading import Reading
from app.sockets.reconcile import Reconciler
from app.sockets.sender import Sender
from app.sockets.sessions import Sessions
from app.sockets.watch import Watch, close_expired

log = get_logger(__name__)

MAX_MESSAGE_BYTES = 64 * 1024


class SocketServer:
    """Everything between browsers and inbox.

    Args:
        app: the web app.
        async_mode: python-socketio's name of the green-thread engine.
    """

    def __init__(self, app: Flask, async_mode: str) -> None:
        with app.app_context():
            given = services()
        settings = given.settings
        self._accepted_origins = set(settings.accepted_origins())
        self._connections = Connections()
        self._measures = Measures(metrics(app), self._connections)
        url = settings.redis_url.get_secret_value()
        self._manager = ClientManager(url, settings.channel, self)
        self._io = SocketIO(
            app,
            async_mode=async_mode,
            client_manager=self._manager,
            cors_allowed_origins=self._accepts_origin,
            async_handlers=False,
            manage_session=False,
            max_http_buffer_size=MAX_MESSAGE_BYTES,
        )
        spawn = self._io.start_background_task
        self._sessions = Sessions(
            self._io.server,
            self._connections,
            settings.max_sockets,
            settings.max_socket_events_per_second,
            self._io.sleep,
            self._measures,
        )
        self._sender = Sender(app, self._io, self._sessions, self._connections, self._measures)
        Floods(self._io.server, self._sessions, self._connections, self._sender)
        storing, stop = UnderWay(spawn), draining(app)
        acknowledgements = Acknowledgements(app, storing.spawn, self._io.sleep)
        self._reading = Reading(self._sender)
        self._reconciler = Reconciler(
            app, self._connections, self._sender, self._reading, acknowledgements.store_soon, spawn
        )
        echo = Echo(Voice(url, settings.channel, settings.redis_timeout_seconds), self._manager)
        readiness(app).add("subscription", echo.check)
        self._watch = Watch(
            close_expired(self._connections, self._sender),
            self._sender.look,
            self._sessions.look,
            SelfTest(echo, self._manager, self._measures.deaf, spawn).look,
        )
        self._hints = Hints(
            self._connections,
            echo,
            self._reading,
            self._sender.offer,
            self._reconciler.check_sessions,
            spawn,
        )
        handlers = Handlers(
            Door(self._sessions, self._connections, stop, settings.max_sockets_per_user),
            self._connections,
            self._sender,
            acknowledgements,
            self._measures,
            self._reading,
            self._reconciler,
            given.publisher,
        )
        handlers.register(self._io)
        stop.add(Farewell(self._io, self._connections, self._sender, storing, stop).run)

    # Reports of the client manager (see `app.sockets.manager.Listener`).

    def begun(self) -> None:
        """Start what goes on for as long as the server lives."""
        for run in (self._reconciler.run, self._watch.run):
            self._io.start_background_task(run, self._io.sleep)

    def connected(self, sid: str) -> None:
        """Join the rooms and begin to send."""
        connection = self._connections.get(sid)
        if connection is None or self._io.server.get_environ(sid, events.NAMESPACE) is None:
            return self._sender.drop(sid)
        room = events.user_room(connection.identity.user_id)
        self._manager.enter_room(sid, events.NAMESPACE, room)
        # What came since the handshake looked is new, and so unread.
        head = connection.outbox.wanted
        unread = connection.unread + head - connection.rung
        ready = {"head": head, "unread": unread, "read": connection.read}
        self._sender.emit(connection, events.READY, ready)
        self._reading.begin(connection)
        connection.outbox.open()
        log.info("client connected", user_id=str(connection.identity.user_id))

    def subscribed(self) -> None:
        """Messages may have been missed: ask Postgres at once."""
        self._measures.subscribed()
        self._io.start_background_task(self._reconciler.turn)

    def take(self, user_id: str, event: str, payload: Any) -> bool:
        """See `app.sockets.hints.Hints.take`."""
        return self._hints.take(user_id, event, payload)

    def _accepts_origin(self, origin: str | None, environ: dict[str, Any]) -> bool:
        own = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
        known = {own.lower(), *self._accepted_origins}
        accepted = origin is None or origin.lower() in known
        if not accepted and "sid=" not in environ.get("QUERY_STRING", ""):
            self._measures.refused("origin_refused")
        return accepted

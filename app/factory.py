"""The composition root: the one module that knows every folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TypeVar

from apiflask import APIFlask
from celery import Celery
from flask import Flask
from flask_cors import CORS

from app import api, web
from app.accounts.tokens import configure_tokens
from app.artifacts.local import LocalArtifactStore
from app.config import Settings
from app.delivery.mail import Mailer, Unconfigured
from app.delivery.publisher import RedisPublisher
from app.delivery.smtp import SmtpMailer, SmtpServer
from app.extensions import bind_database
from app.job_types import registry
from app.jobs import tasks
from app.jobs.broker import make_celery
from app.jobs.dispatch import CeleryDispatcher
from app.operations import draining, metrics
from app.services import EXTENSION, Offload, Services, run_here
from app.sockets.server import SocketServer

F = TypeVar("F", bound=Flask)


@dataclass(frozen=True)
class EventLoop:
    """How the green-thread engine shows itself to the app.

    Attributes:
        name: Socket.IO's `async_mode`.
        offload: see `app.services.Services`.
    """

    name: str
    offload: Offload


def default_services(settings: Settings, offload: Offload = run_here) -> Services:
    """The real collaborators, or what the setting `collaborators` makes of them.

    Opens no connection.
    """
    real = Services(
        settings=settings,
        job_types=registry.load(settings.job_type_packages),
        store=LocalArtifactStore(settings.artifact_dir, settings.max_artifact_bytes),
        uploads=LocalArtifactStore(settings.effective_upload_dir, settings.max_upload_bytes),
        publisher=RedisPublisher(
            settings.redis_url.get_secret_value(),
            settings.channel,
            settings.redis_timeout_seconds,
        ),
        dispatcher=CeleryDispatcher(make_celery(settings), settings.redis_timeout_seconds),
        mailer=_mailer(settings),
        offload=offload,
    )
    if settings.collaborators is None:
        return real
    replace: Callable[[Services], Services] = resolve_name(settings.collaborators)
    return replace(real)


def create_core(settings: Settings, services: Services | None = None, *, role: str) -> Flask:
    """An app with database and services but no routes: for workers, beat and commands.

    Args:
        role: see `app.extensions.bind_database`.
    """
    return _bind(Flask("app"), settings, services or default_services(settings), role)


def create_app(
    settings: Settings, services: Services | None = None, *, loop: EventLoop | None = None
) -> APIFlask:
    """The web app; reads no environment and opens no connection.

    Args:
        services: collaborators; the real ones when left out.
        loop: the engine; without one there are no sockets (REST tests, the API description).
    """
    offload = loop.offload if loop else run_here
    app = APIFlask(
        "app",
        title="Ringback",
        version="1",
        docs_path=None,  # `app.web` has a page that does without inline scripts
        static_folder=None,  # type: ignore[arg-type]  # Flask takes None: there is none
    )
    _bind(app, settings, services or default_services(settings, offload), role="server")
    CORS(
        app,
        origins=settings.accepted_origins(),
        always_send=False,
        expose_headers=api.EXPOSED_HEADERS,
    )
    configure_tokens(app, settings)
    app.extensions[draining.EXTENSION] = draining.Draining(settings.stop_grace_seconds)
    app.extensions[metrics.EXTENSION] = metrics.Metrics(loop.name if loop else "none")
    api.register(app, settings)
    web.register(app)
    if loop:
        SocketServer(app, async_mode=loop.name)
    api.enclose(app, settings)
    return app


def create_celery(settings: Settings, services: Services | None = None) -> Celery:
    """The worker's Celery app; every task runs in the context of a core app of its own."""
    celery = make_celery(settings)
    tasks.register(celery, create_core(settings, services, role="worker"))
    return celery


def _mailer(settings: Settings) -> Mailer:
    if settings.smtp_host is None or settings.mail_sender is None:
        return Unconfigured()
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
    server = SmtpServer(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_security,
        settings.smtp_username,
        password,
        settings.smtp_timeout_seconds,
    )
    return SmtpMailer(server, settings.mail_sender)


def _bind(app: F, settings: Settings, services: Services, role: str) -> F:
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    app.config["SECRET_KEY"] = settings.secret_key.get_secret_value()
    app.extensions[EXTENSION] = services
    bind_database(app, settings, role)
    return app

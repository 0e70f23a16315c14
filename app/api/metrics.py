"""`/metrics`: what this server measures, and what Postgres knows of all jobs, for Prometheus."""

import hmac
import time
from collections.abc import Iterable
from typing import Any, cast

from apiflask import APIBlueprint, APIFlask
from flask import Response, current_app, g, request
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from app.api.errors import MEDIA_TYPE
from app.api.schemas import Problem
from app.errors import Unauthenticated
from app.extensions import OBSERVER, db
from app.jobs.figures import JobFigures
from app.observability import get_logger
from app.operations.checks import connections_in_use
from app.operations.metrics import Metrics, metrics
from app.operations.questions import Question
from app.operations.readiness import LIMIT_SECONDS, PartState, readiness
from app.services import services

EXTENSION = "ringback-job-figures"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "none"
_RESPONSES: Any = {
    200: {
        "description": "Prometheus' text format, or OpenMetrics if that is asked for.",
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            "application/openmetrics-text": {"schema": {"type": "string"}},
        },
    },
    401: {
        "description": "The setting `metrics_token` is set, and this is not it.",
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
    },
}

blueprint = APIBlueprint("metrics", __name__, tag="Health")
_log = get_logger(__name__)


def register(app: APIFlask) -> None:
    """Measure each request of the app, and prepare the questions that `/metrics` asks."""
    measured = metrics(app)
    app.after_request(lambda response: _measure(measured, response))
    with app.app_context():
        figures = JobFigures(db.engines[OBSERVER], [each.name for each in services().job_types])
    app.extensions[EXTENSION] = figures, Question(figures.read)


def _measure(measured: Metrics, response: Response) -> Response:
    """Count under the route's template: an address that a client made up is no label."""
    method = request.method if request.method in METHODS else "OTHER"
    route = request.url_rule.rule if request.url_rule else NO_ROUTE
    measured.requests.labels(method, route, response.status_code).inc()
    if "started" in g:
        seconds = time.monotonic() - g.started - g.get("waited", 0.0)
        measured.request_seconds.labels(method, route).observe(seconds)
    return response


@blueprint.get("/metrics")
@blueprint.doc(
    summary="Measurements for Prometheus",
    responses=_RESPONSES,
)
def show_metrics() -> Response:
    """Measurements.

    Figures of sockets and requests are this server's own; those of jobs come from the database and
    are the same from every server. Answers within two seconds, also when the database does not.
    With the setting `metrics_token`, the token is needed as bearer token.
    """
    _check_token()
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    # The encoders call nothing of a registry but `collect`.
    return Response(encode(cast(CollectorRegistry, _Scrape())), content_type=content_type)


def _check_token() -> None:
    expected = services().settings.metrics_token
    if expected is None:
        return
    given = request.authorization
    token = given.token if given is not None and given.type == "bearer" else None
    if not token or not hmac.compare_digest(token.encode(), expected.get_secret_value().encode()):
        raise Unauthenticated(
            "Send `Authorization: Bearer <token>` with the setting `metrics_token`.",
            code="metrics_token_wrong",
        )


class _Scrape:
    """Everything at one moment; asks all others side by side."""

    def __init__(self) -> None:
        # A proxy has this method; its annotation is that of the app itself.
        app = current_app._get_current_object()  # type: ignore[attr-defined]
        deadline = time.monotonic() + LIMIT_SECONDS
        self._figures, question = app.extensions[EXTENSION]
        asked = question.begin()
        self._parts = readiness(app).look()
        self._answer = asked.wait(deadline)
        self._registry = metrics(app).registry
        if self._answer.error is not None:
            error = self._answer.error
            _log.warning("job figures missing", reason=f"{type(error).__name__}: {error}")

    def collect(self) -> Iterable[Metric]:
        """See `prometheus_client.CollectorRegistry.collect`."""
        yield from self._registry.collect()
        text = "Whether the database gave the figures of this scrape."
        yield GaugeMetricFamily("ringback_database_up", text, int(self._answer.error is None))
        text = "Connections of this server's pool that are given out."
        yield GaugeMetricFamily(
            "ringback_database_connections_in_use", text, connections_in_use(db.engine)
        )
        yield _parts(self._parts)
        yield from self._answer.value or ()
        yield from self._figures.totals()


def _parts(parts: dict[str, PartState]) -> Metric:
    family = GaugeMetricFamily(
        "ringback_part_up", "Whether a part of `/readyz` does its work.", labels=["part"]
    )
    for name, part in parts.items():
        family.add_metric([name], int(part.ok))
    return family

"""The Celery app: the same for those who send jobs and for those who run them."""

from collections.abc import Callable
from typing import Any

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Queue
from kombu.transport import TRANSPORT_ALIASES

from app.config import Settings

RUN_JOB = "ringback.run_job"
# Queues that the workers of this project consume. A job type names one of them.
QUEUES = ("default",)

# A worker must outlive the loss of Redis; see there.
TRANSPORT_ALIASES |= dict.fromkeys(("redis", "rediss"), "app.jobs.redis_transport:Transport")


class _Connection(Connection):  # type: ignore[misc]  # ships no types
    """Finds a broker that is back within two seconds; kombu's pauses grow to half a minute."""

    def ensure_connection(self, *arguments: Any, **options: Any) -> Any:
        """See `kombu.Connection.ensure_connection`."""
        pauses = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": 2.0}
        return super().ensure_connection(*arguments, **pauses | options)


class _AMQP(AMQP):  # type: ignore[misc]
    Connection = _Connection


def make_celery(settings: Settings) -> Celery:
    """Build the Celery app; opens no connection.

    No result backend (the job's row is the result), no ETA and no countdown (a message that waits
    in a worker is lost with it), one job reserved at a time, acknowledged only after it ran. No
    priorities: the order of jobs is decided at the claim, so it is the same with every broker.
    """
    celery = Celery("ringback", amqp=_AMQP, set_as_current=False)
    timeout = settings.redis_timeout_seconds
    celery.conf.update(
        broker_url=settings.effective_broker_url,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,  # however long the broker is away
        broker_connection_timeout=timeout * 4,
        # RabbitMQ closes the channel of a job that outlasts its `consumer_timeout`; that would end
        # the worker. It connects anew, and the message that comes again finds its job taken.
        broker_channel_error_retry=True,
        broker_transport_options=_transport_options(settings),
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_queues=[Queue(name) for name in QUEUES],
        task_default_queue="default",
        task_create_missing_queues=False,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_concurrency=settings.worker_processes,
        # A process that has once needed most of what a job may is replaced: not all comes back.
        worker_max_memory_per_child=settings.max_job_memory_bytes // 1024,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_send_task_events=False,
        enable_utc=True,
    )
    return celery


def _transport_options(settings: Settings) -> dict[str, Any]:
    """What is the broker's own; to another kind it would mean something else, or nothing."""
    if settings.effective_broker_url.startswith("amqp"):
        return {"confirm_publish": True}
    timeout = settings.redis_timeout_seconds
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout}


def broker_check(settings: Settings) -> Callable[[], str]:
    """Checks that the broker answers; see `app.operations.readiness.Readiness.add`."""
    celery = make_celery(settings)

    def check() -> str:
        with celery.connection_for_write() as connection:
            connection.connect()
            connection.channel().close()
        return ""

    return check

"""Thin Celery shells; the work is in `app.jobs.run`."""

import atexit
import os
import signal
from contextlib import suppress
from typing import Any
from uuid import UUID

from billiard import active_children
from celery import Celery, Task
from celery.exceptions import Reject
from celery.signals import setup_logging, worker_process_init, worker_shutting_down
from flask import Flask

from app.extensions import db
from app.jobs import child
from app.jobs.broker import RUN_JOB
from app.jobs.run import run_job
from app.jobs.stopping import stopping
from app.observability import configure_logging, write_line
from app.services import services

# After the jobs had to be handed back: more than their patience, and time to write that down.
LAST_RESORT_SECONDS = 6.0


def register(celery: Celery, app: Flask) -> None:
    """Give the Celery app its one task, which runs in a context of `app`."""

    # Not shared: by default another Celery app of this process would have it, with our application.
    @celery.task(name=RUN_JOB, bind=True, shared=False)
    def run(task: Task, job_id: str, fence: int) -> None:
        if stopping.begun:
            raise Reject("The worker has to stop.", requeue=True)
        with app.app_context(), child.undisturbed(services().settings.stop_grace_seconds):
            _run(app, UUID(job_id), fence, worker=str(task.request.hostname))

    def use_our_logging(**_: Any) -> None:
        with app.app_context():
            settings = services().settings
        configure_logging(settings, "worker")
        if settings.log_format == "json":
            from celery.apps import worker as celery_worker

            # Celery's own goes past all loggers, because signal handlers call it.
            celery_worker.safe_say = lambda text, *_: write_line("worker", text)

    def prepare_child(**_: Any) -> None:
        with app.app_context():
            # A database connection must not be used on both sides of a fork.
            db.engine.dispose(close=False)
            child.prepare(services().settings)

    def stop(how: str, **_: Any) -> None:  # inside a signal handler of the main process
        with app.app_context():
            grace = services().settings.stop_grace_seconds if how == "Warm" else 0
        stopping.begin(grace)
        end_children_after(grace + LAST_RESORT_SECONDS)

    setup_logging.connect(use_our_logging, weak=False)
    worker_process_init.connect(prepare_child, weak=False)
    worker_shutting_down.connect(stop, weak=False)


def _run(app: Flask, job_id: UUID, fence: int, worker: str) -> None:
    try:
        run_job(app, job_id, fence, worker)
    except MemoryError:
        # Celery would end the whole worker over it. The sweep finds the job.
        raise RuntimeError("There was no memory left to end the job.") from None


def end_children_after(seconds: float) -> None:
    """Kill those processes of this worker that still run after this long.

    Jobs are handed back before, unless a process cannot do even that: because its work never lets
    another thread run, or because the database does not answer. Then the sweep finds them.
    """

    def kill(*_: object) -> None:
        for process in active_children():
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    signal.signal(signal.SIGALRM, kill)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    # Python lets go of signals in the middle of its exit; this one would then end it as a failure.
    atexit.register(signal.setitimer, signal.ITIMER_REAL, 0)

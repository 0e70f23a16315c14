"""Thin Celery shells; the work is in `app.jobs.run`."""

from typing import Any
from uuid import UUID

from celery import Celery, Task
from celery.signals import setup_logging, worker_process_init
from flask import Flask

from app.extensions import db
from app.jobs.broker import RUN_JOB
from app.jobs.run import run_job
from app.observability import configure_logging, write_line
from app.services import services


def register(celery: Celery, app: Flask) -> None:
    """Give the Celery app its one task, which runs in a context of `app`."""

    @celery.task(name=RUN_JOB, bind=True)
    def run(task: Task, job_id: str, fence: int) -> None:
        with app.app_context():
            run_job(app, UUID(job_id), fence, worker=str(task.request.hostname))

    def use_our_logging(**_: Any) -> None:
        with app.app_context():
            settings = services().settings
        configure_logging(settings, "worker")
        if settings.log_format == "json":
            from celery.apps import worker as celery_worker

            # Celery's own goes past all loggers, because signal handlers call it.
            celery_worker.safe_say = lambda text, *_: write_line("worker", text)

    def leave_parents_connections(**_: Any) -> None:
        # A database connection must not be used on both sides of a fork.
        with app.app_context():
            db.engine.dispose(close=False)

    setup_logging.connect(use_our_logging, weak=False)
    worker_process_init.connect(leave_parents_connections, weak=False)

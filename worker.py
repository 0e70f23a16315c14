"""The door of the workers: `celery -A worker worker`, or `python -m app worker`."""

from app.config import Settings
from app.factory import create_celery
from app.observability import configure_logging

settings = Settings.load()
# Before Celery begins: what it warns of while it starts belongs into the log as well.
configure_logging(settings, "worker")
celery = create_celery(settings)

"""The door of the workers: `celery -A worker worker`, or `python -m app worker`."""

from app.config import Settings
from app.factory import create_celery

celery = create_celery(Settings.load())

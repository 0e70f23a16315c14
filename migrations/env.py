"""Alembic's environment: migrates the database of the current Flask app."""

from alembic import context
from flask import current_app
from sqlalchemy.engine import Connection, Engine

import app.accounts.models
import app.artifacts.models
import app.jobs.models
import app.notifications.models  # noqa: F401  # imported so that autogenerate knows the tables
from app.extensions import Model


def run(connection: Connection) -> None:
    """Run the migrations on an open connection."""
    context.configure(
        connection=connection,
        target_metadata=Model.metadata,
        compare_type=True,
        # One that is cut off takes back none before it.
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


engine: Engine = current_app.extensions["migrate"].db.engine
# `app.migrate` hands its own connection in, which holds the lock against a second migration.
if (given := context.config.attributes.get("connection")) is not None:
    run(given)
else:
    with engine.connect() as opened:
        run(opened)

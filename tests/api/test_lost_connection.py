"""A connection to Postgres that is lost between an answer and the end of its request."""

from sqlalchemy import text

from app.extensions import db
from tests.support.database import query
from tests.support.stack import Stack


def test_a_request_whose_connection_is_cut_after_its_answer_ends_without_an_error(
    stack: Stack,
) -> None:
    core = stack.core()
    with core.app_context():
        pid = db.session.scalar(text("SELECT pg_backend_pid()"))
        query(stack.database_url, "SELECT pg_terminate_backend(%s)", pid)
    with core.app_context():
        assert db.session.scalar(text("SELECT 1")) == 1
    with core.app_context():
        assert db.engine.pool.checkedout() == 0
        db.engine.dispose()

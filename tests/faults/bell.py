"""Users by the hundred, and notifications to them, through the functions that the application uses."""

import random
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from flask import Flask
from sqlalchemy import func, text
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.models import Session, User
from app.accounts.passwords import directly, hash_password
from app.accounts.refresh_tokens import RefreshToken
from app.accounts.tokens import configure_tokens, issue_access
from app.delivery import events
from app.extensions import db, new_id, transaction
from app.notifications import inbox
from app.notifications.view import notification_view
from app.services import services
from tests.support.repeated import Repeated

KEEP = timedelta(days=1)
PAUSE_SECONDS = 0.01
CHUNK = 50  # users in one transaction

# As many more of the newest notification of each user; a row for each number, and the head.
REPEAT = """
WITH newest AS (SELECT * FROM notifications WHERE (user_id, seq) IN
    (SELECT user_id, head_seq FROM inboxes WHERE user_id = ANY(CAST(:users AS uuid[])))),
counted AS (UPDATE inboxes SET head_seq = head_seq + :times WHERE user_id = ANY(CAST(:users AS uuid[])))
INSERT INTO notifications (user_id, seq, id, type, title, body, data, final, created_at, expires_at)
SELECT user_id, seq + n, gen_random_uuid(), type, title, body, data, false, now(), expires_at
FROM newest, generate_series(1, :times) AS n
"""


@dataclass(frozen=True)
class Account:
    """A user who is signed in."""

    user_id: str
    token: str


class Bell:
    """Works on a core app in this process.

    Args:
        core: an app with the settings of the cluster.
    """

    def __init__(self, core: Flask) -> None:
        self._core = core
        with core.app_context():
            configure_tokens(core, services().settings)
        self._hash = hash_password("a long password", directly)

    def accounts(self, count: int) -> list[Account]:
        """New users, each with a session; hashing a password for each would take minutes."""
        people = [
            User(id=new_id(), email=f"{uuid4().hex}@test.com", password_hash=self._hash)
            for _ in range(count)
        ]
        tokens = [RefreshToken.first(new_id()) for _ in people]
        with self._core.app_context():
            with transaction() as session:
                session.add_all(people)
                session.flush()
                session.add_all(map(_session, people, tokens))
            return [
                Account(str(each.id), issue_access(each.id, token.session_id, each.role))
                for each, token in zip(people, tokens, strict=True)
            ]

    def ring(self, user_ids: Collection[str], *, hints: bool = True) -> None:
        """One notification to each.

        Args:
            hints: whether the servers are told, as they are after a job's end.
        """
        remaining = [UUID(each) for each in user_ids]
        while remaining:
            chunk, remaining = remaining[:CHUNK], remaining[CHUNK:]
            with self._core.app_context():
                with transaction():
                    rows = [(each, inbox.append(each, _message(), KEEP)) for each in chunk]
                for user_id, row in rows if hints else []:
                    publisher = services().publisher
                    publisher.to_user(user_id, events.NOTIFICATION, notification_view(row))

    def fill(self, user_ids: Collection[str], count: int) -> None:
        """As many notifications to each, quickly, with no hint."""
        self.ring(user_ids, hints=False)
        with self._core.app_context(), transaction() as session:
            session.execute(text(REPEAT), {"users": list(user_ids), "times": count - 1})

    def close(self) -> None:
        with self._core.app_context():
            db.engine.dispose()


def _session(user: User, token: RefreshToken) -> Session:
    return Session(
        id=token.session_id,
        user_id=user.id,
        refresh_hash=token.digest(),
        expires_at=func.now() + KEEP,
    )


def _message() -> inbox.Message:
    return inbox.Message("test.rung", "Rung", body="x" * random.randrange(200))


class Ringing(Repeated):
    """Rings users in a random order for as long as its `with` block lasts.

    Attributes:
        rung: how many times; an error of the database is counted in `failed` instead.
    """

    def __init__(self, bell: Bell, user_ids: Sequence[str]) -> None:
        self._bell, self._user_ids = bell, user_ids
        self.rung = self.failed = 0
        super().__init__(self._ring, pause=PAUSE_SECONDS)

    def _ring(self) -> None:
        try:
            self._bell.ring([random.choice(self._user_ids)])
            self.rung += 1
        except SQLAlchemyError:
            self.failed += 1
            time.sleep(0.1)

"""Reading an inbox in pages that are bounded in rows and in bytes."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Text, cast, func, select

from app.extensions import db
from app.notifications.models import Notification


def page_of(user_id: UUID, after: int, rows: int, size: int) -> Sequence[Notification]:
    """The notifications numbered above `after`, in order.

    Args:
        rows: how many at most.
        size: bytes of their contents, at most; the first is returned however large it is.
    """
    mine = (Notification.user_id == user_id, Notification.seq > after)
    length = func.octet_length(cast(Notification.data, Text)) + func.octet_length(Notification.body)
    measured = select(Notification.seq, length.label("length")).where(*mine)
    measured = measured.order_by(Notification.seq).limit(rows)
    sizes = measured.subquery()
    before = func.sum(sizes.c.length).over(order_by=sizes.c.seq) - sizes.c.length
    places = select(sizes.c.seq, before.label("before")).subquery()
    wanted = select(Notification).join(places, places.c.seq == Notification.seq)
    wanted = wanted.where(*mine, places.c.before < size).order_by(Notification.seq)
    return db.session.scalars(wanted).all()

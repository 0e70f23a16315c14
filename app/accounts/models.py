"""Users and their sessions (one sign-in on one device)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.permissions import Role, permissions_of
from app.extensions import Model, new_id


class User(Model):
    """Somebody who signs in."""

    __tablename__ = "users"
    __table_args__ = (Index("uq_users_email", func.lower(text("email")), unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    email: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str] = mapped_column(default=Role.USER)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def permissions(self) -> list[str]:
        """What the user's role holds, in alphabetical order."""
        return sorted(permissions_of(self.role))


class Session(Model):
    """One sign-in on one device. Its id stands in every token, and this row decides.

    Each refresh replaces the secret of the session's refresh token; the former one is kept to tell
    a lost answer from a stolen token (the session ends).

    Columns whose meaning is not in their name:
        rotated_at: when the present refresh token was handed out.
        last_used_at: then, or when the access token that came with it was first used.
    """

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    device_name: Mapped[str] = mapped_column(default="")
    refresh_hash: Mapped[str]
    previous_refresh_hash: Mapped[str | None]
    rotated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]

    @hybrid_property
    def is_unused(self) -> bool:
        """Whether nobody has shown to hold the present tokens: their answer may have been lost."""
        return self.last_used_at <= self.rotated_at

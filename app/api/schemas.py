"""Shared shapes of what comes in and goes out."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from app.errors import InvalidInput
from app.jobs.storable import TROUBLE, unstorable_paths

_WRITTEN_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]")


def _written(value: Any) -> Any:
    """Pydantic also takes numbers for times; the description does not."""
    if isinstance(value, str) and not _WRITTEN_TIME.match(value):
        raise ValueError("Input should be a time such as 2026-01-31T12:00:00Z")
    return value


TimeIn = Annotated[AwareDatetime, BeforeValidator(_written)]
UtcTime = Annotated[datetime, AfterValidator(lambda value: value.astimezone(UTC))]
Cursor = Annotated[
    str | None, Field(max_length=500, description="`next` of the page before; opaque.")
]
Limit = Annotated[int, Field(ge=1, le=200, description="Most items on a page.")]


class In(BaseModel):
    """Base of what comes in: unknown fields are refused, and so is text that cannot be stored."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _refuse_unstorable_text(cls, data: Any) -> Any:
        paths = [path.lstrip(".") or "body" for path in unstorable_paths(data, "")]
        if paths:
            # Not a ValueError: that would be blamed on the whole body instead of on each field.
            raise InvalidInput("Text cannot be stored.", {path: [TROUBLE] for path in paths})
        return data


class Out(BaseModel):
    """Base of what goes out; may be made from a row."""

    model_config = ConfigDict(from_attributes=True)

    @classmethod
    def of(cls, row: object) -> Self:
        """This shape of a database row."""
        return cls.model_validate(row)


class PageIn(In):
    """Which page of a list."""

    cursor: Cursor = None
    limit: Limit = 50


class Problem(BaseModel):
    """An error answer (RFC 9457, `application/problem+json`)."""

    type: str = Field("about:blank", description="Always `about:blank`; compare `code`.")
    title: str = Field(description="What the status means in general.")
    status: int
    detail: str = Field(description="What is wrong here and what mends it, for people.")
    code: str = Field(description="Stable name of the cause, for programs.")
    retryable: bool = Field(description="Whether the same call may succeed later.")
    request_id: str = Field(description="Name it when you report the error; the log has it too.")
    errors: dict[str, list[str]] | None = Field(
        None, description="Field (dotted path) -> what is wrong with it."
    )

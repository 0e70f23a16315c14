"""What a client may send, as pydantic models; anything else is answered with an error."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import AppError, InvalidInput

Seq = Annotated[int, Field(ge=0, lt=2**63)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Handshake(_Message):
    """`auth` of the handshake.

    Attributes:
        token: an access token.
        device: the client's own name for this device or tab.
        after: the client's cursor; left out, only what is new is sent.
    """

    token: Annotated[str, Field(min_length=1, max_length=4096)]
    device: Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9._:-]*$")] = ""
    after: Seq | None = None


class Ack(_Message):
    """`ack`: the highest number up to which the client has everything."""

    seq: Seq


class Sync(_Message):
    """`sync`: send everything above this number (once more)."""

    after: Seq


class Read(_Message):
    """`read`: everything up to this number is read."""

    up_to: Seq


class Authenticate(_Message):
    """`authenticate`: a newer access token of the same user."""

    token: Annotated[str, Field(min_length=1, max_length=4096)]


M = TypeVar("M", bound=_Message)


def parse(model: type[M], data: Any) -> M:
    """Read a client's message.

    Raises:
        InvalidInput: naming each field.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        fields: dict[str, list[str]] = {}
        for item in error.errors(include_url=False, include_input=False, include_context=False):
            fields.setdefault(".".join(map(str, item["loc"])) or "message", []).append(item["msg"])
        raise InvalidInput(f"Not a valid {model.__name__.lower()} message.", fields) from error


def problem(error: AppError) -> dict[str, Any]:
    """What a client is told of an error."""
    told: dict[str, Any] = {
        "code": error.code,
        "message": error.message,
        "retryable": error.retryable,
    }
    fields = getattr(error, "fields", None)
    seconds = getattr(error, "retry_after", None)
    told |= {"errors": fields} if fields else {}
    return told | ({"retry_after": seconds} if seconds is not None else {})

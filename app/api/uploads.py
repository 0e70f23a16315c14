"""`/v1/uploads`: files for jobs to read."""

from datetime import datetime
from typing import Any, cast
from uuid import UUID

from apiflask import APIBlueprint
from flask import request, url_for
from pydantic import Field
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType
from werkzeug.wsgi import LimitedStream

from app.api import guards
from app.api.paging import decode_cursor, page_of
from app.api.schemas import Out, PageIn
from app.api.upload_answers import TAKEN
from app.artifacts.store import store_failure
from app.errors import InvalidInput
from app.services import services
from app.uploads import keeping, queries, share

blueprint = APIBlueprint("uploads", __name__, url_prefix="/v1", tag="Uploads")

FIELD = "file"
MAX_PARTS = 10


class UploadOut(Out):
    """A file that the caller has sent."""

    id: UUID = Field(description="For `upload_id` of jobs.")
    name: str = Field(description="As its sender calls it, cleaned.")
    media_type: str = Field(description="By its content.")
    size: int = Field(description="Bytes.")
    sha256: str
    created_at: datetime
    expires_at: datetime = Field(description="Until then it is kept.")


class UploadPageOut(Out):
    """A page of uploads, newest first."""

    items: list[UploadOut]
    next: str | None = Field(description="Value of `cursor` for the next page.")


@blueprint.post("/uploads")
@guards.signed_in
@blueprint.output(UploadOut, status_code=201)
@blueprint.doc(summary="Upload a workbook or a CSV file", responses=TAKEN)
def upload_file() -> tuple[dict[str, Any], int, dict[str, str]]:
    """Send a file for jobs to read, as the part `file` of `multipart/form-data`.

    Taken are workbooks (.xlsx, .xlsm) and CSV text, by their content and whatever they are called.
    The file is checked before the answer, and kept for some days.
    """
    user_id = guards.identity().user_id
    _require_form()
    with share.coming_in(user_id, request.content_length):
        sent = _sent_file()
        upload = keeping.keep(user_id, sent.filename or "", cast(Any, sent.stream))
    location = url_for("uploads.show_upload", upload_id=upload.id)
    return _view(upload), 201, {"Location": location}


@blueprint.get("/uploads")
@guards.signed_in
@blueprint.input(PageIn, location="query")
@blueprint.output(UploadPageOut)
def list_uploads(query_data: PageIn) -> dict[str, Any]:
    """The caller's uploads, newest first."""
    before = decode_cursor(query_data.cursor, UUID)
    rows = queries.page(guards.identity().user_id, before, query_data.limit + 1)
    return page_of(rows, query_data.limit, _view, lambda row: str(row.id))


@blueprint.get("/uploads/<uuid:upload_id>")
@guards.signed_in
@blueprint.output(UploadOut)
def show_upload(upload_id: UUID) -> dict[str, Any]:
    """One upload of the caller."""
    return _view(queries.get(guards.identity().user_id, upload_id))


@blueprint.delete("/uploads/<uuid:upload_id>")
@guards.signed_in
@blueprint.output({}, status_code=204)
def delete_upload(upload_id: UUID) -> tuple[str, int]:
    """Delete an upload; a job that reads it already goes on."""
    keeping.give_up(guards.identity().user_id, upload_id)
    return "", 204


def _require_form() -> None:
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the file as the part `file` of `multipart/form-data`.")


def _sent_file() -> FileStorage:
    """The one file of the body."""
    files = _parsed_files()
    others = sorted({*request.files, *request.form} - {FIELD})
    if others or FIELD in request.form:
        named = others or [FIELD]
        _refuse({each: ["There is no such part; the file is the part `file`"] for each in named})
    if len(files) != 1:
        _refuse({FIELD: ["Send exactly one part of this name, with a file name"]})
    return files[0]


def _parsed_files() -> list[FileStorage]:
    """The body is read here, slowly or not; others are served meanwhile."""
    most = services().settings.max_upload_bytes
    request.max_content_length = most + share.AROUND_BYTES
    request.max_form_parts = MAX_PARTS
    try:
        return request.files.getlist(FIELD)
    except RequestEntityTooLarge as error:
        # A length that was told is looked at before; and the parser has limits of its own.
        if request.content_length is None and cast(LimitedStream, request.stream).is_exhausted:
            raise share.too_large(most) from error
        raise _wrong_parts() from error
    except OSError as error:  # of the folder for temporary files: a lost connection is none
        raise share.not_now(store_failure(error).code, error) from error


def _wrong_parts() -> InvalidInput:
    most = f"{MAX_PARTS} parts, or {request.max_form_memory_size:,} bytes without a file name"
    message = f"Send it as the only part, with a file name; there are more than {most}"
    return InvalidInput(f"Not acceptable: {FIELD}.", {FIELD: [message]})


def _refuse(fields: dict[str, list[str]]) -> None:
    raise InvalidInput(f"Not acceptable: {', '.join(list(fields)[:5])}.", fields)


def _view(upload: object) -> dict[str, Any]:
    return UploadOut.of(upload).model_dump(mode="json")

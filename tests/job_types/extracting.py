"""Runs of `extract_text` over a file, in a real small context."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from app.errors import JobFailed
from app.job_types.base import UploadedFile
from app.job_types.extract_text import ExtractText, ExtractTextParameters
from app.job_types.registry import JobTypes
from tests.job_types.recording import RecordingContext


def uploaded(context: RecordingContext, path: Path, name: str = "a.csv") -> ExtractTextParameters:
    """Parameters that name this file, as an upload of the job's owner."""
    upload_id = uuid4()
    context.uploads[upload_id] = UploadedFile(path, name, "text/csv", 1)
    parameters = JobTypes.validate(ExtractText(), {"upload_id": str(upload_id)})
    assert isinstance(parameters, ExtractTextParameters)
    return parameters


class Extracted:
    """What came out of one run.

    Args:
        folder: of the upload and the store.
        content: of the upload.
        options: see `RecordingContext`.
    """

    def __init__(self, folder: Path, content: bytes, name: str = "a.csv", **options: Any) -> None:
        self.context = RecordingContext(folder / "store", **options)
        path = folder / "upload"
        path.write_bytes(content)
        self.result: Any = ExtractText().run(self.context, uploaded(self.context, path, name))
        self.file: Any = json.loads(self.context.path().read_bytes())
        self.sheets: dict[str, Any] = {each["name"]: each for each in self.file["sheets"]}


def reason(folder: Path, content: bytes) -> str:
    """Why the job failed; nothing of its file is left."""
    context = RecordingContext(folder / "store")
    path = folder / "upload"
    path.write_bytes(content)
    with pytest.raises(JobFailed) as caught:
        ExtractText().run(context, uploaded(context, path))
    assert caught.value.code == "file_unreadable"
    assert context.files() == []
    return caught.value.message

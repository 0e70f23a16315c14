"""How the API's description tells what the upload route takes and answers."""

from typing import Any

from app.api.answers import problem

PATH = "/v1/uploads"
BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "A workbook (.xlsx, .xlsm) or CSV text, with a file name.",
                    }
                },
                "required": ["file"],
                "additionalProperties": False,
            }
        }
    },
}
BODY_ANSWERS = {
    "400": "The body cannot be read.",
    "413": "`upload_too_large`: the file is larger than those that are taken.",
    "415": "The body is not declared as `multipart/form-data`.",
    "422": "`upload_refused`: the file is not what is taken, and why.",
}
TAKEN: Any = {
    201: {
        "description": "The file is kept.",
        "headers": {
            "Location": {"description": "Path of the upload.", "schema": {"type": "string"}}
        },
    },
    409: problem("`uploads_full`: the caller's uploads take all that one user may have."),
    429: problem("A limit is reached. `too_many_uploads`: so many of yours are on their way."),
    503: problem(
        "The database does not answer; or `storage_full`, `storage_unavailable`: the file cannot be "
        "stored now."
    ),
}

"""How the API's description tells any answer: by the name of its schema."""

from typing import Any

from app.api.errors import MEDIA_TYPE


def reference(name: str) -> dict[str, Any]:
    """What stands for content of this schema."""
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


PROBLEM = {MEDIA_TYPE: reference("HTTPError")}
"""The content of every error."""


def problem(description: str) -> dict[str, Any]:
    """The answer that is an error."""
    return {"description": description, "content": PROBLEM}

"""What APIFlask cannot know of the API and its description must still say.

Rules rather than notes at each route: an answer that comes of a rule (a limit, a body, a cursor) is
described by the same rule, so no route can forget it.
"""

from collections.abc import Iterator
from typing import Any

from apiflask import APIFlask

from app.api import upload_answers
from app.api.answers import problem
from app.api.errors import MEDIA_TYPE, header_name
from app.api.limits import PREFIX
from app.api.schemas import Problem

OPTIONAL_BODIES = {
    "/v1/create_excel_test",
    "/v1/jobs/{job_id}/retry",
    "/v1/refresh",
    "/v1/schedules/{schedule_id}",
}
_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_BODY = {
    "400": "The body cannot be read.",
    "413": "The body is too large.",
    "415": "The body is not declared as JSON.",
}
_ALWAYS = {
    "429": "A limit is reached; wait as long as `Retry-After` says.",
    "503": "The database does not answer; try again after `Retry-After`.",
}
_DEFS = "#/$defs/"

Operation = dict[str, Any]


def register(app: APIFlask) -> None:
    """Describe errors as they are, and what every operation may answer."""
    schema = Problem.model_json_schema()
    app.config.update(HTTP_ERROR_SCHEMA=schema, VALIDATION_ERROR_SCHEMA=schema)
    # Not the address of whoever asked first, which APIFlask would tell all who ask later.
    app.config.update(AUTO_SERVERS=False, SERVERS=[{"url": "/"}])
    app.spec_processor(_complete)


def _complete(spec: Any) -> Any:
    _describe_upload(spec)
    for path, operation in _operations(spec):
        _name_media_type(operation)
        _describe_parameters(operation)
        _describe_body(path, operation)
        if any(each["name"] == "cursor" for each in operation["parameters"]):
            _add(operation, "400", "The cursor is not one that this server made here.")
        if path.startswith(PREFIX):
            for status, description in _ALWAYS.items():
                _add(operation, status, description, _RETRY_AFTER)
        _sort(operation)
    _lift_definitions(spec)
    return spec


def _describe_upload(spec: Any) -> None:
    """The one route that takes no JSON; its body is read by the route itself, in pieces."""
    operation = spec["paths"][upload_answers.PATH]["post"]
    operation["requestBody"] = upload_answers.BODY
    for status, description in upload_answers.BODY_ANSWERS.items():
        _add(operation, status, description)


def _operations(spec: Any) -> Iterator[tuple[str, Operation]]:
    for path, item in spec["paths"].items():
        for operation in item.values():
            operation.setdefault("parameters", [])
            yield path, operation


def _add(
    operation: Operation, status: str, description: str, headers: dict[str, Any] | None = None
) -> None:
    response = operation["responses"].setdefault(status, problem(description))
    if headers:
        response["headers"] = headers


def _name_media_type(operation: Operation) -> None:
    """APIFlask describes errors as plain JSON; ours have a type of their own."""
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if int(status) >= 400 and "application/json" in content:
            content[MEDIA_TYPE] = content.pop("application/json")


def _describe_parameters(operation: Operation) -> None:
    for parameter in operation["parameters"]:
        if parameter["in"] == "header":
            parameter["name"] = header_name(parameter["name"])
            parameter["schema"] = _never_null(parameter["schema"])
        if parameter["in"] == "path":
            parameter["schema"]["format"] = "uuid"
            _add(operation, "404", "There is no such thing, or it is another user's.")


def _never_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A header is there or it is not."""
    (real,) = (each for each in schema["anyOf"] if each["type"] != "null")
    return {**real, "description": schema["description"]}


def _describe_body(path: str, operation: Operation) -> None:
    if "requestBody" not in operation:
        return
    operation["requestBody"]["required"] = path not in OPTIONAL_BODIES
    for status, description in _BODY.items():
        _add(operation, status, description)


def _sort(operation: Operation) -> None:
    operation["responses"] = dict(sorted(operation["responses"].items()))


def _lift_definitions(spec: Any) -> None:
    """Schemas that were written by hand bring their parts along, where no reference finds them."""
    shared = spec["components"]["schemas"]
    for _, operation in _operations(spec):
        for response in operation["responses"].values():
            for media in response.get("content", {}).values():
                media["schema"] = _lifted(media.get("schema", {}), shared)


def _lifted(schema: Any, shared: dict[str, Any]) -> Any:
    title = schema.get("title", "")
    for name, part in schema.pop("$defs", {}).items():
        shared[f"{title}.{name}"] = part
    return _with_references(schema, f"#/components/schemas/{title}.")


def _with_references(node: Any, prefix: str) -> Any:
    if isinstance(node, dict):
        return {key: _with_references(value, prefix) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_references(each, prefix) for each in node]
    if isinstance(node, str) and node.startswith(_DEFS):
        return prefix + node.removeprefix(_DEFS)
    return node
